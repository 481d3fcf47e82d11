"""What the doctor tries to reach: the PACS, the webhooks, the issuer of tokens, and the object folder. Nothing is sent to any of them."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import fsspec
from fsspec.implementations.local import LocalFileSystem

from service.config import Settings
from service.diagnosis.machine import existing
from service.diagnosis.result import Health, Result

TIMEOUT_S = 3.0
PORTS = {"http": 80, "https": 443}


def receiver(variable: str, url_of: Callable[[Settings], str | None], purpose: str) -> Callable[[Settings], Result]:
    """A check whether something listens where a setting points; with https also whether its certificate is one that we trust."""

    def check(settings: Settings) -> Result:
        url = url_of(settings)
        if url is None:
            return Result(Health.OK, f"{variable} is not set: {purpose}")
        try:
            host = knock(url)
        except (OSError, ValueError) as error:
            return Result(Health.WRONG, f"what {variable} names cannot be reached ({type(error).__name__})", _advice(variable, error))
        return Result(Health.OK, f"{host} answers")

    return check


def knock(url: str) -> str:
    """Open a connection and close it; host and port.

    Raises:
        OSError: Nothing listens there, or its certificate is not one that we trust.
        ValueError: The URL names no host.
    """
    parts = urlsplit(url)
    if parts.hostname is None or parts.scheme not in PORTS:
        raise ValueError
    port = parts.port or PORTS[parts.scheme]
    with socket.create_connection((parts.hostname, port), timeout=TIMEOUT_S) as connection:
        if parts.scheme == "https":
            with ssl.create_default_context().wrap_socket(connection, server_hostname=parts.hostname):
                pass
    return f"{parts.hostname}:{port}"


def _advice(variable: str, error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"Its certificate is not trusted here: add its authority to this machine (SSL_CERT_FILE), or mend the name in {variable}."
    if isinstance(error, socket.gaierror):
        return f"Its name is unknown here: look at {variable} and the name server."
    return f"Start it, let this machine through to it (firewall, NetworkPolicy), or mend {variable}."


REMEDIES = receiver("STEPWEDGE_WEBHOOK_URL", lambda settings: settings.webhook_url, "remedies are told of on their page only")
RESULTS = receiver("STEPWEDGE_RESULTS_URL", lambda settings: settings.results_url, "nobody is called when a later answer is there")
PACS = receiver("STEPWEDGE_PACS_URL", lambda settings: settings.pacs_url, "reports are fetched, not pushed")
ISSUER = receiver("STEPWEDGE_OIDC_ISSUER", lambda settings: settings.oidc_issuer, "callers have keys")


def objects(settings: Settings) -> Result:
    """Whether something can be written, read and removed in the object folder and in the archive."""
    places = {settings.object_folder: "STEPWEDGE_OBJECTS", settings.archive_folder: "STEPWEDGE_ARCHIVE"}
    for place, variable in places.items():
        try:
            usable = writable(place)
        except Exception as error:  # noqa: BLE001 - each store has errors of its own
            return Result(Health.WRONG, f"{place} cannot be used ({type(error).__name__})", f"Mend {variable} or its credentials.")
        if not usable:
            return Result(Health.WRONG, f"{place} cannot be written to", f"Give this user the folder, or mend {variable}.")
    return Result(Health.OK, f"{settings.object_folder} can be written to")


def writable(place: str) -> bool:
    """A local folder is only looked at, so that nothing is made where nothing was; elsewhere a probe is written, read and removed."""
    store, root = fsspec.url_to_fs(place)
    if isinstance(store, LocalFileSystem):
        folder = existing(Path(root))
        return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
    probe = f"{root.rstrip('/')}/.doctor-{uuid4()}"
    store.pipe_file(probe, b"probe")
    try:
        return bool(store.cat_file(probe) == b"probe")
    finally:
        store.rm_file(probe)
