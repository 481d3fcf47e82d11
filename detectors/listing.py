"""Which series exist: a rate is watched where the reference knows enough of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.outliers import FAR_SHARE, outlying_from
from detectors.plan import ALL, family_of
from detectors.projection import DISTANCE
from detectors.schema import NEGATIVE, POSITIVE, SCORE_BINS, SCORE_RANGE, UNLABELLED, Block, Schema
from detectors.series import SIDES, Range, Series, Side, Stratum
from detectors.tally import Tally

PRESENT_NEEDED = 50
"""Values that the reference needs of a feature before its distribution is watched."""
VALUE_COUNT, VALUE_SHARE = 20, 0.01
"""Count and share that a single value needs in the reference."""
TAIL = 0.10
"""Share of the reference beyond the cut of a tail; ties may move it within TAIL_SHARES."""
TAIL_SHARES = (0.02, 0.50)
COMMON = 0.05
"""A missing share above this may also fall."""
EVENTS_NEEDED = 50
"""Positives (negatives) in the reference before sensitivity (specificity) may page; both for calibration. Films with any finding before
underdiagnosis may."""
COMPONENTS_WATCHED = 16
"""Components of the embedding that can page, the largest; every further series makes all others wait longer. All of them are measured."""
HALF_EVENTS_NEEDED = 25
"""Positives and negatives in each half of the scores before the halves are watched on their own."""

UNDERDIAGNOSIS = "underdiagnosis"
"""Over all findings together, in each cell; for the worse only."""

HIGH: tuple[Side, ...] = ("high",)
Ints = NDArray[np.int64]


def list_series(schema: Schema, tallies: Mapping[str, Tally]) -> tuple[Series, ...]:
    """List the series that a reference carries, in a fixed order."""
    return tuple(_inputs(schema, tallies[ALL])) + tuple(_truth(schema, tallies))


def _inputs(schema: Schema, whole: Tally) -> Iterator[Series]:
    for name in schema.categorical:
        yield from _categorical(schema, name, whole.feature(name))
    small = schema.projection.directions[COMPONENTS_WATCHED:]
    for name in (name for name in schema.numeric if name not in small):
        yield from _numeric(schema, name, whole.feature(name))
    for finding in schema.findings:
        yield from _scores(schema, finding, whole)


def _feature_series(feature: str, bin_: str, sides: tuple[Side, ...], hits: tuple[Range, ...], trials: Range) -> Series:
    return Series(family_of(feature), ALL, feature, "", bin_, sides, (Stratum(hits, (trials,)),))


def _missing(feature: str, block: Block, counts: Ints) -> Iterator[Series]:
    total = int(counts.sum())
    if total >= PRESENT_NEEDED:
        sides = SIDES if counts[-1] >= COMMON * total else HIGH
        yield _feature_series(feature, "missing", sides, ((block.stop - 1, block.stop),), (block.start, block.stop))


def _categorical(schema: Schema, feature: str, counts: Ints) -> Iterator[Series]:
    block, bins = schema.blocks[f"feature/{feature}"], schema.categorical[feature]
    yield from _missing(feature, block, counts)
    present = int(counts[:-1].sum())
    if present < PRESENT_NEEDED:
        return
    everything = (block.start, block.stop - 1)
    unseen = block.stop - 2
    yield _feature_series(feature, "unseen", HIGH, ((unseen, unseen + 1),), everything)
    watched = [place for place in range(len(bins.counted) + 1) if VALUE_COUNT <= counts[place] <= present - VALUE_COUNT]
    watched = [place for place in watched if counts[place] >= VALUE_SHARE * present]
    if len(watched) == 2 and counts[watched].sum() == present:  # noqa: PLR2004  (of two values one says it all)
        watched = watched[1:]
    for place in watched:
        at = block.start + place
        yield _feature_series(feature, bins.labels[place], SIDES, ((at, at + 1),), everything)


def _numeric(schema: Schema, feature: str, counts: Ints) -> Iterator[Series]:
    block, bins = schema.blocks[f"feature/{feature}"], schema.numeric[feature]
    if feature not in schema.projection.features[1:]:  # an embedding is missing as a whole
        yield from _missing(feature, block, counts)
    if counts[:-1].sum() < PRESENT_NEEDED:
        return
    everything = (block.start, block.stop - 1)
    outside = ((block.start, block.start + 1), (block.stop - 2, block.stop - 1))
    yield _feature_series(feature, "out of range", HIGH, outside, everything)
    if feature == DISTANCE:
        outlying, far = outlying_from(counts[:-1]), outlying_from(counts[:-1], FAR_SHARE)
        for name, first in (("out of distribution", outlying), ("far out of distribution", far if far != outlying else None)):
            if first is not None:
                yield _feature_series(feature, name, HIGH, ((block.start + first, block.stop - 1),), everything)
    lower, upper = _tails(counts[:-1])
    if lower is not None:
        yield _feature_series(feature, f"below {bins.cuts[lower - 2]:g}", SIDES, ((block.start, block.start + lower),), everything)
    if upper is not None:
        yield _feature_series(feature, f"from {bins.cuts[upper - 2]:g}", SIDES, ((block.start + upper, block.stop - 1),), everything)


def _tails(counts: Ints) -> tuple[int | None, int | None]:
    """First bin above the lower tail and first bin of the upper tail, each cut where its share is nearest to TAIL."""
    below = np.cumsum(counts)[:-1] / counts.sum()
    return _nearest(below), _nearest(1 - below)


def _nearest(shares: NDArray[np.float64]) -> int | None:
    usable = np.flatnonzero((shares >= TAIL_SHARES[0]) & (shares <= TAIL_SHARES[1]))
    return int(usable[np.abs(shares[usable] - TAIL).argmin()]) + 1 if usable.size else None


def _scores(schema: Schema, finding: str, whole: Tally) -> Iterator[Series]:
    if whole.n < PRESENT_NEEDED:
        return
    decisions, scores = schema.blocks[f"decisions/{finding}"], schema.blocks[f"scores/{finding}"]
    flagged = tuple((at, at + 1) for at in (decisions.at(state, 1) for state in (UNLABELLED, NEGATIVE, POSITIVE)))
    yield Series("score", ALL, "", finding, "flagged", SIDES, (Stratum(flagged, ((decisions.start, decisions.stop),)),))
    lower, upper = _tails(whole.scores(finding).sum(axis=0))
    starts = [scores.start + state * SCORE_BINS for state in (UNLABELLED, NEGATIVE, POSITIVE)]
    for cut, sign in ((lower, "below"), (upper, "from")):
        if cut is not None:
            ends = (0, cut) if sign == "below" else (cut, SCORE_BINS)
            hits = tuple((start + ends[0], start + ends[1]) for start in starts)
            logit = cut * (2 * SCORE_RANGE / SCORE_BINS) - SCORE_RANGE
            yield Series("score", ALL, "", finding, f"{sign} {logit:.2f}", SIDES, (Stratum(hits, ((scores.start, scores.stop),)),))


def _truth(schema: Schema, tallies: Mapping[str, Tally]) -> Iterator[Series]:
    for finding in schema.findings:
        yield from _prevalence(schema, finding, tallies[ALL])
        for cell, tally in tallies.items():
            yield from _performance(schema, finding, cell, tally)
            yield from _calibration(schema, finding, cell, tally)
    if len(schema.findings) > 1:
        for cell, tally in tallies.items():
            yield from _underdiagnosis(schema, cell, tally)


def _prevalence(schema: Schema, finding: str, whole: Tally) -> Iterator[Series]:
    labelled, positive = whole.groups(finding).sum(axis=1)
    if min(positive, labelled - positive) < VALUE_COUNT or labelled < PRESENT_NEEDED:
        return
    block = schema.blocks[f"groups/{finding}"]
    stratum = Stratum(((block.at(1, 0), block.stop),), ((block.start, block.at(1, 0)),))
    yield Series("prevalence", ALL, "", finding, "positive", SIDES, (stratum,), matured=True)


def _performance(schema: Schema, finding: str, cell: str, tally: Tally) -> Iterator[Series]:
    block, counts = schema.blocks[f"decisions/{finding}"], tally.decisions(finding)
    for name, state, right in (("sensitivity", POSITIVE, 1), ("specificity", NEGATIVE, 0)):
        if counts[state].sum() >= EVENTS_NEEDED:
            hit, first = block.at(state, right), block.at(state, 0)
            yield Series("performance", cell, "", finding, name, SIDES, (Stratum(((hit, hit + 1),), ((first, first + 2),)),), matured=True)


def _underdiagnosis(schema: Schema, cell: str, tally: Tally) -> Iterator[Series]:
    """Films with any finding on which nothing was flagged: a false "no finding". Of a model with one finding, sensitivity says the same."""
    something = tally.nothing()[POSITIVE]
    if something.sum() >= EVENTS_NEEDED:
        first = schema.blocks["nothing"].at(POSITIVE, 0)
        stratum = Stratum(((first, first + 1),), ((first, first + 2),))
        yield Series("performance", cell, "", "", UNDERDIAGNOSIS, HIGH, (stratum,), matured=True)


def _calibration(schema: Schema, finding: str, cell: str, tally: Tally) -> Iterator[Series]:
    groups = tally.groups(finding)
    count = groups.shape[1]
    if _events(groups, range(count)) >= EVENTS_NEEDED:
        yield _calibration_series(schema, finding, cell, "overall", range(count))
        lower, upper = range(count // 2), range(count // 2, count)
        if min(_events(groups, lower), _events(groups, upper)) >= HALF_EVENTS_NEEDED:
            yield _calibration_series(schema, finding, cell, "lower scores", lower)
            yield _calibration_series(schema, finding, cell, "upper scores", upper)


def _events(groups: Ints, among: Sequence[int]) -> int:
    """Positives or negatives in these groups, whichever are fewer."""
    labelled, positive = groups[:, list(among)].sum(axis=1)
    return int(min(positive, labelled - positive))


def _calibration_series(schema: Schema, finding: str, cell: str, name: str, among: Sequence[int]) -> Series:
    block = schema.blocks[f"groups/{finding}"]
    strata = tuple(Stratum(((block.at(1, g), block.at(1, g) + 1),), ((block.at(0, g), block.at(0, g) + 1),)) for g in among)
    return Series("calibration", cell, "", finding, name, SIDES, strata, matured=True)
