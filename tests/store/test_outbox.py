"""Alarms open once, remedies once each, messages are tried by one worker at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import Engine

from service.domain import Alarm, Carrier
from service.store import outbox
from service.store.alarms import alarms_of, clear_alarm, count_alarms, open_alarm, open_alarms, update_alarm
from service.store.ids import uuid7
from service.store.references import active_reference, save_reference
from service.store.remedies import Remedy, State, count_open_remedies, open_remedy, remedies_of
from service.store.remedy_steps import expire_remedy, steps_of
from tests.store.builders import AT, make_version

REMEDY = outbox.Kind.REMEDY
CARRIER = Carrier("s", "acquisition", "all", "Manufacturer", "", "unseen", "above", 0.0, 0.5, 40, 2.0)


def make_reference(engine: Engine) -> tuple[int, int]:
    version = make_version(engine)
    with engine.begin() as connection:
        stored = save_reference(connection, version.id, since=AT, until=AT, built_at=AT, payload=b"reference")
    return version.id, stored.id


def make_alarm(version: int, reference: int, family: str = "inputs") -> Alarm:
    return Alarm(uuid7(AT), version, reference, "acquisition", family, "all", AT, AT, None, 2.0, "moved", (CARRIER,))


def test_one_alarm_of_a_family_is_open_at_a_time(engine: Engine) -> None:
    version, reference = make_reference(engine)
    first, second, other = make_alarm(version, reference), make_alarm(version, reference), make_alarm(version, reference, "truth")
    with engine.begin() as connection:
        assert [open_alarm(connection, one) for one in (first, first, second, other)] == [True, False, False, True]
        assert open_alarms(connection, reference) == [first, other]
        clear_alarm(connection, first.id, AT + timedelta(days=1))
        assert open_alarm(connection, second)
        assert len(alarms_of(connection, version)) == 3
        assert count_alarms(connection, version) == {"acquisition": 3}


def test_of_workers_that_find_the_same_at_once_one_opens_the_alarm(engine: Engine) -> None:
    version, reference = make_reference(engine)

    def find(_: int) -> bool:
        with engine.begin() as connection:
            return open_alarm(connection, make_alarm(version, reference))

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(find, range(8))) == [False] * 7 + [True]


def test_an_alarm_keeps_what_is_known_of_it_now(engine: Engine) -> None:
    version, reference = make_reference(engine)
    alarm = make_alarm(version, reference)
    later = Alarm(alarm.id, version, reference, "both", "inputs", "site=north", AT, AT, None, 9.0, "moved more", (CARRIER, CARRIER))
    with engine.begin() as connection:
        open_alarm(connection, alarm)
        update_alarm(connection, later)
        assert alarms_of(connection, version) == [later]


def test_a_new_reference_retires_the_former_one(engine: Engine) -> None:
    version, first = make_reference(engine)
    with engine.begin() as connection:
        second = save_reference(connection, version, since=AT, until=AT, built_at=AT, payload=b"second")
        active = active_reference(connection, version)
    assert second.id != first
    assert active == second


def test_an_alarm_has_one_remedy_that_expires_undecided(engine: Engine) -> None:
    version, reference = make_reference(engine)
    alarm = make_alarm(version, reference)
    remedy, twin = (Remedy(uuid7(AT), alarm.id, "investigate", "proposed", AT) for _ in range(2))
    with engine.begin() as connection:
        open_alarm(connection, alarm)
        assert [open_remedy(connection, remedy), open_remedy(connection, twin)] == [True, False]
        assert remedies_of(connection, version) == [replace(remedy, model_version=version)]
        assert count_open_remedies(connection) == {("chest", "1", "investigate"): 1}
        expire_remedy(connection, alarm.id, AT, "worker", "the alarm cleared")
        assert count_open_remedies(connection) == {}
        assert [(step.step, step.reason) for step in steps_of(connection, remedy.id)] == [(State.EXPIRED, "the alarm cleared")]


def test_a_message_is_tried_by_one_worker_at_a_time_until_it_is_delivered(engine: Engine) -> None:
    version, reference = make_reference(engine)
    alarm, identifier = make_alarm(version, reference), uuid4()
    remedy = Remedy(uuid7(AT), alarm.id, "investigate", "proposed", AT)
    with engine.begin() as connection:
        open_alarm(connection, alarm)
        open_remedy(connection, remedy)
        assert [outbox.enqueue(connection, identifier, remedy.id, b"body", AT) for _ in range(2)] == [True, False]
    with engine.begin() as one, engine.begin() as two:
        (message,) = outbox.due(one, REMEDY, AT)
        assert (message.id, message.body, message.attempts) == (identifier, b"body", 0)
        assert outbox.due(two, REMEDY, AT) == []
        outbox.failed(one, identifier, "503", AT + timedelta(seconds=5))
    with engine.begin() as connection:
        assert outbox.due(connection, REMEDY, AT) == []
        assert outbox.count_messages(connection)[REMEDY] == outbox.OutboxCounts(pending=1, dead=0, waiting_since=AT)
        (again,) = outbox.due(connection, REMEDY, AT + timedelta(seconds=5))
        assert again.attempts == 1
        outbox.delivered(connection, identifier, AT)
        assert outbox.due(connection, REMEDY, AT + timedelta(days=9)) == []
        assert outbox.count_messages(connection)[REMEDY] == outbox.OutboxCounts(pending=0, dead=0)


def test_a_message_that_is_given_up_is_counted_and_never_tried_again(engine: Engine) -> None:
    version, reference = make_reference(engine)
    alarm = make_alarm(version, reference)
    remedy, identifier = Remedy(uuid7(AT), alarm.id, "investigate", "proposed", AT), uuid4()
    with engine.begin() as connection:
        open_alarm(connection, alarm)
        open_remedy(connection, remedy)
        outbox.enqueue(connection, identifier, remedy.id, b"body", AT)
        outbox.dead(connection, identifier, "gone", AT)
        assert outbox.due(connection, REMEDY, AT + timedelta(days=9)) == []
        assert outbox.count_messages(connection)[REMEDY] == outbox.OutboxCounts(pending=0, dead=1)
