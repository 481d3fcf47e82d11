"""A handful of patients is told of nowhere: not in measurements, not in series, and not by what is left of the others."""

from __future__ import annotations

from datetime import timedelta

from detectors.ages import MATURED
from service.store.measurements import last_measurements
from service.store.references import active_reference
from service.store.snapshots import load_series
from service.worker.snapshot import unpack_series
from tests.worker.conftest import run
from tests.worker.hospital import QUIET_DAYS, QUIET_END, REFERENCE_DAYS, Stream, day, send_days

SHIFT = REFERENCE_DAYS + QUIET_DAYS


def told(engine, version, cell, window_days):
    with engine.connect() as connection:
        reference = active_reference(connection, version.id)
        assert reference is not None
        return last_measurements(connection, reference.id, cell=cell, window_days=window_days)


def test_few_patients_of_a_site_are_hidden_with_the_other_site_and_all_films_are_told(settled, version):
    send_days(settled, version, SHIFT, 1, Stream(films=12))
    run(settled, day(SHIFT + 1))
    for cell in ("site=north", "site=south"):
        few, many = (told(settled, version, cell, days) for days in (1, 30))
        flagged = next(one for one in few if one.name == "flag_rate")
        assert (flagged.value, flagged.n, flagged.verdict, flagged.reason[:7]) == (None, 0, "insufficient", "hidden:")
        assert all(one.value is None and one.low is None for one in few if one.name not in MATURED)
        assert next(one for one in many if one.name == "flag_rate").value is not None
    assert next(one for one in told(settled, version, "all", 1) if one.name == "flag_rate").n == 12


def test_the_rates_of_series_are_hidden_alike_and_their_evidence_is_not(settled, version):
    run(settled, QUIET_END + timedelta(days=14))
    send_days(settled, version, SHIFT + 14, 1, Stream(films=12))
    run(settled, day(SHIFT + 15 + 7))
    with settled.connect() as connection:
        reference = active_reference(connection, version.id)
        assert reference is not None
        stored = load_series(connection, reference.id)
    assert stored is not None
    series = unpack_series(stored)
    assert {one.rate for one in series if one.cell in {"site=north", "site=south"} and one.family != "silence"} == {None}
    assert [one.rate for one in series if one.cell == "all" and one.family == "prevalence"] != [None]
    assert all(one.evidence >= 0 for one in series)
