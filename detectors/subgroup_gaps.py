"""Subgroup gaps: whether the model serves a subgroup worse than everybody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from scipy.special import ndtr, ndtri

from detectors.intervals import newcombe
from detectors.measurement import Measurement, Verdict
from detectors.multiplicity import benjamini_hochberg
from detectors.plan import ALL
from detectors.reference import Reference
from detectors.schema import NEGATIVE, POSITIVE
from detectors.tally import Tally, tally_of

SHOWN, JUDGED = 10, 50
"""Labels of the class, in the subgroup and in the rest, from which a gap is shown and judged."""
MINIMUM_GAP = 0.05
RATES = {"sensitivity_gap": (POSITIVE, 1), "specificity_gap": (NEGATIVE, 0)}


@dataclass(frozen=True, slots=True)
class Gap:
    """Right decisions and labels in a subgroup and in the rest, and dispersion."""

    name: str
    finding: str
    cell: str
    inside: tuple[int, int]
    outside: tuple[int, int]
    usual: float
    dispersion: float

    @property
    def events(self) -> int:
        return min(self.inside[1], self.outside[1])

    @property
    def value(self) -> float:
        return self.inside[0] / self.inside[1] - self.outside[0] / self.outside[1]

    @property
    def error(self) -> float:
        """Standard error, with two right and two wrong decisions shared out so that no rate is certain."""
        rates = ((k + 1) / (n + 2) for k, n in (self.inside, self.outside))
        spread = (rate * (1 - rate) / n for rate, (_, n) in zip(rates, (self.inside, self.outside), strict=True))
        return sqrt(self.dispersion * sum(spread))

    @property
    def edge(self) -> float:
        """Gap beyond which it matters: the reference's own, where that is to the subgroup's disadvantage, and 0.05 more."""
        return min(self.usual, 0.0) - MINIMUM_GAP

    @property
    def p(self) -> float:
        return float(ndtr((self.value - self.edge) / self.error))


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
    gaps = [
        _gap(reference, window, name, finding, cell)
        for finding in reference.schema.findings
        for cell in reference.cells
        if cell != ALL
        for name in RATES
    ]
    level = benjamini_hochberg([gap.p for gap in gaps if gap.events >= JUDGED])
    return [_measured(gap, level) for gap in gaps]


def _gap(reference: Reference, window: Mapping[str, Tally], name: str, finding: str, cell: str) -> Gap:
    state, right = RATES[name]
    inside = tally_of(reference.schema, window, cell).decisions(finding)[state]
    outside = tally_of(reference.schema, window, ALL).decisions(finding)[state] - inside
    then = reference.tallies[cell].decisions(finding)[state]
    others = reference.tallies[ALL].decisions(finding)[state] - then
    known = min(then.sum(), others.sum()) > 0
    return Gap(
        name=name,
        finding=finding,
        cell=cell,
        inside=(int(inside[right]), int(inside.sum())),
        outside=(int(outside[right]), int(outside.sum())),
        usual=float(then[right] / then.sum() - others[right] / others.sum()) if known else 0.0,
        dispersion=reference.dispersion_of("performance", cell=cell, finding=finding),
    )


def _measured(gap: Gap, level: float) -> Measurement:
    n = gap.inside[1]
    if gap.events < SHOWN:
        reason = f"{SHOWN} labels of the class needed in the subgroup and in the rest"
        return Measurement.insufficient(gap.name, n, reason, cell=gap.cell, finding=gap.finding)
    interval = newcombe(gap.inside, gap.outside, gap.dispersion)
    if gap.events < JUDGED:
        reason = f"{JUDGED} labels of the class needed for a verdict, in the subgroup and in the rest"
        return Measurement(gap.name, gap.value, n, interval, None, Verdict.INSUFFICIENT, reason, gap.cell, gap.finding)
    limit = gap.edge + float(ndtri(level)) * gap.error
    verdict = Verdict.BREACHED if gap.p <= level else Verdict.WITHIN
    return Measurement(gap.name, gap.value, n, interval, limit, verdict, cell=gap.cell, finding=gap.finding)
