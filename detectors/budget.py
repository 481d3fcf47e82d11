"""The budget: how much evidence a series needs, so that a model's false alarms stay below what was declared."""

from __future__ import annotations

DAYS_A_YEAR = 365.0


def limit(series: int, alarms_per_year: float) -> float:
    """Evidence A at which one of `series` series pages, for at most `alarms_per_year` expected false alarms a year.

    A = series * 365 / alarms_per_year.

    Why this keeps the promise. While a rate stays where the reference had it, each day's likelihood ratio L_d of a rate beyond the edge of the
    band against the furthest at which the reference may have had it has expectation at most 1 given the past. Shiryaev-Roberts evidence R_d = (1 + R_{d-1}) L_d then satisfies
    E[R_d | past] <= 1 + R_{d-1}: R_d - d is a supermartingale that begins at 0. For any stopping time N, E[R_N] <= E[N]; stopped
    when R first reaches A, A <= E[R_N] <= E[N]. So the mean time between false alarms of one series is at least A days, and
    averages of such evidences (over sides and alternatives), caps and truncations keep E[R_d | past] <= 1 + R_{d-1}. Over S
    series the expected number of first alarms in a year is at most S * 365 / A, however the series depend on each other. When an alarm is over its
    evidence begins anew at 0 (evidence.py), so that this holds for all alarms.

    What it rests on: the rate stays where it was, or wanders about its mean as it did in the reference (wander.py); the components of
    that are estimates, taken with caution (wander.py), and a half year of reference leaves some series with too little of it. A rate that
    moves for good, but stays inside its band, is kept from paging by its effect (effect.py): its estimate lies inside the band too, save for
    chance. That is no bound, and near the edge chance is not small: such a page is early, not false.
    tests/benchmarks/run_length.py measures what remains of the promise then.

    Source:
        Pollak 1985, Annals of Statistics 13:206; Shin, Ramdas, Rinaldo 2022 (e-detectors), arXiv 2203.03532.

    >>> limit(series=200, alarms_per_year=1.0)
    73000.0
    """
    return max(series, 1) * DAYS_A_YEAR / alarms_per_year
