"""A log is JSON, one object a line, and never says what a film says."""

from __future__ import annotations

import json
import subprocess
import sys

SECRET = "Zimmermann^Agathe"
PROGRAM = f"""
import logging, warnings
import structlog
from service.cli import logs
logs.configure()
log = structlog.get_logger()
log.info("ours", answer=42)
try:
    raise ValueError("{SECRET}")
except ValueError as error:
    log.exception("caught")
    log.error("passed", exc_info=error)
    logging.getLogger("asyncio").exception("{SECRET}")
    logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
logging.getLogger("pydicom").warning("Invalid value for VR PN: %s", "{SECRET}")
warnings.warn("{SECRET}")
logging.getLogger("uvicorn.error").info("Started server process")
"""


def test_every_line_is_json_and_no_message_of_a_library_is_repeated() -> None:
    said = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert said.stdout == ""
    assert SECRET not in said.stderr
    lines = [json.loads(line) for line in said.stderr.splitlines()]
    assert (lines[0]["event"], lines[0]["answer"], lines[0]["level"]) == ("ours", 42, "info")
    for line in lines[1:5]:
        assert line["kind"] == "ValueError"
        assert line["frames"][0].endswith("<module>")
    assert [line.get("logger") for line in lines[3:]] == ["asyncio", "uvicorn.error", "pydicom", "py.warnings", "uvicorn.error"]
    assert lines[4]["event"] == "Exception in ASGI application"
    assert lines[-1]["event"] == "Started server process"
    assert all(line["timestamp"] and line["level"] for line in lines)
