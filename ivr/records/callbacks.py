"""Who must be called back, and who has since reached a person.

Law 1: both follow from the rows of `calls`, so how the journal was read makes no difference.
Law 2: what an account has cleared stays so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, delete, exists, false, func, or_, select, update

from ivr.callrecord import CallRecord, Change
from ivr.records.rows import DAY_SECONDS, callback_row
from ivr.records.schema import callbacks as table
from ivr.records.schema import calls
from ivr.records.statements import among, chunks, upsert

_COLUMNS = ("callref", "ani", "since", "why", "service")


@dataclass(frozen=True, slots=True)
class Callback:
    """Somebody who reached nobody. Times are seconds since the epoch, UTC.

    `why` is the outcome of the call. `cleared_by` is the call with which a person was reached
    since, or the account of who has called back.
    """

    callref: str
    ani: str
    since: float
    why: str
    service: str
    cleared_at: float | None = None
    cleared_by: str | None = None


def callbacks(connection: Connection, *, cleared_too: bool = False) -> list[Callback]:
    """Return who must be called back, the longest wait first; with `cleared_too`, who had to be."""
    columns = (table.c[name] for name in Callback.__slots__)
    query = select(*columns).order_by(table.c.since, table.c.callref)
    if not cleared_too:
        query = query.where(table.c.cleared_at.is_(None))
    return [Callback(*row) for row in connection.execute(query)]


def count(connection: Connection) -> int:
    """Return how many must be called back."""
    query = select(func.count()).select_from(table).where(table.c.cleared_at.is_(None))
    return connection.scalar(query) or 0


def write(connection: Connection, changes: Sequence[Change]) -> None:
    """Bring the call-backs to what these changes say; the calls themselves are written already."""
    rows = [row for change in changes if (row := callback_row(change.after))]
    gone = [change.after.callref for change in changes if _is_gone(change)]
    if gone:
        connection.execute(delete(table).where(table.c.callref.in_(gone)))
    if rows:
        connection.execute(upsert(connection.dialect.name, table, *_COLUMNS), rows)
    touched = {str(row["callref"]) for row in rows} | set(_concerned(connection, changes))
    for some in chunks(sorted(touched)):
        connection.execute(_CLEAR.where(table.c.callref.in_(some)))


def _is_gone(change: Change) -> bool:
    """Return whether a line that was late has shown that nobody need be called back."""
    return bool(change.before and callback_row(change.before) and not callback_row(change.after))


def _concerned(connection: Connection, changes: Sequence[Change]) -> Iterator[str]:
    """Yield the call-backs that a person who came to, or left, one of these calls may clear."""
    moved = [change for change in changes if _human_at(change.before) != _human_at(change.after)]
    times = [_human_at(record) for change in moved for record in (change.before, change.after)]
    earliest = min((at for at in times if at is not None), default=None)
    if earliest is None:
        return
    open_then = or_(table.c.cleared_at.is_(None), table.c.cleared_at >= earliest)
    query = select(table.c.callref).where(open_then)
    anis = sorted({change.after.ani for change in moved})
    yield from (row.callref for row in among(connection, query, table.c.ani, anis))


def _human_at(record: CallRecord | None) -> float | None:
    return record.human.at if record and record.human else None


_REACHED = and_(
    calls.c.ani == table.c.ani,
    calls.c.test == false(),
    calls.c.human_at > table.c.since,
    # No call lasts a day: so an index finds those that count among all of a frequent caller's.
    calls.c.began_at > table.c.since - DAY_SECONDS,
)
_FIRST = (
    select(calls.c.human_at)
    .where(_REACHED)
    .order_by(calls.c.human_at, calls.c.callref)
    .limit(1)
    .correlate(table)
)
_CLEAR = (
    update(table)
    .where(
        or_(
            table.c.cleared_by.is_(None),
            exists(select(1).where(calls.c.callref == table.c.cleared_by)),
        )
    )
    .values(
        cleared_at=_FIRST.scalar_subquery(),
        cleared_by=_FIRST.with_only_columns(calls.c.callref).scalar_subquery(),
    )
)
