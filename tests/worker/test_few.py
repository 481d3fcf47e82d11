"""An alarm whose subgroup is a handful of patients says that it moved, and no number of them."""

from __future__ import annotations

import json
from dataclasses import replace

from detectors.carrier import Carrier
from detectors.evidence import State
from detectors.incident import incidents
from service.cli.alarms import told
from service.remedies.summary import summary_page
from service.store.checkpoints import last_checkpoint, load_checkpoint
from service.store.remedies import remedies_of_alarm
from service.worker.calendar import number_of
from service.worker.event import remedy_proposed
from service.worker.few import few
from service.worker.replay import replay_alarm
from service.worker.subject import subject_of
from tests.worker.conftest import run
from tests.worker.hospital import MATURITY_DAYS, QUIET_DAYS, REFERENCE_DAYS, Stream, day, send_days
from tests.worker.test_alarm import alarms

SHIFT = REFERENCE_DAYS + QUIET_DAYS


def carrier(subject, cell: str, n: int, since: int) -> Carrier:
    series = next(one for one in subject.reference.series if one.name == f"calibration:{cell}:opacity:overall")
    return Carrier(series, "high", 0.5, 0.2, n, 2.0, 9.0, since)


def test_a_subgroup_is_told_of_only_from_eleven_patients_and_labels_and_its_complement_alike(settled, version):
    send_days(settled, version, SHIFT, 3, Stream(films=12))
    run(settled, day(SHIFT + 3 + MATURITY_DAYS))
    with settled.connect() as connection:
        subject = subject_of(connection, version)
        assert subject is not None
        last = number_of(day(SHIFT + 2).date())
        state = replace(State.start(subject.reference), day=last + MATURITY_DAYS)

        def shown(*carriers: Carrier) -> list[str]:
            hidden = few(connection, subject, state, carriers)
            return [one.series.cell for one in carriers if one.series.name not in hidden]

        assert shown(carrier(subject, "all", 12, last), carrier(subject, "site=north", 11, last)) == ["all"]
        month = [carrier(subject, cell, n, last - 20) for cell, n in (("all", 200), ("site=north", 190), ("PatientSex=F", 90))]
        assert shown(*month) == ["all", "PatientSex=F"], "ten films are left of the north"
        assert shown(carrier(subject, "site=north", 10, last - 20)) == []
        assert shown(carrier(subject, "site=north", 100, last - 20)) == ["site=north"]


def moving_since(connection, version) -> dict[str, int]:
    """The day on which each series of the last evidence began to move."""
    subject = subject_of(connection, version)
    assert subject is not None
    last = last_checkpoint(connection, subject.reference_id)
    assert last is not None
    stored = load_checkpoint(connection, subject.reference_id, last)
    assert stored is not None
    state = State.decode(subject.reference, stored)
    return {one.series.name: one.since for incident in incidents(subject.reference, state) for one in incident.carriers}


def test_an_alarm_of_few_patients_has_no_numbers_anywhere_and_comes_out_the_same_again(settled, version):
    send_days(settled, version, SHIFT, 20, Stream(south_log_odds=2.5, films=60, south_patients=7))
    run(settled, day(SHIFT + 20 + MATURITY_DAYS))
    (found,) = (alarm for alarm in alarms(settled, version) if alarm.family == "truth")
    assert found.cell == "site=south"
    assert found.summary.startswith("calibration shift in site=south: opacity")
    assert "rose, among too few patients to say more" in found.summary
    numbers = {(one.cell.startswith("site="), one.rate is None, one.n is None) for one in found.carriers}
    assert (True, True, True) in numbers
    assert not numbers & {(True, False, True), (True, True, False)}
    with settled.connect() as connection:
        begun = moving_since(connection, version)
        counted = [one.series for one in found.carriers if one.cell.startswith("site=") and one.n is not None]
        assert all(begun[series] < number_of(day(SHIFT).date()) for series in counted), (
            "counted from days on, on which there were many patients"
        )
        again = replay_alarm(connection, found.id)
        assert again is not None
        assert again.differing == ()
        (remedy,) = remedies_of_alarm(connection, found.id)
        message = json.loads(remedy_proposed(remedy.id, version, found, remedy, 1.0))
        page = summary_page(version, found, remedy, again)
    assert message["data"]["carriers"][0]["n"] is None
    assert page.count("too few patients to say") >= 1
    assert any("of too few patients to say more" in line for line in told(found))
