"""Who is to be called back, who is at it, and what came of it.

Law 1: one account at a time has a number: the claim is one statement that heeds its condition, so
of two who claim at once one gets it, on either database.
Law 2: a claim ends by itself: whoever went home keeps nobody waiting.
Law 3: who was reached is off the list, with every call of that number (callbacks.py, law 2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from sqlalchemy import Connection, delete, select, update

from ivr.ranking import Missed
from ivr.records.schema import callback_attempts, callback_claims, callbacks, calls
from ivr.records.statements import among, insert

CLAIM_SECONDS = 300
"""Long enough to ring, speak and write; a caller waits no longer for one who forgot."""

Result = Literal["dialled", "reached", "no-answer", "busy", "wrong-number"]
RESULTS: tuple[Result, ...] = get_args(Result)


@dataclass(frozen=True, slots=True)
class Claim:
    """Who has a number, and until when: seconds since the epoch, UTC."""

    by: str
    until: float


@dataclass(frozen=True, slots=True)
class Tried:
    """An attempt to call a number back. `at` is in seconds since the epoch, UTC."""

    at: float
    by: str
    result: str


def missed(connection: Connection) -> list[Missed]:
    """Return the calls whose callers have reached nobody since."""
    c = callbacks.c
    columns = (c.callref, c.ani, calls.c.began_at, c.since, c.why, c.service)
    query = select(*columns).join_from(callbacks, calls).where(c.cleared_at.is_(None))
    return [Missed(*row) for row in connection.execute(query)]


def claim(connection: Connection, ani: str, by: str, now: float) -> Claim | None:
    """Take a number for an account, for CLAIM_SECONDS from now on. None: another has it.

    Whoever has it already keeps it for as long again.
    """
    t = callback_claims
    taken = insert(connection.dialect.name, t).values(
        ani=ani, by=by, at=now, until=now + CLAIM_SECONDS
    )
    new = {"by": by, "at": now, "until": now + CLAIM_SECONDS}
    free = (t.c.until <= now) | (t.c.by == by)
    query = taken.on_conflict_do_update(index_elements=["ani"], set_=new, where=free)
    row = connection.execute(query.returning(t.c.by, t.c.until)).first()
    return Claim(*row) if row else None


def release(connection: Connection, ani: str, by: str) -> None:
    """Give a number back; one that another has stays theirs."""
    t = callback_claims.c
    connection.execute(delete(callback_claims).where(t.ani == ani, t.by == by))


def claims(connection: Connection, now: float) -> dict[str, Claim]:
    """Return who has which number at `now`, in seconds UTC."""
    t = callback_claims.c
    query = select(t.ani, t.by, t.until).where(t.until > now)
    return {row.ani: Claim(row.by, row.until) for row in connection.execute(query)}


def tried(connection: Connection, ani: str, by: str, result: Result, now: float) -> None:
    """Note an attempt; with one that reached the caller he is off the list."""
    row = {"ani": ani, "at": now, "by": by, "result": result}
    connection.execute(callback_attempts.insert(), row)
    if result == "dialled":
        return
    release(connection, ani, by)
    if result == "reached":
        own = (callbacks.c.ani == ani, callbacks.c.cleared_at.is_(None))
        connection.execute(update(callbacks).where(*own).values(cleared_at=now, cleared_by=by))


def attempts(connection: Connection, anis: Sequence[str]) -> dict[str, list[Tried]]:
    """Return the attempts to reach each of these numbers, the first of them first."""
    t = callback_attempts.c
    found: dict[str, list[Tried]] = {}
    query = select(t.ani, t.at, t.by, t.result).order_by(t.at, t.id)
    for row in among(connection, query, t.ani, anis):
        found.setdefault(row.ani, []).append(Tried(row.at, row.by, row.result))
    return found
