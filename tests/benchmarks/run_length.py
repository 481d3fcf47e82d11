"""False pages a year on quiet streams that wander, ours and others': `python -m tests.benchmarks.run_length [--years N]`.

A model is a hundred series of 40 films a day, rates from 0.5 % to 50 %, a reference of 180 days, then one quiet year. Day effects on
the log odds have standard deviation sd and correlation rho from day to day. A page is a series that crosses its limit; it may page
again once its evidence has sunk below a tenth of it, a rival's series once a week was within. `upper` is the one-sided 95 %
Poisson bound of the pages a model-year. Rivals look at closed weeks of the same streams: PSI > 0.2, chi-square at 5 % with
Bonferroni over the series, three standard deviations of the reference's weekly means; and Evidently's default preset, which is slow,
on some weeks of one model (columns called drifted a week, and weeks called dataset drift).

`--rich`: a model is the 857 series of 14 findings, 30 attributes, an embedding and 8 subgroups at two sites instead (hospital_rates.py), with
weekends, rooms that many series share and patients with two films; `alarms` counts what the worker would open, one of inputs and one of
truth at a time, `pages` every series. `--kept FILE` appends what was found and goes on from there after an interruption. 2,000 model-years,
400 a row, take about an hour on one idle core. Seeds are none on which settings were chosen (FRESH).

`ok`: in every row our bound is within the declared budget, for one and for four pages a year.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
from scipy.stats import chi2

from detectors.evidence import ATTACHES, State, evidence, fold_counts
from detectors.reference import Reference
from tests.benchmarks.hospital_rates import MATURED, Years, draw, learn
from tests.benchmarks.hospital_rates import SERIES as RICH_SERIES
from tests.benchmarks.rivals import RIVALS, Hits, crossings, evidently_alarms, weekly
from tests.detectors.streams import SERIES, Wandering, count_pages, make_hits, make_log_odds, make_stream_reference

FILMS, REFERENCE_DAYS, YEAR, AT_ONCE, RICH_AT_ONCE = 40, 180, 365, 10, 4
FRESH = 1_000_000
"""First seed: settings of the engine were chosen on others, below a thousand."""
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
    parser.add_argument("--rich", action="store_true", help="models with all their series")
    parser.add_argument("--kept", type=Path, help="file of what was found so far (--rich)")
    arguments = parser.parse_args()
    arguments.evidently_weeks *= not arguments.rich
    start, rows, ok = perf_counter(), [], True
    for wandering in ROWS:
        row = measure(wandering, arguments.years) if not arguments.rich else rich(wandering, arguments.years, arguments.kept)
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


def rich(wandering: Wandering, years: int, kept: Path | None) -> Row:
    """Count alarms in quiet years of whole models; rivals look at the same counts, scaled to weeks of one size."""
    lines = kept.read_text().splitlines() if kept and kept.exists() else []
    found = [one for one in map(json.loads, lines) if (one["sd"], one["rho"]) == (wandering.deviation, wandering.correlation)]
    for seed in range(sum(one["years"] for one in found), years, RICH_AT_ONCE):
        found.append({"sd": wandering.deviation, "rho": wandering.correlation, "years": RICH_AT_ONCE, **_rich(wandering, seed)})
        if kept:
            with kept.open("a") as file:
                file.write(json.dumps(found[-1]) + "\n")
    total = {name: sum(one[name] for one in found) for name in found[0] if name not in {"sd", "rho"}}
    ours = {budget: total[f"alarms_{budget:g}"] for budget in BUDGETS}
    pages = {f"pages_budget_{budget:g}": total[f"pages_{budget:g}"] for budget in BUDGETS}
    return Row(total["years"], ours, {name: total[name] for name in RIVALS} | pages)


def _rich(wandering: Wandering, seed: int) -> dict[str, int]:
    """What some whole models did in one quiet year each."""
    drawn = draw(np.random.default_rng(FRESH + seed), wandering, REFERENCE_DAYS + YEAR, RICH_AT_ONCE)
    reference, found = learn(drawn, REFERENCE_DAYS, RICH_AT_ONCE), dict[str, int]()
    for budget in BUDGETS:
        plan = replace(reference.plan, alarms_per_year=budget * RICH_AT_ONCE)
        loose = replace(reference, plan=plan, named=reference.digest)
        found[f"alarms_{budget:g}"], found[f"pages_{budget:g}"] = _opened(loose, drawn)
    daily = drawn.n.mean(axis=0)
    scaled = np.rint(drawn.k * np.where(drawn.n > 0, daily / np.maximum(drawn.n, 1), 0.0))
    past, quiet = (part.astype(np.int64) for part in (scaled[:REFERENCE_DAYS], scaled[REFERENCE_DAYS:]))
    for name, rival in RIVALS.items():
        found[name] = crossings(rival.statistic(past, weekly(quiet), daily) >= rival.limit)
    return found


def _opened(reference: Reference, drawn: Years) -> tuple[int, int]:
    """Alarms that the worker would open, one of inputs and one of truth of each model at a time; and crossings of all series."""
    state, alarms, pages = State.start(reference), 0, 0
    group = np.repeat(np.arange(RICH_AT_ONCE), RICH_SERIES) * 2 + np.tile(MATURED, RICH_AT_ONCE)
    paging, open_ = np.zeros(len(group), dtype=bool), np.zeros(2 * RICH_AT_ONCE, dtype=bool)
    for day in range(REFERENCE_DAYS, len(drawn.days)):
        kind = reference.rhythm.on(int(drawn.days[day]), int(drawn.films[day]))
        state = fold_counts(reference, state, int(drawn.days[day]), drawn.counts(day), kind)
        over = evidence(reference, state)
        most = np.zeros(len(open_))
        np.maximum.at(most, group, over)
        alarms += int(((most >= 1) & ~open_).sum())
        open_ = (open_ | (most >= 1)) & (most >= ATTACHES)
        pages += int(((over >= 1) & ~paging).sum())
        paging = (paging | (over >= 1)) & (over >= ATTACHES)
    return alarms, pages


def _stream(wandering: Wandering, seed: int, models: int) -> tuple[Hits, Hits]:
    rng, series = np.random.default_rng(FRESH + seed), SERIES * models
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
