"""Shift: of which kind a change of the films is, and what carries it, without a label of the window."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from math import log
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit, ndtr

from detectors import discrepancy
from detectors.divergence import Divergence, common_groups, compare, equal_groups
from detectors.mixture import Estimate, mixture_share
from detectors.plan import ALL, family_of
from detectors.profiles import Profiles
from detectors.projection import DISTANCE
from detectors.reference import Reference
from detectors.tally import Tally

Kind = Literal["none", "prevalence", "acquisition", "both"]
Floats = NDArray[np.float64]

NEEDED = 50
"""Films in the window."""
LEVEL = 0.01
"""Chance of any false claim of a test; shared among its features, components or findings (Bonferroni)."""
MINIMUM_DISTANCE, MINIMUM_KERNEL_DISTANCE, MINIMUM_LOG_ODDS = 0.08, 0.05, log(1.25)
"""Differences below these are no shift, however surely they are there."""
PREFERENCE = 2.0
"""An attribute is named before image statistics of up to this many times its strength: it can be looked at."""


@dataclass(frozen=True, slots=True)
class Prevalence:
    """A finding whose prevalence has moved, as the scores tell: from, to."""

    finding: str
    before: float
    now: float


@dataclass(frozen=True, slots=True)
class Moved:
    """A feature, or a finding's scores, that differs from the reweighted reference.

    distance: its effect. strength: its test statistic beyond what chance leads to expect. n: values of it in the window.
    attribute: whether it is an acquisition attribute.
    """

    subject: str
    distance: float
    strength: float
    n: int
    attribute: bool = False


@dataclass(frozen=True, slots=True)
class Shift:
    """What kind of shift, the prevalences that moved, and what else did.

    carriers: attributes and image statistics, the strongest first; then the embedding and the scores, which follow from them.
    """

    kind: Kind
    prevalences: tuple[Prevalence, ...]
    carriers: tuple[Moved, ...]
    n: int


def identify(reference: Reference, window: Tally) -> Shift | None:
    """Tell prevalence from acquisition: reweight the reference to the prevalence that the scores show, and compare again.

    1. Prevalence of each finding by maximum likelihood over its score histogram (mixture.py); it has moved when it did so surely and
       by odds of 1.25, and its scores are such a mixture at all.
    2. The reference is reweighted: to each histogram and each mean is added, for every finding that moved, the difference between
       positives and negatives times the difference of prevalence. Attributes, image statistics, embedding and scores that go with the
       finding move along, as they should.
    3. What still differs, in attributes and image statistics, in the embedding (components and kernel) or in the scores, is a
       shift of acquisition: films of one class look other than they did.

    Args:
        reference: Needs 50 labelled positives and negatives of a finding for its prevalence to be told.
        window: All films of a stretch of time.

    Returns:
        None below 50 films. A change of P(label | film) is invisible here; labels show it.

    Source:
        Roschewitz, Mehta, Jones, Glocker 2025, arXiv 2411.07940 (identification of shifts); Saerens et al. 2002, Neural Computation 14:21.
    """
    if window.n < NEEDED or reference.tallies[ALL].n < NEEDED:
        return None
    profiles = reference.profiles
    now, then = (profiles.condense(tally).astype(np.float64) for tally in (window, reference.tallies[ALL]))
    prevalences = list(_prevalences(reference, profiles, now, then))
    view = _View(reference, now, *_reweighted(reference, profiles, then, prevalences))
    inputs = sorted(_inputs(view), key=lambda one: -one.strength * (PREFERENCE if one.attribute else 1.0))
    carriers = [*inputs, *_embedding(view), *_scores(view, {one.finding for one, _ in prevalences})]
    kinds: dict[tuple[bool, bool], Kind] = {
        (False, False): "none",
        (True, False): "prevalence",
        (False, True): "acquisition",
        (True, True): "both",
    }
    return Shift(kinds[bool(prevalences), bool(carriers)], tuple(one for one, _ in prevalences), tuple(carriers), window.n)


def _prevalences(reference: Reference, profiles: Profiles, now: Floats, then: Floats) -> Iterator[tuple[Prevalence, int]]:
    """Findings whose prevalence has moved, with their row in the profiles."""
    for row, place in enumerate(profiles.known.tolist()):
        finding, at = reference.schema.findings[place], profiles.scores_at(reference.schema, place)
        phi = reference.dispersion_of("score", finding=finding)
        positive, negative = profiles.positives[row, at].astype(np.float64), profiles.negatives[row, at].astype(np.float64)
        found = mixture_share(now[at] / phi, positive / phi, negative / phi)
        usual = mixture_share(then[at], positive, negative).value
        if _has_moved(found, usual, len(profiles.known)) and _is_mixture(found.value, positive, negative, now[at], phi):
            yield Prevalence(finding, usual, found.value), row


def _has_moved(found: Estimate, usual: float, findings: int) -> bool:
    before, now = (min(max(share, 1e-4), 1 - 1e-4) for share in (usual, found.value))
    p = 2 * float(ndtr(-abs(found.value - usual) / found.error))
    return p <= LEVEL / findings and abs(float(logit(now) - logit(before))) >= MINIMUM_LOG_ODDS


def _is_mixture(share: float, positive: Floats, negative: Floats, now: Floats, dispersion: float) -> bool:
    mixed = share * positive / positive.sum() + (1 - share) * negative / negative.sum()
    fit = _compared(mixed, 1 / (share**2 / positive.sum() + (1 - share) ** 2 / negative.sum()), now, dispersion)
    return fit.p > LEVEL or fit.distance < MINIMUM_DISTANCE


def _reweighted(reference: Reference, profiles: Profiles, then: Floats, prevalences: list[tuple[Prevalence, int]]) -> tuple[Floats, float]:
    """Return the reference's condensed tally a film at the prevalences of the window, and as how many films it is worth."""
    m = float(reference.tallies[ALL].n)
    expected, variance = then / m, 1 / m
    for one, row in prevalences:
        positive, negative = profiles.positives[row].astype(np.float64), profiles.negatives[row].astype(np.float64)
        expected = expected + (one.now - one.before) * (positive / positive[0] - negative / negative[0])
        variance += (one.now - one.before) ** 2 * (1 / positive[0] + 1 / negative[0])
    block = reference.schema.blocks["waves"]
    expected[block.stop :] = np.maximum(expected[block.stop :], 0.0)
    return expected, 1 / variance


def _compared(expected: Floats, size: float, now: Floats, dispersion: float) -> Divergence:
    return compare(np.rint(expected / max(expected.sum(), 1e-300) * size).astype(np.int64), now.astype(np.int64), dispersion)


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """A window beside what is expected of it: condensed tally of the window, share expected of a film, films that this is worth."""

    reference: Reference
    now: Floats
    expected: Floats
    size: float


def _inputs(view: _View) -> Iterator[Moved]:
    """Attributes, image statistics and components that differ from what is expected, missing values among their bins."""
    schema = view.reference.schema
    for name in schema.features:
        block, then = schema.blocks[f"feature/{name}"], view.reference.tallies[ALL].feature(name)
        inner = equal_groups(then[:-1]) if name in schema.numeric else common_groups(then[:-1])
        groups = np.append(inner, inner.max() + 1)
        shares, observed = (
            np.bincount(groups, weights=one[block.start : block.stop]).astype(np.float64) for one in (view.expected, view.now)
        )
        phi = view.reference.dispersion_of(family_of(name), feature=name)
        found = _compared(shares, view.size * float(shares.sum()), observed, phi)
        for one in _moved(name, found, LEVEL / len(schema.features), int(observed[:-1].sum())):
            yield replace(one, attribute=family_of(name) == "acquisition")


def _scores(view: _View, explained: Collection[str]) -> Iterator[Moved]:
    """Scores of findings that no prevalence explains; those of a finding that moved were found to be a mixture."""
    schema = view.reference.schema
    for place, finding in enumerate(schema.findings):
        at = view.reference.profiles.scores_at(schema, place)
        if finding not in explained:
            found = _compared(view.expected[at], view.size, view.now[at], view.reference.dispersion_of("score", finding=finding))
            yield from _moved(finding, found, LEVEL / len(schema.findings), int(view.now[at].sum()))


def _moved(subject: str, found: Divergence, level: float, n: int) -> Iterator[Moved]:
    if found.p <= level and found.distance >= MINIMUM_DISTANCE:
        yield Moved(subject, found.distance, 8 * log(2) * found.harmonic * found.distance**2, n)


def _embedding(view: _View) -> Iterator[Moved]:
    """The embedding as a whole, by the kernel."""
    block, null = view.reference.schema.blocks["waves"], view.reference.null
    if null is None or view.now[block.start] < NEEDED or view.expected[block.start] <= 0:
        return
    n, share = view.now[block.start], view.expected[block.start]
    waves = slice(block.start + 1, block.stop)
    found = discrepancy.of_means(null, view.expected[waves] / share, view.size * share, view.now[waves] / n, float(n))
    if found.p <= LEVEL and found.distance >= MINIMUM_KERNEL_DISTANCE:
        yield Moved(DISTANCE, found.distance, null.freedom * found.harmonic * found.distance**2, int(n))
