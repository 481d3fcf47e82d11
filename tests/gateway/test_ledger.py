"""The capture ledger balances."""

from __future__ import annotations

from typing import TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from service.domain import Durability, Outcome
from service.gateway.ledger import Ledger, Receipt


class Balance(TypedDict):
    received: float
    ended: float
    in_progress: float


def total(registry: CollectorRegistry, name: str) -> float:
    return sum(sample.value for family in registry.collect() for sample in family.samples if sample.name == name)


def balance(registry: CollectorRegistry) -> Balance:
    ends = [f"stepwedge_requests_{end}_total" for end in ("recorded", "replayed", "spooled", "unrecorded", "refused", "failed")]
    return Balance(
        received=total(registry, "stepwedge_requests_received_total"),
        ended=sum(total(registry, name) for name in ends),
        in_progress=total(registry, "stepwedge_requests_in_progress"),
    )


def finish(receipt: Receipt, end: str) -> None:
    match end:
        case "recorded" | "replayed":
            receipt.answered(replayed=end == "replayed")
        case "spooled" | "unrecorded":
            receipt.answered(replayed=False, where=Durability.SPOOL if end == "spooled" else Durability.NO)
        case "refused" | "failed":
            receipt.unanswered(Outcome(end), "undecodable")


@given(st.lists(st.sampled_from(["recorded", "replayed", "spooled", "unrecorded", "refused", "failed", "still in work"])))
def test_received_is_always_what_ended_and_what_is_in_work(ends: list[str]) -> None:
    registry = CollectorRegistry()
    ledger = Ledger(registry)
    for end in ends:
        finish(ledger.receive("chest"), end)
    books = balance(registry)
    assert books["received"] == len(ends) == books["ended"] + books["in_progress"]


def test_a_request_ends_once() -> None:
    registry = CollectorRegistry()
    receipt = Ledger(registry).receive("chest")
    receipt.answered(replayed=False)
    receipt.unanswered(Outcome.FAILED, "internal-error")
    assert balance(registry) == {"received": 1, "ended": 1, "in_progress": 0}


def test_a_model_s_series_exist_from_its_first_request_so_that_a_rate_starts_at_zero() -> None:
    registry = CollectorRegistry()
    Ledger(registry).receive("chest")
    assert registry.get_sample_value("stepwedge_requests_recorded_total", {"model": "chest"}) == 0
    assert registry.get_sample_value("stepwedge_requests_replayed_total", {"model": "chest"}) == 0


def test_a_stage_that_raises_is_timed_too() -> None:
    registry = CollectorRegistry()
    ledger = Ledger(registry)
    with pytest.raises(ZeroDivisionError), ledger.stage("decode"):
        _ = 1 / 0
    assert registry.get_sample_value("stepwedge_stage_duration_seconds_count", {"stage": "decode"}) == 1
