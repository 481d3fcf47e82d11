"""Label maturity: how many films of one age have a label, and how long their first one took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.intervals import wilson
from detectors.measurement import Interval, Measurement, Verdict
from detectors.plan import ALL
from detectors.rates import SHOWN, Rate, measure_rates
from detectors.reference import Reference
from detectors.schema import DELAYS
from detectors.tally import Tally, tally_of

COHORTS = (14, 30, 90)
"""Ages, in days, at which films are looked at; each is the end of a bin of delays."""
QUANTILES = {"p50": 0.5, "p95": 0.95}

Counts = NDArray[np.int64]


def maturity_names(age: int) -> tuple[str, ...]:
    """Names of what is measured of films of one age.

    >>> maturity_names(14)
    ('label_completeness_14d', 'label_delay_p50_14d', 'label_delay_p95_14d')
    """
    return f"label_completeness_{age}d", *(f"label_delay_{name}_{age}d" for name in QUANTILES)


def label_maturity(reference: Reference, window: Mapping[str, Tally], age: int) -> Sequence[Measurement]:
    """Measure how mature the labels of films are that are so many days old, for every finding, over all films.

    label_completeness_AGEd: share of the films with a first label within AGE days; only a fall breaches. Labels that came later are not
    counted, so the number of a window is final once its films are so old. label_delay_p50_AGEd, label_delay_p95_AGEd: median and 95th
    percentile of the delay of these first labels, in days; no limit. Between two ends of its bin (`DELAYS`) a delay is interpolated.

    Args:
        reference: What the share is compared to; its last films had less time for their labels, so its limit is a mild one.
        window: Films of which the youngest is AGE days old.
        age: One of COHORTS.

    Returns:
        Three measurements a finding; shown from 10 films, or 10 labels. n: films; of a delay, labels. Intervals: Wilson; of a delay the
        same for its quantile, read off at both ends.
    """
    now, then, within = tally_of(reference.schema, window, ALL), reference.tallies[ALL], DELAYS.index(float(age)) + 1
    completeness, *delays = maturity_names(age)
    found: list[Measurement] = []
    for finding in reference.schema.findings:
        counts, usual = now.delays(finding)[:within], then.delays(finding)[:within]
        rate = Rate(
            k=int(counts.sum()),
            n=now.n,
            k_reference=int(usual.sum()),
            n_reference=then.n,
            dispersion=reference.dispersion_of("prevalence", finding=finding),
            minimum_odds_ratio=reference.plan.minimum_odds_ratio,
            finding=finding,
        )
        found += measure_rates(completeness, [rate], "low")
        found += [_delay(name, counts, level, finding) for name, level in zip(delays, QUANTILES.values(), strict=True)]
    return found


def _delay(name: str, counts: Counts, level: float, finding: str) -> Measurement:
    labels = int(counts.sum())
    if labels < SHOWN:
        return Measurement.insufficient(name, labels, f"{SHOWN} labels needed", finding=finding)
    levels = wilson(level * labels, labels)
    value, low, high = (_quantile(counts, at) for at in (level, levels.low, levels.high))
    return Measurement(name, value, labels, Interval(low, high), None, Verdict.WITHIN, finding=finding)


def _quantile(counts: Counts, level: float) -> float:
    """Delay below which this share of the counted delays lies, in days.

    >>> round(_quantile(np.array([0, 0, 0, 0, 10, 10]), 0.75), 2)
    1.5
    """
    ends = np.array([0.0, *DELAYS[: len(counts)]])
    reached = np.concatenate([[0.0], np.cumsum(counts) / counts.sum()])
    last = int(np.searchsorted(reached, level, side="left"))
    share = (level - reached[last - 1]) / (reached[last] - reached[last - 1]) if last else 0.0
    return float(ends[max(last - 1, 0)] + share * (ends[last] - ends[max(last - 1, 0)]))
