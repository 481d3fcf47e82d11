"""System components that some tests run for real: Prometheus, promtool, Orthanc, a browser."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest


def component(name: str) -> Path:
    """Path of the program `name`; without it the test skips, or fails where STEPWEDGE_REQUIRE_COMPONENTS=1 promises it (CI)."""
    found = shutil.which(name)
    if found:
        return Path(found)
    missing = f"{name} is not installed on this machine; .ci/run names its package"
    if os.environ.get("STEPWEDGE_REQUIRE_COMPONENTS") == "1":
        pytest.fail(missing)
    pytest.skip(missing)
