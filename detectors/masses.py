"""Masses: how many negatives and positives lie at each score, among all films, as far as they were read.

Curves, calibration and costs are made from these. Where every film has one plain label, masses are counts; where some were read, each label
stands for the films of its stratum (verification.py), soft labels and stored probabilities included.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from detectors.schema import MASS_BINS, NEGATIVE, POSITIVE, READ, SCORE_BINS, Schema, score_centers
from detectors.tally import Tally, tally_of
from detectors.verification import FALSE_NEGATIVES, FALSE_POSITIVES, TRUE_NEGATIVES, TRUE_POSITIVES, Verified

KINDS = ((TRUE_NEGATIVES, FALSE_POSITIVES), (FALSE_NEGATIVES, TRUE_POSITIVES))
"""Decisions on negatives and on positives, below the operating point and flagged."""
FINE = SCORE_BINS // MASS_BINS
FINDINGS_HELD = 1024
"""Findings of which a process keeps where their strata lie."""

Floats = NDArray[np.float64]
Place = tuple[str, str]
"""A finding in a cell."""


@dataclass(frozen=True, eq=False)
class Masses:
    """What is known of some findings in some cells [places]; the axis of 2 is negative, positive.

    scores: films at each score [places, 2, 1000]. scale: films that one label stands for, by variance [places, 1000].
    decisions: films below and at or above the operating point [places, 2, 2], decision_scale: the same of these.
    labels: how many labels it rests on [places]. reasons: why nothing can be said; empty where it can.
    """

    places: tuple[Place, ...]
    scores: Floats
    scale: Floats
    decisions: Floats
    decision_scale: Floats
    labels: NDArray[np.int64]
    reasons: tuple[str, ...]

    @property
    def negatives(self) -> Floats:
        """Films without the finding, by score [places, 1000]."""
        return self.scores[:, 0]

    @property
    def positives(self) -> Floats:
        """Films with the finding, by score [places, 1000]."""
        return self.scores[:, 1]

    @cached_property
    def events(self) -> Floats:
        """Plain labels of each class that would say as much [places, 2]; none where nothing can be said."""
        return self._worth(self.decisions.sum(axis=2), (self.decisions * self.decision_scale).sum(axis=2))

    def _worth(self, films: Floats, spread: Floats) -> Floats:
        known = np.array([not why for why in self.reasons], dtype=bool)
        return np.divide(films**2, spread, out=np.zeros_like(films), where=(spread > 0) & known.reshape(-1, *[1] * (films.ndim - 1)))

    @cached_property
    def films(self) -> Floats:
        """All films [places]."""
        return np.asarray(self.decisions.sum(axis=(1, 2)))

    def at(self, rows: NDArray[np.int64]) -> Masses:
        """Some of the places."""
        return Masses(
            tuple(self.places[row] for row in rows.tolist()),
            self.scores[rows],
            self.scale[rows],
            self.decisions[rows],
            self.decision_scale[rows],
            self.labels[rows],
            tuple(self.reasons[row] for row in rows.tolist()),
        )


def masses_of(schema: Schema, window: Mapping[str, Tally], findings: Sequence[str], cells: Sequence[str]) -> Masses:
    """Read the masses of every finding in every cell, finding by finding. A window that was read is not changed afterwards.

    A weighted or soft label is known by a bin of 0.256 logits only; there the mass of the bin is spread evenly over its eight score bins.
    """
    asked = (tuple(findings), tuple(cells))
    for known_schema, known_window, known, masses in _KEPT:
        if known_schema is schema and known_window is window and known == asked:
            return masses
    masses = _read(schema, window, *asked)
    _KEPT.append((schema, window, asked, masses))
    return masses


_KEPT: deque[tuple[Schema, Mapping[str, Tally], tuple[tuple[str, ...], tuple[str, ...]], Masses]] = deque(maxlen=2)
"""What was read last: several detectors ask for the same of one window."""


def _read(schema: Schema, window: Mapping[str, Tally], findings: tuple[str, ...], cells: tuple[str, ...]) -> Masses:
    tallies = [tally_of(schema, window, cell) for cell in cells]
    parts = [_of_finding(schema, tallies, finding) for finding in findings]
    scores, scale, decisions, decision_scale, labels = (np.concatenate([part[i] for part in parts]) for i in range(5))
    places = tuple(product(findings, cells))
    reasons = tuple(why for part in parts for why in part[5])
    return Masses(places, scores, scale, decisions, decision_scale, labels.astype(np.int64), reasons)


def _of_finding(schema: Schema, tallies: Sequence[Tally], finding: str) -> tuple[Floats, Floats, Floats, Floats, Floats, tuple[str, ...]]:
    seen = Verified.of(schema, tallies, finding)
    stratum = _strata_of(schema.strata[schema.findings.index(finding)])
    scores = np.stack([_labelled(one, finding) for one in tallies]) * seen.lift[:, None, stratum]
    totals = [[seen.total(kind) for kind in kinds] for kinds in KINDS]
    decisions, scales = (
        np.stack([np.stack([getattr(one, name) for one in row], axis=1) for row in totals], axis=1) for name in ("films", "scale")
    )
    return scores, seen.scale[:, stratum], decisions, scales, seen.readings[:, READ].sum(axis=1), seen.unread()


@lru_cache(maxsize=FINDINGS_HELD)
def _strata_of(ends: tuple[float, ...]) -> NDArray[np.int64]:
    """Stratum of each score bin."""
    return np.searchsorted(ends, score_centers(), side="right")


def _labelled(tally: Tally, finding: str) -> Floats:
    """Weighted labels by class and score bin [2, 1000]."""
    plain = tally.scores(finding)[NEGATIVE : POSITIVE + 1].astype(np.float64)
    if not tally.schema.blocks[f"mass/{finding}"].of(tally.vector).any():
        return plain
    coarse = plain.reshape(2, MASS_BINS, FINE)
    whole = np.maximum(tally.mass(finding), 0.0)
    mixed = np.abs(whole - coarse.sum(axis=2)).max(axis=0) > 0
    return np.where(mixed[None, :, None], whole[:, :, None] / FINE, coarse).reshape(2, SCORE_BINS)
