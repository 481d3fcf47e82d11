"""A PACS that forwards: an Orthanc that takes in films by DICOM and knows the gateway under test as the DICOMweb server `stepwedge`."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.api.serving import until
from tests.components import component
from tests.orthanc import orthanc
from tests.ports import free_port


@dataclass(frozen=True, slots=True)
class Pacs:
    """A running PACS: its REST API, and where it listens for DICOM."""

    client: httpx.Client
    dicom_port: int

    def load(self, folder: Path, films: Sequence[bytes]) -> None:
        """Send films as a modality does, by dcmtk's storescu."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{number}.dcm" for number in range(len(films))]
        for path, film in zip(paths, films, strict=True):
            path.write_bytes(film)
        subprocess.run([component("storescu"), "127.0.0.1", str(self.dicom_port), *map(str, paths)], check=True, timeout=60)

    def studies(self) -> list[str]:
        return [str(one) for one in self.client.get("/studies").json()]

    def forward(self, study: str) -> str:
        """Have a study sent by STOW-RS; the id of the job."""
        reply = self.client.post("/dicom-web/servers/stepwedge/stow", json={"Resources": [study], "Synchronous": False})
        return str(reply.raise_for_status().json()["ID"])

    def job(self, identifier: str) -> dict[str, Any]:
        """A job that has ended."""
        until(lambda: self.client.get(f"/jobs/{identifier}").json()["State"] in {"Success", "Failure"})
        found: dict[str, Any] = self.client.get(f"/jobs/{identifier}").json()
        return found


@contextmanager
def forwarding(folder: Path, url: str, headers: Mapping[str, str], lua: str = "") -> Iterator[Pacs]:
    """A PACS whose DICOMweb server `stepwedge` is at `url`, and that runs a Lua script."""
    folder.mkdir(parents=True)
    (folder / "script.lua").write_text(lua)
    port = free_port()
    server = {"Url": f"{url}/dicom-web/", "HttpHeaders": dict(headers), "ChunkedTransfers": True}
    with orthanc(
        folder,
        DicomServerEnabled=True,
        DicomPort=port,
        StableAge=1,
        LuaScripts=[str(folder / "script.lua")],
        DicomWeb={"Enable": True, "Root": "/dicom-web/", "Servers": {"stepwedge": server}},
    ) as client:
        yield Pacs(client, port)
