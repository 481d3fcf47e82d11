"""A synthetic chest: how much a ray is attenuated on its way through lungs, heart, bones and, perhaps, something that should not be there.

No patient stands behind it. The picture is drawn in plain analytic shapes on a square grid: x runs from -1 (the patient's right,
on the left of the film) to 1, y from -1 (neck) to 1 (upper abdomen). It is meant to look like a chest at a glance and to hold
the relations that matter to a monitor: the heart looks larger on AP films, age stretches the aorta, bedside films are taken at
poor inspiration, and opacities come from plain to hardly visible.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

SIZE = 144  # rows and columns of a film
PIXEL = 2.0 / SIZE
CAGE = 0.80  # greatest half-width of the thoracic cage, in x
SLICE = 12  # rows of a product at a time; divides SIZE
NEGLIGIBLE = 1e-6  # a weight below this is nothing: denormal numbers make products slow
Field = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Blob:
    """One rounded shadow in a lung: centre and radius in grid units, depth in attenuation (0.1 hardly visible, 0.4 plain)."""

    x: float
    y: float
    radius: float
    depth: float


@dataclass(frozen=True, slots=True)
class Chest:
    """What of a patient reaches the film.

    view: "PA" (back to front, standing) or "AP" (front to back, often in bed).
    heart: cardiothoracic ratio, heart width over inner chest width, as it is in the patient (a PA film shows it nearly so).
    girth: thickness of the body relative to an average adult.
    inspiration: 1 a deep breath, 0.8 a shallow one.
    shadows: opacities and their benign look-alikes alike: on the film they are the same thing.
    """

    female: bool
    age: int
    view: str
    heart: float
    girth: float
    inspiration: float
    shadows: tuple[Blob, ...]


def attenuation(chest: Chest, rng: Generator) -> Field:
    """Line integrals of attenuation, float32 [SIZE, SIZE]; about 1 in soft tissue, 0.3 in lungs, 0 in air.

    >>> chest = Chest(female=False, age=50, view="PA", heart=0.45, girth=1.0, inspiration=1.0, shadows=())
    >>> film = attenuation(chest, np.random.default_rng(1))
    >>> film.shape, bool(film[72, 40] < film[72, 80])  # the lung lets more through than the heart
    ((144, 144), True)
    """
    x, y = _grid(*rng.normal(0.0, (0.02, 0.02, 0.02)))
    cage = CAGE * (1.0 + 0.03 * rng.standard_normal()) * (0.96 if chest.female else 1.0)
    lungs = _lungs(x, y, chest, cage)
    heart = _heart(x, y, chest, cage)
    knob = _disc(x, y, (0.13, -0.36), 0.09 + 0.0012 * max(chest.age - 40, 0), 0.05)
    air = lungs * (1.0 - np.maximum(heart, 0.8 * knob))
    body = _body(x, y, chest)
    veil, vessels = _texture(12, rng), _texture(36, rng)
    hilum = np.exp(-((np.abs(x) - 0.2) ** 2 + (y + 0.05) ** 2) / 0.12)
    emphysema = 0.0015 * max(chest.age - 50, 0)
    tissue = body * (1.0 - (0.66 + emphysema) * air) + _bones(x, y, chest, cage) * body
    tissue += air * (0.05 * veil + (0.03 + 0.10 * hilum) * np.abs(vessels) + 0.12 * hilum)
    tissue += _shadows(x, y, chest, vessels)
    if chest.female:
        tissue += 0.07 * (_disc(x, y, (-0.45, 0.32), 0.34, 0.10) + _disc(x, y, (0.45, 0.32), 0.34, 0.10))
    return np.asarray(chest.girth * tissue, dtype=np.float32)


@lru_cache(maxsize=1)
def _axes() -> tuple[Field, Field]:
    axis = np.linspace(-1.0 + PIXEL / 2, 1.0 - PIXEL / 2, SIZE, dtype=np.float32)
    return np.meshgrid(axis, axis)[0], np.meshgrid(axis, axis)[1]


@lru_cache(maxsize=8)
def spread(knots: int) -> Field:
    """Gaussian weights [SIZE, knots] that spread a coarse row of values smoothly over a film's rows; each row sums to 1."""
    rows = np.linspace(0.0, knots - 1.0, SIZE)[:, None]
    weights = np.exp(-0.5 * ((rows - np.arange(knots)) / 0.6) ** 2)
    return row_stochastic(weights)


def row_stochastic(weights: NDArray[np.float64]) -> Field:
    """Weights scaled so that each row sums to 1; what is next to nothing is nothing."""
    kept = np.where(weights > NEGLIGIBLE, weights, 0.0)
    return np.asarray(kept / kept.sum(axis=1, keepdims=True), dtype=np.float32)


def smoothed(weights: Field, field: Field) -> Field:
    """The product weights @ field @ weights.T, in slices so small that the linear algebra library starts no threads of its own.

    Films are drawn by several threads while other processes want the cores; threads below those cost three times the work.
    """
    return _sliced(weights, _sliced(weights, np.ascontiguousarray(field.T)).T)


def _sliced(left: Field, right: Field) -> Field:
    slices = left.reshape(-1, SLICE, left.shape[1]) @ right
    return np.asarray(slices.reshape(len(left), -1))


def _grid(shift_x: float, shift_y: float, turn: float) -> tuple[Field, Field]:
    """The grid as this patient stands in it: a little off centre, a little askew."""
    x, y = _axes()
    return np.asarray(x - shift_x + turn * y, dtype=np.float32), np.asarray(y - shift_y - turn * x, dtype=np.float32)


def _edge(distance: Field, width: float) -> Field:
    """1 inside (positive distance), 0 outside, a linear ramp of `width` between."""
    return np.clip(0.5 + distance / np.float32(width), 0.0, 1.0)


def _disc(x: Field, y: Field, centre: tuple[float, float], radius: float, softness: float) -> Field:
    return _edge(radius - np.hypot(x - np.float32(centre[0]), y - np.float32(centre[1])), softness)


def _texture(knots: int, rng: Generator) -> Field:
    """Smooth noise of about `knots` grains across the film, standard deviation near 1."""
    weights = spread(knots)
    grains = rng.standard_normal((knots, knots), dtype=np.float32)
    return np.float32(1.8) * smoothed(weights, grains)


def _cage_half_width(y: Field, cage: float) -> Field:
    """A superellipse: pointed at the apex (y = -0.9), widest at y = 0.45, straight below."""
    rise = np.clip((0.45 - y) / np.float32(1.35), 0.0, 1.0)
    return np.float32(cage) * np.clip(1.0 - rise**2.6, 0.0, 1.0) ** np.float32(0.45)


def _lungs(x: Field, y: Field, chest: Chest, cage: float) -> Field:
    out = np.abs(x)
    side = np.sign(x)
    floor = 0.66 * chest.inspiration + np.float32(0.025) * side
    dome = floor - 0.20 * (1.0 - ((out - 0.36) / 0.46) ** 2)
    mediastinum = 0.15 + 0.03 * np.cos(4.0 * y) + (0.0 if chest.view == "PA" else 0.03)
    return _edge(np.minimum(np.minimum(_cage_half_width(y, cage) - out, out - mediastinum), dome - y), 0.05)


def _heart(x: Field, y: Field, chest: Chest, cage: float) -> Field:
    """A tilted ellipse, two thirds of it on the patient's left; nearer to the tube on AP films, so shown an eighth larger."""
    half = chest.heart * cage * (1.02 if chest.view == "PA" else 1.14)
    across, down = x - np.float32(0.34 * half), y - np.float32(0.62 * chest.inspiration - 0.80 * half)
    along = 0.88 * across + 0.47 * down
    over = -0.47 * across + 0.88 * down
    return _edge(np.float32(half) * (1.0 - np.hypot(along / (1.08 * half), over / (0.80 * half))), 0.05)


def _body(x: Field, y: Field, chest: Chest) -> Field:
    """Neck, shoulders and trunk; thicker in the middle than at the flanks."""
    shoulders = 0.22 + 0.95 * np.clip((y + 0.98) / 0.30, 0.0, 1.0) ** 0.6 - 0.16 * np.clip((y + 0.55) / 0.5, 0.0, 1.0)
    wide = shoulders * (0.95 + 0.08 * (chest.girth - 1.0))
    trachea = 0.16 * _edge(0.045 - np.abs(x), 0.04) * _edge(-0.25 - y, 0.2)
    return _edge(wide - np.abs(x), 0.05) * (0.72 + 0.28 * np.sqrt(np.clip(1.0 - (x / 1.15) ** 2, 0.0, 1.0)) - trachea)


def _bones(x: Field, y: Field, chest: Chest, cage: float) -> Field:
    """Spine, ribs behind and in front, clavicles; denser in the young."""
    out = np.abs(x)
    density = 1.0 - 0.004 * max(chest.age - 45, 0)
    vertebrae = _edge(0.095 - out, 0.05) * (0.13 + 0.05 * np.cos(y * np.float32(2 * np.pi / 0.15)))
    behind = np.clip(1.6 * np.cos((y - 0.30 * out + 0.45 * out**2) * np.float32(2 * np.pi / 0.185)) - 0.5, 0.0, 1.0)
    front = np.clip(1.6 * np.cos((y - 0.75 * out) * np.float32(2 * np.pi / 0.23) + 1.0) - 0.6, 0.0, 1.0) * _edge(out - 0.35, 0.02)
    inside = _edge(_cage_half_width(y, cage) + 0.03 - out, 0.04) * _edge(0.62 - y, 0.3)
    clavicle = np.exp(-(((y + 0.70 + 0.16 * (out - 0.35)) / 0.035) ** 2)) * _edge(0.75 - out, 0.1) * _edge(out - 0.08, 0.05)
    return np.asarray(np.float32(density) * (vertebrae + (0.13 * behind + 0.05 * front) * inside + 0.17 * clavicle), dtype=np.float32)


def _shadows(x: Field, y: Field, chest: Chest, vessels: Field) -> Field:
    """Each shadow is a Gaussian mound with the lung's own grain in it."""
    total = np.zeros_like(x)
    for blob in chest.shadows:
        mound = np.exp(-((x - np.float32(blob.x)) ** 2 + (y - np.float32(blob.y)) ** 2) / np.float32(2 * blob.radius**2))
        total += np.float32(blob.depth) * mound * (1.0 + 0.35 * vessels)
    return total
