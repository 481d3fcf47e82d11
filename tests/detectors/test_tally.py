from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from detectors.batch import Batch
from detectors.kernel import STEP
from detectors.packing import DecodeError
from detectors.schema import BRIER, EXCESS, LOG_LOSS, NEGATIVE, POSITIVE, UNLABELLED, VARIANCE, Schema
from detectors.tally import Tally, tally, tally_cells
from tests.detectors.builders import make_batch, make_plan, make_rows


@cache
def schema() -> Schema:
    return Schema.of(make_plan(), make_batch(600, seed=3))


batches = st.builds(
    make_batch,
    st.integers(0, 40),
    seed=st.integers(0, 10_000),
    scanner=st.sampled_from(["Beta", "Gamma"]),
    shift=st.floats(-20, 20),
    labelled=st.floats(0, 1),
    missing=st.floats(0, 1),
)


@given(batches, batches, batches)
@settings(max_examples=40, deadline=None)
def test_tallies_add_in_any_order_and_grouping(first: Batch, second: Batch, third: Batch) -> None:
    a, b, c = (tally(schema(), one) for one in (first, second, third))
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + Tally.zero(schema()) == a


@given(batches, st.integers(0, 40), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_parts_in_any_order_add_up_to_the_whole(batch: Batch, cut: int, random: Random) -> None:
    order = list(range(len(batch)))
    random.shuffle(order)
    parts = (batch.select(np.array(order[:cut], dtype=int)), batch.select(np.array(order[cut:], dtype=int)))
    assert tally(schema(), parts[0]) + tally(schema(), parts[1]) == tally(schema(), batch)


@given(batches)
@settings(max_examples=30, deadline=None)
def test_bytes_give_the_tally_back(batch: Batch) -> None:
    one = tally(schema(), batch)
    assert Tally.decode(schema(), one.encode()) == one


@given(st.integers(0, 10_000), st.integers(1, 255))
@settings(max_examples=200, deadline=None)
def test_a_changed_byte_is_noticed(place: int, change: int) -> None:
    encoded = bytearray(tally(schema(), make_batch(30)).encode())
    encoded[place % len(encoded)] ^= change
    with pytest.raises(DecodeError):
        Tally.decode(schema(), bytes(encoded))


@given(st.binary(max_size=64))
@settings(max_examples=200, deadline=None)
def test_foreign_bytes_are_refused(foreign: bytes) -> None:
    for start in (b"", b"\x01", b"\x01" + schema().digest):
        with pytest.raises(DecodeError):
            Tally.decode(schema(), start + foreign)


def test_cut_off_and_lengthened_bytes_are_refused() -> None:
    encoded = tally(schema(), make_batch(30)).encode()
    for damaged in (encoded[:-1], encoded[:20], encoded + b"\x00", b""):
        with pytest.raises(DecodeError):
            Tally.decode(schema(), damaged)


def test_a_tally_of_another_schema_is_refused() -> None:
    other = Schema.of(make_plan(), make_batch(600, seed=4))
    one = tally(other, make_batch(5))
    with pytest.raises(DecodeError, match="another schema"):
        Tally.decode(schema(), one.encode())
    with pytest.raises(ValueError, match="different schemas"):
        one + tally(schema(), make_batch(5))


def test_an_hour_of_forty_films_takes_few_bytes() -> None:
    cells = tally_cells(schema(), make_batch(40), {"any": np.ones(40, dtype=bool), "site": np.ones(40, dtype=bool)}, waves=["site"])
    assert len(cells["any"].encode()) < 40 * 20
    assert len(cells["site"].encode()) < len(cells["any"].encode()) + 700
    assert cells["site"] == cells["all"]


def test_a_cell_keeps_the_waves_only_where_it_is_asked_to() -> None:
    cells = tally_cells(schema(), make_batch(40), {"any": np.ones(40, dtype=bool)}, waves=[])
    assert cells["all"].waves()[0] == 40
    assert not cells["any"].waves().any()
    assert np.array_equal(cells["any"].vector[schema().blocks["waves"].stop :], cells["all"].vector[schema().blocks["waves"].stop :])


def test_cells_are_tallied_as_if_alone() -> None:
    batch, masks = make_rows(300, seed=8)
    together = tally_cells(schema(), batch, masks)
    assert together["all"] == tally(schema(), batch)
    for cell, mask in masks.items():
        assert together[cell] == tally(schema(), batch.select(mask))


def test_many_rows_are_tallied_in_parts_that_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    batch, masks = make_rows(300, seed=8)
    at_once = tally_cells(schema(), batch, masks)
    monkeypatch.setattr("detectors.tally.ROWS_AT_ONCE", 7)
    assert tally_cells(schema(), batch, masks) == at_once


def test_scores_and_decisions_are_counted_by_label_state() -> None:
    batch = make_batch(500, labelled=0.6)
    one, scores, labels = tally(schema(), batch), batch.scores[:, 0], batch.labels[:, 0]
    states = {UNLABELLED: np.isnan(labels), NEGATIVE: labels < 0.5, POSITIVE: labels >= 0.5}
    for state, mask in states.items():
        assert one.decisions("opacity")[state].tolist() == [(scores[mask] < 0).sum(), (scores[mask] >= 0).sum()]
        assert one.scores("opacity")[state].sum() == mask.sum()
    assert one.n == 500


def test_sums_equal_those_over_rows() -> None:
    batch = make_batch(500, labelled=0.6)
    batch = replace(batch, labels=np.where(batch.labels == 1, 0.8, batch.labels))  # soft labels
    known = ~np.isnan(batch.labels[:, 0])
    y, p = batch.labels[known, 0], expit(batch.scores[known, 0])
    losses = tally(schema(), batch).losses("opacity")
    assert losses[BRIER] == pytest.approx((y * (1 - p) ** 2 + (1 - y) * p**2).sum(), abs=1e-6)
    assert losses[EXCESS] == pytest.approx(((y - p) * (1 - 2 * p)).sum(), abs=1e-6)
    assert losses[VARIANCE] == pytest.approx(((1 - 2 * p) ** 2 * p * (1 - p)).sum(), abs=1e-6)
    assert losses[LOG_LOSS] == pytest.approx(-(y * np.log(p) + (1 - y) * np.log(1 - p)).sum(), abs=1e-6)
    assert tally(schema(), batch).expected("opacity").sum(axis=1) == pytest.approx([y.sum(), p.sum()], abs=1e-6)


def test_a_new_scanner_an_empty_view_and_an_outlier_have_their_own_bins() -> None:
    batch = make_batch(3, scanner="Gamma", missing=0.0)
    batch = replace(
        batch,
        numeric={"KVP": np.array([1.0, 1e6, np.nan]), "brightness": np.array([np.inf, 100.0, 100.0])},
        categorical={**batch.categorical, "ManufacturerModelName": np.array(["Gamma", "  Alpha ", ""], dtype=object)},
    )
    one = tally(schema(), batch)
    assert one.feature("KVP")[[0, -2, -1]].tolist() == [1, 1, 1]
    assert one.feature("brightness")[-1] == 1
    named = dict(zip(schema().bin_labels("ManufacturerModelName"), one.feature("ManufacturerModelName").tolist(), strict=True))
    assert named == {"Alpha": 1, "Beta": 0, "other": 0, "unseen": 1, "missing": 1}


def test_a_film_without_an_embedding_is_missing_in_every_component() -> None:
    batch = make_batch(4)
    empty = tally(schema(), replace(batch, embedding=np.empty((4, 0))))
    broken = tally(schema(), replace(batch, embedding=np.full_like(batch.embedding, np.nan)))
    assert empty == broken
    assert all(empty.feature(name)[-1] == 4 for name in schema().projection.features)


@pytest.mark.parametrize(
    "broken",
    [
        lambda batch: replace(batch, scores=np.full_like(batch.scores, np.nan)),
        lambda batch: replace(batch, labels=np.full_like(batch.labels, 1.5), pairs=None),
        lambda batch: replace(batch, labels=np.full_like(batch.labels, -0.5), pairs=None),
        lambda batch: replace(batch, labels=np.full_like(batch.labels, 2.5)),
        lambda batch: replace(batch, numeric={}),
        lambda batch: replace(batch, categorical={}),
        lambda batch: replace(batch, scores=np.zeros((len(batch), 2)), labels=np.zeros((len(batch), 2))),
        lambda batch: replace(batch, embedding=np.zeros((len(batch), 99))),
        lambda batch: replace(batch, embedding=np.zeros((1, 6))),
    ],
)
def test_rows_that_cannot_be_counted_are_refused(broken: Callable[[Batch], Batch]) -> None:
    with pytest.raises(ValueError, match=r"score|label|feature|findings|dimension|row"):
        tally(schema(), broken(make_batch(5)))


def test_fourier_sums_are_those_of_the_cosines_and_sines_of_each_film() -> None:
    batch = make_batch(60)
    frequencies = schema().kernel.frequencies.astype(float)
    phases = schema().projection.apply(batch.embedding)[:, : len(frequencies)] @ frequencies
    waves = np.concatenate([np.cos(phases), np.sin(phases)], axis=1)
    found = tally(schema(), batch).waves()
    assert found[0] == 60
    assert np.abs(found[1:] / STEP - waves.sum(axis=0)).max() <= 60 / (2 * STEP)
