"""What only `stepwedge doctor` can look at: the key of this machine, and the gateway of these settings."""

from __future__ import annotations

import http.client
import json

from prometheus_client.parser import text_string_to_metric_families

from service.cli.secret_files import PSEUDONYM_KEY, with_own_key
from service.cli.setup import connection_to
from service.config import Settings
from service.diagnosis.result import Health, Result
from service.errors import SetupError
from service.gateway.key import pseudonym_key

TIMEOUT_S = 3.0
REQUESTS = "stepwedge_requests_"
ENDS = ("recorded", "replayed", "spooled", "unrecorded", "refused", "failed")


def pseudonyms(settings: Settings) -> Result:
    own = settings.data_dir / PSEUDONYM_KEY
    if settings.pseudonym_key is None and settings.pseudonym_key_file is None and own.exists():
        loose = own.stat().st_mode & 0o077
        if loose:
            return Result(Health.WRONG, f"{own} can be read by others", f"chmod 600 {own}")
        return Result(Health.OK, f"the key of this data folder, {own}")
    try:
        pseudonym_key(settings)
    except SetupError as error:
        return Result(Health.WRONG, "no usable key", f"{error} On a laptop `stepwedge up` makes one.")
    return Result(Health.OK, "a key of sufficient length is set")


def gateway(settings: Settings) -> Result:
    answer = fetch(settings, "/readyz")
    if answer is None:
        return Result(
            Health.NOTE, f"nothing answers at {settings.host}:{settings.port}", "Start it with `stepwedge up` or `stepwedge gateway`."
        )
    status, body = answer
    try:
        checks = json.loads(body)["checks"]
        missing = [f"{name} {check['detail']}" for name, check in checks.items() if not check["ok"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        return Result(
            Health.WRONG, f"what answers at {settings.host}:{settings.port} is not Stepwedge", "Set STEPWEDGE_PORT to a free port."
        )
    if missing or status != http.HTTPStatus.OK:
        return Result(Health.WRONG, "; ".join(missing) or "not ready", "Mend what it names; the gateway recovers by itself.")
    return Result(Health.OK, "; ".join(f"{name} {check['detail']}" for name, check in checks.items()))


def capture_ledger(settings: Settings) -> Result:
    """What the running gateway counted: received must be what ended and what is in work."""
    answer = fetch(settings, "/metrics")
    if answer is None:
        return Result(Health.NOTE, "no gateway runs here, so nothing is counted")
    totals: dict[str, float] = {}
    for family in text_string_to_metric_families(answer[1].decode()):
        for sample in family.samples:
            totals[sample.name] = totals.get(sample.name, 0.0) + sample.value
    received, in_work = totals.get(f"{REQUESTS}received_total", 0.0), totals.get(f"{REQUESTS}in_progress", 0.0)
    ended = {end: totals.get(f"{REQUESTS}{end}_total", 0.0) for end in ENDS}
    books = f"received {received:.0f} = " + " + ".join(f"{end} {count:.0f}" for end, count in ended.items()) + f" + in work {in_work:.0f}"
    if received != sum(ended.values()) + in_work:
        return Result(Health.WRONG, f"the books do not balance: {books}", "This is a defect of Stepwedge: report it with this line.")
    return Result(Health.OK, books)


def fetch(settings: Settings, path: str) -> tuple[int, bytes] | None:
    """Status and body from the gateway of these settings; None when nothing answers."""
    try:
        connection = connection_to(settings, TIMEOUT_S)
    except OSError:
        return None
    try:
        connection.request("GET", path, headers=with_own_key(settings).authorization)
        reply = connection.getresponse()
        return reply.status, reply.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
