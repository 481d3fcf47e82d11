"""Assets: style and script, each under an address that holds a digest of its content, so that a browser may keep it for ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from fastapi import Request, Response
from starlette.exceptions import HTTPException

FOLDER = Path(__file__).parent / "static"
PATH = "/console/static/{name}"
KINDS: Mapping[str, str] = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is served."""

    address: str
    kind: str
    content: bytes


@cache
def assets() -> Mapping[str, Asset]:
    """Every file of the folder: its name -> what is served."""
    return {path.name: _read(path) for path in sorted(FOLDER.iterdir()) if path.suffix in KINDS}


def asset(name: str) -> str:
    """The address of a file."""
    return assets()[name].address


async def send_asset(request: Request) -> Response:
    """A file, if the address holds the digest of its content: an old page is not given a new style."""
    found = next((one for one in assets().values() if one.address == request.url.path), None)
    if found is None:
        raise HTTPException(404)
    return Response(
        found.content, media_type=found.kind, headers={"Cache-Control": FOR_EVER, "Cross-Origin-Resource-Policy": "same-origin"}
    )


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    name = f"{path.stem}.{sha256(content).hexdigest()[:16]}{path.suffix}"
    return Asset(PATH.format(name=name), KINDS[path.suffix], content)
