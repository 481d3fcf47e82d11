"""Alarm: what moved, since when, where, how surely, what others say of it, and what was made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from service.access import Role
from service.api.reviews import alarm_of, get_alarm_report
from service.api.state import service_of
from service.console.forms import read_form, reason_of
from service.console.page import Asked, Page, Place, href
from service.console.render import headers_for
from service.console.visitor import Visitor
from service.domain import Alarm, Alert, Carrier
from service.errors import UnknownAlarmError
from service.review.verdicts import Confirmation, EvidentlyReport
from service.store.acknowledgements import Acknowledgement, acknowledge, acknowledgements_of
from service.store.alerts import alerts_on
from service.store.ids import uuid7
from service.store.models import versions_by_id
from service.store.remedies import Remedy, remedies_of_alarm
from service.store.reviews import Kind, Review, reviews_of

PATH = "/console/models/{model}/alarms/{alarm}"
ACKNOWLEDGE = f"{PATH}/acknowledge"
REPORT = f"{PATH}/report"


@dataclass(frozen=True, slots=True)
class Moved:
    """One series that carries an alarm, in words."""

    one: Carrier
    what: str

    @property
    def up(self) -> bool:
        """Whether it rose; where its rate is hidden, the side it left its band on says so."""
        return self.one.side == "high" if self.one.rate is None else self.one.rate > self.one.reference_rate


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What other libraries say; None where they were not asked. made_at: when each was."""

    confirmation: Confirmation | None
    confirmed_at: datetime | None
    report: EvidentlyReport | None
    reported_at: datetime | None


@dataclass(frozen=True, slots=True)
class AlarmView:
    """An alarm with all that belongs to it."""

    alarm: Alarm
    version: str
    address: str
    moved: tuple[Moved, ...]
    reviewed: Reviewed
    acknowledged: tuple[Acknowledgement, ...]
    remedies: tuple[Remedy, ...]
    alerts: tuple[Alert, ...]


def alarm(connection: Connection, asked: Asked) -> AlarmView:
    """One alarm of any version of the model."""
    found = alarm_of(connection, asked.model, identifier_of(asked.path["alarm"]))
    return AlarmView(
        alarm=found,
        version=versions_by_id(connection)[found.model_version].version,
        address=href(PATH, model=asked.model, alarm=found.id),
        moved=tuple(Moved(one, what_moved(one)) for one in found.carriers),
        reviewed=_reviewed(reviews_of(connection, found.id)),
        acknowledged=acknowledgements_of(connection, [found.id]).get(found.id, ()),
        remedies=tuple(remedies_of_alarm(connection, found.id)),
        alerts=tuple(alerts_on(connection, found.id)),
    )


def identifier_of(text: str) -> UUID:
    """The id in an address.

    Raises:
        UnknownAlarmError: It is none.
    """
    try:
        return UUID(text)
    except ValueError:
        raise UnknownAlarmError from None


def what_moved(one: Carrier) -> str:
    """A series in words: whose share, of what.

    >>> what_moved(Carrier("", "acquisition", "all", "KVP", "", "missing", "high", 0.1, 0.2, 10, 1.0))
    'KVP: missing'
    """
    whose = one.finding if not one.feature else f"{one.finding} {one.feature}".strip()
    return f"{whose or one.family.replace('_', ' ')}: {one.bin}" if one.bin else whose or one.family.replace("_", " ")


def _reviewed(attached: Mapping[Kind, Review]) -> Reviewed:
    confirmation, report = attached.get(Kind.CONFIRMATION), attached.get(Kind.REPORT)
    return Reviewed(
        confirmation=None if confirmation is None else Confirmation.restore(confirmation.payload),
        confirmed_at=None if confirmation is None else confirmation.made_at,
        report=None if report is None else EvidentlyReport.restore(report.payload),
        reported_at=None if report is None else report.made_at,
    )


async def acknowledge_alarm(request: Request, visitor: Visitor) -> Response:
    """Keep who has seen an alarm and the reason, and show the alarm again."""
    visitor.need(Role.OPERATE)
    fields, now, service = await read_form(request, visitor), datetime.now(UTC), await service_of(request)
    model, identifier = request.path_params["model"], identifier_of(request.path_params["alarm"])
    said = Acknowledgement(uuid7(now), identifier, now, visitor.caller.name, reason_of(fields))

    def work(connection: Connection) -> None:
        alarm_of(connection, model, identifier)
        acknowledge(connection, said)

    await service.database.run(work)
    return RedirectResponse(f"{href(PATH, model=model, alarm=identifier)}#acknowledged", 303, headers=headers_for(request))


async def report(request: Request, visitor: Visitor) -> Response:
    """Evidently's page, under the headers that cut it off from everything."""
    visitor.need(Role.READ)
    model, identifier = request.path_params["model"], identifier_of(request.path_params["alarm"])
    return await get_alarm_report(model, identifier, visitor.caller, await service_of(request))


ALARM_PAGE = Page("alarm", "Alarm", PATH, alarm, Place.BELOW)
