"""What the doctor looks at on this machine: its disk, the certificates, and whose licences apply."""

from __future__ import annotations

import shutil
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from service.config import Settings
from service.diagnosis.result import Health, Result
from service.review.licence import has_alibi

GIB = 1 << 30
LITTLE_SPACE = 2 * GIB
RENEW, URGENT = timedelta(days=30), timedelta(days=7)
"""Left to a certificate before we say so, and before that is a fault."""


def disk(settings: Settings) -> Result:
    """Room on the volumes that are written to, the spool's own bound included."""
    needed: dict[Path, int] = {}
    for folder, bytes_needed in ((settings.data_dir, LITTLE_SPACE), (settings.spool_folder, settings.spool_bytes)):
        place = existing(folder)
        needed[place] = max(needed.get(place, 0), bytes_needed)
    free = {place: shutil.disk_usage(place).free for place in needed}
    detail = ", ".join(f"{count / GIB:.1f} GiB free at {place}" for place, count in free.items())
    if any(free[place] < count for place, count in needed.items()):
        advice = "Make room, or move STEPWEDGE_DATA_DIR or STEPWEDGE_SPOOL; the spool alone may take STEPWEDGE_SPOOL_BYTES."
        return Result(Health.WRONG, detail, advice)
    return Result(Health.OK, detail)


def existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    whole = folder.absolute()
    return next(path for path in (whole, *whole.parents) if path.exists())


def certificates(settings: Settings) -> Result:
    """Whether certificate and key belong together, and how long each certificate still holds."""
    if settings.tls_certificate is None:
        return Result(Health.OK, "plain HTTP: TLS is for the proxy in front, or nobody else reaches this port")
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(settings.tls_certificate, settings.tls_key)
        ends = {path: expiry(path) for path in (settings.tls_certificate, settings.tls_client_ca) if path is not None}
    except (OSError, ValueError):
        return Result(
            Health.WRONG,
            f"{settings.tls_certificate}, its key or the callers' authority cannot be used",
            "STEPWEDGE_TLS_CERTIFICATE, STEPWEDGE_TLS_KEY and STEPWEDGE_TLS_CLIENT_CA must be readable PEM files; the key must be the certificate's.",
        )
    detail = ", ".join(f"{path.name} holds until {end:%Y-%m-%d %H:%M} UTC" for path, end in ends.items())
    left = min(ends.values()) - datetime.now(UTC)
    if left < RENEW:
        advice = "Renew it and start the gateway again: it reads its certificate once."
        return Result(Health.WRONG if left < URGENT else Health.NOTE, detail, advice)
    return Result(Health.OK, detail)


def expiry(path: Path) -> datetime:
    """When the first certificate of a file ends.

    Raises:
        ValueError: The file holds none.
    """
    from cryptography import x509  # noqa: PLC0415 - a machine that runs workers only has none

    return min(one.not_valid_after_utc for one in x509.load_pem_x509_certificates(path.read_bytes()))


def licences(settings: Settings) -> Result:
    """alibi-detect is under the Business Source Licence: nothing asks it before somebody has said under which of its terms."""
    if not has_alibi():
        return Result(Health.OK, "alibi-detect is not installed; detection does not depend on it")
    stated = settings.alibi_licence
    if stated == "none":
        return Result(
            Health.NOTE,
            "alibi-detect is installed (Business Source Licence) and refuses to confirm alarms: nobody has accepted its terms",
            "STEPWEDGE_ALIBI_LICENCE=evaluation outside production, =licensed with a licence from Seldon; or leave it: nothing depends on it.",
        )
    if stated == "evaluation":
        return Result(Health.NOTE, "alibi-detect confirms alarms as an evaluation: not allowed in production without a licence from Seldon")
    return Result(Health.OK, "alibi-detect confirms alarms, by a licence from Seldon as you state")
