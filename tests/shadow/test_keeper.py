"""Films are kept for retraining where a site asks for it, and are gone when they must be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import numpy as np
from sqlalchemy import Engine, select

from service.config import Settings
from service.store.blobs import fetch_named
from service.store.erase import Named, erase
from service.store.kept import announce, confirm, forget_instances, kept_among, name_of, packed, sweep_objects, unpacked
from service.store.predictions import find_prediction, record_batch
from service.store.tables import predictions
from tests.api.serving import DICOM, make_settings, register, serving, until, until_loaded
from tests.films import NAMES, make_film
from tests.store.builders import AT, make_prediction, make_version


def test_a_kept_film_is_the_models_input_and_goes_when_its_patient_is_erased(engine: Engine, postgres_url: str, tmp_path: Path) -> None:
    settings = make_settings(postgres_url, tmp_path, keep_instances=True)
    register(engine, settings, tmp_path / "package")
    with serving(settings) as client:
        until_loaded(client)
        one = UUID(client.post("/v1/models/chest/predictions", content=make_film(), headers=DICOM).json()["id"])
        tensor = {"name": "input", "shape": [1, 1, 64, 64], "datatype": "FP32", "data": [0.5] * 4096}
        assert client.post("/v2/models/chest/infer", json={"inputs": [tensor]}).status_code == 200
        until(lambda: 'stepwedge_kept_instances_total{outcome="kept"} 2.0' in client.get("/metrics").text)
    with engine.begin() as connection:
        (other,) = connection.scalars(select(predictions.c.id).where(predictions.c.id != one))
        kept = kept_among(connection, [one, other])
        assert unpacked(fetch_named(settings.object_folder, kept[other].name)).tolist() == [[[0.5] * 64] * 64]
        content = fetch_named(settings.object_folder, kept[one].name)
        assert unpacked(content).shape == (1, 64, 64)
        assert not any(name.encode() in content for name in NAMES)
        patient = find_prediction(connection, one).pseudonyms.patient
        assert patient is not None
        assert erase(connection, Named.PATIENT, patient, at=datetime.now(UTC), actor="test").rows["kept_instances"] == 1
    with engine.begin() as connection:
        assert sweep_objects(connection, settings.object_folder, datetime.now(UTC)) == 0
        assert sweep_objects(connection, settings.object_folder, datetime.now(UTC) + timedelta(hours=1)) == 1
    assert not (tmp_path / "objects" / kept[one].name).exists()
    assert (tmp_path / "objects" / kept[other].name).exists()


def test_nothing_is_kept_unless_a_site_asks_for_it(settings: Settings) -> None:
    assert not settings.keep_instances


def test_a_film_that_is_not_recorded_or_was_erased_meanwhile_is_not_kept(engine: Engine) -> None:
    make_version(engine)
    prediction, stranger = make_prediction(), make_prediction("other")
    content = packed(np.zeros((1, 4, 4), np.float32))
    with engine.begin() as connection:
        record_batch(connection, [prediction])
        announce(connection, [prediction.id, stranger.id], AT)
        assert not kept_among(connection, [prediction.id])
        assert not confirm(connection, stranger.id, content, b"digest")
        assert confirm(connection, prediction.id, content, b"digest")
        assert kept_among(connection, [prediction.id])[prediction.id].name == name_of(prediction.id)


def test_films_go_after_their_time(engine: Engine, tmp_path: Path) -> None:
    make_version(engine)
    prediction = make_prediction()
    with engine.begin() as connection:
        record_batch(connection, [prediction])
        announce(connection, [prediction.id], AT)
        assert forget_instances(connection, AT) == 0
        assert forget_instances(connection, AT + timedelta(days=1)) == 1
    with engine.begin() as connection:
        assert sweep_objects(connection, str(tmp_path), datetime.now(UTC) + timedelta(hours=1)) == 1
