"""Subgroups are compared honestly, small ones are hidden, and what could be reckoned from the rest is hidden too."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import betabinom
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportions_ztest

from detectors.multiplicity import adjusted
from detectors.reference import Reference, build_reference
from detectors.shrinkage import shrink
from detectors.subgroups import Gap, Subgroup, subgroups
from detectors.suppression import hidden_cells
from detectors.tally import Tally, tally_cells
from tests.detectors.builders import make_plan, make_rows

CELLS = ("site=north", "site=south", "PatientSex=F", "PatientSex=M", "site=north & PatientSex=F", "site=south & PatientSex=F")
PAIRS = {"site=north & PatientSex=F": ("site=north", "PatientSex=F"), "site=south & PatientSex=F": ("site=south", "PatientSex=F")}

Masks = dict[str, NDArray[np.bool_]]


def with_pairs(masks: Masks) -> Masks:
    return masks | {name: masks[one] & masks[other] for name, (one, other) in PAIRS.items()}


@cache
def reference() -> Reference:
    batch, masks = make_rows(4000, seed=1000)
    return build_reference(make_plan(cells=CELLS), batch, with_pairs(masks), np.arange(4000) * 60 // 4000)


def window(n: int = 3000, seed: int = 5, **changes: float) -> dict[str, Tally]:
    batch, masks = make_rows(n, seed=seed, **changes)
    return tally_cells(reference().schema, batch, with_pairs(masks))


def told(tallies: dict[str, Tally]) -> dict[str, Subgroup]:
    return {one.cell: one for one in subgroups(reference(), tallies, "opacity")[0]}


def gap(one: Subgroup, name: str) -> Gap:
    return next(each for each in one.gaps if each.name == name)


def test_a_gap_is_the_rate_less_that_of_everybody_else() -> None:
    batch, masks = make_rows(3000, seed=5, hidden_south=0.5)
    labels, flagged, south = batch.labels[:, 0] == 1, batch.scores[:, 0] >= 0, masks["site=south"]
    found = gap(told(window(hidden_south=0.5))["site=south"], "sensitivity")
    inside, outside = (flagged[labels & side].mean() for side in (south, ~south))
    assert found.value == pytest.approx(inside)
    assert found.rest == pytest.approx(outside)
    assert found.gap == pytest.approx(inside - outside)
    assert found.gap_interval is not None
    assert found.gap_interval.low < inside - outside < found.gap_interval.high < 0
    assert found.p is not None
    assert found.p < 1e-3
    assert abs(inside - outside) > (found.detectable or 1)


def test_a_quiet_table_claims_next_to_nothing() -> None:
    claims = [each.p < 0.05 for seed in range(20) for one in told(window(2000, seed)).values() for each in one.gaps if each.p is not None]
    assert np.mean(claims) < 0.01


def test_p_and_the_smallest_gap_are_those_of_statsmodels() -> None:
    plain = replace(reference(), correlation={"opacity": 0.0}, named=b"plain")
    object.__setattr__(plain, "scatter", {("performance", "", "", ""): 1.0})
    cells = {one.cell: one for one in subgroups(plain, window(), "opacity")[0]}
    batch, masks = make_rows(3000, seed=5)
    labels, flagged = batch.labels[:, 0] == 1, batch.scores[:, 0] >= 0
    raw: list[tuple[tuple[str, int], float]] = []
    for cell, mask in with_pairs(masks).items():
        for right, among in ((flagged, labels), (~flagged, ~labels), (labels, flagged), (~labels, ~flagged), (~flagged, labels)):
            counts = [((right & among & side).sum(), (among & side).sum()) for side in (mask, ~mask)]
            raw.append(((cell, len(raw) % 5), proportions_ztest(*zip(*counts, strict=True))[1]))
    expected = dict(zip([place for place, _ in raw], multipletests([p for _, p in raw], method="fdr_bh")[1], strict=True))
    for (cell, at), p in expected.items():
        assert cells[cell].gaps[at].p == pytest.approx(p, rel=0.1, abs=0.01)
    one = gap(cells["site=south"], "sensitivity")
    n = [(labels & side).sum() for side in (masks["site=south"], masks["site=north"])]
    effect = NormalIndPower().solve_power(nobs1=n[0], ratio=n[1] / n[0], alpha=0.05, power=0.8)
    pooled = (flagged & labels).sum() / labels.sum()
    assert one.detectable == pytest.approx(effect * np.sqrt(pooled * (1 - pooled)), rel=0.03)


def test_small_cells_are_held_towards_the_others_and_large_ones_hardly() -> None:
    found = shrink(np.array([800.0, 3.0, 850.0, 6.0]), np.array([1000.0, 10.0, 1000.0, 6.0]))
    assert found.value[:3:2] == pytest.approx([0.8, 0.85], abs=0.01)
    assert 0.3 < found.value[1] < 0.83
    assert found.value[3] < 1
    assert np.all((found.low < found.value) & (found.value < found.high))


def test_shrinkage_is_better_than_raw_rates_and_its_interval_covers() -> None:
    rng, raw, held, covered = np.random.default_rng(0), list[float](), list[float](), list[NDArray[np.bool_]]()
    n = np.array([15.0, 20, 30, 40, 60, 80, 120, 200])
    for _ in range(300):
        truth = rng.beta(16, 4, len(n))
        k = rng.binomial(n.astype(int), truth).astype(float)
        found = shrink(k, n)
        raw.append(((k / n - truth) ** 2).mean())
        held.append(((found.value - truth) ** 2).mean())
        covered.append((found.low <= truth) & (truth <= found.high))
    assert np.mean(held) < 0.8 * np.mean(raw)
    assert 0.91 <= np.mean(covered) <= 0.98


def test_the_posterior_is_that_of_scipys_beta_binomial() -> None:
    k, n = np.array([5.0, 18.0, 40.0]), np.array([10.0, 20.0, 60.0])
    pooled = (k.sum() + 0.5) / (n.sum() + 1)
    grid = np.geomspace(2.0, 20_000.0, 41)
    weights = np.array([betabinom.pmf(k, n, pooled * m, (1 - pooled) * m).prod() * m / (10 + m) ** 2 for m in grid])
    means = np.array([(k + pooled * m) / (n + m) for m in grid])
    assert shrink(k, n).value == pytest.approx((weights[:, None] * means).sum(axis=0) / weights.sum())


def test_adjusted_p_values_are_those_of_statsmodels() -> None:
    p = np.random.default_rng(0).random(40) ** 3
    assert adjusted(p.tolist()) == pytest.approx(multipletests(p, method="fdr_bh")[1])


@pytest.mark.parametrize("seed", range(30))
def test_nothing_hidden_can_be_reckoned(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = rng.integers(2, 5, 2)
    table = rng.choice([0, 1, 4, 9, 11, 15, 40, 200], size=(rows, columns))
    names = [[f"{i},{j}" for j in range(columns)] for i in range(rows)]
    lines = [*names, *(list(column) for column in zip(*names, strict=True))]
    patients = {names[i][j]: float(table[i, j]) for i in range(rows) for j in range(columns)}
    hidden = hidden_cells(patients, lines)
    assert all(cell in hidden for cell, count in patients.items() if 0 < count <= 10)
    for line in lines:
        inside = [cell for cell in line if cell in hidden]
        everything = all(cell in hidden or patients[cell] == 0 for cell in line)
        assert not inside or everything or (len(inside) > 1 and sum(patients[cell] for cell in inside) > 10)


def test_a_handful_of_patients_is_hidden_with_as_much_as_it_takes() -> None:
    batch, masks = make_rows(3000, seed=5)
    few = masks["site=south"] & (np.cumsum(masks["site=south"]) <= 7)
    scarce = masks | {"site=south": few}
    found, attributes = subgroups(reference(), tally_cells(reference().schema, batch, with_pairs(scarce)), "opacity")
    cells = {one.cell: one for one in found}
    assert [cells[cell].hidden for cell in CELLS[:4]] == [True, True, False, False] or not cells["site=north"].hidden
    assert cells["site=south"].hidden
    assert (cells["site=south"].films, cells["site=south"].gaps) == (None, ())
    site = next(one for one in attributes if one.name == "site")
    assert site.other is None or cells["site=north"].hidden


def test_one_patient_with_many_films_is_hidden_as_well() -> None:
    batch, masks = make_rows(3000, seed=5)
    assert batch.patients is not None
    one = replace(batch, patients=np.where(masks["PatientSex=F"], 17, batch.patients))
    tallies = tally_cells(reference().schema, one, with_pairs(masks))
    assert tallies["PatientSex=F"].n > 1000
    assert told(tallies)["PatientSex=F"].hidden


def test_films_that_do_not_say_are_counted() -> None:
    batch, masks = make_rows(3000, seed=5)
    silent = np.arange(3000) % 10 == 0
    sex = batch.categorical["PatientSex"].copy()
    sex[silent] = None
    known = {cell: mask & ~silent if "PatientSex" in cell else mask for cell, mask in with_pairs(masks).items()}
    tallies = tally_cells(reference().schema, replace(batch, categorical={**batch.categorical, "PatientSex": sex}), known)
    attribute = next(one for one in subgroups(reference(), tallies, "opacity")[1] if one.name == "PatientSex")
    assert (attribute.missing, attribute.other) == (300, 0)


def test_underdiagnosis_is_a_film_with_something_on_which_nothing_was_flagged() -> None:
    batch, masks = make_rows(3000, seed=5, hidden_south=0.5)
    labels, flagged, south = batch.labels[:, 0] == 1, batch.scores[:, 0] >= 0, masks["site=south"]
    found = gap(told(window(hidden_south=0.5))["site=south"], "underdiagnosis")
    assert found.value == pytest.approx((~flagged)[labels & south].mean())
    assert (found.gap or 0) > 0.2
