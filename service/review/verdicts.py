"""Verdicts: what a confirmation or a report found, as it is stored and read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

FOUND: Final = "found.json"
PERMUTATIONS: Final = 400
"""Enough for a p-value below .05 over 19 tests."""
LEVEL: Final = 0.05
FOLDER: Final = "reports"
"""Of the object folder, where pages lie."""
SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class TwoSample:
    """One test in one space.

    p_value: of the window against the reference; of a permutation test at least 1 / 401, as it must be.
    quiet_p_value: of a stretch of the reference against the rest of it; None where it was too short.
    """

    test: str
    space: str
    statistic: float
    p_value: float
    n_reference: int
    n_window: int
    quiet_p_value: float | None
    n_quiet: int


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What alibi-detect said of an alarm. version: of alibi-detect. seed: of draw and permutations. left_out: tests that could not be made."""

    version: str
    seed: int
    tests: tuple[TwoSample, ...]
    left_out: tuple[str, ...] = ()

    @property
    def level(self) -> float:
        """The p-value below which one test differs: .05 over all of them."""
        return LEVEL / max(len(self.tests), 1)

    @property
    def differing(self) -> int:
        """Tests that see a difference between window and reference."""
        return sum(one.p_value <= self.level for one in self.tests)

    @property
    def differing_in_quiet(self) -> int:
        """Tests that see one within the reference, too."""
        return sum(one.quiet_p_value is not None and one.quiet_p_value <= self.level for one in self.tests)

    @property
    def summary(self) -> str:
        """In a sentence."""
        n = len(self.tests)
        told = f"{self.differing} of {n} tests of alibi-detect see a difference between the window and the reference"
        return f"{told}; {self.differing_in_quiet} of {n} see one between a quiet stretch of the reference and the rest of it."

    @classmethod
    def restore(cls, stored: Mapping[str, Any]) -> Confirmation:
        """As it was stored."""
        tests: Sequence[Mapping[str, Any]] = stored["tests"]
        return cls(stored["version"], stored["seed"], tuple(TwoSample(**one) for one in tests), tuple(stored.get("left_out", ())))


@dataclass(frozen=True, slots=True)
class EvidentlyReport:
    """What Evidently said. p_values: by column, smallest first. sha256: of the page, and its name in the object folder."""

    version: str
    seed: int
    sha256: str
    level: float
    n_reference: int
    n_window: int
    p_values: Sequence[tuple[str, float]]

    @property
    def drifting(self) -> tuple[str, ...]:
        """Columns that differ, at .05 over all of them."""
        return tuple(name for name, p_value in self.p_values if p_value <= self.level)

    @property
    def summary(self) -> str:
        """In a sentence."""
        first = ", ".join(self.drifting[:SHOWN]) + (" ..." if len(self.drifting) > SHOWN else "")
        films = f"{self.n_window} films of the window against {self.n_reference} of the reference"
        return f"{len(self.drifting)} of {len(self.p_values)} columns differ ({films}){': ' if first else ''}{first}"

    @classmethod
    def restore(cls, stored: Mapping[str, Any]) -> EvidentlyReport:
        """As it was stored."""
        p_values = sorted(stored["p_values"].items(), key=lambda item: (item[1], item[0]))
        plain = {name: stored[name] for name in ("version", "seed", "sha256", "level", "n_reference", "n_window")}
        return cls(**plain, p_values=tuple(p_values))
