"""What all tables belong to."""

from __future__ import annotations

from sqlalchemy import DateTime, MetaData

metadata = MetaData()
moment = DateTime(timezone=True)
