"""Words: what operators, or enough patients, accepted as words that films may say in clear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from service.store.devices import Device, Sighting, record_sightings
from service.store.drivers import driver_cursor
from service.store.word_tables import accepted_words

MOST: Final = 20_000


class Source(StrEnum):
    """Who accepted or withdrew a word."""

    OPERATOR = "operator"
    PATIENTS = "patients"


@dataclass(frozen=True, slots=True)
class Word:
    """A word of one attribute. category: what is kept instead of it while it is not accepted; accepted: false where it was withdrawn."""

    keyword: str
    word: str
    category: str
    source: Source
    accepted: bool
    at: datetime


RENAMED: Final = """
delete from devices using (
    select devices.ctid as place, coalesce(maker.word, manufacturer) as maker, coalesce(kind.word, device_model) as kind,
        coalesce(version.word, software) as version
    from devices
        left join accepted_words maker on maker.accepted and maker.keyword = 'Manufacturer' and maker.category = manufacturer
        left join accepted_words kind on kind.accepted and kind.keyword = 'ManufacturerModelName' and kind.category = device_model
        left join accepted_words version on version.accepted and version.keyword = 'SoftwareVersions' and version.category = software
    where maker.word is not null or kind.word is not null or version.word is not null) named
where devices.ctid = named.place
returning model, site, maker, kind, version, station, first_seen, last_seen, films
"""


def accept_words(connection: Connection, found: Sequence[Word]) -> None:
    """Keep words that patients accepted; what is known of one already stays, most of all that it was withdrawn."""
    connection.execute(insert(accepted_words).on_conflict_do_nothing(), [asdict(word) for word in found])


def decide(connection: Connection, word: Word) -> None:
    """Keep what an operator says of a word."""
    statement = insert(accepted_words).values(**asdict(word))
    given = {name: statement.excluded[name] for name in ("category", "source", "accepted", "at")}
    connection.execute(statement.on_conflict_do_update(index_elements=["keyword", "word"], set_=given))


def words(connection: Connection) -> list[Word]:
    """Every word that somebody accepted or withdrew, oldest first."""
    query = select(accepted_words).order_by(accepted_words.c.at, accepted_words.c.keyword, accepted_words.c.word).limit(MOST)
    return [Word(**{**row._asdict(), "source": Source(row.source)}) for row in connection.execute(query)]


def rename_devices(connection: Connection) -> None:
    """Give the devices in the register the words that were accepted since they were written down."""
    with driver_cursor(connection) as cursor:
        renamed = cursor.execute(RENAMED).fetchall()
    merged: dict[Device, Sighting] = {}
    for *names, first, last, films in renamed:
        device = Device(*names)
        held = merged.get(device)
        merged[device] = Sighting(
            device,
            first if held is None else min(first, held.first_seen),
            last if held is None else max(last, held.last_seen),
            films + (0 if held is None else held.films),
        )
    record_sightings(connection, list(merged.values()))
