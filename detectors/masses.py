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
from detectors.verification import FALSE_NEGATIVES, FALSE_POSITIVES, TRUE_NEGATIVES, TRUE_POSITIVES, verified

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
    def filled(self) -> slice:
        """Score bins from the first to the last that hold anything: what ranks films need not look at the others."""
        some = np.flatnonzero(self.scores.any(axis=(0, 1)))
        return slice(int(some[0]), int(some[-1]) + 1) if some.size else slice(0, 0)

    @cached_property
    def films(self) -> Floats:
        """All films [places]."""
        return np.asarray(self.decisions.sum(axis=(1, 2)))

    def ranked(self, rows: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
        """Negatives, positives and scale of some of the places, on the filled bins."""
        here = self.scores[rows][..., self.filled]
        return here[:, 0], here[:, 1], self.scale[rows][:, self.filled]


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
    tallies, seen = [tally_of(schema, window, cell) for cell in cells], verified(schema, window, findings, cells)
    scores, scale = np.empty((len(findings), len(cells), 2, SCORE_BINS)), np.empty((len(findings), len(cells), SCORE_BINS))
    lift, each = (one.reshape(len(findings), len(cells), -1) for one in (seen.lift, seen.scale))
    for place, finding in enumerate(findings):
        stratum = _strata_of(schema.strata[schema.findings.index(finding)])
        np.multiply(_labelled(schema, tallies, finding), lift[place][:, None, stratum], out=scores[place])
        scale[place] = each[place][:, stratum]
    totals = [[seen.totals[kind] for kind in kinds] for kinds in KINDS]
    decisions, scales = (
        np.stack([np.stack([getattr(one, name) for one in row], axis=1) for row in totals], axis=1) for name in ("films", "scale")
    )
    labels = seen.readings[:, READ].sum(axis=1).astype(np.int64)
    return Masses(
        tuple(product(findings, cells)),
        scores.reshape(-1, 2, SCORE_BINS),
        scale.reshape(-1, SCORE_BINS),
        decisions,
        scales,
        labels,
        seen.unread(),
    )


@lru_cache(maxsize=FINDINGS_HELD)
def _strata_of(ends: tuple[float, ...]) -> NDArray[np.int64]:
    """Stratum of each score bin."""
    return np.searchsorted(ends, score_centers(), side="right")


def _labelled(schema: Schema, tallies: Sequence[Tally], finding: str) -> Floats:
    """Weighted labels by class and score bin [tallies, 2, 1000]."""
    plain = np.stack([one.scores(finding)[NEGATIVE : POSITIVE + 1] for one in tallies]).astype(np.float64)
    block = schema.blocks[f"mass/{finding}"]
    for place, one in enumerate(tallies):
        if block.of(one.vector).any():
            plain[place] = _weighed(one, finding, plain[place].reshape(2, MASS_BINS, FINE))
    return np.asarray(plain)


def _weighed(tally: Tally, finding: str, coarse: Floats) -> Floats:
    """Where some are weighted or soft, the mass of each bin of 0.256 logits, spread over its score bins [2, 1000]."""
    whole = np.maximum(tally.mass(finding), 0.0)
    mixed = np.abs(whole - coarse.sum(axis=2)).max(axis=0) > 0
    return np.asarray(np.where(mixed[None, :, None], whole[:, :, None] / FINE, coarse).reshape(2, SCORE_BINS))
