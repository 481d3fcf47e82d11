"""Out-of-range share: how many numbers lie outside of all that the reference saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from detectors.measurement import Measurement
from detectors.plan import family_of
from detectors.rates import Rate, measure_rates
from detectors.reference import Reference
from detectors.tally import Tally, tally_of


def out_of_range_share(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure the share of values below the reference's lowest or above its highest, for every number; only a rise breaches.

    For "all", and each
    part of the stratum against its own reference. Interval: Wilson at n / phi; limit: rates.py.
    """
    rates = [
        Rate(
            k=int(now.feature(feature)[0] + now.feature(feature)[-2]),
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
        for feature in reference.schema.numeric
    ]
    return measure_rates("out_of_range_share", rates, "high")
