"""Accounting: each prediction asked for is counted when it comes and when it ends, however it ends."""

from __future__ import annotations

from asyncio import CancelledError
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self

from service.api.problems import Kind, kind_of
from service.api.state import Service
from service.domain import Outcome, Refusal
from service.errors import OutOfScopeError
from service.gateway.ledger import NOBODY, UNKNOWN, Receipt
from service.gateway.path import Answer
from service.store.ids import uuid7

CANCELLED = Kind("cancelled", 503, "The service was stopped", Outcome.FAILED)


@dataclass(slots=True)
class Account:
    """One prediction in the books; an error that leaves its `with` block closes it. `site` and `input_bytes` are filled in as they become known."""

    service: Service
    receipt: Receipt
    at: datetime
    caller: str
    site: str
    input_bytes: int = 0

    @classmethod
    def open(cls, service: Service, model: str, at: datetime, caller: str) -> Account:
        """Count what came. A model that is not registered is counted as unknown: what callers make up never becomes a series."""
        receipt = service.ledger.receive(model if service.fleet.knows(model) or model == NOBODY else UNKNOWN)
        return cls(service, receipt, at, caller, service.settings.site)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None:
            self.unanswered(error)

    def answered(self, answer: Answer) -> None:
        self.receipt.answered(replayed=answer.replayed, where=answer.where)

    def unanswered(self, error: BaseException) -> Kind:
        """Count it and have it written down, with nothing of the film but its size."""
        kind = CANCELLED if isinstance(error, CancelledError) else kind_of(error)
        attribute = error.attribute if isinstance(error, OutOfScopeError) else None
        if self.receipt.open:
            if attribute is not None:
                self.service.gateway.notices.outside(self.receipt.model, attribute)
            self.receipt.unanswered(kind.outcome, kind.slug)
            self.service.refusals.add(
                Refusal(
                    id=uuid7(self.at),
                    at=self.at,
                    model=self.receipt.model,
                    site=self.site,
                    caller=self.caller,
                    outcome=kind.outcome,
                    reason=kind.slug,
                    status=kind.status,
                    input_bytes=self.input_bytes,
                    attribute=attribute,
                )
            )
        return kind


def turned_away(service: Service, model: str, at: datetime, caller: str, error: BaseException) -> None:
    """Book a prediction asked for by somebody who may not ask: it came, and it was refused."""
    Account.open(service, model, at, caller).unanswered(error)
