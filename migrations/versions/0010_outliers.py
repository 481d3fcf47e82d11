"""Films held against the reference: distance of the embedding, its yardstick, the mean film. The code before this one knows none of them."""

from __future__ import annotations

from alembic import op
from sqlalchemy import ARRAY, REAL, Column, Double, ForeignKey, Integer, LargeBinary, PrimaryKeyConstraint, Text

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("predictions", Column("ood_distance", REAL))
    op.create_table(
        "yardsticks",
        Column("reference", Integer, ForeignKey("reference_versions.id"), primary_key=True),
        Column("payload", LargeBinary, nullable=False),
    )
    op.create_table(
        "mean_films",
        Column("model_version", Integer, ForeignKey("model_versions.id"), nullable=False),
        Column("view", Text, nullable=False),
        Column("films", Integer, nullable=False),
        Column("total", ARRAY(Double), nullable=False),
        PrimaryKeyConstraint("model_version", "view", name="mean_films_pkey"),
    )


def downgrade() -> None:
    op.drop_table("mean_films")
    op.drop_table("yardsticks")
    op.drop_column("predictions", "ood_distance")
