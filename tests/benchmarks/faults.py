"""Nothing lost, nothing twice, whatever is killed: `python -m tests.benchmarks.faults [--requests N] [--rounds N]`.

Two gateways share one spool volume and one Postgres, which they reach through a proxy. While clients send films and send them again until
they are answered, each round kills both gateways with SIGKILL, one after the other, kills Postgres with SIGKILL, stops it and freezes
it (SIGSTOP, then SIGCONT), and has the proxy reset every connection and swallow everything for a while. Nobody lends a hand.
Then: every answer with 2xx has exactly one row, no film has two, and the books balance. The last line is one JSON object; `ok` says so.

The full run is `--requests 50000 --rounds 10`: twenty kills of a gateway, ten of each fault of Postgres.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from sqlalchemy import Engine, text

from service.store.engine import open_engine
from service.store.ledgers import months, standings
from tests.benchmarks.besieged import FAULTS, MARKER, PATIENCE_S, SETTLED_WITHIN_S, Fault, Place, until
from tests.benchmarks.plain_http import Connection
from tests.postgres import reachable_folder

CLIENTS = 12
MOST_TRIES = 600


@dataclass
class Wanted:
    """How much of everything."""

    requests: int
    rounds: int
    faults: tuple[Fault, ...] = FAULTS
    pause: float = 2.0


@dataclass
class Told:
    """What clients were told: the ids of each film, and how every request ended."""

    ids: dict[int, set[str]] = field(default_factory=dict)
    ends: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)

    @property
    def requests(self) -> int:
        return sum(self.ends.values())


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--requests", type=int, default=3000, help="at least so many requests")
    parser.add_argument("--rounds", type=int, default=1, help="rounds of faults")
    arguments = parser.parse_args()
    print(json.dumps(run(Wanted(arguments.requests, arguments.rounds))))


def run(wanted: Wanted) -> dict[str, Any]:
    """The whole story in a folder of its own."""
    with ExitStack() as stack:
        folder = stack.enter_context(reachable_folder())
        place = Place(folder)
        stack.callback(place.close)
        return asyncio.run(story(place, wanted))


async def story(place: Place, wanted: Wanted) -> dict[str, Any]:
    """Films and faults at once, then quiet, then the books."""
    began = monotonic()
    for number in range(len(place.gateways)):
        place.start(number)
    told = Told()
    over = asyncio.Event()
    clients = [asyncio.create_task(client(place, told, number, wanted, over)) for number in range(CLIENTS)]
    await until(lambda: asyncio.sleep(0, told.ends["200"] > 0))
    for _ in range(wanted.rounds):
        for fault in wanted.faults:
            await place.suffer(fault)
            await asyncio.sleep(wanted.pause)
    over.set()
    await asyncio.gather(*clients)
    sent = monotonic() - began
    engine = open_engine(place.url)
    try:
        quiet = await settled(place, engine)
        found = await asyncio.to_thread(audit, engine, told)
    finally:
        engine.dispose()
    faults = {name.replace(" ", "_"): count for name, count in sorted(place.faults.items())}
    sound = found.pop("sound")
    return {
        "benchmark": "faults",
        "seconds": round(sent),
        "requests": told.requests,
        "ends": dict(told.ends),
        "answers": dict(told.kept),
        **faults,
        **found,
    } | {
        "recovered_by_itself": quiet,
        "ok": quiet and told.requests >= wanted.requests and sound,
    }


async def client(place: Place, told: Told, number: int, wanted: Wanted, over: asyncio.Event) -> None:
    """Films one after the other, each until it is answered, one in eight of them twice; for as long as there are faults and requests to send."""
    connections: list[Connection | None] = [None, None]
    film = number
    while not over.is_set() or told.requests < wanted.requests:
        for again in range(2 if film % 8 == 0 else 1):
            await ask(place, told, film, connections, first=(film + again) % 2)
        film += CLIENTS
    for connection in connections:
        if connection is not None:
            connection.close()
    await asyncio.sleep(0)  # the loop closes what was aborted


async def ask(place: Place, told: Told, film: int, connections: list[Connection | None], first: int) -> None:
    """Send a film to one gateway, then to the other, until one answers."""
    body = place.film.replace(MARKER, b"%010d" % (1_000_000_001 + film))
    for attempt in range(MOST_TRIES):
        gateway = (first + attempt) % 2
        try:
            connection = connections[gateway] or await Connection.open(place.ports[gateway])
            connections[gateway] = connection
            async with asyncio.timeout(PATIENCE_S):
                status, answer = await connection.post(body)
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
            told.kept[answer["recorded"] + (" again" if answer["replayed"] else "")] += 1
            return
        await asyncio.sleep(0.1)
    raise RuntimeError("a film was never answered")


async def settled(place: Place, engine: Engine) -> bool:
    """Both gateways answer and nothing waits in the spool: without a hand."""

    async def quiet() -> bool:
        left = any(place.folder.glob("spool/*/*.seg"))
        return not left and await place.answers(0) and await place.answers(1)

    try:
        await until(quiet, SETTLED_WITHIN_S)
    except TimeoutError:
        return False
    await asyncio.sleep(6.0)  # the last page of the books
    with engine.connect() as connection:
        return bool(connection.scalar(text("select true")))


def audit(engine: Engine, told: Told) -> dict[str, Any]:
    """The rows against what clients were told, and the books against both."""
    with engine.connect() as connection:
        rows = [str(one) for one in connection.scalars(text("select id from predictions"))]
        instances = connection.scalar(text("select count(distinct instance) from predictions"))
        aliases = {
            str(row.id): str(row.prediction) for row in connection.execute(text("select id, prediction from aliases where not conflict"))
        }
        pages, counted = standings(connection), months(connection)
    present = set(rows)
    led = {film: {aliases.get(one, one) for one in ids} for film, ids in told.ids.items()}
    lost = sum(not ids <= present for ids in led.values())
    twice = len(rows) - int(instances or 0) + sum(len(ids) > 1 for ids in led.values())
    unbalanced = sum(page.counts.unaccounted != 0 or page.counts.recorded > page.stored for page in pages)
    books = all(stored == there for _, stored, there in counted) and unbalanced == 0
    return {
        "films": len(told.ids),
        "rows": len(rows),
        "answers_without_a_row": lost,
        "films_twice": twice,
        "ids_that_lead_to_a_first_answer": len(aliases),
        "gateways_that_lived": len(pages),
        "told_recorded": sum(page.counts.recorded for page in pages),
        "told_spooled": sum(page.counts.spooled for page in pages),
        "drained": sum(page.drained for page in pages),
        "books_balance": books,
        "sound": lost == 0 and twice == 0 and books and len(rows) == len(told.ids),
    }


if __name__ == "__main__":
    main()
