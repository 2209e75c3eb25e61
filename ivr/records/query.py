"""Finds calls in the database: by what they were, by what has changed, or the one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, exists, func, select

from ivr.callrecord import CallRecord, Outcome, from_json
from ivr.dispositions import Disposition
from ivr.records.schema import calls as table
from ivr.records.schema import dispositions, hops, open_lines


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which calls. What is None does not matter; all that is given must hold.

    `since` and `until` bound when the call began, in seconds since the epoch, UTC: from the first
    on, and before the second. `digits` stand somewhere in the number. `outcome` may be `open`: of
    those that go on. `agency` is one that was rung. `disposition` is the last word of an operator.
    `limit` is how many at most, after the first `skip`.
    """

    since: float | None = None
    until: float | None = None
    ani: str | None = None
    digits: str | None = None
    service: str | None = None
    outcome: Outcome | Literal["open"] | None = None
    agency: str | None = None
    floor: str | None = None
    test: bool | None = None
    disposition: Disposition | None = None
    limit: int = 100
    skip: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """A call, and the number of its last change."""

    change: int
    record: CallRecord


def calls(connection: Connection, wanted: Wanted) -> list[Found]:
    """Return the calls that are wanted, the newest first."""
    newest = (table.c.began_at.desc(), table.c.callref.desc())
    query = select(table.c.change, table.c.told).where(*_conditions(wanted))
    return _found(connection, query.order_by(*newest).limit(wanted.limit).offset(wanted.skip))


def after(connection: Connection, change: int, wanted: Wanted | None = None) -> list[Found]:
    """Return the calls that changed after the change of this number, in the order of their changes.

    Who follows begins at `last_change` and asks again from the last that it was given.
    """
    wanted = wanted or Wanted()
    query = select(table.c.change, table.c.told).where(*_conditions(wanted))
    query = query.where(table.c.change > change).order_by(table.c.change)
    return _found(connection, query.limit(wanted.limit))


def open_calls(connection: Connection) -> list[CallRecord]:
    """Return the records of the calls that go on: those whose lines are still held."""
    held = select(open_lines.c.callref)
    query = select(table.c.change, table.c.told).where(table.c.callref.in_(held))
    found = (x.record for x in _found(connection, query.where(table.c.outcome.is_(None))))
    return sorted(found, key=lambda record: (record.began_at, record.callref))


def last_change(connection: Connection) -> int:
    """Return the number of the last change, 0 when there are no calls."""
    return connection.scalar(select(func.max(table.c.change))) or 0


def one(connection: Connection, callref: str) -> Found | None:
    """Return the call of this reference, None if there is none."""
    query = select(table.c.change, table.c.told).where(table.c.callref == callref)
    return next(iter(_found(connection, query)), None)


@dataclass(frozen=True, slots=True)
class Names:
    """What calls have asked for, and whom they rang."""

    services: frozenset[str]
    agencies: frozenset[str]


def names(connection: Connection) -> Names:
    """Return every service and agency that a call has met."""
    services = connection.scalars(select(table.c.service).distinct())
    return Names(
        frozenset(filter(None, services)),
        frozenset(connection.scalars(select(hops.c.agency).distinct())),
    )


def _found(connection: Connection, query: Select[Any]) -> list[Found]:
    return [Found(row.change, from_json(row.told)) for row in connection.execute(query)]


_EQUAL = ("ani", "service", "floor", "test")


def _conditions(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    if wanted.since is not None:
        yield table.c.began_at >= wanted.since
    if wanted.until is not None:
        yield table.c.began_at < wanted.until
    if wanted.agency is not None:
        rung = (hops.c.callref == table.c.callref, hops.c.agency == wanted.agency)
        yield exists(select(1).where(*rung))
    if wanted.outcome is not None:
        yield table.c.outcome.is_not_distinct_from(
            None if wanted.outcome == "open" else wanted.outcome
        )
    if wanted.digits is not None:
        yield table.c.ani.contains(wanted.digits, autoescape=True)
    if wanted.disposition is not None:
        d = dispositions.c
        last = select(d.disposition).where(d.callref == table.c.callref)
        last = last.order_by(d.at.desc(), d.id.desc()).limit(1)
        yield last.scalar_subquery() == wanted.disposition
    for name in _EQUAL:
        value = getattr(wanted, name)
        if value is not None:
            yield table.c[name] == value
