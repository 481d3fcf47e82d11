"""Logistic regressions of many small problems at once, by Newton's method."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ROUNDS = 50
CONVERGED = 1e-9
RIDGE = 1e-9
"""Keeps separated data finite."""
ROUNDING = 1e-12
"""Relative fall of a likelihood that is the computer's and no reason to halve a step: next to the maximum a step of 1e-7 changes it by less."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """Rows of all problems, one problem after the other; each problem has at least one.

    problem: number of each row's problem, ascending [rows]. design: [coefficients, rows]. offset: of the logit [rows].
    n, k: trials and hits of each row.
    """

    problem: NDArray[np.int64]
    problems: int
    design: Floats
    offset: Floats
    n: Floats
    k: Floats

    def of(self, chosen: NDArray[np.bool_]) -> Observations:
        """Keep some problems."""
        rows = chosen[self.problem]
        problem = (np.cumsum(chosen) - 1)[self.problem[rows]]
        return Observations(problem, int(chosen.sum()), self.design[:, rows], self.offset[rows], self.n[rows], self.k[rows])

    def sums(self, rows: Floats) -> Floats:
        """Add up over the rows of each problem [..., rows] -> [..., problems]."""
        starts = np.searchsorted(self.problem, np.arange(self.problems))
        return np.asarray(np.add.reduceat(rows, starts, axis=-1))


@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    """Where the problems are: coefficients [problems, coefficients], penalised log likelihood [problems], probability [rows]."""

    beta: Floats
    likelihood: Floats
    p: Floats

    def replaced(self, chosen: NDArray[np.bool_], rows: NDArray[np.bool_], other: _Point) -> _Point:
        """Take some problems from another point that holds only those."""
        beta, likelihood, p = self.beta.copy(), self.likelihood.copy(), self.p.copy()
        beta[chosen], likelihood[chosen], p[rows] = other.beta, other.likelihood, other.p
        return _Point(beta, likelihood, p)


def fit_logistic(observations: Observations) -> tuple[Floats, Floats]:
    """Maximum likelihood of each problem, steps halved while they make it worse.

    Returns:
        Coefficients [problems, coefficients] and their covariance [problems, coefficients, coefficients].
    """
    size = len(observations.design)
    beta = np.zeros((observations.problems, size))
    covariance = np.zeros((observations.problems, size, size))
    open_, rows = np.arange(observations.problems), observations
    point = _at(rows, beta)
    for _ in range(ROUNDS):
        information = _information(rows, point.p)
        covariance[open_] = np.linalg.inv(information)
        gradient = rows.sums(rows.design * (rows.k - rows.n * point.p)).T - RIDGE * point.beta
        point, step = _climb(rows, point, np.linalg.solve(information, gradient[:, :, None])[:, :, 0])
        beta[open_] = point.beta
        moving = np.abs(step).max(axis=1) > CONVERGED
        if not moving.any():
            break
        point = _Point(point.beta[moving], point.likelihood[moving], point.p[moving[rows.problem]])
        open_, rows = open_[moving], rows.of(moving)
    return beta, covariance


def _climb(rows: Observations, point: _Point, step: Floats) -> tuple[_Point, Floats]:
    """Take the step of each problem, halved until it makes nothing worse or is too small to matter."""
    tried, bearable = _at(rows, point.beta + step), point.likelihood - ROUNDING * np.abs(point.likelihood)
    while (worse := (tried.likelihood < bearable) & (np.abs(step).max(axis=1) > CONVERGED)).any():
        step = np.where(worse[:, None], step / 2, step)
        again = _at(rows.of(worse), point.beta[worse] + step[worse])
        tried = tried.replaced(worse, worse[rows.problem], again)
    return tried, step


def _at(rows: Observations, beta: Floats) -> _Point:
    logits = rows.offset + (rows.design * beta[rows.problem].T).sum(axis=0)
    small = np.exp(-np.abs(logits))
    likelihood = rows.sums(rows.k * logits - rows.n * (np.maximum(logits, 0) + np.log1p(small)))
    return _Point(beta, likelihood - RIDGE * (beta**2).sum(axis=1) / 2, np.where(logits >= 0, 1.0, small) / (1 + small))


def _information(rows: Observations, p: Floats) -> Floats:
    weighted = rows.design * (rows.n * p * (1 - p))
    size = len(rows.design)
    full = np.stack([rows.sums(weighted * rows.design[other]) for other in range(size)])
    return np.moveaxis(full, 2, 0) + RIDGE * np.eye(size)
