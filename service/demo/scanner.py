"""What a scanner makes of the rays: dose, quantum noise, blur, grey scale, and the attributes that it writes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from service.demo.phantom import SIZE, Field, row_stochastic, smoothed

BITS = 12


@dataclass(frozen=True, slots=True)
class Scanner:
    """One X-ray room.

    spacing: millimetres between pixel centres at the detector (a real one has about 0.15; these small films are binned).
    kvp, mas: usual tube voltage and charge; mas is scaled with the patient's girth.
    distance: from the tube to the detector, in millimetres.
    exposure_index: usual IEC exposure index; the quanta that reach a pixel of the detector rise with it.
    quanta: detected quanta per pixel in air at the usual exposure.
    blur: standard deviation of the detector's point spread, in pixels.
    window: attenuation shown as black and as white.
    gamma: exponent of the grey scale. sharpening: strength of the edge enhancement (0 none).
    """

    name: str
    manufacturer: str
    model: str
    software: str
    detector: str
    spacing: float
    kvp: float
    mas: float
    distance: float
    exposure_index: float
    quanta: float
    blur: float
    window: tuple[float, float]
    gamma: float
    sharpening: float


NORTH = Scanner(
    name="N-ROOM-1", manufacturer="Demo Imaging", model="Wedge 300", software="3.2.1", detector="DI-0417",
    spacing=3.024, kvp=120.0, mas=2.8, distance=1800.0, exposure_index=320.0,
    quanta=4200.0, blur=0.75, window=(0.05, 1.45), gamma=0.95, sharpening=0.5,
)  # fmt: skip
SOUTH = Scanner(
    name="S-ROOM-1", manufacturer="Phantom Works", model="Clarity", software="7.0", detector="PW-2231",
    spacing=3.003, kvp=117.0, mas=2.4, distance=1800.0, exposure_index=280.0,
    quanta=3400.0, blur=0.90, window=(0.05, 1.50), gamma=1.0, sharpening=0.3,
)  # fmt: skip
NORTH_MOBILE = Scanner(
    name="N-MOBILE", manufacturer="Demo Imaging", model="Wedge Mobile", software="2.8", detector="DI-0388",
    spacing=3.078, kvp=88.0, mas=3.2, distance=1200.0, exposure_index=400.0,
    quanta=2400.0, blur=1.05, window=(0.05, 1.50), gamma=0.95, sharpening=0.4,
)  # fmt: skip
SOUTH_MOBILE = replace(NORTH_MOBILE, name="S-MOBILE", detector="DI-0392")
REPLACEMENT = Scanner(
    name="N-ROOM-1", manufacturer="Demo Imaging", model="Wedge 500", software="5.0.0", detector="DI-1102",
    spacing=2.919, kvp=125.0, mas=1.6, distance=1800.0, exposure_index=220.0,
    quanta=2500.0, blur=0.60, window=(0.04, 1.50), gamma=0.92, sharpening=0.3,
)  # fmt: skip


@lru_cache(maxsize=16)
def _point_spread(sigma: float) -> Field:
    """Gaussian blur as a matrix [SIZE, SIZE]; blurring a film is one product from each side."""
    rows = np.arange(SIZE)
    return row_stochastic(np.exp(-0.5 * ((rows[:, None] - rows) / sigma) ** 2))


def expose(attenuation: Field, scanner: Scanner, dose: float, rng: Generator) -> NDArray[np.uint16]:
    """Pixels of the film, 12 bits, more is brighter.

    Of `quanta * dose` quanta that would reach a pixel in air, exp(-2 * attenuation) arrive; counting them has the relative
    error 1 / sqrt(count), so bright (dense) parts are the noisiest, as on a real detector. dose: exposure relative to the usual.
    """
    arriving = np.float32(scanner.quanta * dose) * np.exp(-2.0 * attenuation) + np.float32(0.02 * scanner.quanta * dose)
    noise = rng.standard_normal(attenuation.shape, dtype=np.float32) / np.sqrt(arriving)
    spread = _point_spread(scanner.blur)
    seen = smoothed(spread, attenuation + noise)
    if scanner.sharpening:
        wide = _point_spread(3.0)
        seen = seen + np.float32(scanner.sharpening) * (seen - smoothed(wide, seen))
    black, white = scanner.window
    grey = np.clip((seen - np.float32(black)) / np.float32(white - black), 0.0, 1.0) ** np.float32(scanner.gamma)
    return np.asarray(np.rint(grey * (2**BITS - 1)), dtype=np.uint16)
