"""The tables. SQLite and PostgreSQL hold the same; `migrations/` makes them.

Law 1: every time is in seconds since the epoch, UTC.
Law 2: what is counted or searched is a column; the whole record is kept beside it as JSON (`told`).
Law 3: no text has a limit: what Asterisk wrote is never refused for its length.
Law 4: a row of `journal_files` moves in the transaction that holds what was read from that file.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from ivr.records.expressions import hour_of

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_ID = BigInteger().with_variant(Integer, "sqlite")
"""Numbers itself: SQLite does so only for a column that is called INTEGER."""


def _no_flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=false())


calls = Table(
    "calls",
    metadata,
    Column("callref", String, primary_key=True),
    Column("change", BigInteger, nullable=False, unique=True),
    Column("began_at", Double, nullable=False),
    Column("answered_at", Double),
    Column("queued_at", Double),
    Column("human_at", Double),
    Column("ended_at", Double),
    Column("ani", String, nullable=False),
    Column("dnis", String, nullable=False),
    Column("trunk", String, nullable=False),
    _no_flag("test"),
    Column("service", String, nullable=False),
    Column("language", String, nullable=False),
    Column("floor", String, nullable=False),
    Column("stage", String, nullable=False),
    Column("outcome", String),
    Column("human_kind", String),
    Column("human_who", String),
    Column("human_seconds", Double),
    Column("queue_seconds", Double),
    Column("talk_seconds", Double, nullable=False),
    Column("recording", String, nullable=False),
    Column("told", Text, nullable=False),
    Index(None, "ani", "began_at"),
    Index(None, "began_at"),
)
"""One row a call to 112 (ivr/callrecord.py). `change` grows with every change of any row: who
follows asks for what is above the last it saw."""

# A report reads this index and not the rows (figures.py). The first five columns are those it
# groups by, in its order: SQLite then counts a million calls in passing and sorts nothing.
Index(
    "ix_calls_figures",
    hour_of(calls.c.began_at),
    calls.c.test,
    calls.c.outcome,
    calls.c.service,
    calls.c.floor,
    calls.c.began_at,
    calls.c.ended_at,
    calls.c.human_seconds,
    calls.c.queued_at,
    calls.c.queue_seconds,
)

hops = Table(
    "hops",
    metadata,
    Column("callref", String, ForeignKey("calls.callref"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("at", Double, nullable=False, index=True),
    Column("agency", String, nullable=False),
    Column("number", String, nullable=False),
    Column("trunk", String, nullable=False),
    Column("status", String, nullable=False),
    Column("cause", Integer, nullable=False),
    Column("ring_seconds", Double),
    Column("talk_seconds", Double),
    _no_flag("served"),
    _no_flag("test"),
)
"""One row an attempt to reach an agency. `place` counts from 1 within the call."""

Index(
    "ix_hops_figures",
    hour_of(hops.c.at),
    hops.c.test,
    hops.c.agency,
    hops.c.status,
    hops.c.cause,
    hops.c.served,
    hops.c.ring_seconds,
    hops.c.at,
)

# The weather of a hotline is that of its last attempts (weather.py).
Index(None, hops.c.agency, hops.c.number, hops.c.at)

# ---------------------------------------------------------------------------- how far we have read

journal_files = Table(
    "journal_files",
    metadata,
    Column("file", String, primary_key=True),
    Column("offset", BigInteger, nullable=False),
    Column("name", String, nullable=False),
    Column("read_at", Double, nullable=False),
)
"""A file of the journal by its fingerprint, and where its next line begins."""

open_lines = Table(
    "open_lines",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("callref", String, nullable=False, index=True),
    Column("line", Text, nullable=False),
)
"""The lines of calls that are not over: their record is made anew from all of them."""

starts = Table("starts", metadata, Column("at", Double, primary_key=True))
"""The starts of Asterisk that were read: each cuts off the calls that were open, and only once."""

bad_lines = Table(
    "bad_lines",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("file", String, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("found_at", Double, nullable=False),
    Column("text", Text, nullable=False),
    Column("why", String, nullable=False),
    UniqueConstraint("file", "offset"),
)
"""Lines set aside: nobody's record, and kept for whoever looks into it."""

alarms = Table(
    "alarms",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False, index=True),
    Column("what", String, nullable=False),
    Column("words", Text, nullable=False),
    Column("callref", String),
)
"""What staff must look at: the dialplan's ALARM events, and trouble that the desk found itself."""

# ----------------------------------------------------------------------------- what follows from it

callbacks = Table(
    "callbacks",
    metadata,
    Column("callref", String, ForeignKey("calls.callref"), primary_key=True),
    Column("ani", String, nullable=False, index=True),
    Column("since", Double, nullable=False),
    Column("why", String, nullable=False),
    Column("service", String, nullable=False),
    Column("cleared_at", Double),
    Column("cleared_by", String),
)
"""Callers with a number whom nobody served. `why` is the outcome; `cleared_by` the account of who
reached them, or the reference of the call with which they reached us."""

callback_claims = Table(
    "callback_claims",
    metadata,
    Column("ani", String, primary_key=True),
    Column("by", String, nullable=False),
    Column("at", Double, nullable=False),
    Column("until", Double, nullable=False),
)
"""Who calls a number back now: one account at a time, and no longer than `until`."""

callback_attempts = Table(
    "callback_attempts",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("ani", String, nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("by", String, nullable=False),
    Column("result", String, nullable=False),
)
"""Who tried to call a number back, and what came of it."""

reports = Table(
    "reports",
    metadata,
    Column("id", String, primary_key=True),
    Column("callref", String, ForeignKey("calls.callref"), nullable=False, index=True),
    Column("agency", String, nullable=False),
    Column("made_at", Double, nullable=False),
    Column("body", Text, nullable=False),
    Column("acknowledged_at", Double),
    Column("acknowledged_by", String),
)
"""What an agency was told of a call, and its word that it knows."""

origin = Table("origin", metadata, Column("made_at", Double, primary_key=True))
"""When this database was made, if it was by a version that notes it."""

outbox = Table(
    "outbox",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("topic", String, nullable=False),
    Column("body", Text, nullable=False),
    _no_flag("retain"),
    Column("made_at", Double, nullable=False),
    sqlite_autoincrement=True,
)
"""Messages that the broker has not acknowledged, in the order in which they go out."""

dispositions = Table(
    "dispositions",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("callref", String, ForeignKey("calls.callref"), nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("by", String, nullable=False),
    Column("disposition", String, nullable=False),
    Column("district", String),
)
"""What an operator says a call was; the last row of a call counts."""

notes = Table(
    "notes",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("callref", String, ForeignKey("calls.callref"), nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("by", String, nullable=False),
    Column("text", Text, nullable=False),
)

recordings = Table(
    "recordings",
    metadata,
    Column("callref", String, ForeignKey("calls.callref"), primary_key=True),
    Column("file", String, nullable=False),
    Column("kept_until", Double, index=True),
    Column("held_at", Double),
    Column("held_by", String),
    Column("held_why", Text),
    Column("erased_at", Double),
    Column("erased_by", String),
)
"""The sound of a call. A legal hold (`held_at`) keeps it beyond `kept_until`; an erased one leaves
its row, and the call's record, behind."""

audit = Table(
    "audit",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False, index=True),
    Column("who", String, nullable=False),
    Column("what", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("words", Text, nullable=False),
)
"""Who did what to whose call: every playback, hold, erasure."""
