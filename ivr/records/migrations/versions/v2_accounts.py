"""Accounts of the desk, their sessions, and the logins that were tried."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, Double, ForeignKey, String

revision = "2"
down_revision = "1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "users",
        Column("name", String, primary_key=True),
        Column("shown", String, nullable=False),
        Column("role", String, nullable=False),
        Column("phone", String),
        Column("hash", String, nullable=False),
        _seconds("created_at"),
        Column("disabled_at", Double),
    )
    op.create_table(
        "sessions",
        Column("token", String, primary_key=True),
        Column("name", String, ForeignKey("users.name"), nullable=False, index=True),
        Column("address", String, nullable=False),
        _seconds("created_at"),
        _seconds("seen_at"),
        _seconds("expires_at", index=True),
        _seconds("idle_seconds"),
    )
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "logins",
        Column("id", number, primary_key=True, autoincrement=True),
        _seconds("at", index=True),
        Column("name", String, nullable=False, index=True),
        Column("address", String, nullable=False, index=True),
        Column("well", sa.Boolean, nullable=False, server_default=sa.false()),
    )


def _seconds(name: str, *, index: bool = False) -> Column[float]:
    return Column(name, Double, nullable=False, index=index)
