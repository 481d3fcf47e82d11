"""Recalibration: which calibrator brings the logits back in line with the truth, and whether it is better than none on films it never saw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.special import expit
from scipy.special import logit as log_odds

from detectors.calibrator import Calibrator
from detectors.intervals import Z
from detectors.logistic import Observations, fit_logistic
from detectors.measurement import Interval

FOLDS: Final = 5
FLOOR: Final = 25
"""Labels behind every knot of an isotonic fit."""
ISOTONIC_NEEDS: Final = 500
"""Labels; fewer bend to chance. Niculescu-Mizil and Caruana (2005) saw isotonic regression lose to Platt below about a thousand."""
LEAST_SLOPE: Final = 0.05
BINS: Final = 10

Floats = NDArray[np.float64]
NO_MASKS: Mapping[str, NDArray[np.bool_]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Labelled films of one finding; entry i of each array [n] is the same film.

    logits: finite. labels: 0 to 1. weights: one over the probability that the film was labelled. patients: a number for each patient;
    films of a negative number are patients of their own.
    """

    logits: Floats
    labels: Floats
    weights: Floats
    patients: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.logits)

    def of(self, chosen: NDArray[np.bool_]) -> Labelled:
        """Some of the films."""
        return Labelled(self.logits[chosen], self.labels[chosen], self.weights[chosen], self.patients[chosen])

    @property
    def clusters(self) -> NDArray[np.int64]:
        """A number from 0 on for each patient."""
        lone = np.where(self.patients < 0, -1 - np.arange(len(self)), self.patients)
        return np.asarray(np.unique(lone, return_inverse=True)[1], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Calibratedness:
    """How far probabilities are from the truth, weighted: log loss, Brier score, expected calibration error over ten equal parts, Cox's line."""

    log_loss: float
    brier: float
    ece: float
    slope: float
    intercept: float


@dataclass(frozen=True, slots=True)
class Recalibration:
    """What was found. All figures are of films that the fit had not seen (five folds by patient).

    method: shift (calibration in the large), temperature, platt or isotonic. gained: 95 % interval of the log loss that it saves, by patient.
    worse_in: subgroups in which it is worse beyond the interval. better: whether it should be used.
    """

    method: str
    calibrator: Calibrator
    before: Calibratedness
    after: Calibratedness
    gained: Interval
    worse_in: tuple[str, ...]
    labels: int
    positives: int

    @property
    def better(self) -> bool:
        """It saves log loss beyond its interval, and no subgroup pays for that."""
        return self.gained.low > 0 and not self.worse_in


def recalibrate(films: Labelled, subgroups: Mapping[str, NDArray[np.bool_]] = NO_MASKS, seed: int = 0) -> Recalibration:
    """Fit each method, choose by cross-validation, and say whether the choice beats the logits as they are.

    Of the methods whose out-of-fold log loss lies within one standard error of the best the simplest is taken, so the choice does not
    flatter itself by much. The loss is weighted by one over the probability with which a label was asked for; its scatter is that of patients.

    Args:
        films: Labelled films, with both classes in every fold.
        subgroups: Masks [n] of subgroups in which it must not be worse; their size is the caller's matter.
        seed: Of the folds.

    Raises:
        ValueError: There are fewer than two positives or negatives a fold.

    Source:
        Platt 1999; Zadrozny and Elkan 2002 (isotonic); Guo et al. 2017 (temperature); Hastie et al. 2009, 7.10 (one standard error).

    >>> rng = np.random.default_rng(1)
    >>> honest = rng.normal(-1, 2, 3000)
    >>> labels = (rng.random(3000) < 1 / (1 + np.exp(-honest))).astype(float)
    >>> found = recalibrate(Labelled(2 * honest + 1, labels, np.ones(3000), np.arange(3000)))
    >>> found.method, found.better, round(found.calibrator.slope, 1), round(found.after.slope, 1)
    ('platt', True, 0.5, 1.0)
    >>> recalibrate(Labelled(honest, labels, np.ones(3000), np.arange(3000))).better
    False
    """
    clusters, ones = films.clusters, films.labels > 1 / 2
    if min(ones.sum(), (~ones).sum()) < 2 * FOLDS:
        raise ValueError("too few labels of one class")
    fold = np.random.default_rng(seed).permutation(int(clusters.max()) + 1)[clusters] % FOLDS
    tried = {name: _out_of_fold(films, fold, fit) for name, fit in METHODS.items() if name != "isotonic" or len(films) >= ISOTONIC_NEEDS}
    losses = {name: _losses(calibrated, films.labels) for name, calibrated in tried.items()}
    method, bare = _simplest(losses, films, clusters), _losses(films.logits, films.labels)
    gained = bare - losses[method]
    worse = tuple(name for name, mask in subgroups.items() if mask.any() and _mean(gained[mask], films.of(mask)).high < 0)
    return Recalibration(
        method,
        METHODS[method](films),
        calibratedness(films.logits, films),
        calibratedness(tried[method], films),
        _mean(gained, films),
        worse,
        len(films),
        int(ones.sum()),
    )


def calibratedness(logits: Floats, films: Labelled) -> Calibratedness:
    """Measure the probabilities that these logits [n] give to labelled films."""
    p, share = np.asarray(expit(logits)), films.weights / films.weights.sum()
    place = np.argsort(p, kind="stable")
    part = np.minimum((np.cumsum(share[place]) * BINS).astype(int), BINS - 1)
    gaps = np.bincount(part, ((p - films.labels) * share)[place], BINS)
    intercept, slope = _line(Labelled(logits, films.labels, films.weights, films.patients), np.stack([np.ones_like(logits), logits]))
    loss, brier = (float((share * each).sum()) for each in (_losses(logits, films.labels), (p - films.labels) ** 2))
    return Calibratedness(loss, brier, float(np.abs(gaps).sum()), slope, intercept)


def shift(films: Labelled) -> Calibrator:
    """Move every logit by the same: what another prevalence does to a calibrated model."""
    (intercept,) = _line(films, np.ones((1, len(films))), films.logits)
    return Calibrator(intercept=intercept)


def temperature(films: Labelled) -> Calibrator:
    """Divide every logit by the same."""
    (slope,) = _line(films, films.logits[None])
    return Calibrator(slope=max(slope, LEAST_SLOPE))


def platt(films: Labelled) -> Calibrator:
    """Both at once: logistic regression of the truth on the logit."""
    intercept, slope = _line(films, np.stack([np.ones(len(films)), films.logits]))
    return Calibrator(slope=max(slope, LEAST_SLOPE), intercept=intercept)


def isotonic(films: Labelled) -> Calibrator:
    """The best rising steps over parts of 25 labels or more, joined by lines; a logit where the films do not tell two steps apart.

    A step of k positives in n labels stands at log((k + 1/2) / (n - k + 1/2)), weights scaled to a mean of 1.
    """
    place = np.argsort(films.logits, kind="stable")
    part = np.arange(len(films)) // FLOOR
    part = np.minimum(part, max(len(films) // FLOOR - 1, 0))
    weights = films.weights[place] / films.weights.mean()
    n, k, x = (np.bincount(part, each) for each in (weights, weights * films.labels[place], weights * films.logits[place]))
    steps = isotonic_regression(k / n, weights=n).blocks
    n, k, x = (np.add.reduceat(each, steps[:-1]) for each in (n, k, x))
    knots = [(float(x[0] / n[0]), float(log_odds((k[0] + 0.5) / (n[0] + 1.0))))]
    for count, hits, total in zip(n[1:], k[1:], x[1:], strict=True):
        knot = (float(total / count), float(log_odds((hits + 0.5) / (count + 1.0))))
        if knot[0] > knots[-1][0] and knot[1] > knots[-1][1]:
            knots.append(knot)
    return Calibrator(knots=tuple(knots)) if len(knots) > 1 else shift(films)


METHODS: Final[Mapping[str, Callable[[Labelled], Calibrator]]] = MappingProxyType(
    {"shift": shift, "temperature": temperature, "platt": platt, "isotonic": isotonic}
)
"""Simplest first."""


def _out_of_fold(films: Labelled, fold: NDArray[np.int64], fit: Callable[[Labelled], Calibrator]) -> Floats:
    calibrated = np.empty(len(films))
    for number in range(FOLDS):
        away = fold == number
        calibrated[away] = fit(films.of(~away))(films.logits[away])
    return calibrated


def _simplest(losses: Mapping[str, Floats], films: Labelled, clusters: NDArray[np.int64]) -> str:
    best = min(losses, key=lambda name: float((films.weights * losses[name]).sum()))
    for name, loss in losses.items():
        excess, error = _moments(loss - losses[best], films.weights, clusters)
        if name == best or excess <= error:
            return name
    return best


def _mean(values: Floats, films: Labelled) -> Interval:
    mean, error = _moments(values, films.weights, films.clusters)
    return Interval(mean - Z * error, mean + Z * error)


def _moments(values: Floats, weights: Floats, clusters: NDArray[np.int64]) -> tuple[float, float]:
    """Weighted mean and its standard error, patients as clusters."""
    mean = float((weights * values).sum() / weights.sum())
    residuals = np.bincount(clusters, weights * (values - mean))
    many = max(len(residuals), 2)
    return mean, float(np.sqrt((residuals**2).sum() * many / (many - 1)) / weights.sum())


def _losses(logits: Floats, labels: Floats) -> Floats:
    """Log loss of each film, in nats."""
    return np.asarray(np.logaddexp(0.0, logits) - labels * logits)


def _line(films: Labelled, design: Floats, offset: Floats | None = None) -> tuple[float, ...]:
    weights = films.weights / films.weights.mean()
    rows = np.zeros(len(films), dtype=np.int64)
    moved = np.zeros(len(films)) if offset is None else offset
    beta, _ = fit_logistic(Observations(rows, 1, design, moved, weights, weights * films.labels))
    return tuple(float(value) for value in beta[0])
