"""Label: what a reader states about a film, from the door to the record; why a statement was not taken, in our own words."""

from __future__ import annotations

from collections.abc import Mapping

from service.errors import StepwedgeError, UnknownFindingError, UnknownModelError, UnknownPredictionError
from service.gateway.pseudonym import pseudonym
from service.store.statements import Fate

REFUSED: Mapping[Fate, type[StepwedgeError]] = {
    Fate.UNKNOWN_PREDICTION: UnknownPredictionError,
    Fate.UNKNOWN_FINDING: UnknownFindingError,
    Fate.UNKNOWN_MODEL: UnknownModelError,
}


def reader_token(key: bytes, reader: str | None) -> bytes | None:
    return pseudonym(key, "reader", reader) if reader else None


def refusal(fate: Fate) -> StepwedgeError | None:
    """Why a statement was not taken; None where it was, or waits for its film."""
    return REFUSED[fate]() if fate in REFUSED else None
