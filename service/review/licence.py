"""Licence: whether alibi-detect is here, and may be used here."""

from __future__ import annotations

from importlib.util import find_spec

from service.config import Settings
from service.errors import LicenceError, MissingExtraError

NO_ALIBI = "alibi-detect is not installed, so nothing confirms this alarm. Detection does not need it. Install the extra: pip install 'stepwedge[alibi]'."
NO_EVIDENTLY = "Evidently is not installed, so no report can be made. Install the extra: pip install 'stepwedge[reports]'."


def need_alibi(settings: Settings) -> None:
    """Make sure that alibi-detect may be asked.

    Raises:
        MissingExtraError: It is not installed.
        LicenceError: Nobody has said under which of its terms it is used here.
    """
    if not has_alibi():
        raise MissingExtraError(NO_ALIBI)
    if settings.alibi_licence == "none":
        raise LicenceError


def need_evidently() -> None:
    """Make sure that a report can be made.

    Raises:
        MissingExtraError: Evidently is not installed.
    """
    if not has_evidently():
        raise MissingExtraError(NO_EVIDENTLY)


def has_alibi() -> bool:
    """Whether alibi-detect is installed; it is not imported to find out."""
    return find_spec("alibi_detect") is not None


def has_evidently() -> bool:
    """Whether Evidently is installed."""
    return find_spec("evidently") is not None
