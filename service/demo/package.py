"""Where the demo's model package lies."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).parent / "model"
