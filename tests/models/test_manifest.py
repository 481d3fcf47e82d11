"""model.toml says everything about a model, and a slip in it is named."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import PackageError
from service.gateway.attributes import ALLOWED
from service.gateway.statistics import image_statistics
from service.models.features import CATEGORICAL, MEASURED, NUMERIC, STATISTICS
from service.models.manifest import parse_manifest, read_manifest
from tests.gateway.images import make_image
from tests.models.packages import make_manifest, to_toml


def refusal(**sections: Any) -> str:
    with pytest.raises(PackageError) as error:
        parse_manifest(make_manifest(**sections))
    return str(error.value)


def test_what_is_left_out_takes_the_standard_values() -> None:
    manifest = parse_manifest(make_manifest(accepts=None, monitoring=None, findings=[{"name": "opacity"}]))
    assert manifest.output.kind == "logit"
    assert (manifest.accepts.modality, manifest.accepts.age_years, manifest.accepts.missing) == ((), None, True)
    assert (manifest.monitoring.categorical, manifest.monitoring.numeric) == (CATEGORICAL, NUMERIC)
    assert manifest.findings[0].threshold == 0.5


def test_thresholds_are_given_as_logits_in_the_order_of_the_findings() -> None:
    manifest = parse_manifest(make_manifest())
    assert manifest.finding_names == ("opacity", "effusion")
    assert manifest.threshold_logits == pytest.approx((0.0, -1.0986122886681098))


def test_the_stored_manifest_reads_as_the_same_manifest() -> None:
    manifest = parse_manifest(make_manifest(accepts={"age_years": [18, 90], "view": ["PA"]}))
    stored = json.loads(json.dumps(manifest.as_json()))
    assert parse_manifest(stored) == manifest


def test_a_manifest_never_changes() -> None:
    with pytest.raises(ValueError, match="frozen"):
        parse_manifest(make_manifest()).version = "2"  # type: ignore[misc]  # that is the point


@pytest.mark.parametrize(
    ("sections", "key"),
    [
        ({"colour": "red"}, "colour"),
        ({"preprocessing": {"rowz": 64}}, "preprocessing.rowz"),
        ({"preprocessing": {"rows": "64"}}, "preprocessing.rows"),
        ({"preprocessing": {"rows": 1}}, "preprocessing.rows"),
        ({"preprocessing": {"low_percentile": 60.0, "high_percentile": 40.0}}, "preprocessing"),
        ({"preprocessing": {"std": 0.0}}, "preprocessing.std"),
        ({"preprocessing": {"mean": float("nan")}}, "preprocessing.mean"),
        ({"name": "Chest X"}, "name"),
        ({"version": "../1"}, "version"),
        ({"artifact": {"file": "../../etc/passwd"}}, "artifact.file"),
        ({"artifact": {"format": "pickle"}}, "artifact.format"),
        ({"artifact": {"sha256": "abc"}}, "artifact.sha256"),
        ({"artifact": {"architecture": None}}, "artifact"),
        ({"artifact": {"format": "export"}}, "artifact"),
        ({"artifact": {"arguments": {"findings": "2"}}}, "artifact.arguments.findings"),
        ({"findings": []}, "findings"),
        ({"findings": [{"name": "a"}, {"name": "a"}]}, "findings"),
        ({"findings": [{"name": "a", "threshold": 1.0}]}, "findings.0.threshold"),
        ({"findings": [{"name": "a", "cost_false_negative": -1.0}]}, "findings.0.cost_false_negative"),
        ({"output": {"kind": "odds"}}, "output.kind"),
        ({"accepts": {"modality": ["dx"]}}, "accepts.modality.0"),
        ({"accepts": {"age_years": [80, 18]}}, "accepts.age_years"),
        ({"accepts": {"age_years": [18]}}, "accepts.age_years.1"),
        ({"monitoring": {"alarms_per_year": 0.0}}, "monitoring.alarms_per_year"),
        ({"monitoring": {"subgroups": ["PatientName"]}}, "monitoring.subgroups"),
        ({"monitoring": {"numeric": ["KVP", "KVP"]}}, "monitoring.numeric"),
        ({"monitoring": {"minimum_odds_ratio": 1.0}}, "monitoring.minimum_odds_ratio"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_slip_is_named_by_its_key(sections: dict[str, Any], key: str) -> None:
    assert f"model.toml: {key}: " in refusal(**sections)


def test_an_unknown_feature_is_named() -> None:
    assert "PatientName" in refusal(monitoring={"categorical": ["Modality", "PatientName"]})


def test_a_folder_without_a_readable_manifest_is_refused(tmp_path: Path) -> None:
    for content in (None, b"\xff\xfe", b"name = ", b"name = 1979-05-27", b"x" * (2 << 20)):
        if content is not None:
            (tmp_path / "model.toml").write_bytes(content)
        with pytest.raises(PackageError, match=r"model\.toml"):
            read_manifest(tmp_path)


def test_a_manifest_is_read_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "model.toml").write_text(to_toml(make_manifest()))
    assert read_manifest(tmp_path) == parse_manifest(make_manifest())


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_no_value_in_any_place_is_more_than_a_refusal(value: object) -> None:
    for section in make_manifest():
        with suppress(PackageError):
            assert parse_manifest({**make_manifest(), section: value}).as_json()


def test_the_features_are_what_the_gateway_reads() -> None:
    assert set(CATEGORICAL) | set(MEASURED) == {attribute.keyword for attribute in ALLOWED}
    assert len(CATEGORICAL) + len(MEASURED) == len(ALLOWED)
    assert tuple(image_statistics(make_image())) == STATISTICS
