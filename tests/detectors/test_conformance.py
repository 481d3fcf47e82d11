"""One suite that every detector passes, and that covers every detector."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import detectors
from detectors import DETECTORS, Detector
from detectors.measurement import Measurement, Verdict
from detectors.reference import Reference
from detectors.tally import Tally, tally_cells
from tests.detectors.builders import make_batch, make_reference, make_rows

ROOT = Path(detectors.__file__).parents[1]

SEEN: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any], set[str]]] = {
    # detector: (a shift that it is there to see, a larger one, the measurements that must breach)
    "feature_drift": ({"brightness": 10.0}, {"brightness": 20.0}, {"feature_drift"}),
    "missing_share": ({"missing": 0.2}, {"missing": 0.4}, {"missing_share"}),
    "unseen_share": ({"scanner": "Gamma", "unseen": 0.5}, {"scanner": "Gamma"}, {"unseen_share"}),
    "vanished_share": ({"ap": 0.0}, {"scanner": "Gamma"}, {"vanished_share"}),
    "quality_flag_rate": ({"clipped": 0.2}, {"clipped": 0.4}, {"quality_flag_rate"}),
    "out_of_range_share": ({"brightness": 20.0}, {"brightness": 40.0}, {"out_of_range_share"}),
    "embedding_drift": ({"embedding": 1.5}, {"embedding": 3.0}, {"embedding_distance", "embedding_drift"}),
    "out_of_distribution_share": ({"embedding": 4.0}, {"embedding": 8.0}, {"out_of_distribution_share"}),
    "score_drift": ({"shift": 2.0}, {"shift": 4.0}, {"score_drift"}),
    "flag_rate": ({"shift": 2.0}, {"shift": 4.0}, {"flag_rate"}),
    "prevalence_estimate": ({"prevalence": 1.2}, {"prevalence": 2.4}, {"prevalence_estimate", "prevalence_cross_check"}),
    "observed_prevalence": ({"prevalence": 1.2}, {"prevalence": 2.4}, {"observed_prevalence"}),
    "calibration_line": ({"shift": -2.0}, {"shift": -4.0}, {"calibration_intercept"}),
    "spiegelhalter": ({"sharpness": 2.0}, {"sharpness": 3.0}, {"spiegelhalter_z"}),
    "brier": ({"shift": 2.0}, {"shift": 4.0}, {"brier_score"}),
    "smooth_calibration_error": ({"shift": 2.0}, {"shift": 4.0}, {"smooth_calibration_error"}),
    "decision_rates": ({"hidden": 0.5}, {"hidden": 0.9}, {"sensitivity"}),
    "decision_costs": ({"hidden": 0.5}, {"hidden": 0.9}, {"expected_cost_per_thousand", "net_benefit"}),
    "auroc": ({"hidden": 0.5}, {"hidden": 0.9}, {"auroc"}),
    "auprc": ({"hidden": 0.5}, {"hidden": 0.9}, {"auprc"}),
    "estimated_performance": ({"prevalence": -1.5}, {"prevalence": -2.5}, {"estimated_positive_predictive_value"}),
    "estimate_error": (
        {"north_log_odds": 1.5, "south_log_odds": 1.5},
        {"north_log_odds": 3.0, "south_log_odds": 3.0},
        {"sensitivity_estimate_error"},
    ),
    "reader_kappa": ({"disagreement": 0.2}, {"disagreement": 0.4}, {"reader_kappa"}),
    "subgroup_gaps": ({"hidden_south": 0.6}, {"hidden_south": 0.9}, {"sensitivity_gap"}),
}

Window = Mapping[str, Tally]


def name_of(detector: Detector) -> str:
    return detector.__name__


@cache
def reference() -> Reference:
    return make_reference(6000, 60)


def window(n: int = 500, *, seed: int = 1, **changes: Any) -> Window:
    return tally_cells(reference().schema, *make_rows(n, seed=seed, **changes))


def distance(measurements: Sequence[Measurement], names: set[str]) -> float:
    """How far the named measurements lie from the reference's own value, at the one that moved most."""
    return max(
        abs(one.value - usual)
        for one, usual in zip(measurements, usual_values(names), strict=True)
        if one.name in names and one.value is not None and usual is not None
    )


def usual_values(names: set[str]) -> list[float | None]:
    (detector,) = [one for one in DETECTORS if any(measured.name in names for measured in one(reference(), reference().tallies))]
    return [one.value for one in detector(reference(), reference().tallies)]


every = pytest.mark.parametrize("detector", DETECTORS, ids=name_of)


def test_the_list_holds_every_detector_file_once_and_ci_keeps_them_apart() -> None:
    listed = [name_of(detector) for detector in DETECTORS]
    independent = next(
        contract["modules"]
        for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
        if contract["type"] == "independence" and contract["modules"][0].startswith("detectors.")
    )
    written = [
        path.stem
        for path in (ROOT / "detectors").glob("*.py")
        if f"def {path.stem}(reference: Reference, window: Mapping[str, Tally])" in path.read_text()
    ]
    assert len(set(listed)) == len(listed)
    assert sorted(listed) == sorted(written) == sorted(module.removeprefix("detectors.") for module in independent) == sorted(SEEN)
    assert all(detector.__module__ == f"detectors.{name_of(detector)}" for detector in DETECTORS)


@every
def test_the_same_input_gives_the_same_output(detector: Detector) -> None:
    assert list(detector(reference(), window())) == list(detector(reference(), window()))


@every
def test_inputs_are_left_as_they_were(detector: Detector) -> None:
    given, digest = window(), reference().digest
    before = {cell: tally.vector.copy() for cell, tally in given.items()}
    detector(reference(), given)
    assert all(np.array_equal(before[cell], tally.vector) for cell, tally in given.items())
    assert Reference.from_bytes(reference().to_bytes()).digest == digest


@every
def test_a_window_equal_to_the_reference_is_within(detector: Detector) -> None:
    found = detector(reference(), reference().tallies)
    assert found
    assert {one.verdict for one in found} == {Verdict.WITHIN}


@every
def test_a_quiet_window_is_hardly_ever_breached(detector: Detector) -> None:
    found = [one for seed in range(20) for one in detector(reference(), window(seed=seed))]
    assert np.mean([one.verdict is Verdict.BREACHED for one in found]) <= 0.02


@every
@pytest.mark.parametrize("empty", [{}, None], ids=["no cells", "empty cells"])
def test_an_empty_window_is_insufficient_and_says_why(detector: Detector, empty: Window | None) -> None:
    found = detector(reference(), window(0) if empty is None else empty)
    assert found
    assert {one.verdict for one in found} == {Verdict.INSUFFICIENT}
    assert all(one.value is None and one.reason and one.n == 0 for one in found)


@every
def test_the_order_of_rows_does_not_matter(detector: Detector) -> None:
    batch, masks = make_rows(500, seed=3)
    order = np.random.default_rng(0).permutation(500)
    shuffled = tally_cells(reference().schema, batch.select(order), {cell: mask[order] for cell, mask in masks.items()})
    assert list(detector(reference(), shuffled)) == list(detector(reference(), tally_cells(reference().schema, batch, masks)))


@every
def test_merged_tallies_measure_as_pooled_rows(detector: Detector) -> None:
    batch, masks = make_rows(500, seed=3)
    parts = [
        tally_cells(reference().schema, batch.select(rows), {cell: mask[rows] for cell, mask in masks.items()})
        for rows in (slice(0, 123), slice(123, 500))
    ]
    merged = {cell: parts[0][cell] + parts[1][cell] for cell in parts[0]}
    assert list(detector(reference(), merged)) == list(detector(reference(), tally_cells(reference().schema, batch, masks)))


@every
def test_a_shift_that_it_is_there_to_see_is_breached_at_500_and_a_larger_one_is_larger(detector: Detector) -> None:
    small, large, names = SEEN[name_of(detector)]
    shifted, further = (detector(reference(), window(seed=9, **changes)) for changes in (small, large))
    assert names <= {one.name for one in shifted if one.verdict is Verdict.BREACHED}
    assert distance(further, names) > distance(shifted, names)


@every
def test_every_measurement_lies_in_its_interval_and_agrees_with_its_limit(detector: Detector) -> None:
    for changes in ({}, SEEN[name_of(detector)][0]):
        for one in detector(reference(), window(seed=4, **changes)):
            if one.interval is not None and one.value is not None:
                assert one.interval.low <= one.value + 1e-9
                assert one.value <= one.interval.high + 1e-9
            if one.verdict is not Verdict.INSUFFICIENT:
                assert one.value is not None
                assert one.limit is not None
                assert not one.reason


@every
def test_little_data_gives_no_verdict(detector: Detector) -> None:
    few = detector(reference(), tally_cells(reference().schema, *make_rows(9, seed=1)))
    assert {one.verdict for one in few} == {Verdict.INSUFFICIENT}


@every
def test_a_reference_without_labels_is_no_obstacle(detector: Detector) -> None:
    bare = make_reference(600, 20, labelled=0.0)
    found = detector(bare, tally_cells(bare.schema, make_batch(300), {}))
    assert found
    assert all(one.reason for one in found if one.verdict is Verdict.INSUFFICIENT)
