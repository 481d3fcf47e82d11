"""Unseen share: how many values the reference never saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from detectors.measurement import Measurement
from detectors.plan import family_of
from detectors.rates import Rate, measure_rates
from detectors.reference import Reference
from detectors.tally import Tally, tally_of


def unseen_share(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure the share of values that the reference never saw, for every category; only a rise breaches.

    A new scanner, software version or view shows here with its first film. For "all", and each
    part of the stratum against its own reference. Interval: Wilson at n / phi; limit: rates.py.
    """
    rates = [
        Rate(
            k=int(now.feature(feature)[-2]),
            n=int(now.feature(feature)[:-1].sum()),
            k_reference=0,
            n_reference=int(then.feature(feature)[:-1].sum()),
            dispersion=reference.dispersion_of(family_of(feature), feature=feature),
            minimum_odds_ratio=reference.plan.minimum_odds_ratio,
            cell=cell,
            feature=feature,
        )
        for cell, own in reference.strata.items()
        for now, then in ((tally_of(reference.schema, window, cell), reference.tallies[own]),)
        for feature in reference.schema.categorical
    ]
    return measure_rates("unseen_share", rates, "high")
