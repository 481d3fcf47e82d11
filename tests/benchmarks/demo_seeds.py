"""The demo's story under many seeds, without HTTP and database: is what was done found, and nothing else.

`python -m tests.benchmarks.demo_seeds [SEEDS]` draws each seed's films, sends them through the gateway's stages and the demo model,
and folds the days as the worker does (a label counts when it is there on the day its film comes of age). About 45 s a seed.
The last line is JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import date
from multiprocessing import get_context
from statistics import median
from uuid import UUID

import numpy as np
import torch
from numpy.typing import NDArray

from detectors.batch import Batch
from detectors.evidence import State, evidence, fold_day
from detectors.incident import Group, Incident, judge, persists
from detectors.reference import Reference, build_reference
from detectors.tally import Tally, tally_cells
from service.demo.film import film_of
from service.demo.package import PACKAGE
from service.demo.population import Study, studies_of
from service.demo.scenario import Scenario
from service.gateway.limits import Limits
from service.gateway.preprocess import preprocess
from service.gateway.statistics import image_statistics
from service.models.loading import LoadedModel, load_package
from service.store.predictions import Rows
from service.worker.cells import cell_masks, declared_cells
from service.worker.columns import batch_of, subgroups_of
from service.worker.plan import plan_of
from tests.gateway.decoding import decode

EPOCH_DAY = 20_000
"""Day number of the first day; any would do."""
WEEK = 7
NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Stream:
    """All films of a scenario as the store would give them back, every report included."""

    rows: Rows
    days: NDArray[np.int64]
    reported_on: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Opened:
    """An alarm: the day at whose end it opened, counted from the story's first."""

    day: int
    family: str
    kind: str
    cell: str
    feature: str
    summary: str


@dataclass(frozen=True, slots=True)
class Told:
    """What one seed gave. quiet_evidence: the largest before anything was done; 1 would be an alarm."""

    seed: int
    studies: int
    quiet_evidence: float
    alarms: tuple[Opened, ...]


def answered(model: LoadedModel, scenario: Scenario) -> Stream:
    """Every film by way of DICOM, decoder, statistics, preprocessing and model."""
    studies: list[Study] = []
    parts = []
    for day in range(scenario.days):
        today = studies_of(scenario, day)
        images = [decode(film_of(study), Limits()) for study in today]
        inputs = np.stack([preprocess(image, model.manifest.preprocessing) for image in images])
        parts.append((*model(inputs), [image.attributes for image in images], [image_statistics(image) for image in images]))
        studies += today
    labels = np.array([study.report for study in studies])
    rows = Rows(
        ids=(NOBODY,) * len(studies),
        received_at=tuple(study.received_at for study in studies),
        sites=tuple(study.site for study in studies),
        attributes=tuple(one for part in parts for one in part[2]),
        statistics=tuple(one for part in parts for one in part[3]),
        flags=((),) * len(studies),
        logits=np.concatenate([part[0] for part in parts]),
        embedding=np.concatenate([part[1] for part in parts]).astype(np.float32),
        labels=labels,
        weights=np.ones(labels.shape),
        delays=np.full(labels.shape, np.nan),
        pairs=np.zeros((*labels.shape, 3), dtype=np.int64),
        patients=np.full(len(studies), -1),
    )
    reported_on = np.array([np.inf if study.reported_on is None else study.reported_on for study in studies])
    return Stream(rows, np.array([study.day for study in studies]), reported_on)


def told(seed: int) -> Told:
    """The whole story of one seed."""
    torch.set_num_threads(1)
    model, scenario = load_package(PACKAGE), Scenario(epoch=date(2026, 7, 11), seed=seed)
    stream = answered(model, scenario)
    subgroups = subgroups_of(model.manifest.monitoring.subgroups, stream.rows)
    accepted = stream.days < scenario.acceptance_days
    plan = plan_of(model.manifest, declared_cells({name: column[accepted] for name, column in subgroups.items()}))
    batch, masks = batch_of(plan, stream.rows), cell_masks(plan.cells, subgroups)
    reference = build_reference(
        plan, batch.select(accepted), {cell: mask[accepted] for cell, mask in masks.items()}, EPOCH_DAY + stream.days[accepted]
    )
    states = list(folded(reference, batch, masks, stream, scenario))
    quiet = states[: scenario.replacement_day - scenario.acceptance_days]
    return Told(
        seed=seed,
        studies=len(stream.days),
        quiet_evidence=round(max(float(evidence(reference, state).max()) for state, _ in quiet), 3),
        alarms=tuple(opened(reference, states, scenario.acceptance_days)),
    )


def folded(
    reference: Reference, batch: Batch, masks: Mapping[str, NDArray[np.bool_]], stream: Stream, scenario: Scenario
) -> Iterator[tuple[State, Mapping[int, Mapping[str, Tally]]]]:
    """State at the end of each day, with the tallies of the last week."""

    def tallied(day: int, known_by: int) -> Mapping[str, Tally]:
        today = stream.days == day
        part = batch.select(today)
        known = (stream.reported_on[today] <= known_by)[:, None]
        return tally_cells(
            reference.schema,
            replace(part, labels=np.where(known, part.labels, np.nan)),
            {cell: mask[today] for cell, mask in masks.items()},
        )

    state = State.start(reference)
    week: Mapping[int, Mapping[str, Tally]] = {}
    for day in range(scenario.acceptance_days, scenario.days):
        today = tallied(day, day)
        week = {**{number: tallies for number, tallies in week.items() if number > EPOCH_DAY + day - WEEK}, EPOCH_DAY + day: today}
        of_age = day - reference.plan.label_maturity_days
        matured = tallied(of_age, day) if of_age >= scenario.acceptance_days else {}
        state = fold_day(reference, state, EPOCH_DAY + day, today, matured)
        yield state, week


def opened(reference: Reference, states: list[tuple[State, Mapping[int, Mapping[str, Tally]]]], first: int) -> Iterator[Opened]:
    """Alarms as the worker opens them: one a family while it lasts."""
    open_: dict[Group, int] = {}
    for day, (state, week) in enumerate(states, start=first):
        incidents = {incident.family: incident for incident in judge(reference, state, week)}
        open_ = {family: since for family, since in open_.items() if family in incidents or persists(reference, state, family, since)}
        for family in incidents.keys() - open_.keys():
            yield _opened(day, incidents[family])
            open_[family] = incidents[family].since


def _opened(day: int, incident: Incident) -> Opened:
    first = incident.carriers[0].series
    return Opened(day, incident.family, incident.kind, incident.cell, first.feature or first.finding, incident.summary)


def main() -> None:
    seeds = range(1, 1 + int(sys.argv[1] if len(sys.argv) > 1 else 10))
    scenario = Scenario(epoch=date(2026, 7, 11))
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        stories = []
        for story in pool.map(told, seeds):
            stories.append(story)
            print(f"seed {story.seed}: quiet evidence {story.quiet_evidence}", flush=True)
            for alarm in story.alarms:
                print(f"  day {alarm.day}: {alarm.summary}", flush=True)
    replaced = [_delay(story, "inputs", scenario.replacement_day) for story in stories]
    decayed = [_delay(story, "truth", scenario.decay_day) for story in stories]
    named = [_answer(story, "truth", scenario.decay_day) for story in stories]
    print(
        json.dumps(
            {
                "seeds": len(stories),
                "quiet_days_a_seed": scenario.replacement_day - scenario.acceptance_days,
                "false_alarms": sum(alarm.day < scenario.replacement_day for story in stories for alarm in story.alarms),
                "largest_quiet_evidence": max(story.quiet_evidence for story in stories),
                "replacement_days": replaced,
                "decay_days": decayed,
                "decay_days_median": median(days for days in decayed if days is not None),
                "decay_named_calibration_at_south": sum(
                    one is not None and (one.kind, one.cell) == ("calibration", "site=south") for one in named
                ),
                "stories": [asdict(story) for story in stories],
            }
        )
    )


def _answer(story: Told, family: str, since: int) -> Opened | None:
    return next((alarm for alarm in story.alarms if alarm.family == family and alarm.day >= since), None)


def _delay(story: Told, family: str, since: int) -> int | None:
    answer = _answer(story, family, since)
    return None if answer is None else answer.day + 1 - since


if __name__ == "__main__":
    main()
