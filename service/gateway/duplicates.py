"""Near-duplicates: almost the same pixels as an earlier film of another study. A converter that sends one file for another makes them.

The memory is of this process alone and bounded: with several replicas a duplicate may meet one that has not seen the first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from service.domain import Pseudonyms
from service.gateway.picture import SIDE, Picture

FILMS = 2048
"""Films that are remembered of each model: little more than 1 MB."""
ALIKE = 0.998
"""Correlation of two pictures from which on they are one film.

A 64-bit hash does not part chest films: its copies lie within 6 bits, and so does the nearest of 600 strangers. Measured on the input of
a model: of 11 million pairs of 4,708 children's films (PneumoniaMNIST) and 183 thousand of adults' (NIH ChestX-ray14, reduced) none but
exact copies came over 0.985, and of phantom films none over 0.996; copies with noise, other brightness or JPEG lie over 0.9997.
"""


class Duplicates:
    """The last films of each model. Deciding and remembering is one step, about a tenth of a millisecond."""

    def __init__(self, films: int = FILMS) -> None:
        self._films = films
        self._models: dict[str, _Ring] = {}
        self._guard = Lock()

    def seen(self, model: str, picture: Picture | None, names: Pseudonyms) -> bool:
        """Whether almost this film came before under another study, or of another patient; it is remembered from now on.

        A film that names neither study nor patient is never called a duplicate, nor is one without any contrast.
        """
        if picture is None or (names.study is None and names.patient is None):
            return False
        with self._guard:
            ring = self._models.setdefault(model, _Ring(np.zeros((self._films, SIDE * SIDE), np.float32)))
            alike = np.flatnonzero(ring.pictures @ picture >= ALIKE)
            found = any(_others(ring.names[index], names) for index in alike.tolist())
            ring.remember(picture, names)
        return found


@dataclass(slots=True, eq=False)
class _Ring:
    pictures: NDArray[np.float32]
    names: list[Pseudonyms] = field(default_factory=list)
    place: int = 0

    def remember(self, picture: Picture, names: Pseudonyms) -> None:
        self.pictures[self.place] = picture
        self.names[self.place : self.place + 1] = [names]
        self.place = (self.place + 1) % len(self.pictures)


def _others(first: Pseudonyms, second: Pseudonyms) -> bool:
    """Whether two films are said to be of different studies or patients; what is not said differs from nothing."""
    pairs = ((first.study, second.study), (first.patient, second.patient))
    return any(a is not None and b is not None and a != b for a, b in pairs)
