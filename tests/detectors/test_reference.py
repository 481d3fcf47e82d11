from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.packing import DecodeError
from detectors.reference import Reference, build_reference
from detectors.series import Series
from tests.detectors.builders import make_plan, make_reference, make_rows


def named(reference: Reference) -> dict[str, Series]:
    return {one.name: one for one in reference.series}


def test_bytes_give_the_reference_back() -> None:
    reference = make_reference(1500, 30)
    again = Reference.from_bytes(reference.to_bytes())
    assert again.digest == reference.digest
    assert again.series == reference.series
    assert again.plan == reference.plan
    assert again.tallies == reference.tallies
    assert np.array_equal(again.bands, reference.bands)


def test_damaged_foreign_and_cut_off_bytes_are_refused() -> None:
    packed = make_reference(600, 10).to_bytes()
    flipped = packed[:200] + bytes([packed[200] ^ 1]) + packed[201:]
    for damaged in (flipped, packed[:-3], b"", b"SWEV" + packed[4:], packed[:4] + b"\x09" + packed[5:], packed + b"x"):
        with pytest.raises(DecodeError):
            Reference.from_bytes(damaged)


def test_the_order_of_rows_makes_no_difference() -> None:
    batch, masks = make_rows(1000, seed=5)
    days, order = np.arange(1000) // 50, np.random.default_rng(0).permutation(1000)
    one = build_reference(make_plan(), batch, masks, days)
    other = build_reference(make_plan(), batch.select(order), {cell: mask[order] for cell, mask in masks.items()}, days[order])
    assert [series.name for series in one.series] == [series.name for series in other.series]
    assert np.allclose(one.bands, other.bands, rtol=1e-9)


def test_a_series_exists_only_where_the_reference_carries_it() -> None:
    labelled, sparse, bare = (named(make_reference(4000, 60, labelled=share)) for share in (1.0, 0.06, 0.0))
    assert "performance:site=south:opacity:sensitivity" in labelled
    assert "calibration:site=south:opacity:upper scores" in labelled
    assert "performance:all:opacity:sensitivity" in sparse
    assert "performance:site=south:opacity:sensitivity" not in sparse
    assert not [name for name, one in bare.items() if one.matured]
    assert "acquisition:all:ManufacturerModelName:unseen" in bare


def test_of_two_values_one_is_watched() -> None:
    series = named(make_reference(1000, 30))
    watched = [name for name in series if name.startswith("acquisition:all:PatientSex:")]
    assert sorted(name.rsplit(":")[-1] for name in watched if not name.endswith(("missing", "unseen"))) in (["F"], ["M"])


def test_names_are_unique_and_rates_lie_in_their_bands() -> None:
    reference = make_reference()
    assert len(named(reference)) == len(reference.series)
    assert (reference.bands[:, 0] <= reference.rates + 1e-8).all()
    assert (reference.rates <= reference.bands[:, 1]).all()
    assert (reference.dispersion >= 1).all()


def test_more_reference_days_give_narrower_bands() -> None:
    short, long = make_reference(800, 20), make_reference(8000, 200)
    name = "score:all:opacity:flagged"
    widths = [np.ptp(one.bands[[series.name for series in one.series].index(name)]) for one in (short, long)]
    assert widths[1] < widths[0]


def test_films_that_come_in_batches_widen_their_band() -> None:
    batch, masks = make_rows(4000, seed=5)
    order = np.argsort(batch.categorical["ViewPosition"] == "AP", kind="stable")
    days = np.arange(4000) // 40
    shuffled = build_reference(make_plan(), batch, masks, days)
    clustered = build_reference(make_plan(), batch.select(order), {cell: mask[order] for cell, mask in masks.items()}, days)
    phi = [one.dispersion_of("acquisition", feature="ViewPosition") for one in (shuffled, clustered)]
    assert phi[0] < 2
    assert phi[1] > 10


def test_an_embedding_watches_its_principal_components() -> None:
    reference = make_reference()
    assert reference.schema.projection.features == (*(f"embedding_0{number}" for number in range(1, 7)), "embedding_distance")
    assert any(one.family == "embedding" and one.feature == "embedding_06" for one in reference.series)


@pytest.mark.parametrize("days", [np.arange(3), np.arange(0)])
def test_a_reference_of_nothing_is_refused(days: NDArray[np.int64]) -> None:
    batch, masks = make_rows(0, seed=0)
    with pytest.raises(ValueError, match="needs predictions"):
        build_reference(make_plan(), batch, masks, days)


def test_a_declared_cell_needs_its_mask() -> None:
    batch, masks = make_rows(10, seed=0)
    masks.pop("site=south")
    with pytest.raises(ValueError, match="mask for every cell"):
        build_reference(make_plan(), batch, masks, np.zeros(10, dtype=int))


def test_a_reference_of_one_film_is_built_and_watches_nothing_that_it_cannot_know() -> None:
    batch, masks = make_rows(1, seed=0)
    assert build_reference(make_plan(), batch, masks, np.zeros(1, dtype=int)).series == ()
