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

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.schema import READ, SQUARE, SQUARED_POSITIVE, WEIGHT, WEIGHTED_POSITIVE, Schema
from detectors.tally import Tally, tally_of

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


@dataclass(frozen=True, slots=True, eq=False)
class Verified:
    """What was read of one finding, in rows (cells, most often) and strata.

    films: predictions [rows, strata]. readings: the sums of `Tally.readings` [rows, 5, strata]. audited: labels with a stored probability
    [rows, strata]. flagged: whether a stratum is flagged [strata]. together: whether two strata were joined [rows, strata, strata].
    lift: films that a unit of weight stands for, 0 where nothing was read; scale: films that one label stands for, by the variance of a
    total [rows, strata].
    """

    films: Floats
    readings: Floats
    audited: Floats
    flagged: Bools
    together: Bools
    lift: Floats
    scale: Floats

    @classmethod
    def of(cls, schema: Schema, tallies: Sequence[Tally], finding: str) -> Verified:
        """Take what some tallies know of one finding; strata too thinly read are joined with their neighbours."""
        strata = np.stack([one.strata(finding) for one in tallies])
        readings, flagged = np.stack([one.readings(finding) for one in tallies]), schema.flagged(finding)
        films = strata.sum(axis=1).astype(np.float64)
        audited = readings[:, READ] - strata[:, 1:].sum(axis=1)
        return cls.summed(films, readings, audited, flagged)

    @classmethod
    def summed(cls, films: Floats, readings: Floats, audited: Floats, flagged: Bools) -> Verified:
        """Take sums by stratum, and join strata that are too thinly read."""
        group = _joined(readings[:, READ], films, flagged)
        together = group[:, :, None] == group[:, None, :]
        known, weight, square = np.einsum("rst,krt->krs", together, np.stack([films, readings[:, WEIGHT], readings[:, SQUARE]]))
        lift = _over(known, weight)
        return cls(films, readings, audited, flagged, together, lift, lift * _over(square, weight))

    def total(self, kind: tuple[bool, bool]) -> Total:
        """Estimate how many films of a kind there are.

        The variance is that of Poisson counts. Strata in which none of the kind was found, and not every film was read, may hide some:
        one is granted to all of them together.
        """
        flagged, positive = kind
        here = self.flagged == flagged
        weights, squares = self.readings[:, WEIGHTED_POSITIVE], self.readings[:, SQUARED_POSITIVE]
        if not positive:
            weights, squares = self.readings[:, WEIGHT] - weights, self.readings[:, SQUARE] - squares
        lift, each = self.lift, self.scale
        found = np.einsum("rst,rt->rs", self.together, weights) > 0
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
        return self._of(self.total(first), self.total(second), {first[0], second[0]})

    def prevalence(self) -> Shares:
        """Estimate the share of positives among all films."""
        positive, negative = (
            self.total(TRUE_POSITIVES) + self.total(FALSE_NEGATIVES),
            self.total(FALSE_POSITIVES) + self.total(TRUE_NEGATIVES),
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
        return tuple("; ".join(filter(None, each)) for each in zip(*(self._unread(flagged=side) for side in sorted(sides)), strict=True))

    def _unread(self, *, flagged: bool) -> list[str]:
        """Say why nothing can be said of the films of one side; empty where it can."""
        here = self.flagged == flagged
        films, read, audited = (one[:, here].sum(axis=1) for one in (self.films, self.readings[:, READ], self.audited))
        others, read_there = (one[:, ~here].sum(axis=1) for one in (self.films, self.readings[:, READ]))
        never = (films > 0) & (read <= 0)
        rarely = (read * others < HARDLY * films * read_there) & (audited <= 0)
        name = SIDES[flagged]
        said = f"of the {name} none was read", f"{name} are hardly ever read, and not by a known design"
        return [said[0] if one else said[1] if other else "" for one, other in zip(never, rarely, strict=True)]


def verified(schema: Schema, window: Mapping[str, Tally], cells: Sequence[str], finding: str) -> Verified:
    """Take what a window knows of one finding in some cells."""
    return Verified.of(schema, [tally_of(schema, window, cell) for cell in cells], finding)


def _over(numerator: Floats, denominator: Floats) -> Floats:
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)


def _joined(labels: Floats, films: Floats, flagged: Bools) -> NDArray[np.int64]:
    """Number of the group of each stratum: neighbours on one side are joined until they hold labels enough, or are read to the last film."""
    group = np.zeros(labels.shape, dtype=np.int64)
    for side in (False, True):
        places = np.flatnonzero(flagged == side)
        number = np.full(len(labels), places[0] if places.size else 0)
        first, read, seen = number, np.zeros(len(labels)), np.zeros(len(labels))
        for place in places:
            begins = (place > first) & ((read >= LABELS_OF_A_STRATUM) | ((seen > 0) & (read >= seen)))
            number = np.where(begins, place, number)
            read, seen = (np.where(begins, 0.0, before) + now[:, place] for before, now in ((read, labels), (seen, films)))
            group[:, place] = number
        thin = read < np.minimum(LABELS_OF_A_STRATUM, seen)
        before = np.where(group[:, places] < number[:, None], group[:, places], -1).max(axis=1, initial=-1)
        last = (group[:, places] == number[:, None]) & (thin & (before >= 0))[:, None]
        group[:, places] = np.where(last, before[:, None], group[:, places])
    return group
