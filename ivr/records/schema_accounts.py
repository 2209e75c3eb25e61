"""The tables of who uses the desk; the laws of `schema.py` hold for them too."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Integer,
    String,
    Table,
    false,
)

from ivr.records.schema import metadata

users = Table(
    "users",
    metadata,
    Column("name", String, primary_key=True),
    Column("shown", String, nullable=False),
    Column("role", String, nullable=False),
    Column("phone", String),
    Column("hash", String, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("disabled_at", Double),
)
"""An account of the desk. `phone` is an account in operators.yaml; `hash` is of argon2."""

sessions = Table(
    "sessions",
    metadata,
    Column("token", String, primary_key=True),
    Column("name", String, ForeignKey("users.name"), nullable=False, index=True),
    Column("address", String, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
    Column("idle_seconds", Double, nullable=False),
)
"""Who is logged in. `token` is a hash of what the browser holds: who reads this table cannot use
it. A session is over at `expires_at`, or when it was not seen for `idle_seconds`."""

logins = Table(
    "logins",
    metadata,
    Column(
        "id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    ),
    Column("at", Double, nullable=False, index=True),
    Column("name", String, nullable=False, index=True),
    Column("address", String, nullable=False, index=True),
    Column("well", Boolean, nullable=False, server_default=false()),
)
"""Logins that were tried, for the wait before the next. `name` is a hash: it may be a password that
was typed in the wrong place."""
