"""Subgroup gaps: whether the model serves a subgroup worse than everybody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from detectors.intervals import newcombe_ends
from detectors.measurement import Measurement
from detectors.multiplicity import benjamini_hochberg
from detectors.placed import placed, spread_out
from detectors.plan import ALL
from detectors.readings import Readings
from detectors.reference import Reference
from detectors.schema import NEGATIVE, POSITIVE, Schema
from detectors.tally import Tally, tally_of

SHOWN, JUDGED = 10, 50
"""Labels of the class, in the subgroup and in the rest, from which a gap is shown and judged."""
MINIMUM_GAP = 0.05
TOO_FEW = f"{SHOWN} labels of the class needed in the subgroup and in the rest"
NO_VERDICT = f"{JUDGED} labels of the class needed for a verdict, in the subgroup and in the rest"
Floats = NDArray[np.float64]

RATES = {"sensitivity_gap": (POSITIVE, 1), "specificity_gap": (NEGATIVE, 0)}


@dataclass(frozen=True, slots=True, eq=False)
class Gaps:
    """Right decisions k of n labels in subgroups and in the rest, the reference's own gap, and dispersion [places]."""

    k: Floats
    n: Floats
    k_rest: Floats
    n_rest: Floats
    usual: Floats
    dispersion: Floats

    @property
    def events(self) -> Floats:
        """Labels of the class on the side that has fewer."""
        return np.minimum(self.n, self.n_rest)

    @property
    def value(self) -> Floats:
        """Rate of the subgroup less that of the rest; NaN where one has no label."""
        known = self.events > 0
        rates = (np.divide(k, n, out=np.full(len(n), np.nan), where=known) for k, n in ((self.k, self.n), (self.k_rest, self.n_rest)))
        return np.subtract(*rates)

    @property
    def error(self) -> Floats:
        """Standard error, with two right and two wrong decisions shared out so that no rate is certain."""
        rates = (((k + 1) / (n + 2), np.maximum(n, 1)) for k, n in ((self.k, self.n), (self.k_rest, self.n_rest)))
        return np.asarray(np.sqrt(self.dispersion * sum(rate * (1 - rate) / n for rate, n in rates)))

    @property
    def edge(self) -> Floats:
        """Gap beyond which it matters: the reference's own, where that is to the subgroup's disadvantage, and 0.05 more."""
        return np.minimum(self.usual, 0.0) - MINIMUM_GAP

    def of(self, rows: NDArray[np.bool_]) -> Gaps:
        """Some of the places."""
        return Gaps(*(getattr(self, one.name)[rows] for one in fields(self)))


def subgroup_gaps(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Measure the sensitivity and specificity of every subgroup less that of everybody else; only a disadvantage breaches.

    Interval: Newcombe at n / phi. `breached`: the gap is surely beyond 0.05 more than the reference's own disadvantage, one-sided,
    Benjamini-Hochberg over all gaps. The limit is where this begins at the present n. The subgroup is compared with the rest and
    not with all, of which it is a part.

    Returns:
        Two measurements a finding and subgroup; shown from 10 labels of the class on both sides, judged from 50. n: labels
        of the class in the subgroup.

    Source:
        Newcombe 1998, Statistics in Medicine 17:873; Seyyed-Kalantari et al. 2021, Nature Medicine 27:2176 (underdiagnosis).
    """
    cells = [cell for cell in reference.cells if cell != ALL]
    gaps = {name: _gaps(reference, window, cells, *RATES[name]) for name in RATES}
    p = {name: ndtr((one.value - one.edge) / one.error) for name, one in gaps.items()}
    level = benjamini_hochberg(np.concatenate([p[name][one.events >= JUDGED] for name, one in gaps.items()]).tolist())
    places = list(product(reference.schema.findings, cells))
    return Readings.joined(_measured(name, places, one, p[name], level) for name, one in gaps.items())


def _gaps(reference: Reference, window: Mapping[str, Tally], cells: Sequence[str], state: int, right: int) -> Gaps:
    schema = reference.schema
    now, then = (_decided(schema, tallies, cells, state, right) for tallies in (window, reference.tallies))
    k, n, k_rest, n_rest = then
    known = np.minimum(n, n_rest) > 0
    usual = np.where(known, k / np.maximum(n, 1) - k_rest / np.maximum(n_rest, 1), 0.0)
    phi = [reference.dispersion_of("performance", cell=cell, finding=finding) for finding, cell in product(schema.findings, cells)]
    k_now, n_now, k_rest_now, n_rest_now = now
    return Gaps(k_now, n_now, k_rest_now, n_rest_now, usual, np.array(phi))


def _decided(schema: Schema, window: Mapping[str, Tally], cells: Sequence[str], state: int, right: int) -> tuple[Floats, ...]:
    """Right decisions and labels of a class in each subgroup, then the same in the rest, finding by finding."""
    tallies = [tally_of(schema, window, cell) for cell in (ALL, *cells)]
    blocks = [schema.blocks[f"decisions/{finding}"] for finding in schema.findings]
    counts = np.array([[block.of(one.vector)[state] for one in tallies] for block in blocks], dtype=np.float64).reshape(-1, len(tallies), 2)
    inside, rest = counts[:, 1:], counts[:, :1] - counts[:, 1:]
    return tuple(part.ravel() for one in (inside, rest) for part in (one[..., right], one.sum(axis=-1)))


def _measured(name: str, places: Sequence[tuple[str, str]], gaps: Gaps, p: Floats, level: float) -> Readings:
    events, value = gaps.events, gaps.value
    shown = events >= SHOWN
    some = gaps.of(shown)
    low, high = newcombe_ends(some.k, some.n, some.k_rest, some.n_rest, some.dispersion)
    rows, count = np.flatnonzero(shown), len(events)
    return placed(
        name,
        places,
        gaps.n.astype(np.int64),
        [
            TOO_FEW if few else NO_VERDICT if unsaid else ""
            for few, unsaid in zip((~shown).tolist(), (events < JUDGED).tolist(), strict=True)
        ],
        value=np.where(shown, value, np.nan),
        interval=(spread_out(low, rows, count), spread_out(high, rows, count)),
        limit=gaps.edge + float(ndtri(level)) * gaps.error,
        breached=p <= level,
    )
