"""Quality flag rate: how many films come with something plainly wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from detectors.measurement import Measurement
from detectors.rates import Rate, measure_rates
from detectors.reference import Reference
from detectors.tally import Tally, tally_of


def quality_flag_rate(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure the share of films with each flag (clipped, inverted, ...); only a rise breaches. Flags are named where a feature is.

    For "all", and each part of the stratum against its own reference. Interval: Wilson at n / phi; limit: rates.py.

    >>> import numpy as np
    >>> from detectors.arrays import Arrays, reference_of, window_of
    >>> rng = np.random.default_rng(0)
    >>> reference = reference_of(Arrays(flags={"clipped": rng.random(2000) < 0.02}))
    >>> worse = quality_flag_rate(reference, window_of(reference, Arrays(flags={"clipped": rng.random(500) < 0.1})))[0]
    >>> worse.feature, round(worse.value, 2), worse.verdict.value
    ('clipped', 0.12, 'breached')
    """
    rates = [
        Rate(
            k=int(k),
            n=now.n,
            k_reference=int(k_reference),
            n_reference=then.n,
            dispersion=reference.dispersion_of("image"),
            minimum_odds_ratio=reference.plan.minimum_odds_ratio,
            cell=cell,
            feature=flag,
        )
        for cell, own in reference.strata.items()
        for now, then in ((tally_of(reference.schema, window, cell), reference.tallies[own]),)
        for flag, k, k_reference in zip(reference.schema.flags, now.flagged(), then.flagged(), strict=True)
    ]
    return measure_rates("quality_flag_rate", rates, "high")
