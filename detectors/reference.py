"""The reference: what a model version did when it was accepted, frozen."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import InitVar, asdict, dataclass, field, fields
from functools import cached_property, partial
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.batch import Batch
from detectors.budget import limit
from detectors.coding import wave_columns
from detectors.deferred import DeferredSequence, DeferredTallies
from detectors.discrepancy import Null, learn
from detectors.estimates import Estimates, base_rates, departures, estimate_counts, with_extremes
from detectors.kernel import Kernel
from detectors.listing import list_series
from detectors.packing import DecodeError, fingerprint, pack, unpack
from detectors.panels import Habit
from detectors.patients import correlations
from detectors.plan import ALL, PAIRED, Plan
from detectors.profiles import Profiles
from detectors.projection import Projection
from detectors.rhythm import Rhythm, kinds_of, learn_shifts, usual_films
from detectors.schema import Schema
from detectors.series import Counts, Family, Gather, Series, Stratum
from detectors.sources import Habits, Sources
from detectors.tally import Tally, tally_cells

OWN_NEEDED = 200
"""Films from which a cell of the stratum has a reference of its own; with fewer it is compared with the whole."""
KIND, VERSION = b"SWRF", 7
REFERENCES_HELD = 16
"""References of which a process keeps what it computed from them alone: they never change, and are asked again and again."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reference:
    """Frozen constants that a model version is compared to. One that was stored reads its tallies and series when they are asked for.

    tallies: cell -> tally of the reference period, "all" first.
    series: what is watched.
    estimates: rates and bands by row, and how each series wanders; a series has one row, or one a score group (calibration).
    null: of the embedding's discrepancy; None where the reference has too few embeddings.
    profiles: how films with and without each finding looked.
    sources: where films come from, each watched for its silence.
    rhythm: what Saturdays, Sundays and holidays do to each series.
    correlation: of right decisions on films of one patient, by finding (patients.py).
    habits: how readers err, by finding (panels.py); none where the reference has no film that two of them read.
    digest: names the whole of it [16 bytes]; `named` is that of a reference that was stored, whose bytes carry a checksum of their own.
    """

    plan: Plan
    schema: Schema
    tallies: Mapping[str, Tally]
    series: Sequence[Series]
    estimates: Estimates
    null: Null | None
    profiles: Profiles
    sources: Sources
    rhythm: Rhythm
    named: InitVar[bytes] = b""
    correlation: Mapping[str, float] = field(default_factory=dict)
    habits: Mapping[str, Habit] = field(default_factory=dict)
    digest: bytes = field(init=False)

    def __post_init__(self, named: bytes) -> None:
        object.__setattr__(self, "digest", named or fingerprint(*self._content()))

    @cached_property
    def gather(self) -> Gather:
        """Reads k and n of every row from tallies."""
        return Gather.of(self.series)

    @cached_property
    def scatter(self) -> Mapping[tuple[str, str, str, str], float]:
        """(family, cell, feature, finding) -> mean dispersion; see `dispersion_of`."""
        return _scatter(self.series, self.dispersion)

    @property
    def cells(self) -> tuple[str, ...]:
        """Every cell, "all" first."""
        return tuple(self.tallies)

    @cached_property
    def strata(self) -> Mapping[str, str]:
        """Which cell of the reference the films of a cell are compared with: the whole with the whole, each value of the stratum with its own.

        A value of which the reference has few films is compared with the whole.
        """
        own = [cell for cell in self.plan.cells if self.plan.stratum and cell.startswith(f"{self.plan.stratum}=") and PAIRED not in cell]
        return {ALL: ALL} | {cell: cell if self.tallies[cell].n >= OWN_NEEDED else ALL for cell in own}

    @property
    def days(self) -> int:
        """How many days with predictions the reference covers."""
        return self.estimates.days

    @property
    def limit(self) -> float:
        """Evidence at which a series, or the silence of a source, pages (budget.py)."""
        return limit(len(self.series) + len(self.sources.series), self.plan.alarms_per_year)

    @property
    def dispersion(self) -> Floats:
        """Dispersion phi of each series [series]."""
        return self.estimates.dispersion

    def dispersion_of(self, family: Family, *, cell: str = ALL, feature: str = "", finding: str = "") -> float:
        """Dispersion of whatever is read and not paged: the mean over the series of that subject, or over its family where it has none."""
        subject = self.scatter.get((family, cell, feature, finding))
        return subject if subject is not None else self.scatter.get((family, "", "", ""), 1.0)

    @property
    def trials(self) -> NDArray[np.int64]:
        """Observations behind each series [series]."""
        return self.gather.by_series(self.estimates.trials)

    @property
    def rates(self) -> Floats:
        """Reference rate of each series [series]."""
        return self._pooled(self.estimates.rates)

    @property
    def bands(self) -> Floats:
        """Tolerance band of each series [series, 2], at the reference's mix of score groups."""
        return np.stack([self._pooled(self.estimates.bands[:, side]) for side in (0, 1)], axis=1)

    def _pooled(self, rows: Floats) -> Floats:
        return np.asarray(self.gather.by_series(rows * self.estimates.trials) / np.maximum(self.trials, 1))

    def _content(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        header = {
            "plan": asdict(self.plan),
            "schema": self.schema.describe(),
            "days": self.days,
            "cells": self.cells,
            "null": None if self.null is None else asdict(self.null),
            "scatter": [[*subject, phi] for subject, phi in self.scatter.items()],
            "correlation": dict(self.correlation),
            **({"habits": {finding: asdict(one) for finding, one in self.habits.items()}} if self.habits else {}),
        }
        arrays: dict[str, NDArray[Any]] = {**_embedding_arrays(self.schema), **self.estimates.arrays()}
        arrays |= {f"profile/{one.name}": getattr(self.profiles, one.name) for one in fields(Profiles)}
        arrays |= {f"habit/{name}": one for name, one in self.sources.habits.arrays().items()}
        arrays |= {"series": _written(self.series), "sources": _written(self.sources.series)}
        arrays |= {f"rhythm/{name}": one for name, one in self.rhythm.arrays().items()}
        encoded = (np.frombuffer(tally.encode(), dtype=np.uint8) for tally in self.tallies.values())
        return header, arrays | {f"tally/{number}": one for number, one in enumerate(encoded)}

    def to_bytes(self) -> bytes:
        """Versioned bytes; no pickle."""
        header, arrays = self._content()
        return pack(KIND, VERSION, header | {"digest": self.digest.hex()}, arrays)

    @classmethod
    def from_bytes(cls, packed: bytes) -> Reference:
        """Undo `to_bytes`. Raises DecodeError for foreign or damaged bytes."""
        header, arrays = unpack(KIND, VERSION, packed)
        try:
            projection = Projection(arrays.pop("mean"), arrays.pop("components"), arrays.pop("variances"))
            schema = Schema.restore(header["schema"], projection, Kernel(arrays.pop("frequencies")))
            tallies = DeferredTallies(schema, {cell: arrays.pop(f"tally/{place}").tobytes() for place, cell in enumerate(header["cells"])})
            series, sources = (DeferredSequence(partial(_read, arrays.pop(name).tobytes())) for name in ("series", "sources"))
            profiles = Profiles(**{one.name: arrays.pop(f"profile/{one.name}") for one in fields(Profiles)})
            habits = Habits(**{one.name: arrays.pop(f"habit/{one.name}") for one in fields(Habits)})
            rhythm = Rhythm(**{one.name: arrays.pop(f"rhythm/{one.name}") for one in fields(Rhythm)})
            null = None if header["null"] is None else Null(**header["null"])
            reference = cls(
                _plan(header["plan"]),
                schema,
                tallies,
                series,
                Estimates(days=header["days"], **arrays),
                null,
                profiles,
                Sources(sources, habits),
                rhythm,
                bytes.fromhex(header["digest"]),
                header["correlation"],
                {finding: Habit(**one) for finding, one in header.get("habits", {}).items()},
            )
            object.__setattr__(reference, "scatter", {tuple(subject): phi for *subject, phi in header["scatter"]})
        except (KeyError, TypeError, ValueError) as error:
            raise DecodeError("the reference is damaged") from error
        return reference


def build_reference(
    plan: Plan,
    batch: Batch,
    cells: Mapping[str, NDArray[Any]],
    days: NDArray[Any],
    *,
    waves: Collection[str] | None = None,
    habits: Mapping[str, Habit] | None = None,
) -> Reference:
    """Freeze what a model version did in a period that is declared good.

    Args:
        plan: What is watched; `plan.cells` are the declared cells.
        batch: All predictions of the period, labelled where labels are there.
        cells: Cell -> boolean mask over the batch, for every cell of the plan.
        days: Day number of each prediction (days since 1970-01-01).
        waves: Cells, beside "all", that keep the Fourier sums of the embedding; None: every cell.
        habits: How readers err, by finding (`habits_of`), by which the labels of the batch were made (`relabelled`) and those of each window
            will be; None where labels are taken as they are.

    Raises:
        ValueError: the batch is empty, a cell is missing, or the rows do not match.
    """
    if not len(batch) or len(days) != len(batch) or not set(plan.cells) <= set(cells):
        raise ValueError("a reference needs predictions, a day for each, and a mask for every cell of the plan")
    projection, embedded = Projection.learn(batch.embedding)
    schema = Schema.fix(plan, batch, projection, embedded)
    masks = {cell: np.asarray(cells[cell], dtype=bool) for cell in plan.cells}
    tallies = tally_cells(schema, batch, masks, waves, embedded)
    series = list_series(schema, tallies)
    daily = (
        tally_cells(schema, batch.select(today), {cell: mask[today] for cell, mask in masks.items()}, (), embedded[today])
        for today in (np.asarray(days) == number for number in np.unique(days))
    )
    gather, sources = Gather.of(series), Sources.candidates(schema, tallies)
    counted = [(gather.count(today), sources.count(today), today[ALL].n) for today in daily]
    rates, films, totals = zip(*counted, strict=True)
    numbers, whole = np.unique(days), gather.count(tallies)
    rhythm, shifts = _rhythm(series, whole, numbers, rates, np.array(totals))
    estimates = estimate_counts(series, whole, numbers, rates, plan.minimum_odds_ratio, shifts=shifts)
    profiles, null = Profiles.of(schema, batch, embedded, tallies[ALL]), _null(schema, embedded, np.asarray(days))
    regular, alike = sources.learn(numbers, films), correlations(schema, batch)
    return Reference(plan, schema, tallies, series, estimates, null, profiles, regular, rhythm, correlation=alike, habits=habits or {})


def _rhythm(
    series: Sequence[Series], whole: Counts, days: NDArray[np.int64], daily: Sequence[Counts], films: NDArray[np.int64]
) -> tuple[Rhythm, Floats]:
    """Learn the rhythm, and what it makes of each day of the reference."""
    usual = usual_films(days, films)
    kinds, still = kinds_of(days, films, usual), np.zeros((len(days), len(series)))
    shifts, doubts = learn_shifts(kinds, *departures(Gather.of(series), *base_rates(series, with_extremes(series, whole)), daily, still))
    return Rhythm(usual, shifts, doubts), shifts[kinds]


def _null(schema: Schema, embedded: NDArray[np.float64], days: NDArray[Any]) -> Null | None:
    """Learn by how much the embedding scatters, from the films that have one."""
    columns = wave_columns(schema, embedded)
    known = columns[:, 0] == 1
    return learn(columns[known, 1:], days[known])


def _embedding_arrays(schema: Schema) -> dict[str, NDArray[Any]]:
    projection = schema.projection
    return {
        "mean": projection.mean,
        "components": projection.components,
        "variances": projection.variances,
        "frequencies": schema.kernel.frequencies,
    }


def _scatter(series: Sequence[Series], dispersion: Floats) -> dict[tuple[str, str, str, str], float]:
    gathered: dict[tuple[str, str, str, str], list[float]] = {}
    for one, phi in zip(series, dispersion.tolist(), strict=True):
        for subject in ((one.family, one.cell, one.feature, one.finding), (one.family, "", "", "")):
            gathered.setdefault(subject, []).append(phi)
    return {subject: fmean(values) for subject, values in gathered.items()}


def _plan(described: Mapping[str, Any]) -> Plan:
    arguments: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in described.items()}
    return Plan(**arguments)


def _written(series: Sequence[Series]) -> NDArray[np.uint8]:
    """Apart from the header, which is read whole: a model with twenty subgroups has thousands of strata."""
    return np.frombuffer(json.dumps([asdict(one) for one in series], separators=(",", ":")).encode(), dtype=np.uint8)


def _read(written: bytes) -> tuple[Series, ...]:
    return tuple(map(_series, json.loads(written)))


def _series(described: Mapping[str, Any]) -> Series:
    strata = [{name: tuple(map(tuple, ranges)) for name, ranges in stratum.items()} for stratum in described["strata"]]
    return Series(**{**described, "sides": tuple(described["sides"]), "strata": tuple(Stratum(**stratum) for stratum in strata)})
