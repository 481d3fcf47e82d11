"""The key of the pseudonyms: from the environment or a file, and never a weak one."""

from __future__ import annotations

from service.config import Settings
from service.errors import SetupError

SHORTEST = 32
WHAT_TO_DO = (
    f"Give the gateway a key of at least {SHORTEST} random characters, and keep it: with another key the same patient gets another pseudonym. "
    "For instance: openssl rand -hex 32 > pseudonym.key; chmod 600 pseudonym.key; export STEPWEDGE_PSEUDONYM_KEY_FILE=$PWD/pseudonym.key"
)


def pseudonym_key(settings: Settings) -> bytes:
    """The secret key.

    Raises:
        SetupError: No key is set, its file cannot be read, or it is short; the message says what to do.
    """
    if settings.pseudonym_key is not None:
        key = settings.pseudonym_key.get_secret_value().strip()
    elif settings.pseudonym_key_file is not None:
        try:
            key = settings.pseudonym_key_file.read_text().strip()
        except (OSError, UnicodeDecodeError):
            raise SetupError(f"The file of the pseudonym key cannot be read: {settings.pseudonym_key_file}. {WHAT_TO_DO}") from None
    else:
        raise SetupError(f"No pseudonym key is set. {WHAT_TO_DO}")
    if len(key) < SHORTEST or len(set(key)) < SHORTEST // 4:
        raise SetupError(f"The pseudonym key is too weak. {WHAT_TO_DO}")
    return key.encode()
