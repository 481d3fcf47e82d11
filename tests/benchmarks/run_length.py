"""False pages a year on quiet streams that wander, ours and others': `python -m tests.benchmarks.run_length [--years N]`.

A model is a hundred series of 40 films a day, rates from 0.5 % to 50 %, a reference of 180 days, then one quiet year. Day effects on
the log odds have standard deviation sd and correlation rho from day to day. A page is a series that crosses its limit; it may page
again once its evidence has sunk below a tenth of it, a rival's series once a week was within. `upper` is the one-sided 95 %
Poisson bound of the pages a model-year. Rivals look at closed weeks of the same streams: PSI > 0.2, chi-square at 5 % with
Bonferroni over the series, three standard deviations of the reference's weekly means; and Evidently's default preset, which is slow,
on some weeks of one model (columns called drifted a week, and weeks called dataset drift).

`ok`: in every row our bound is within the declared budget, for one and for four pages a year.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
from scipy.stats import chi2

from tests.benchmarks.rivals import RIVALS, Hits, crossings, evidently_alarms, weekly
from tests.detectors.streams import SERIES, Wandering, count_pages, make_hits, make_log_odds, make_stream_reference

FILMS, REFERENCE_DAYS, YEAR, AT_ONCE = 40, 180, 365, 10
BUDGETS = (1.0, 4.0)
ROWS = (Wandering(), Wandering(0.3, 0.7), Wandering(0.3, 0.95), Wandering(0.6, 0.9), Wandering(0.6, 0.95))


@dataclass(frozen=True)
class Row:
    """Pages that were counted in so many model-years: ours by budget, each rival's."""

    years: int
    ours: Mapping[float, int]
    rivals: Mapping[str, int]

    def figures(self) -> dict[str, object]:
        """Pages a model-year: ours with their upper bound, the rivals'."""
        found: dict[str, object] = {name: round(pages / self.years, 1) for name, pages in self.rivals.items()}
        for budget, pages in self.ours.items():
            found[f"budget_{budget:g}"] = {"rate": round(pages / self.years, 3), "upper": self.upper(pages)}
        return found

    def upper(self, pages: int) -> float:
        """95 % bound of the rate."""
        return round(float(chi2.ppf(0.95, 2 * (pages + 1))) / 2 / self.years, 3)

    @property
    def kept(self) -> bool:
        """Whether every declared budget was kept."""
        return all(self.upper(pages) <= budget for budget, pages in self.ours.items())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--years", type=int, default=200, help="quiet model-years a row")
    parser.add_argument("--evidently-weeks", type=int, default=4, help="weeks a row that Evidently's preset looks at")
    arguments = parser.parse_args()
    start, rows, ok = perf_counter(), [], True
    for wandering in ROWS:
        row = measure(wandering, arguments.years)
        shown: dict[str, object] = {"sd": wandering.deviation, "rho": wandering.correlation, **row.figures(), "kept": row.kept}
        rows.append(shown | _evidently(wandering, arguments.evidently_weeks))
        ok = ok and row.kept
        print(json.dumps(rows[-1]), flush=True)
    seconds = round(perf_counter() - start)
    print(json.dumps({"benchmark": "run_length", "model_years_a_row": arguments.years, "rows": rows, "seconds": seconds, "ok": ok}))


def measure(wandering: Wandering, years: int) -> Row:
    """Count pages in quiet years, some models at once."""
    ours, rivals = dict.fromkeys(BUDGETS, 0), dict.fromkeys(RIVALS, 0)
    for seed in range(0, years, AT_ONCE):
        past, quiet = _stream(wandering, seed, AT_ONCE)
        reference = make_stream_reference(past, FILMS, BUDGETS[0])
        for budget in BUDGETS:
            plan = replace(reference.plan, alarms_per_year=budget * AT_ONCE)
            ours[budget] += count_pages(replace(reference, plan=plan), quiet, FILMS)
        for name, rival in RIVALS.items():
            rivals[name] += crossings(rival.statistic(past, weekly(quiet), FILMS) >= rival.limit)
    return Row(years, ours, rivals)


def _stream(wandering: Wandering, seed: int, models: int) -> tuple[Hits, Hits]:
    rng, series = np.random.default_rng(seed), SERIES * models
    paths = wandering.path(rng, REFERENCE_DAYS + YEAR, series)
    hits = make_hits(rng, make_log_odds(rng, series) + paths, FILMS)
    return hits[:REFERENCE_DAYS], hits[REFERENCE_DAYS:]


def _evidently(wandering: Wandering, weeks: int) -> dict[str, object]:
    if not weeks:
        return {}
    past, quiet = _stream(wandering, 0, 1)
    drifted, datasets = evidently_alarms(past, weekly(quiet)[:weeks], FILMS)
    return {"evidently_columns_a_week": round(drifted / weeks, 1), "evidently_dataset_weeks": round(datasets / weeks, 2)}


if __name__ == "__main__":
    main()
