"""What a logit means does not depend on when or where it is asked."""

from __future__ import annotations

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import PackageError
from service.models.interpretation import expit, interpret
from service.models.manifest import parse_manifest
from tests.results.subjects import make_manifest


@given(st.floats(-50, 50))
def test_a_probability_is_the_inverse_of_its_logit(logit: float) -> None:
    assert expit(logit) + expit(-logit) == pytest.approx(1.0)
    if abs(logit) < 15:
        assert log(expit(logit) / (1 - expit(logit))) == pytest.approx(logit, abs=1e-6)


def test_the_decision_is_at_or_above_the_operating_point_whatever_the_calibrator_says() -> None:
    manifest = make_manifest(threshold=0.25, calibration={"slope": 1.0, "intercept": -5.0})
    at = manifest.findings[0].threshold_logit
    assert [interpret(manifest, [logit, 0.0])[0].positive for logit in (at - 1e-6, at, at + 1e-6)] == [False, True, True]


def test_a_calibrator_moves_the_calibrated_probability_alone() -> None:
    first, second = interpret(make_manifest(calibration={"slope": 0.5, "intercept": 1.0}), [2.0, 2.0])
    assert (first.probability, first.calibrated_probability) == (expit(2.0), expit(2.0))
    assert (second.probability, second.calibrated_probability) == (expit(2.0), None)


@pytest.mark.parametrize("slope", [0.0, -1.0, float("nan")])
def test_a_calibrator_that_would_turn_findings_round_is_refused(slope: float) -> None:
    with pytest.raises(PackageError):
        make_manifest(calibration={"slope": slope})


@pytest.mark.parametrize("wrong", [{"value": "12 34"}, {"meaning": "a\\b"}, {"meaning": ""}, {"scheme": "sct"}, {"value": "1" * 17}])
def test_a_concept_that_dicom_cannot_hold_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(PackageError):
        make_manifest(concept={"scheme": "SCT", "value": "36118008", "meaning": "Pneumothorax", **wrong})


def test_what_the_store_kept_of_a_manifest_means_the_same() -> None:
    manifest = make_manifest(calibration={"slope": 0.5, "intercept": 1.0})
    assert interpret(parse_manifest(manifest.as_json()), [1.0, 2.0]) == interpret(manifest, [1.0, 2.0])
