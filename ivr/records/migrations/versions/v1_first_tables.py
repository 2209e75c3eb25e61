"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, Double, ForeignKey, Integer, String, Text

revision = "1"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them."""
    _calls()
    _hops()
    _reading()
    _set_aside()
    _telling()
    _people()
    _recordings()


def _id() -> Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return Column("id", kind, primary_key=True, autoincrement=True)


def _text(name: str) -> Column[str]:
    return Column(name, String, nullable=False)


def _seconds(name: str, *, index: bool = False) -> Column[float]:
    return Column(name, Double, nullable=False, index=index)


def _flag(name: str) -> Column[bool]:
    return Column(name, sa.Boolean, nullable=False, server_default=sa.false())


def _of_call(*, key: bool = False) -> Column[str]:
    calls = ForeignKey("calls.callref")
    if key:
        return Column("callref", String, calls, primary_key=True)
    return Column("callref", String, calls, nullable=False, index=True)


def _calls() -> None:
    op.create_table(
        "calls",
        Column("callref", String, primary_key=True),
        Column("change", sa.BigInteger, nullable=False, unique=True),
        _seconds("began_at"),
        Column("answered_at", Double),
        Column("queued_at", Double),
        Column("human_at", Double),
        Column("ended_at", Double),
        _text("ani"),
        _text("dnis"),
        _text("trunk"),
        _flag("test"),
        _text("service"),
        _text("language"),
        _text("floor"),
        _text("stage"),
        Column("outcome", String),
        Column("human_kind", String),
        Column("human_who", String),
        Column("human_seconds", Double),
        Column("queue_seconds", Double),
        _seconds("talk_seconds"),
        _text("recording"),
        Column("told", Text, nullable=False),
        sa.Index(None, "ani", "began_at"),
        sa.Index(None, "began_at"),
    )
    alike = (_hour("began_at"), "test", "outcome", "service", "floor")
    times = ("began_at", "ended_at", "human_seconds", "queued_at", "queue_seconds")
    op.create_index("ix_calls_figures", "calls", [*alike, *times])


def _hour(name: str) -> sa.TextClause:
    if op.get_bind().dialect.name == "sqlite":
        return sa.text(f"CAST({name} / 3600 AS INTEGER)")
    return sa.text(f"CAST(FLOOR({name} / 3600) AS INTEGER)")


def _hops() -> None:
    op.create_table(
        "hops",
        _of_call(key=True),
        Column("place", Integer, primary_key=True),
        _seconds("at", index=True),
        _text("agency"),
        _text("number"),
        _text("trunk"),
        _text("status"),
        Column("cause", Integer, nullable=False),
        Column("ring_seconds", Double),
        Column("talk_seconds", Double),
        _flag("served"),
        _flag("test"),
    )
    alike = (_hour("at"), "test", "agency", "status", "cause", "served")
    op.create_index("ix_hops_figures", "hops", [*alike, "ring_seconds", "at"])


def _reading() -> None:
    op.create_table(
        "journal_files",
        Column("file", String, primary_key=True),
        Column("offset", sa.BigInteger, nullable=False),
        _text("name"),
        _seconds("read_at"),
    )
    op.create_table(
        "open_lines",
        _id(),
        Column("callref", String, nullable=False, index=True),
        Column("line", Text, nullable=False),
    )
    op.create_table("starts", Column("at", Double, primary_key=True))


def _set_aside() -> None:
    op.create_table(
        "bad_lines",
        _id(),
        _text("file"),
        Column("offset", sa.BigInteger, nullable=False),
        _seconds("found_at"),
        Column("text", Text, nullable=False),
        _text("why"),
        sa.UniqueConstraint("file", "offset"),
    )
    op.create_table(
        "alarms",
        _id(),
        _seconds("at", index=True),
        _text("what"),
        Column("words", Text, nullable=False),
        Column("callref", String),
    )


def _telling() -> None:
    op.create_table(
        "reports",
        Column("id", String, primary_key=True),
        _of_call(),
        _text("agency"),
        _seconds("made_at"),
        Column("body", Text, nullable=False),
        Column("acknowledged_at", Double),
        Column("acknowledged_by", String),
    )
    op.create_table(
        "outbox",
        _id(),
        _text("topic"),
        Column("body", Text, nullable=False),
        _flag("retain"),
        _seconds("made_at"),
        sqlite_autoincrement=True,
    )


def _people() -> None:
    op.create_table(
        "callbacks",
        _of_call(key=True),
        Column("ani", String, nullable=False, index=True),
        _seconds("since"),
        _text("why"),
        _text("service"),
        Column("cleared_at", Double),
        Column("cleared_by", String),
    )
    op.create_table(
        "dispositions",
        _id(),
        _of_call(),
        _seconds("at"),
        _text("by"),
        _text("disposition"),
        Column("district", String),
    )
    text = Column("text", Text, nullable=False)
    op.create_table("notes", _id(), _of_call(), _seconds("at"), _text("by"), text)


def _recordings() -> None:
    op.create_table(
        "recordings",
        _of_call(key=True),
        _text("file"),
        Column("kept_until", Double, index=True),
        Column("held_at", Double),
        Column("held_by", String),
        Column("held_why", Text),
        Column("erased_at", Double),
        Column("erased_by", String),
    )
    op.create_table(
        "audit",
        _id(),
        _seconds("at", index=True),
        _text("who"),
        _text("what"),
        _text("subject"),
        Column("words", Text, nullable=False),
    )
