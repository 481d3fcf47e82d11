"""Standing: in one word, how a model is, and how urgent that is."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from service.store.standing import ModelStanding

STALE_AFTER = timedelta(hours=2)
"""A worker that runs passes over each model every minute or so; after this long nobody knows how the model is."""
RISING = 0.5
"""Evidence over its limit from which a series is worth a look, though nothing has been decided."""


class State(StrEnum):
    """Most urgent first."""

    ALARM = "alarm"
    STALE = "stale"
    UNWATCHED = "unwatched"
    WAITING = "waiting"
    RISING = "rising"
    WELL = "well"


WORDS = {
    State.ALARM: "Alarm",
    State.STALE: "Not looked at lately",
    State.UNWATCHED: "Not watched yet",
    State.WAITING: "First pass pending",
    State.RISING: "Worth a look",
    State.WELL: "No change found",
}
MEANS = {
    State.ALARM: "Evidence passed its limit: something is no longer as it was in the reference period.",
    State.STALE: "The worker has not finished a pass over it for more than two hours: how it is now, nobody knows.",
    State.UNWATCHED: "No reference period has been declared, so there is nothing to compare to: stepwedge reference build.",
    State.WAITING: "It has a reference, and the worker's first pass against it has not ended yet.",
    State.RISING: "Some evidence, less than its limit. Nothing is decided; it may fall again by itself.",
    State.WELL: "All evidence is far from its limit. What is too rare or too sparsely labelled to be seen is named on its page.",
}
MARKS = {
    State.ALARM: "bad",
    State.STALE: "warn",
    State.UNWATCHED: "none",
    State.WAITING: "none",
    State.RISING: "warn",
    State.WELL: "good",
}


def state_of(one: ModelStanding, now: datetime) -> State:
    """How a model is."""
    if one.reference is None:
        return State.UNWATCHED
    if one.open:
        return State.ALARM
    if one.computed_at is None:
        return State.WAITING
    if now - one.computed_at > STALE_AFTER:
        return State.STALE
    return State.RISING if (one.evidence or 0.0) >= RISING else State.WELL
