"""The archive: days as Parquet, read back before the store may forget them, and what is erased goes from them, too."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import timedelta
from uuid import uuid4

import fsspec
import numpy as np
import pytest
from sqlalchemy import delete, text

from service.config import Settings
from service.errors import DamagedObjectError
from service.store import archived
from service.store.archive import Archive
from service.store.erase import Named, erase
from service.store.parquet import opened, rows_of
from service.store.rows import Rows, rows_between
from service.store.spans import span_of
from service.store.tables import predictions
from service.worker.archive import archive_model, archived_first, forget_erased
from service.worker.calendar import day_of
from tests.worker.hospital import FILMS_A_DAY, FIRST, day, label, make_film, make_version, send, send_days

DAYS = 3
LATER = day(90)


def quietly(_done, _what):
    pass


@pytest.fixture(params=["file", "memory"])
def settings(request, tmp_path) -> Settings:
    place = str(tmp_path / "archive") if request.param == "file" else f"memory://archive-{uuid4().hex}"
    return Settings(data_dir=tmp_path, archive=place)


@pytest.fixture
def hospital(engine):
    """Three days of films; those of one patient among them."""
    version = make_version(engine)
    sent = send_days(engine, version, 0, DAYS)
    film, truth = make_film(version.id, day(1, 23.5), np.random.default_rng(3))
    pseudonyms = replace(film.pseudonyms, patient=b"P" * 16, study=b"S" * 16)
    send(engine, version, [(replace(film, pseudonyms=pseudonyms, flags=("clipped",)), truth)])
    return engine, version, sent


def archive_all(engine, settings):
    return archive_model(engine, settings, "chest", day(DAYS), at=LATER, tell=quietly)


def manifest_of(engine, version, number):
    with engine.connect() as connection:
        found = archived.find_day(connection, version.id, day_of(day(number)))
    assert found is not None
    return found.manifest


def test_an_archived_day_gives_the_same_rows_as_the_store(hospital, settings):
    engine, version, _ = hospital
    done = archive_all(engine, settings)
    assert (done.written, done.predictions, done.known) == (DAYS, DAYS * FILMS_A_DAY + 1, 0)
    for number in range(DAYS):
        tables = Archive(settings.archive_folder).read(version, day_of(day(number)), manifest_of(engine, version, number))
        again = rows_of(tables["predictions"], ("opacity",))
        with engine.connect() as connection:
            there = rows_between(connection, version.id, *span_of(day_of(day(number))), ("opacity",))
        for field in fields(Rows):
            one, other = getattr(again, field.name), getattr(there, field.name)
            assert np.array_equal(one, other, equal_nan=True) if isinstance(one, np.ndarray) else one == other, field.name


def test_a_film_that_was_taken_again_is_archived_and_does_not_count(engine, settings):
    version, rng = make_version(engine), np.random.default_rng(1)
    films = [make_film(version.id, day(0, 9.0 + number), rng) for number in range(3)]
    study = replace(films[0][0].pseudonyms, study=b"one study of it.")
    films = [(replace(film, pseudonyms=study, attributes=films[0][0].attributes), truth) for film, truth in films]
    send(engine, version, films)
    archive_all(engine, settings)
    tables = Archive(settings.archive_folder).read(version, day_of(FIRST), manifest_of(engine, version, 0))
    assert len(tables["predictions"]) == 3
    assert rows_of(tables["predictions"], ("opacity",)).ids == (films[2][0].id,)


def test_a_run_goes_on_where_it_was_and_a_late_label_is_archived_anew(hospital, settings):
    engine, version, sent = hospital
    archive_all(engine, settings)
    assert (archive_all(engine, settings).written, archive_all(engine, settings).known) == (0, DAYS)
    label(engine, sent[0], 0.0, day(80))
    assert (archive_all(engine, settings).written, archive_all(engine, settings).known) == (1, DAYS)
    store, root = fsspec.url_to_fs(settings.archive_folder)
    assert len(store.ls(f"{root}/{version.model}/{version.version}/{FIRST:%Y-%m-%d}")) == 3, "what is out of force is swept away"


def test_the_present_day_is_not_archived(hospital, settings):
    engine, _, _ = hospital
    done = archive_model(engine, settings, "chest", day(DAYS), at=day(2, 12.0), tell=quietly)
    assert done.written == 1, "a film of the second day may still be taken again"


def test_a_file_that_was_changed_or_is_missing_is_not_read(hospital, tmp_path):
    engine, version, _ = hospital
    settings = Settings(data_dir=tmp_path, archive=str(tmp_path / "archive"))
    archive_all(engine, settings)
    archive, folder = Archive(settings.archive_folder), tmp_path / "archive" / "chest" / "1" / f"{FIRST:%Y-%m-%d}"
    manifest = manifest_of(engine, version, 0)
    files = json.loads((folder / f"{manifest}.json").read_text())["files"]
    file = folder / f"{files['predictions']['sha256']}.parquet"
    whole = file.read_bytes()
    for damage in (lambda: file.write_bytes(whole[:-1] + b"?"), file.unlink):
        damage()
        with pytest.raises(DamagedObjectError):
            archive.read(version, day_of(FIRST), manifest)


def test_a_month_is_dropped_only_once_every_day_was_read_back(hospital, settings):
    engine, version, sent = hospital
    may_go = archived_first(engine, settings)
    month = FIRST.replace(day=1)
    assert not may_go(month)
    archive_all(engine, settings)
    assert may_go(month)
    label(engine, sent[0], 1.0, day(80))
    assert not may_go(month), "a statement came since"
    archive_all(engine, settings)
    assert may_go(month)
    store, root = fsspec.url_to_fs(settings.archive_folder)
    store.rm(f"{root}/chest/1/{day(1):%Y-%m-%d}", recursive=True)
    assert not may_go(month)
    assert may_go(month - timedelta(days=31)), "a month without predictions holds nothing back"
    with engine.begin() as connection:
        assert (
            connection.scalar(text("select count(*) from predictions where model_version = :id"), {"id": version.id})
            == DAYS * FILMS_A_DAY + 1
        )


def test_who_is_erased_is_skipped_at_once_and_then_gone_from_the_files(hospital, settings):
    engine, version, _ = hospital
    archive_all(engine, settings)
    with engine.begin() as connection:
        connection.execute(delete(predictions))  # as retention does: the store has forgotten them, the files have not
        erase(connection, Named.PATIENT, b"P" * 16, at=LATER, actor="on-site")
    with engine.connect() as connection:
        _, erased = archived.tombstones(connection)
    archive = Archive(settings.archive_folder)
    before = archive.read(version, day_of(day(1)), manifest_of(engine, version, 1))["predictions"]
    assert len(rows_of(before, ("opacity",), erased=erased)) == FILMS_A_DAY
    assert forget_erased(engine, settings, LATER) == 1
    after = archive.read(version, day_of(day(1)), manifest_of(engine, version, 1))
    assert len(after["predictions"]) == len(after["labels"]) == FILMS_A_DAY
    store, root = fsspec.url_to_fs(settings.archive_folder)
    everything = [store.cat_file(path) for path in store.find(root) if path.endswith(".parquet")]
    assert not any(b"P" * 16 in one.as_py() for content in everything for one in patients(content))
    with engine.connect() as connection:
        assert archived.tombstones(connection) == ([], {})


def patients(content):
    table = opened(content)
    return [one for one in table["patient"] if one.is_valid] if "patient" in table.column_names else []


def test_nothing_is_buried_where_there_is_no_archive(hospital):
    engine, _, _ = hospital
    with engine.begin() as connection:
        erase(connection, Named.PATIENT, b"P" * 16, at=LATER, actor="on-site")
        assert archived.tombstones(connection) == ([], {})
