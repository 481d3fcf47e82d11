"""Missing share: how often a film does not say what it used to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from detectors.measurement import Measurement
from detectors.plan import family_of
from detectors.rates import Rate, measure_rates
from detectors.reference import Reference
from detectors.tally import Tally, tally_of


def missing_share(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure the share of films without a value, for every feature; only a rise breaches.

    On real streams a field that vanishes was among the strongest signs of change. For "all", and each
    part of the stratum against its own reference. Interval: Wilson at n / phi; limit: rates.py.
    """
    rates = [
        Rate(
            k=int(now.feature(feature)[-1]),
            n=now.n,
            k_reference=int(then.feature(feature)[-1]),
            n_reference=then.n,
            dispersion=reference.dispersion_of(family_of(feature), feature=feature),
            minimum_odds_ratio=reference.plan.minimum_odds_ratio,
            cell=cell,
            feature=feature,
        )
        for cell, own in reference.strata.items()
        for now, then in ((tally_of(reference.schema, window, cell), reference.tallies[own]),)
        for feature in reference.schema.features
    ]
    return measure_rates("missing_share", rates, "high")
