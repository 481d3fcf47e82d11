"""`stepwedge up`: everything on one machine, with one command."""

from __future__ import annotations

import asyncio
import http.client
import signal
import sys
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import typer

from service.cli.crew import Crew, News
from service.cli.secret_files import API_KEY, own_api_key, own_key
from service.cli.setup import address_of, connection_to, database, need_free, read_settings
from service.config import Settings
from service.errors import SetupError
from service.store.engine import open_engine
from service.store.migrate import migrate

READY_WITHIN_S = 60.0
LOOK_EVERY_S = 0.1
LINES_SHOWN = 10
DEMO_GUESTS = "predict,label,read"

Demo = Annotated[bool, typer.Option("--demo", help="Register a demo model and stream synthetic films in which something really drifts.")]


def up(demo: Demo = False) -> None:
    """Run everything here: Postgres (or DATABASE_URL), the gateway and the worker.

    The address is http://127.0.0.1:8000 unless STEPWEDGE_PORT says otherwise. Ctrl-C stops all of it; the data stay in .stepwedge.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    settings = read_settings()
    need_free(settings.host, settings.port, "STEPWEDGE_PORT")
    need_free(settings.host, settings.worker_port, "STEPWEDGE_WORKER_PORT")
    with database(settings) as url:
        migrate(url)
        engine = open_engine(url)
        key = own_api_key(engine, settings.data_dir, datetime.now(UTC))
        engine.dispose()
        asyncio.run(run(settings, laptop(settings, url, demo=demo), key, demo=demo))
    typer.echo("Stopped.")


def laptop(settings: Settings, url: str, *, demo: bool) -> dict[str, str]:
    """What the children's environment has besides ours: one database, one address for everything, a key of this folder's own."""
    environment = {"DATABASE_URL": url, "STEPWEDGE_EXPORT_MEASUREMENTS": "true"}
    if demo:
        environment |= {"STEPWEDGE_REPLAY_CLOCK": "true", "STEPWEDGE_REVIEW_ALARMS": "true"}
        if settings.alibi_licence == "none":  # a demo with synthetic films is what its licence calls no production
            environment["STEPWEDGE_ALIBI_LICENCE"] = "evaluation"
        if is_loopback(settings.host) and not settings.anonymous_may:
            environment["STEPWEDGE_ANONYMOUS_MAY"] = DEMO_GUESTS
    if settings.pseudonym_key is None and settings.pseudonym_key_file is None:
        environment["STEPWEDGE_PSEUDONYM_KEY_FILE"] = str(own_key(settings.data_dir))
    return environment


def is_loopback(host: str) -> bool:
    """Whether only this machine can call."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


async def run(settings: Settings, environment: dict[str, str], key: str, *, demo: bool) -> None:
    """Start the gateway, then the demo, then the worker; stay until asked to stop."""
    address = address_of(settings)
    async with Crew(environment, settings.data_dir / "logs") as crew:
        await crew.start("gateway")
        news = await until_live(crew, settings)
        if news is None:
            greet(address, settings.data_dir, key, environment.get("STEPWEDGE_ANONYMOUS_MAY", settings.anonymous_may))
            news = await told(crew, address) if demo else None
        if news is None:
            await crew.start("worker")
            news = await crew.news()
    if news is not None and news.member is not None:
        log = crew.log_of(news.member)
        raise SetupError(f"`stepwedge {news.member}` ended with code {news.code}. Everything is stopped. The end of {log}:\n{tail(log)}")


def tail(log: Path) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-LINES_SHOWN:])


async def until_live(crew: Crew, settings: Settings) -> News | None:
    """None when the gateway answers; otherwise what kept it from that."""
    for _ in range(int(READY_WITHIN_S / LOOK_EVERY_S)):
        if await asyncio.to_thread(answers, settings):
            return None
        news = await crew.news(within=LOOK_EVERY_S)
        if news is not None:
            return news
    raise SetupError(f"The gateway did not answer within {READY_WITHIN_S:.0f} s. Everything is stopped.")


def answers(settings: Settings) -> bool:
    connection = connection_to(settings, 1.0)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


async def told(crew: Crew, address: str) -> News | None:
    """Let the demo tell its story; None when it came to its end."""
    await crew.start("demo", "--url", address)
    news = await crew.news()
    return None if news == News(member="demo", code=0) else news


def greet(address: str, data_dir: Path, key: str, guests: str) -> None:
    typer.echo(f"Stepwedge answers at {address}")
    typer.echo(f"  Your key      {key} (all roles; kept in {data_dir / API_KEY})")
    if guests:
        typer.echo(
            f"  Without a key anybody who reaches this address may: {guests.replace(',', ', ')}. Fit for a demo on one's own machine only."
        )
    typer.echo(f"  Ready?        curl {address}/readyz")
    typer.echo("  Your model    stepwedge register FOLDER")
    typer.echo("  A film        curl --data-binary @film.dcm -H 'Content-Type: application/dicom' \\")
    typer.echo(f'                  -H "Authorization: Bearer $(cat {data_dir / API_KEY})" {address}/v1/models/MODEL/predictions')
    typer.echo(f"  Logs          {data_dir / 'logs'}")
    typer.echo("  Ctrl-C stops everything; the data stay.")
