"""Where an error happened, without what it said: messages of foreign errors may quote a tag value."""

from __future__ import annotations

import traceback
from pathlib import Path


def frames(error: BaseException) -> list[str]:
    """The calls that led to the error, outermost first, as `folder/file.py:line function`."""
    return [
        f"{'/'.join(Path(frame.filename).parts[-2:])}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
    ]
