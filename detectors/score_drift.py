"""Score drift: whether the model answers differently from the way it answered in the reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from detectors.divergence import Divergence, compare, equal_groups, merge
from detectors.measurement import Measurement, Verdict
from detectors.multiplicity import benjamini_hochberg
from detectors.reference import Reference
from detectors.tally import Tally, tally_of

NAME = "score_drift"
NEEDED = 50
MINIMUM_DISTANCE = 0.1


def score_drift(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Compare the score histogram of every finding with the reference.

    Value, significance and limit as in feature_drift.py, over ten groups of equal reference share and all label states; the family
    of Benjamini-Hochberg is the findings. For "all", and each part of the stratum against its own reference. A shift here is of no known kind: prevalence, case mix and acquisition all move scores.

    Source:
        Lipton, Wang, Smola 2018 (black-box shift detection), arXiv 1802.03916; Rabanser et al. 2019, arXiv 1810.11953.
    """
    return [one for cell in reference.strata for one in _in_cell(reference, window, cell)]


def _in_cell(reference: Reference, window: Mapping[str, Tally], cell: str) -> Iterator[Measurement]:
    tally, then = tally_of(reference.schema, window, cell), reference.tallies[reference.strata[cell]]
    compared = {finding: _compare(reference, then, tally, finding) for finding in reference.schema.findings}
    level = benjamini_hochberg([one.p for one in compared.values() if one is not None])
    yield from (_measured(cell, finding, tally.n, one, level) for finding, one in compared.items())


def _compare(reference: Reference, usual: Tally, tally: Tally, finding: str) -> Divergence | None:
    then, now = usual.scores(finding).sum(axis=0), tally.scores(finding).sum(axis=0)
    if min(then.sum(), now.sum()) < NEEDED:
        return None
    groups = equal_groups(then)
    return compare(merge(then, groups), merge(now, groups), reference.dispersion_of("score", finding=finding))


def _measured(cell: str, finding: str, n: int, one: Divergence | None, level: float) -> Measurement:
    if one is None:
        return Measurement.insufficient(NAME, n, f"{NEEDED} scores needed, in the window and in the reference", cell=cell, finding=finding)
    breached = one.p <= level and one.distance >= MINIMUM_DISTANCE
    limit = max(MINIMUM_DISTANCE, one.critical(level))
    verdict = Verdict.BREACHED if breached else Verdict.WITHIN
    return Measurement(NAME, one.distance, n, one.interval, limit, verdict, cell=cell, finding=finding)
