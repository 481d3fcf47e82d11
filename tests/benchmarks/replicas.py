"""Two gateways and three workers on one Postgres, killed at random: `python -m tests.benchmarks.replicas [--minutes M] [--seed N]`.

Clients send films, as of the last days, and send each again until it is answered; meanwhile wards appear whose scanner was exchanged
two days ago, so that there is always something to count, to judge, to alarm and to deliver. Every few seconds one of the five processes
is killed with SIGKILL and started again. Nobody leads, nobody lends a hand. Then:

* every answer has its row, no film has two, and the books balance;
* no hour is tallied twice: the tally of each closed hour holds just the rows that are there, and each day the sum of its hours;
* each ward has one alarm and one remedy, and its message has reached the receiver under one id (a kill between the receiver's answer
  and the commit repeats a message under the same id, which is what the id is for: `sent_again`);
* the judgement of no model was ever older than a minute and the interval between two passes.

The last line is one JSON object; `ok` says so. The full run is `--minutes 10`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from time import monotonic
from typing import Any

from sqlalchemy import text

from service.store.ledgers import months, standings
from service.worker.reference import build_reference
from tests.benchmarks.besieged import until
from tests.benchmarks.installation import MODEL, WORKER_INTERVAL_S, Installation
from tests.benchmarks.plain_http import Connection
from tests.postgres import reachable_folder
from tests.worker import hospital
from tests.worker.receiver import Receiver, receiving

CLIENTS, PATIENCE_S = 6, 20.0
FILMS_A_REFERENCE_DAY, REFERENCE_DAYS, RECENT_DAYS = 15, 30, 3
QUIET_DAYS, SHIFTED_DAYS = 5, 2
KILL_EVERY_S, WARD_EVERY_S = (4.0, 12.0), 20.0
LONGEST_S = 60.0 + WORKER_INTERVAL_S
SETTLED_WITHIN_S = 180.0


@dataclass
class Told:
    """What was seen: the ids of each film, how requests ended, the oldest judgement of any model."""

    ids: dict[int, set[str]] = field(default_factory=dict)
    ends: Counter[str] = field(default_factory=Counter)
    oldest_s: float = 0.0
    wards: int = 0


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = stack.enter_context(reachable_folder())
        receiver = stack.enter_context(receiving())
        settings = {"STEPWEDGE_REPLAY_CLOCK": "true", "STEPWEDGE_WEBHOOK_URL": receiver.url}
        place = Installation(folder, gateways=2, workers=3, **settings)
        stack.callback(place.close)
        print(json.dumps(asyncio.run(story(place, receiver, arguments.minutes, Random(arguments.seed)))))


async def story(place: Installation, receiver: Receiver, minutes: float, draw: Random) -> dict[str, Any]:
    """A reference, then films, wards and kills at once, then quiet, then the books."""
    told, over = Told(), asyncio.Event()
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = midnight - timedelta(days=REFERENCE_DAYS + RECENT_DAYS)
    hospital.FIRST = midnight - timedelta(days=hospital.REFERENCE_DAYS + QUIET_DAYS + SHIFTED_DAYS)
    place.start_all()
    await until(lambda: both_answer(place))
    await accept(place, told, first)
    began = monotonic()
    numbers = [10_000_000 * (client + 1) for client in range(CLIENTS)]
    clients = [asyncio.create_task(send(place, told, number, midnight, over)) for number in numbers]
    tasks = [
        asyncio.create_task(kill(place, over, draw)),
        asyncio.create_task(open_wards(place, told, over)),
        asyncio.create_task(look(place, told, over)),
    ]
    await asyncio.sleep(60.0 * minutes)
    over.set()
    await asyncio.gather(*clients, *tasks)
    seconds = monotonic() - began
    quiet = await settled(place, told)
    found = await asyncio.to_thread(audit, place, told, receiver)
    return {
        "benchmark": "replicas",
        "seconds": round(seconds),
        "kills": dict(place.kills),
        "requests": sum(told.ends.values()),
        "ends": dict(told.ends),
        "oldest_judgement_s": round(told.oldest_s, 1),
        **found,
        "recovered_by_itself": quiet,
        "ok": quiet and found["sound"] and told.oldest_s <= LONGEST_S,
    }


async def both_answer(place: Installation) -> bool:
    return all([await place.answers(part) for part in place.gateways])


async def accept(place: Installation, told: Told, first: datetime) -> None:
    """Films of the acceptance period, through the gateway, and the reference that is made of them."""
    days = range(REFERENCE_DAYS)
    for offset in range(FILMS_A_REFERENCE_DAY):
        moments = [first + timedelta(days=day, hours=7 + 12 * offset / FILMS_A_REFERENCE_DAY) for day in days]
        lines: list[list[Connection | None]] = [[None, None] for _ in days]
        asked = zip(days, moments, lines, strict=True)
        await asyncio.gather(*(ask(place, told, offset * REFERENCE_DAYS + day, at, line) for day, at, line in asked))
        for line in lines:
            close(line)
    await asyncio.to_thread(
        build_reference, place.engine, place.version, first, first + timedelta(days=REFERENCE_DAYS), at=datetime.now(UTC)
    )


async def send(place: Installation, told: Told, number: int, midnight: datetime, over: asyncio.Event) -> None:
    """Films one after the other, as of some moment of the last days, one in eight of them twice."""
    connections: list[Connection | None] = [None, None]
    draw = Random(number)
    while not over.is_set():
        at = midnight - timedelta(days=RECENT_DAYS) + timedelta(seconds=draw.uniform(0, 86400 * RECENT_DAYS))
        for _ in range(2 if number % 8 == 0 else 1):
            await ask(place, told, number, at, connections)
        number += 1
    close(connections)


async def ask(place: Installation, told: Told, film: int, at: datetime, connections: list[Connection | None]) -> None:
    """Send a film to one gateway after the other until one answers."""
    body, attempt = place.body(film), film
    while True:
        gateway = attempt % len(place.gateways)
        attempt += 1
        try:
            connection = connections[gateway] or await Connection.open(place.gateways[gateway].port)
            connections[gateway] = connection
            async with asyncio.timeout(PATIENCE_S):
                status, answer = await connection.post(body, Stepwedge_Received_At=at.isoformat())
        except (OSError, EOFError, TimeoutError) as error:
            told.ends[type(error).__name__] += 1
            if (broken := connections[gateway]) is not None:
                broken.close()
            connections[gateway] = None
            await asyncio.sleep(0.1)
            continue
        told.ends[str(status)] += 1
        if status == 200:
            told.ids.setdefault(film, set()).add(answer["id"])
            return
        await asyncio.sleep(0.1)


def close(connections: list[Connection | None]) -> None:
    for connection in connections:
        if connection is not None:
            connection.close()


async def kill(place: Installation, over: asyncio.Event, draw: Random) -> None:
    """One process after the other, whichever the dice say."""
    while not over.is_set():
        await asyncio.sleep(draw.uniform(*KILL_EVERY_S))
        await asyncio.to_thread(place.kill, draw.choice(place.parts))


async def open_wards(place: Installation, told: Told, over: asyncio.Event) -> None:
    """A ward with a past, whose scanner was exchanged two days ago, every so often."""
    while not over.is_set():
        await asyncio.to_thread(open_ward, place, told.wards)
        told.wards += 1
        await asyncio.sleep(WARD_EVERY_S)


def open_ward(place: Installation, number: int) -> None:
    version = hospital.make_version(place.engine, f"ward-{number}")
    shifted_from = hospital.REFERENCE_DAYS + QUIET_DAYS
    hospital.send_days(place.engine, version, 0, shifted_from)
    hospital.send_days(place.engine, version, shifted_from, SHIFTED_DAYS, hospital.Stream(scanner="Gamma", kvp=9.0))
    accepted = hospital.day(hospital.REFERENCE_DAYS)
    build_reference(place.engine, version, hospital.FIRST, accepted, at=accepted)


async def look(place: Installation, told: Told, over: asyncio.Event) -> None:
    """How old the judgement of any model gets."""
    while not over.is_set():
        told.oldest_s = max(told.oldest_s, await asyncio.to_thread(oldest_judgement, place))
        await asyncio.sleep(0.5)


def oldest_judgement(place: Installation) -> float:
    """Age of the oldest last run, in seconds."""
    query = text("select coalesce(max(extract(epoch from clock_timestamp() - computed_at)), 0) from snapshots")
    with place.engine.connect() as connection:
        return float(connection.scalar(query) or 0.0)


async def settled(place: Installation, told: Told) -> bool:
    """Nothing waits any more: no spool, no mark of a closed hour, no message, and each ward has its alarm."""

    async def quiet() -> bool:
        return not list(place.folder.glob("gateway-*/spool/*/*.seg")) and await asyncio.to_thread(nothing_waits, place, told)

    try:
        await until(quiet, SETTLED_WITHIN_S)
    except TimeoutError:
        return False
    await asyncio.sleep(6.0)  # the last page of the books
    return True


def nothing_waits(place: Installation, told: Told) -> bool:
    query = text("""
        select (select count(*) from tally_marks where hour < date_trunc('hour', now()) - interval '1 hour')
            + (select count(*) from outbox where delivered_at is null) as waiting,
            (select count(distinct model_version) from alarms) as alarmed
    """)
    with place.engine.connect() as connection:
        waiting, alarmed = connection.execute(query).one()
    return bool(waiting == 0 and alarmed >= told.wards)


def audit(place: Installation, told: Told, receiver: Receiver) -> dict[str, Any]:
    """Rows against answers, tallies against rows, alarms against what the receiver got, and the books against all."""
    with place.engine.connect() as connection:
        query = text("select id, instance from predictions where model_version = :version")
        rows = {str(row.id): row.instance for row in connection.execute(query, {"version": place.version.id})}
        aliases = {str(one.id): str(one.prediction) for one in connection.execute(text("select id, prediction from aliases"))}
        hours = dict(connection.execute(text(HOURS)).one()._mapping)
        alarms = dict(connection.execute(text(ALARMS)).one()._mapping)
        pages, counted = standings(connection), months(connection)
    led = [{aliases.get(one, one) for one in ids} for ids in told.ids.values()]
    lost, twice = sum(not ids <= set(rows) for ids in led), len(rows) - len(set(rows.values())) + sum(len(ids) > 1 for ids in led)
    unbalanced = sum(page.counts.unaccounted != 0 or page.counts.recorded > page.stored for page in pages)
    # Films of the wards are written past the gateways, so they stand in no book.
    books = unbalanced == 0 and all(stored <= there for _, stored, there in counted)
    delivered = Counter(receiver.ids)
    found = {
        "films": len(told.ids),
        "answers_without_a_row": lost,
        "films_twice": twice,
        "processes_that_lived": len(pages),
        "books_balance": books,
        **hours,
        "wards": told.wards,
        **alarms,
        "messages_delivered": len(delivered),
        "sent_again": sum(delivered.values()) - len(delivered),
    }
    once = alarms["alarms_twice"] == alarms["remedies_twice"] == 0 and len(delivered) == alarms["messages"]
    tallied = hours["hours_counted_wrong"] == hours["days_counted_wrong"] == 0 and hours["hours_tallied"] > 0
    return found | {"sound": lost == 0 and twice == 0 and books and tallied and once and alarms["wards_alarmed"] == told.wards}


HOURS = """
with active as (select id, model_version, until from reference_versions where state = 'active'),
tallied as (
    select a.model_version, t.reference, t.hour, sum(t.n) as n, count(*) as lines from tallies t join active a on a.id = t.reference
    where t.cell = 'all' group by 1, 2, 3
),
present as (
    select p.model_version, date_trunc('hour', p.received_at, 'UTC') as hour, count(*) as n
    from predictions p join active a on a.model_version = p.model_version where p.received_at >= a.until group by 1, 2
),
days as (
    select d.reference, d.day, sum(d.n) as n from day_tallies d join active a on a.id = d.reference where d.cell = 'all' group by 1, 2
),
summed as (select reference, timezone('UTC', hour)::date as day, sum(n) as n from tallied group by 1, 2)
select (select count(*) from tallied) as hours_tallied,
    (select count(*) from tallied full join present using (model_version, hour)
     where (tallied.n is distinct from present.n or lines > 1) and hour < date_trunc('hour', now()) - interval '1 hour') as hours_counted_wrong,
    (select count(*) from days join summed using (reference, day) where days.n <> summed.n) as days_counted_wrong
"""
ALARMS = f"""
select (select count(distinct model_version) from alarms join model_versions on model_versions.id = model_version
        where model <> '{MODEL}') as wards_alarmed,
    (select count(*) from (select 1 from alarms group by model_version, family, opened_at having count(*) > 1) twice) as alarms_twice,
    (select count(*) from (select 1 from remedies group by alarm having count(*) > 1) twice) as remedies_twice,
    (select count(*) from alarms) as alarms,
    (select count(*) from outbox) as messages
"""


if __name__ == "__main__":
    main()
