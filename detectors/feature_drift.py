"""Feature drift: whether films come with other attributes, image statistics or embeddings than in the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from detectors.divergence import Divergence, common_groups, compare, equal_groups, merge
from detectors.measurement import Measurement, Verdict
from detectors.multiplicity import benjamini_hochberg
from detectors.plan import family_of
from detectors.reference import Reference
from detectors.tally import Tally, tally_of

NAME = "feature_drift"
NEEDED = 50
MINIMUM_DISTANCE = 0.1
"""About a quarter of a standard deviation."""


def feature_drift(reference: Reference, window: Mapping[str, Tally]) -> Sequence[Measurement]:
    """Compare the distribution of every feature with the reference.

    Value: bias-corrected Jensen-Shannon distance (divergence.py), 0 to 1, of the values that are there; numbers in ten groups of
    equal reference share, categories each on its own when they hold 1 % of the reference. `breached` needs both significance (G-test
    over phi, Benjamini-Hochberg over all features) and a distance of 0.1. The limit is the distance at which both hold at
    this n, to first order.

    Returns:
        One measurement a feature, for "all" and for each part of the stratum against its own reference; `insufficient` below 50 values in the window or in the reference.
    """
    return [one for cell in reference.strata for one in drift_in(reference, window, cell)]


def drift_in(reference: Reference, window: Mapping[str, Tally], cell: str) -> Sequence[Measurement]:
    """Compare a cell with the same cell of the reference, or with the whole where the reference says so, for reading."""
    tally, then = tally_of(reference.schema, window, cell), reference.tallies[reference.strata.get(cell, cell)]
    compared = {feature: _compare(reference, then, tally, feature) for feature in reference.schema.features}
    level = benjamini_hochberg([one.p for one in compared.values() if one is not None])
    return [_measured(feature, int(tally.feature(feature)[:-1].sum()), one, level, cell) for feature, one in compared.items()]


def _compare(reference: Reference, usual: Tally, tally: Tally, feature: str) -> Divergence | None:
    then, now = usual.feature(feature)[:-1], tally.feature(feature)[:-1]
    if min(then.sum(), now.sum()) < NEEDED:
        return None
    groups = equal_groups(then) if feature in reference.schema.numeric else common_groups(then)
    return compare(merge(then, groups), merge(now, groups), reference.dispersion_of(family_of(feature), feature=feature))


def _measured(feature: str, n: int, one: Divergence | None, level: float, cell: str) -> Measurement:
    if one is None:
        return Measurement.insufficient(NAME, n, f"{NEEDED} values needed, in the window and in the reference", cell=cell, feature=feature)
    breached = one.p <= level and one.distance >= MINIMUM_DISTANCE
    limit = max(MINIMUM_DISTANCE, one.critical(level))
    verdict = Verdict.BREACHED if breached else Verdict.WITHIN
    return Measurement(NAME, one.distance, n, one.interval, limit, verdict, cell=cell, feature=feature)
