"""Standing: how each model in service stands, one short row a model, however many there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, select

from service.store.tables import alarms, model_versions, reference_versions, snapshots


@dataclass(frozen=True, slots=True)
class ModelStanding:
    """One model in service.

    reference: the active one, None before there is any. computed_at: when its last run ended; judged_until: the end of its last judged day.
    evidence, family, series: of its strongest series. open, since: alarms that are open against its reference, and when the first is
    estimated to have begun. year: alarms that were opened in the last 365 days, closed ones too.
    completeness: see Snapshot.
    """

    version_id: int
    model: str
    version: str
    registered_at: datetime
    alarms_per_year: float
    reference: int | None
    computed_at: datetime | None
    judged_until: datetime | None
    evidence: float | None
    family: str | None
    series: str | None
    completeness: Mapping[str, float | None]
    open: int
    kinds: tuple[str, ...]
    since: datetime | None
    year: int


def standings_of_models(connection: Connection, year_ago: datetime, model: str | None = None) -> list[ModelStanding]:
    """Every model in service, by name, or one of them. Of a snapshot only what is shown leaves the database."""
    versions, active, payload = model_versions, reference_versions, snapshots.c.payload
    strongest = payload["strongest"][0]
    told = _alarms(year_ago)
    query = (
        select(
            versions.c.id.label("version_id"),
            versions.c.model,
            versions.c.version,
            versions.c.registered_at,
            versions.c.manifest["monitoring"]["alarms_per_year"].as_float().label("alarms_per_year"),
            active.c.id.label("reference"),
            snapshots.c.computed_at,
            payload["judged_until"].astext.label("judged_until"),
            strongest["evidence"].as_float().label("evidence"),
            strongest["family"].astext.label("family"),
            strongest["series"].astext.label("series"),
            payload["completeness"].label("completeness"),
            func.coalesce(told.c.open, 0).label("open"),
            told.c.kinds,
            told.c.since,
            func.coalesce(told.c.year, 0).label("year"),
        )
        .outerjoin(active, and_(active.c.model_version == versions.c.id, active.c.state == "active"))
        .outerjoin(snapshots, and_(snapshots.c.model_version == versions.c.id, payload["reference"].as_integer() == active.c.id))
        .outerjoin(told, told.c.model_version == versions.c.id)
        .where(versions.c.state == "champion")
        .order_by(versions.c.model)
    )
    if model is not None:
        query = query.where(versions.c.model == model)
    return [_standing(dict(row._mapping)) for row in connection.execute(query)]  # noqa: SLF001 - SQLAlchemy's documented way to a row's names


def _alarms(year_ago: datetime):  # type: ignore[no-untyped-def] # noqa: ANN202 - a subquery, whose type is as long as itself
    active = reference_versions
    is_open = and_(alarms.c.cleared_at.is_(None), active.c.state == "active")
    return (
        select(
            alarms.c.model_version,
            func.count().filter(is_open).label("open"),
            func.array_agg(alarms.c.kind.distinct()).filter(is_open).label("kinds"),
            func.min(alarms.c.since).filter(is_open).label("since"),
            func.count().filter(alarms.c.opened_at > year_ago).label("year"),
        )
        .join(active, active.c.id == alarms.c.reference)
        .group_by(alarms.c.model_version)
        .subquery()
    )


def _standing(row: dict[str, object]) -> ModelStanding:
    judged, kinds = row["judged_until"], row["kinds"]
    return ModelStanding(
        **{
            **row,
            "alarms_per_year": row["alarms_per_year"] or 1.0,
            "judged_until": datetime.fromisoformat(str(judged)) if judged else None,
            "completeness": row["completeness"] or {},
            "kinds": tuple(kinds) if isinstance(kinds, list) else (),
        }  # type: ignore[arg-type] # the names and types of the query's columns
    )
