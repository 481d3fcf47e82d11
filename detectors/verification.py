"""Verification: what the films that were read say of all films, those that nobody read included.

Readers see the films that somebody asks them to see. Where flagged films are read more often than others, plain counts of right and wrong
decisions are bent: a model that misses half of all positives looks perfect if nobody looks where it said no (verification bias).
So films are put into strata of like score (`Schema.strata`), each flagged as a whole or not at all, and what was read of a stratum stands
for all of it: with N films of which some were read, of weight w (one over the probability of being asked for) and label y, a stratum
holds N sum(w y) / sum(w) positives. This is the post-stratified Horvitz-Thompson estimator, which is the difference estimator with the
stratum's own mean as its prediction.

It assumes that of films of like score those that were read are like those that were not, or that their probabilities are stored.
Where a side of the operating point was hardly read there is no number, only the reason.

Sources: Horvitz and Thompson 1952, Journal of the American Statistical Association 47:663; Begg and Greenes 1983, Biometrics 39:207
(verification bias); Holt and Smith 1979, Journal of the Royal Statistical Society A 142:33 (post-stratification).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from detectors.schema import NEGATIVE, POSITIVE, READ, SQUARE, SQUARED_POSITIVE, WEIGHT, WEIGHTED_POSITIVE, Schema
from detectors.tally import WEIGHED_POINT, Tally, tally_of

LABELS_OF_A_STRATUM = 5
"""Strata with fewer labels are joined with their neighbour on the same side of the operating point."""
HARDLY = 0.1
"""Where a side is read less than so many times as often as the other, with no stored probability, it was not read by chance."""
UNSEEN = 1.0
"""Positives (negatives) that strata in which none was found are granted in sum, when it is asked how far the total may be off."""
TRUE_POSITIVES, FALSE_NEGATIVES = (True, True), (False, True)
FALSE_POSITIVES, TRUE_NEGATIVES = (True, False), (False, False)
"""Kinds of films: flagged, positive."""
PAIRS = {
    "sensitivity": (TRUE_POSITIVES, FALSE_NEGATIVES),
    "specificity": (TRUE_NEGATIVES, FALSE_POSITIVES),
    "positive_predictive_value": (TRUE_POSITIVES, FALSE_POSITIVES),
    "negative_predictive_value": (TRUE_NEGATIVES, FALSE_NEGATIVES),
}
"""Each rate is the first total over the sum of both."""
SIDES = {True: "flagged films", False: "films below the operating point"}

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Total:
    """Estimated number of films of one kind [rows]; scale: films that one label of that kind stands for, by the variance of the total."""

    films: Floats
    scale: Floats

    def __add__(self, other: Total) -> Total:
        films = self.films + other.films
        mean = _over(self.films * self.scale + other.films * other.scale, films)
        return Total(films, np.where(films > 0, mean, np.maximum(self.scale, other.scale)))


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """A share of all films, from those that were read [rows].

    n: plain observations that would say as much, before dispersion; the interval is Wilson's of `hits` in `n`, 0 where there is no number.
    labels: how many labels it rests on. reasons: why there is no number; empty where there is one.
    """

    value: Floats
    n: Floats
    labels: Floats
    reasons: tuple[str, ...]

    @property
    def hits(self) -> Floats:
        """Of `n`, those that hit."""
        return self.value * self.n


@dataclass(frozen=True, eq=False)
class Verified:
    """What was read of some findings, in rows (findings, then cells, most often) and strata.

    Where findings have unlike numbers of strata, the last of some are empty.

    films: predictions [rows, strata]. readings: the sums of `Tally.readings` [rows, 5, strata]. audited: labels with a stored probability
    [rows, strata]. flagged: whether a stratum is flagged [rows, strata]. together: 1 where two strata were joined [rows, strata, strata].
    lift: films that a unit of weight stands for, 0 where nothing was read; scale: films that one label stands for, by the variance of a
    total [rows, strata].
    """

    films: Floats
    readings: Floats
    audited: Floats
    flagged: Bools
    together: Floats
    lift: Floats
    scale: Floats

    @classmethod
    def of(cls, schema: Schema, tallies: Sequence[Tally], *findings: str) -> Verified:
        """Take what some tallies know of some findings, finding by finding; strata too thinly read are joined with their neighbours."""
        sides = [schema.flagged(finding) for finding in findings]
        strata = max((len(side) for side in sides), default=0)
        shape = (len(findings), len(tallies), strata)
        films, audited, flagged = np.zeros(shape), np.zeros(shape), np.ones(shape, dtype=bool)
        readings = np.zeros((*shape[:2], 5, strata))
        for place, (finding, side) in enumerate(zip(findings, sides, strict=True)):
            here = slice(len(side))
            counted, read = _counts(schema, tallies, finding)
            films[place, :, here], readings[place, ..., here], flagged[place, :, here] = counted.sum(axis=1), read, side
            audited[place, :, here] = read[:, READ] - counted[:, NEGATIVE : POSITIVE + 1].sum(axis=1)
        rows = len(findings) * len(tallies)
        return cls.summed(*(one.reshape(rows, *one.shape[2:]) for one in (films, readings, audited)), flagged=flagged.reshape(rows, -1))

    @classmethod
    def summed(cls, films: Floats, readings: Floats, audited: Floats, *, flagged: Bools) -> Verified:
        """Take sums by stratum, and join strata that are too thinly read."""
        group = _joined(readings[:, READ], films, flagged)
        together = (group[:, :, None] == group[:, None, :]).astype(np.float64)
        sums = np.stack([films, readings[:, WEIGHT], readings[:, SQUARE]], axis=2)
        known, weight, square = np.moveaxis(together @ sums, 2, 0)
        lift = _over(known, weight)
        return cls(films, readings, audited, flagged, together, lift, lift * _over(square, weight))

    @cached_property
    def totals(self) -> Mapping[tuple[bool, bool], Total]:
        """How many films of each kind there are, by estimate.

        The variance is that of Poisson counts. Strata in which none of the kind was found, and not every film was read, may hide some:
        one is granted to all of them together.
        """
        readings = self.readings
        of_class = {
            True: (readings[:, WEIGHTED_POSITIVE], readings[:, SQUARED_POSITIVE]),
            False: (readings[:, WEIGHT] - readings[:, WEIGHTED_POSITIVE], readings[:, SQUARE] - readings[:, SQUARED_POSITIVE]),
        }
        found = self.together @ np.stack([weights for weights, _ in of_class.values()], axis=2) > 0
        return {
            (flagged, positive): self._total(self.flagged == flagged, *of_class[positive], found[..., place])
            for place, positive in enumerate(of_class)
            for flagged in SIDES
        }

    def _total(self, here: Bools, weights: Floats, squares: Floats, found: Bools) -> Total:
        lift, each = self.lift, self.scale
        films, variance = (np.maximum((lift**power * sums * here).sum(axis=1), 0.0) for power, sums in ((1, weights), (2, squares)))
        side = self.films * here
        left = np.where(here & ~found, np.maximum(self.films - self.readings[:, READ], 0.0), 0.0)
        hidden = UNSEEN * _over((left * each**2).sum(axis=1), side.sum(axis=1))
        nothing = _over((side * each**2).sum(axis=1), (side * each).sum(axis=1))
        scale = np.where(films > 0, _over(variance + hidden, films), np.where(nothing > 0, nothing, 1.0))
        return Total(films, scale)

    def share(self, name: str) -> Shares:
        """Estimate a decision rate (`PAIRS`)."""
        first, second = PAIRS[name]
        return self._of(self.totals[first], self.totals[second], {first[0], second[0]})

    def prevalence(self) -> Shares:
        """Estimate the share of positives among all films."""
        positive, negative = (
            self.totals[TRUE_POSITIVES] + self.totals[FALSE_NEGATIVES],
            self.totals[FALSE_POSITIVES] + self.totals[TRUE_NEGATIVES],
        )
        return self._of(positive, negative, {True, False})

    def _of(self, hits: Total, misses: Total, sides: set[bool]) -> Shares:
        """Share of one total in two, with the n at which its score interval is Wilson's: (h + m)^2 / (h s_m + m s_h).

        With totals h and m of which h / s_h and m / s_m are as good as Poisson counts, the score test of h (1 - p) = m p has the variance
        p (1 - p) (h s_m + m s_h). Where every label stands for one film, n is the number of labels.
        """
        films = hits.films + misses.films
        reasons = tuple(
            why or ("" if some else "no film of this kind was read") for why, some in zip(self.unread(sides), films > 0, strict=True)
        )
        known = np.array([not why for why in reasons], dtype=bool)
        n = np.where(known, _over(films**2, hits.films * misses.scale + misses.films * hits.scale), 0.0)
        among = np.isin(self.flagged, list(sides))
        return Shares(np.where(known, _over(hits.films, films), 0.0), n, (self.readings[:, READ] * among).sum(axis=1), reasons)

    def unread(self, sides: Collection[bool] = (False, True)) -> tuple[str, ...]:
        """Say of each row why nothing can be said of the films of these sides (flagged or not); empty where it can."""
        return tuple("; ".join(filter(None, each)) for each in zip(*(self._unread[side] for side in sorted(sides)), strict=True))

    @cached_property
    def _unread(self) -> Mapping[bool, list[str]]:
        """Why nothing can be said of the films of one side, by row; empty where it can."""
        return {flagged: self._why_unread(self.flagged == flagged, SIDES[flagged]) for flagged in SIDES}

    def _why_unread(self, here: Bools, name: str) -> list[str]:
        films, read, audited = ((one * here).sum(axis=1) for one in (self.films, self.readings[:, READ], self.audited))
        others, read_there = ((one * ~here).sum(axis=1) for one in (self.films, self.readings[:, READ]))
        never = (films > 0) & (read <= 0)
        rarely = (read * others < HARDLY * films * read_there) & (audited <= 0)
        said = ("", f"{name} are hardly ever read, and not by a known design", f"of the {name} none was read")
        return [said[why] for why in np.where(never, 2, rarely).tolist()]


def verified(schema: Schema, window: Mapping[str, Tally], findings: Sequence[str], cells: Sequence[str]) -> Verified:
    """Take what a window knows of each finding in each cell, finding by finding. A window that was read is not changed afterwards."""
    asked = (tuple(findings), tuple(cells))
    for known_schema, known_window, known, found in _KEPT:
        if known_schema is schema and known_window is window and known == asked:
            return found
    found = Verified.of(schema, [tally_of(schema, window, cell) for cell in cells], *findings)
    _KEPT.append((schema, window, asked, found))
    return found


_KEPT: deque[tuple[Schema, Mapping[str, Tally], tuple[tuple[str, ...], tuple[str, ...]], Verified]] = deque(maxlen=2)
"""What was read last: several detectors ask for the same of one window."""


def _counts(schema: Schema, tallies: Sequence[Tally], finding: str) -> tuple[NDArray[np.int64], Floats]:
    """Predictions by label state [tallies, 3, strata], and what `Tally.readings` says of each tally [tallies, 5, strata]."""
    counted, weighed = (np.stack([schema.blocks[f"{name}/{finding}"].of(one.vector) for one in tallies]) for name in ("strata", "reading"))
    positive = counted[:, POSITIVE]
    labelled = counted[:, NEGATIVE] + positive
    return counted, np.stack([labelled, labelled, positive, labelled, positive], axis=1) + weighed / WEIGHED_POINT


def _over(numerator: Floats, denominator: Floats) -> Floats:
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)


def _joined(labels: Floats, films: Floats, flagged: Bools) -> NDArray[np.int64]:
    """Number of the group of each stratum: neighbours on one side are joined until they hold labels enough, or are read to the last film."""
    group = np.zeros(labels.shape, dtype=np.int64)
    for side in (False, True):
        here = flagged == side
        number = first = here.argmax(axis=1) if here.size else np.zeros(len(labels), dtype=np.int64)
        read, seen = np.zeros(len(labels)), np.zeros(len(labels))
        for place in range(labels.shape[1]):
            inside = here[:, place]
            begins = inside & (place > first) & ((read >= LABELS_OF_A_STRATUM) | ((seen > 0) & (read >= seen)))
            number = np.where(begins, place, number)
            read, seen = (np.where(begins, 0.0, before) + now[:, place] * inside for before, now in ((read, labels), (seen, films)))
            group[inside, place] = number[inside]
        thin = read < np.minimum(LABELS_OF_A_STRATUM, seen)
        before = np.where(here & (group < number[:, None]), group, -1).max(axis=1, initial=-1)
        last = here & (group == number[:, None]) & (thin & (before >= 0))[:, None]
        group = np.where(last, before[:, None], group)
    return group
