"""Cells: which row counts in which subgroup."""

from __future__ import annotations

import numpy as np
import pytest

from service.worker.cells import ROWS_OF_A_CELL, VALUES_OF_A_SUBGROUP, Column, age_bands, cell_masks, declared_cells, keeps_waves


def column(*values: object) -> Column:
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made


@pytest.mark.parametrize(
    ("years", "band"), [(0, "0-17"), (17.9, "0-17"), (18, "18-39"), (39, "18-39"), (40, "40-64"), (65, "65-79"), (80, "80+"), (120, "80+")]
)
def test_every_age_has_one_band(years, band):
    assert age_bands(np.array([years], dtype=float)).tolist() == [band]


def test_an_unknown_age_is_a_band_of_its_own():
    assert age_bands(np.array([np.nan])).tolist() == ["unknown"]


def test_a_value_that_is_too_rare_to_carry_a_rate_is_no_cell():
    sites = column(*["north"] * ROWS_OF_A_CELL, *["south"] * (ROWS_OF_A_CELL - 1))
    assert declared_cells({"site": sites}) == ("site=north",)


def test_a_free_text_attribute_does_not_become_a_thousand_cells():
    values = column(*[f"v{i:03}" for i in range(200) for _ in range(ROWS_OF_A_CELL)])
    assert len(declared_cells({"StationName": values})) == VALUES_OF_A_SUBGROUP


def test_a_film_that_does_not_say_lies_in_no_cell_of_that_subgroup():
    masks = cell_masks(["PatientSex=F", "PatientSex=M"], {"PatientSex": column("F", None, "M")})
    assert {cell: mask.tolist() for cell, mask in masks.items()} == {
        "PatientSex=F": [True, False, False],
        "PatientSex=M": [False, False, True],
    }


def test_a_value_with_an_equals_sign_is_kept_whole():
    values = column(*["A=B"] * ROWS_OF_A_CELL)
    (cell,) = declared_cells({"StationName": values})
    assert cell_masks([cell], {"StationName": values})[cell].all()


def test_the_order_of_cells_does_not_depend_on_the_order_of_rows():
    values = ["b"] * 60 + ["a"] * 60 + ["c"] * 70
    assert (
        declared_cells({"site": column(*values)}) == declared_cells({"site": column(*reversed(values))}) == ("site=c", "site=a", "site=b")
    )


def test_a_pair_is_a_cell_where_it_is_frequent_enough_and_holds_what_both_hold():
    subgroups = {"PatientSex": column(*["F"] * 120, *["M"] * 80), "site": column(*["north"] * 60, *["south"] * 140)}
    cells = declared_cells(subgroups, [("PatientSex", "site")])
    assert cells[4:] == ("PatientSex=M & site=south", "PatientSex=F & site=south", "PatientSex=F & site=north")
    masks = cell_masks(cells, subgroups)
    assert [int(masks[cell].sum()) for cell in cells[4:]] == [80, 60, 60]
    assert [keeps_waves(cell) for cell in ("site=north", "site=north & PatientSex=F")] == [True, False]
