"""From labelled, kept films to a package that may challenge: cases by patient, no acceptance case, the same again from the same."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine

from service.domain import ModelVersion
from service.errors import TrainingError
from service.models.loading import load_package
from service.models.manifest import parse_manifest
from service.models.registry import register_package
from service.remedies.cases import Manifest, Split, split_of, write_cases
from service.store.blobs import fetch_named, put_named
from service.store.kept import announce, confirm, name_of, packed
from service.store.rows import patient_numbers
from service.training.train import train
from tests.api.package import make_package
from tests.remedies.rivals import BEGIN, NOW, tell
from tests.store.builders import digest

SIDE, FILMS = 64, 260


def quiet(_share: float, _what: str) -> None:
    """Nobody is told."""


@pytest.fixture
def champion(engine: Engine, tmp_path: Path) -> ModelVersion:
    package = make_package(tmp_path / "package", findings=("opacity",))
    return register_package(engine, str(tmp_path / "objects"), package, at=BEGIN)


def keep_films(engine: Engine, objects: str) -> None:
    """A film for each prediction: brighter in the middle where the label says opacity."""
    rng = np.random.default_rng(3)
    with engine.begin() as connection:
        rows = connection.exec_driver_sql("select prediction, value from labels order by prediction").all()
        announce(connection, [row.prediction for row in rows], BEGIN)
        for row in rows:
            film = rng.normal(0, 0.5, (1, SIDE, SIDE)).astype(np.float32)
            film[0, 20:44, 20:44] += 1.0 * row.value
            content = packed(film)
            put_named(objects, name_of(row.prediction), content)
            assert confirm(connection, row.prediction, content, sha256(content).digest())


def cases_of(engine: Engine, champion: ModelVersion, tmp_path: Path) -> Manifest:
    with engine.begin() as connection:
        return write_cases(connection, str(tmp_path / "objects"), champion, NOW, 365)


def test_the_manifest_names_patients_of_one_split_only_and_no_acceptance_case(
    engine: Engine, champion: ModelVersion, tmp_path: Path
) -> None:
    tell(engine, champion, None, FILMS)
    keep_films(engine, str(tmp_path / "objects"))
    found = cases_of(engine, champion, tmp_path)
    assert cases_of(engine, champion, tmp_path) == found
    content = json.loads(fetch_named(str(tmp_path / "objects"), found.name))
    cases = content["cases"]
    assert (found.train, found.validation) == tuple(sum(case["split"] == split for case in cases) for split in ("train", "validation"))
    assert found.train > 3 * found.validation > 0
    assert (found.held_out, found.without_object) == (FILMS - len(cases), 0)
    numbers = patient_numbers([digest(f"patient {number}")[:16] for number in range(FILMS)])
    assert found.held_out == sum(split_of("chest", str(number)) is Split.ACCEPTANCE for number in numbers)
    assert cases[0]["labels"]["opacity"]["weight"] == 1.0
    assert cases[0]["sources"] == ["report"]
    assert not {"patient", "study"} & cases[0].keys()


def test_training_makes_a_better_package_and_the_same_again(engine: Engine, champion: ModelVersion, tmp_path: Path) -> None:
    objects = str(tmp_path / "objects")
    tell(engine, champion, None, FILMS)
    keep_films(engine, objects)
    cases = cases_of(engine, champion, tmp_path).sha256
    done = train(objects, cases, champion, tmp_path / "one", epochs=8, tell=quiet)
    assert done.fitted.after < 0.8 * done.fitted.before
    again = train(objects, cases, champion, tmp_path / "two", epochs=8, tell=quiet)
    assert again.manifest == done.manifest
    assert load_package(tmp_path / "one").manifest == done.manifest
    former = parse_manifest(champion.manifest)
    assert done.manifest.version == f"1-retrained-{cases[:8]}"
    assert (done.manifest.preprocessing, done.manifest.accepts) == (former.preprocessing, former.accepts)
    assert len(done.manifest.findings[0].recalibrations) == 1
    assert done.manifest.findings[0].recalibrations != former.findings[0].recalibrations


def test_what_cannot_be_trained_on_is_refused(engine: Engine, champion: ModelVersion, tmp_path: Path) -> None:
    objects = str(tmp_path / "objects")
    tell(engine, champion, None, 60)
    bare = cases_of(engine, champion, tmp_path)
    assert bare.without_object == bare.train + bare.validation
    with pytest.raises(TrainingError, match="labelled films whose pixels were kept"):
        train(objects, bare.sha256, champion, tmp_path / "one", tell=quiet)
    with pytest.raises(TrainingError, match="cannot be read"):
        train(objects, "0" * 64, champion, tmp_path / "one", tell=quiet)
    put_named(objects, f"manifests/{'1' * 64}", b"{}")
    with pytest.raises(TrainingError, match="not the one"):
        train(objects, "1" * 64, champion, tmp_path / "one", tell=quiet)
    (tmp_path / "no.json").write_text("{}")
    with pytest.raises(TrainingError, match="no manifest"):
        train(objects, str(tmp_path / "no.json"), champion, tmp_path / "one", tell=quiet)
