"""The secrets of a laptop: files in the data folder, made once, for their owner's eyes only."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import Engine

from service.access import Act, Deed, Role
from service.cli.setup import actor
from service.config import Settings
from service.gateway.api_key import issued, new_key
from service.store.api_keys import add_key, find_key
from service.store.audit import append

PSEUDONYM_KEY = "pseudonym.key"
API_KEY = "api.key"
LAPTOP = "laptop"


def made_once(path: Path, make: Callable[[], str]) -> Path:
    """The file, with what `make` gives if there was none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path
    with os.fdopen(descriptor, "w") as file:
        file.write(make())
    return path


def own_key(data_dir: Path) -> Path:
    """The pseudonym key of a laptop."""
    return made_once(data_dir.absolute() / PSEUDONYM_KEY, lambda: secrets.token_hex(32))


def own_api_key(engine: Engine, data_dir: Path, at: datetime) -> str:
    """An API key of a laptop with every role, known to its database. One that was revoked is replaced by another."""
    path = data_dir.absolute() / API_KEY
    text = made_once(path, new_key).read_text().strip()
    with engine.begin() as connection:
        key = issued(text, LAPTOP, Role, at)
        if add_key(connection, key):
            append(connection, Act(at, actor(), Deed.KEY_CREATED, key.id, {"name": LAPTOP, "roles": sorted(Role)}))
        if find_key(connection, key.id).is_valid(at):
            return text
    path.unlink()
    return own_api_key(engine, data_dir, at)


def with_own_pseudonym_key(settings: Settings) -> Settings:
    """Settings with the pseudonym key of the data folder, where none is set and there is one."""
    own = settings.data_dir / PSEUDONYM_KEY
    if settings.pseudonym_key is not None or settings.pseudonym_key_file is not None or not own.exists():
        return settings
    return settings.model_copy(update={"pseudonym_key_file": own})


def with_own_key(settings: Settings) -> Settings:
    """Settings with the API key of the data folder, where none is set and there is one that we may read."""
    if settings.api_key is not None:
        return settings
    try:
        return settings.model_copy(update={"api_key": SecretStr((settings.data_dir / API_KEY).read_text())})
    except OSError:
        return settings
