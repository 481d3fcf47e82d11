"""An Orthanc of our own with its DICOMweb plugin, on loopback, in a folder of its own."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.components import component
from tests.ports import free_port

PLUGIN = "libOrthancDicomWeb.so"
PLUGIN_FOLDERS = ("/usr/share/orthanc/plugins", "/usr/local/share/orthanc/plugins")
STARTED_WITHIN_S = 60.0


@contextmanager
def orthanc(folder: Path, *, port: int | None = None, **configuration: Any) -> Iterator[httpx.Client]:
    """A client of an Orthanc that keeps its store in `folder`; started again there, it still has what it had."""
    program = component("Orthanc")
    plugin = next((path for place in PLUGIN_FOLDERS if (path := Path(place) / PLUGIN).exists()), None)
    assert plugin is not None, "the DICOMweb plugin of Orthanc is not installed; .ci/run names its package"
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    settings: Mapping[str, Any] = {
        "Name": "TEST",
        "StorageDirectory": str(folder / "store"),
        "IndexDirectory": str(folder / "store"),
        "Plugins": [str(plugin)],
        "HttpPort": port,
        "DicomServerEnabled": False,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        **configuration,
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    log = folder / "orthanc.log"
    with log.open("ab") as sink:
        process = subprocess.Popen([program, folder / "orthanc.json"], stdout=sink, stderr=sink)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
            _until_up(client, process, log)
            yield client
    finally:
        process.terminate()
        process.wait(60)


def _until_up(client: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + STARTED_WITHIN_S
    while True:
        assert process.poll() is None, log.read_text()
        try:
            client.get("/system")
        except httpx.HTTPError:
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)
        else:
            return
