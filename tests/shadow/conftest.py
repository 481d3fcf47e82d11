"""Quiet logs, as for the API."""

from __future__ import annotations

from tests.api.conftest import _quiet_logs, settings

__all__ = ["_quiet_logs", "settings"]
