"""Embedding drift: whether films look otherwise to the model than in the reference, in whatever direction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from detectors import discrepancy, divergence
from detectors.discrepancy import Discrepancy
from detectors.divergence import Divergence, equal_groups, merge
from detectors.measurement import Measurement, Verdict
from detectors.plan import ALL
from detectors.reference import Reference
from detectors.tally import Tally, tally_of

KERNEL, COMBINED = "embedding_distance", "embedding_drift"
NEEDED, KERNEL_NEEDED = 50, 200
"""Films with an embedding for components and scores (acquisition), and for the kernel (composition); in the window and in the reference."""
LEVEL = 0.05
PARTS = 3
MINIMUM_DISTANCE = {KERNEL: 0.05, COMBINED: 0.1}
"""Distance from which a difference matters. Kernel: a tenth of a standard deviation in every direction, or a third in the largest one;
components and scores: a quarter of a standard deviation."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of the three tests: what it found, against the distance beyond which it would breach."""

    distance: float
    limit: float

    @property
    def ratio(self) -> float:
        """Distance over its limit; above 1 it breaches."""
        return self.distance / self.limit


def embedding_drift(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Compare the embedding with that of the reference by three tests, none of which sees everything.

    embedding_distance: distance of the mean random Fourier features (discrepancy.py), in units of the reference's spread; sees
    composition. embedding_drift: the largest of three distances, each over its limit: that one, the largest Jensen-Shannon distance
    of a component of the embedding (sees acquisition), and of the scores of a finding (sees prevalence). A third of 5 %
    each, shared by Bonferroni among components or findings; and every limit is at least the distance that matters. 1 is the limit.
    The kernel takes part from 200 films on; components and scores from 50.

    Returns:
        The distance for "all" and every cell that keeps the Fourier sums; the combination for "all". n: films with an embedding.

    Source:
        Rabanser, Guennemann, Lipton 2019, arXiv 1810.11953; Gretton et al. 2012, Journal of Machine Learning Research 13:723.
    """
    kept = [cell for cell in reference.cells if cell == ALL or reference.tallies[cell].waves()[:1].any()]
    return [*(_distance(reference, window, cell) for cell in kept), _combined(reference, window)]


def _distance(reference: Reference, window: Mapping[str, Tally], cell: str) -> Measurement:
    n, found = _compared(reference, window, cell)
    if found is None:
        return Measurement.insufficient(KERNEL, n, f"{KERNEL_NEEDED} embeddings needed, in the window and in the reference", cell=cell)
    limit = _kernel_limit(found, LEVEL)
    return Measurement(KERNEL, found.distance, n, None, limit, _verdict(found.distance > limit), cell=cell)


def _compared(reference: Reference, window: Mapping[str, Tally], cell: str) -> tuple[int, Discrepancy | None]:
    now, then = tally_of(reference.schema, window, cell), reference.tallies[cell]
    n, m = int(now.waves()[0]), int(then.waves()[0])
    if reference.null is None or min(n, m) < KERNEL_NEEDED:
        return n, None
    return n, discrepancy.compare(reference.null, then, now)


def _combined(reference: Reference, window: Mapping[str, Tally]) -> Measurement:
    now = tally_of(reference.schema, window, ALL)
    n = int(now.waves()[0])
    if min(n, int(reference.tallies[ALL].waves()[0])) < NEEDED:
        return Measurement.insufficient(COMBINED, n, f"{NEEDED} embeddings needed, in the window and in the reference")
    strongest = max(_parts(reference, window, now), key=lambda part: part.ratio)
    return Measurement(COMBINED, strongest.ratio, n, None, 1.0, _verdict(strongest.ratio > 1))


def _parts(reference: Reference, window: Mapping[str, Tally], now: Tally) -> Iterator[Part]:
    then, level = reference.tallies[ALL], LEVEL / PARTS
    _, kernel = _compared(reference, window, ALL)
    if kernel is not None:
        yield Part(kernel.distance, _kernel_limit(kernel, level))
    directions, findings = reference.schema.projection.directions, reference.schema.findings
    for name in directions:
        phi = reference.dispersion_of("embedding", feature=name)
        yield _part(then.feature(name)[:-1], now.feature(name)[:-1], phi, level / len(directions))
    for name in findings:
        phi = reference.dispersion_of("score", finding=name)
        yield _part(then.scores(name).sum(axis=0), now.scores(name).sum(axis=0), phi, level / len(findings))


def _part(then: divergence.Counts, now: divergence.Counts, dispersion: float, level: float) -> Part:
    groups = equal_groups(then)
    found: Divergence = divergence.compare(merge(then, groups), merge(now, groups), dispersion)
    return Part(found.distance, max(MINIMUM_DISTANCE[COMBINED], found.critical(level)))


def _kernel_limit(found: Discrepancy, level: float) -> float:
    return max(MINIMUM_DISTANCE[KERNEL], found.critical(level))


def _verdict(breached: bool) -> Verdict:  # noqa: FBT001 - the one thing it is about
    return Verdict.BREACHED if breached else Verdict.WITHIN
