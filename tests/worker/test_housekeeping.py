"""After each pass the audit log knows every alarm and remedy, each once."""

from __future__ import annotations

from service.config import Settings
from service.store.audit import entries
from service.store.chain import walk
from service.worker.housekeeping import Housekeeping
from tests.worker.conftest import WALL, run
from tests.worker.hospital import QUIET_DAYS, REFERENCE_DAYS, Stream, day, send_days

SHIFT = REFERENCE_DAYS + QUIET_DAYS


def test_alarms_and_remedies_are_audited_once(quiet, version):
    send_days(quiet, version, SHIFT, 3, Stream(scanner="Gamma", kvp=9.0))
    run(quiet, day(SHIFT + 3, 1.0))
    for _ in range(2):
        Housekeeping(quiet, Settings()).keep(WALL)
    with quiet.connect() as connection:
        log = list(entries(connection))
    assert walk(log).broken is None
    deeds = [entry.act.deed.value for entry in log]
    assert deeds.count("alarm.opened") == deeds.count("remedy.proposed") == 1
