"""Each site is compared with its own part of the reference; and two estimates of one prevalence that must agree to be believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.batch import Batch
from detectors.feature_drift import feature_drift
from detectors.measurement import Measurement, Verdict
from detectors.missing_share import missing_share
from detectors.prevalence_estimate import prevalence_estimate
from detectors.reference import Reference, build_reference
from detectors.tally import tally_cells
from detectors.unseen_share import unseen_share
from detectors.vanished_share import vanished_share
from tests.detectors.builders import make_plan, make_reference, make_rows

Masks = Mapping[str, NDArray[np.bool_]]


@cache
def reference(rows: int = 4000, south: int = 4000) -> Reference:
    """Of so many films, of which at most so many came from the south."""
    batch, masks = make_rows(rows, seed=1000)
    late = np.cumsum(masks["site=south"]) > south
    return build_reference(
        make_plan(stratum="site"), *kept(batch, masks, ~(masks["site=south"] & late)), np.arange(rows)[~late | masks["site=north"]] // 100
    )


def kept(batch: Batch, masks: Masks, rows: NDArray[np.bool_]) -> tuple[Batch, dict[str, NDArray[np.bool_]]]:
    return batch.select(rows), {cell: mask[rows] for cell, mask in masks.items()}


def measured(detector: Any, batch: Batch, masks: Masks, of: Reference, feature: str) -> dict[str, Measurement]:
    """What a detector says of one feature, by cell."""
    found = detector(of, tally_cells(of.schema, batch, masks))
    return {one.cell: one for one in found if one.feature == feature}


def test_a_site_that_sends_fewer_films_moves_the_whole_and_no_site() -> None:
    batch, masks = make_rows(3000, seed=2)
    rare = masks["site=south"] | (np.random.default_rng(0).random(3000) < 0.2)
    found = measured(feature_drift, *kept(batch, masks, rare), reference(), "KVP")
    assert {cell: one.verdict for cell, one in found.items()} == {
        "all": Verdict.BREACHED,
        "site=north": Verdict.WITHIN,
        "site=south": Verdict.WITHIN,
    }


def test_a_site_that_gets_the_scanner_of_the_other_shows_there_and_nowhere_else() -> None:
    batch, masks = make_rows(600, seed=3, scanner="Alpha", unseen=0.3)
    gone, new = (measured(one, batch, masks, reference(), "ManufacturerModelName") for one in (vanished_share, unseen_share))
    drift = measured(feature_drift, batch, masks, reference(), "ManufacturerModelName")
    assert drift["site=south"].verdict is Verdict.BREACHED
    assert drift["site=north"].verdict is Verdict.WITHIN
    assert {one.verdict for one in (*gone.values(), *new.values())} == {Verdict.WITHIN}


def test_a_view_that_one_site_sends_no_more_has_vanished_there() -> None:
    batch, masks = make_rows(600, seed=4)
    view = np.where(masks["site=south"], "PA", batch.categorical["ViewPosition"])
    changed = replace(batch, categorical={**batch.categorical, "ViewPosition": view.astype(object)})
    found = measured(vanished_share, changed, masks, reference(), "ViewPosition")
    assert [found[cell].verdict for cell in ("all", "site=north", "site=south")] == [Verdict.WITHIN, Verdict.WITHIN, Verdict.BREACHED]


def test_a_site_of_which_the_reference_has_few_films_is_compared_with_the_whole() -> None:
    thin = reference(4000, 100)
    assert dict(thin.strata) == {"all": "all", "site=north": "site=north", "site=south": "all"}
    batch, masks = make_rows(600, seed=5)
    assert measured(missing_share, batch, masks, thin, "ViewPosition")["site=south"].verdict is Verdict.WITHIN


def test_the_stratum_and_the_flags_are_kept_with_the_reference() -> None:
    again = Reference.from_bytes(reference().to_bytes())
    assert dict(again.strata) == dict(reference().strata)
    assert again.schema.digest == reference().schema.digest
    assert again.schema.flags == ("clipped",)


def test_a_reference_of_an_earlier_release_counts_no_flags_and_reads_as_before() -> None:
    earlier = make_reference(600, 20, plan=make_plan(flags=()))
    assert "flags" not in earlier.schema.describe()
    assert tally_cells(earlier.schema, *make_rows(100, seed=1))["all"].flagged().size == 0


def test_two_estimates_of_a_prevalence_that_disagree_are_shown_and_not_believed() -> None:
    of = make_reference(6000, 60)
    batch, masks = make_rows(4000, seed=6)
    scores = np.where(np.abs(batch.scores) < 0.3, -np.abs(batch.scores), batch.scores)
    found = prevalence_estimate(of, tally_cells(of.schema, replace(batch, scores=scores), masks))
    assert [one.verdict for one in found] == [Verdict.INSUFFICIENT] * 2
    assert all("disagree" in one.reason and one.value is not None and one.limit is None for one in found)
