"""What most commands need first: the settings, a database, free ports."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPSConnection

from pydantic import ValidationError

from service.config import Settings
from service.errors import SetupError
from service.store.audit import ON_SITE
from service.store.embedded import embedded_postgres


def read_settings() -> Settings:
    """The settings from the environment.

    Raises:
        SetupError: One of them is not valid; the message names it and the rule, not the value.
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(f"{variable(item['loc'])}: {item['msg']}" for item in error.errors(include_url=False, include_input=False))
        raise SetupError(f"The environment is not valid. {wrong}.") from None


def variable(location: tuple[int | str, ...]) -> str:
    name = str(location[0]).upper()
    return name if name == "DATABASE_URL" or name.startswith("STEPWEDGE_") else f"STEPWEDGE_{name}"


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The URL of DATABASE_URL, or of the embedded server below data_dir, which is started where it does not run yet."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    with embedded_postgres(settings.data_dir) as url:
        yield url


def actor() -> str:
    """Who gives a command, for the audit log: the number of the operating system's user, since its name may be a person's."""
    return f"{ON_SITE}:{os.getuid()}" if hasattr(os, "getuid") else ON_SITE


def address_of(settings: Settings) -> str:
    """Where the gateway of these settings answers."""
    return f"{'http' if settings.tls_certificate is None else 'https'}://{settings.host}:{settings.port}"


def connection_to(settings: Settings, timeout: float) -> HTTPConnection:
    """A connection to the gateway of these settings; over TLS its own certificate is what is trusted."""
    if settings.tls_certificate is None:
        return HTTPConnection(settings.host, settings.port, timeout=timeout)
    context = ssl.create_default_context(cafile=str(settings.tls_certificate))
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return HTTPSConnection(settings.host, settings.port, timeout=timeout, context=context)


def need_free(host: str, port: int, variable_name: str) -> None:
    """Make sure that a port can be listened on.

    Raises:
        SetupError: It cannot; the message says which setting chooses another.
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            reason = f"Port {port} of {host} cannot be used ({error.strerror})."
            raise SetupError(f"{reason} Set {variable_name} to a free port, or stop what uses this one.") from None
