"""A recalibrated version is the same model with a map behind it; what it would have said follows from what its predecessor said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.errors import PackageError
from service.models.loading import load_model, load_package
from service.models.manifest import Manifest, parse_manifest
from service.models.recalibrated import derived_scores
from tests.models.packages import SIDE, make_manifest, make_package

LINE = {"slope": 0.5, "intercept": 1.0}
BENT = {"knots": [[-2.0, -1.0], [0.0, 0.0], [1.0, 3.0]]}


def manifest_with(package: Path, *maps: dict[str, Any]) -> Manifest:
    """The package's manifest with these maps behind its first finding."""
    stored: Any = load_package(package).manifest.as_json()
    first, *others = stored["findings"]
    return parse_manifest({**stored, "findings": [{**first, "recalibrations": list(maps)}, *others]})


def test_what_a_recalibrated_version_answers_has_gone_through_its_maps(tmp_path: Path) -> None:
    package = make_package(tmp_path)
    films = np.random.default_rng(0).normal(size=(5, 1, SIDE, SIDE)).astype(np.float32)
    bare, _ = load_package(package)(films)
    mapped, _ = load_model(package, manifest_with(package, LINE))(films)
    assert mapped[:, 0] == pytest.approx(0.5 * bare[:, 0] + 1.0, abs=1e-6)
    assert (mapped[:, 1] == bare[:, 1]).all()


def test_scores_of_another_version_of_the_model_follow_from_those_that_are_stored(tmp_path: Path) -> None:
    package = make_package(tmp_path)
    films = np.random.default_rng(0).normal(size=(20, 1, SIDE, SIDE)).astype(np.float32)
    champion, challenger = manifest_with(package, LINE), manifest_with(package, LINE, BENT)
    stored, wanted = (load_model(package, manifest)(films)[0] for manifest in (champion, challenger))
    assert derived_scores(champion, challenger, stored) == pytest.approx(wanted, abs=1e-5)
    assert derived_scores(challenger, champion, wanted) == pytest.approx(stored, abs=1e-5)


def test_a_map_that_falls_is_refused_with_its_place(tmp_path: Path) -> None:
    package = make_package(tmp_path)
    with pytest.raises(PackageError, match=r"findings\.0\.recalibrations\.0"):
        manifest_with(package, {"knots": [[0.0, 1.0], [1.0, 0.0]]})


def test_a_manifest_that_says_nothing_of_remedies_is_stored_as_it_always_was() -> None:
    stored = parse_manifest(make_manifest()).as_json()
    assert "remedies" not in stored
    assert not any("recalibrations" in finding for finding in stored["findings"])  # type: ignore[attr-defined]


def test_a_plan_of_remedies_survives_its_storage() -> None:
    plan = {"cool_down_days": 60, "approvers": ["owner"], "acceptance": {"auroc_margin": 0.01}, "stop": {"sensitivity": 0.8}}
    manifest = parse_manifest(make_manifest(remedies=plan))
    assert parse_manifest(manifest.as_json()) == manifest
    assert (manifest.remedies.stop.sensitivity, manifest.remedies.acceptance.alpha) == (0.8, 0.05)


@pytest.mark.parametrize(
    ("plan", "key"),
    [
        ({"allowed": {"calibration": ["pray"]}}, "allowed"),
        ({"cool_down_days": -1}, "cool_down_days"),
        ({"acceptance": {"calibration_slope": [1.2, 0.8]}}, "acceptance"),
        ({"stop": {"sensitivity": 1.0}}, "sensitivity"),
    ],
    ids=["action", "cool down", "band", "stop"],
)
def test_a_plan_that_cannot_be_kept_is_refused(plan: dict[str, Any], key: str) -> None:
    with pytest.raises(PackageError, match=key):
        parse_manifest(make_manifest(remedies=plan))
