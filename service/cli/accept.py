"""`stepwedge accept`: whether a model may go live at a site, on a scanner or as a new version, as a report that is signed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from service.access import Act, Deed
from service.cli.secret_files import with_own_pseudonym_key
from service.cli.setup import actor, database, read_settings
from service.errors import DamagedReportError, InvalidRequestError, SetupError, UnknownVersionError
from service.gateway.key import pseudonym_key
from service.store.audit import append
from service.store.engine import connected
from service.store.models import champion, find_version

accept = typer.Typer(
    help="Acceptance on local films before a site, a scanner or a version goes live: a signed report.", no_args_is_help=True
)

Model = Annotated[str, typer.Argument(help="Name of the model.", show_default=False)]
Version = Annotated[str | None, typer.Option("--version", help="Version; the one in service by default.", show_default=False)]
Of = Annotated[str, typer.Option("--of", metavar="PLACE", help="Whose films: site=south, ManufacturerModelName=GAMMA, or all.")]
Since = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Films from this day on, in UTC.", show_default=False)]
Cases = Annotated[int, typer.Option(min=0, help="The first so many labelled films count, and fewer are too few; 0: all.")]
Claim = Annotated[
    list[str] | None, typer.Option("--claim", metavar="MEASURE=VALUE", help="What was claimed: auroc, sensitivity, specificity.")
]
Out = Annotated[Path | None, typer.Option("--out", help="File to write: .html is a page, anything else JSON.", dir_okay=False)]
File = Annotated[Path, typer.Argument(help="A report, JSON or page.", exists=True, dir_okay=False, show_default=False)]
PublicKey = Annotated[
    str | None, typer.Option("--public-key", help="Key of the service that signed it; this service's own by default.", show_default=False)
]


@accept.command()
def run(
    model: Model,
    *,
    version: Version = None,
    of: Of = "all",
    since: Since = None,
    cases: Cases = 0,
    claim: Claim = None,
    out: Out = None,
) -> None:
    """Judge a version on the labelled films of a place. Exit 0: pass. 1: fail. 2: not known yet, and how many films more are needed."""
    from service.remedies.accept import Local  # noqa: PLC0415 - scipy takes a second to import; --help must not wait for it
    from service.remedies.accept import accept as judged  # noqa: PLC0415 - likewise
    from service.remedies.accept_report import page_of, report_of  # noqa: PLC0415 - likewise
    from service.remedies.signature import sign  # noqa: PLC0415 - likewise

    settings, now = with_own_pseudonym_key(read_settings()), datetime.now(UTC)
    secret = pseudonym_key(settings)
    try:
        local = Local(of, None if since is None else since.replace(tzinfo=UTC), cases, claims_of(claim or []))
        with database(settings) as url, connected(url) as connection:
            chosen = champion(connection, model) if version is None else find_version(connection, model, version)
            if chosen is None:
                raise UnknownVersionError
            found = judged(connection, chosen, local, now)
            signed = sign(report_of(chosen, local, found, now, actor()), secret)
            details = {"model": model, "place": of, "decision": found.decision.value, "signature": signed.signature}
            append(connection, Act(now, actor(), Deed.ACCEPTANCE_RUN, str(chosen.id), details))
    except InvalidRequestError as error:
        raise SetupError(str(error)) from None
    typer.echo(f"{found.decision.upper()}: {found.summary}", err=out is None)
    text = page_of(signed) if out is not None and out.suffix == ".html" else signed.to_json()
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
        typer.echo(f"{out}: signed with {signed.public_key}")
    raise typer.Exit({"pass": 0, "fail": 1}.get(found.decision, 2))


@accept.command()
def verify(file: File, public_key: PublicKey = None) -> None:
    """Say whether a report is just what was signed, and by this service or the one of a public key."""
    from service.remedies.accept_report import verified  # noqa: PLC0415 - likewise
    from service.remedies.signature import public_key_of  # noqa: PLC0415 - likewise

    key = public_key or public_key_of(pseudonym_key(with_own_pseudonym_key(read_settings())))
    try:
        report = verified(file.read_text(encoding="utf-8"), key).report
    except (DamagedReportError, UnicodeDecodeError):
        raise SetupError(str(DamagedReportError())) from None
    typer.echo(f"Signed with {key}: {report['model']} {report['version']}, {report['declared']['place']}: {report['decision']}")


def claims_of(stated: list[str]) -> dict[str, float]:
    """What is claimed for a model.

    Raises:
        InvalidRequestError: It is no measure with a number.

    >>> claims_of(["auroc=0.93", "sensitivity=0.9"])
    {'auroc': 0.93, 'sensitivity': 0.9}
    """
    try:
        return {name: float(value) for name, _, value in (one.partition("=") for one in stated)}
    except ValueError:
        raise InvalidRequestError("A claim is a measure and a number, such as auroc=0.93.") from None
