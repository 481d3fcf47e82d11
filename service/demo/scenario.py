"""The story's calendar: how long it lasts, what is done to the stream, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

FINDINGS = ("opacity", "cardiomegaly")
SITES = ("north", "south")
DAYS = 135


@dataclass(frozen=True, slots=True)
class Scenario:
    """Days are counted from `epoch`, the first day of the acceptance period; every film follows from this object alone.

    acceptance_days: days whose films, all read at once, become the reference.
    replacement_day: first day of the new scanner in the main room of the north site.
    decay_day: from here on the acute patients of the south go elsewhere, and in their place come those of a thoracic surgery's
        follow-up; their scars look like opacities to the model, and the readers know better. The scores look as ever.
    days: days in all. studies_a_day: mean over the week, both sites together.
    """

    epoch: date
    seed: int = 1
    acceptance_days: int = 45
    replacement_day: int = 80
    decay_day: int = 95
    days: int = DAYS
    studies_a_day: float = 40.0

    def __post_init__(self) -> None:
        if not 0 < self.acceptance_days <= self.replacement_day <= self.decay_day <= self.days:
            raise ValueError("acceptance, replacement, decay and end come in this order")

    @classmethod
    def ending(cls, day: date, seed: int) -> Scenario:
        """The whole story with `day` as its first day after the end."""
        return cls(epoch=day - timedelta(days=DAYS), seed=seed)

    def date_of(self, day: int) -> date:
        return self.epoch + timedelta(days=day)

    def midnight(self, day: int) -> datetime:
        """The beginning of a day, UTC."""
        return datetime.combine(self.date_of(day), datetime.min.time(), tzinfo=UTC)
