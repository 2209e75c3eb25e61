"""What is counted of a period, by the database: one pass over the calls, one over the attempts.

Law 1: a pass reads an index and not the rows, and groups in the order of that index (schema.py), so
SQLite sorts nothing.
Law 2: how long callers waited comes as text, the tenths of a second of a whole group one after
another. Grouping by them as well would sort every row, which takes longer than all the rest.
"""

from collections import Counter, defaultdict
from typing import cast

from sqlalchemy import Connection, Engine, String, func, select, text
from sqlalchemy import cast as sql_cast
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.functions import aggregate_strings

from ivr.counting import Attempts, Cell, Counted, figures
from ivr.figures import EARLY_SECONDS, LATE_SECONDS, Ending, Figures, Waits
from ivr.period import Period
from ivr.records.engine import reading
from ivr.records.expressions import hour_of, tenths_of
from ivr.records.schema import calls, hops

_SECONDS = calls.c.ended_at - calls.c.began_at


def of_period(engine: Engine, period: Period) -> Figures:
    """Return the figures of a period, all of them of one moment. Raises RecordsError."""
    with reading(engine) as connection:
        if connection.dialect.name == "postgresql":
            # There each query would see what was committed since the one before (section 13.2.1).
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        return figures(period, count(connection, period))


def last_began_at(engine: Engine) -> float | None:
    """Return when the last call began, None while there is none. Raises RecordsError."""
    with reading(engine) as connection:
        at: float | None = connection.scalar(select(func.max(calls.c.began_at)))
        return at


def count(connection: Connection, period: Period) -> Counted:
    """Return what is counted of a period, of one moment if the transaction sees only one."""
    cells, human, queue = _calls(connection, period)
    attempts, rings = _attempts(connection, period)
    return Counted(
        cells=cells,
        human=_waits(human),
        queue=_waits(queue),
        attempts=attempts,
        rings={agency: _waits(tenths) for agency, tenths in rings.items()},
    )


def _calls(
    connection: Connection, period: Period
) -> tuple[tuple[Cell, ...], Counter[str], Counter[str]]:
    """Return the calls of each hour that are alike, and the waits of those that are over."""
    hour = hour_of(calls.c.began_at)
    alike = (hour, calls.c.test, calls.c.outcome, calls.c.service, calls.c.floor)
    nobody = calls.c.human_seconds.is_(None)
    # The wait ended with the call (CallRecord.queue_seconds).
    left_queue = calls.c.queue_seconds >= calls.c.ended_at - calls.c.queued_at
    counts = (
        func.count(),
        func.count().filter(nobody, _SECONDS <= EARLY_SECONDS),
        func.count().filter(nobody, _SECONDS > LATE_SECONDS),
        func.count(calls.c.queued_at),
        func.count().filter(calls.c.queue_seconds <= EARLY_SECONDS, left_queue),
    )
    waits = (_tenths(calls.c.human_seconds), _tenths(calls.c.queue_seconds).filter(~left_queue))
    query = select(*alike, *waits, *counts).where(hour.between(*period.hours)).group_by(*alike)
    cells, human, queue = [], Counter[str](), Counter[str]()
    for at, test, outcome, service, floor, to_human, in_queue, *counted in connection.execute(
        query
    ):
        ending = None if test else cast("Ending", outcome or "open")
        cells.append(Cell(at, ending, service, floor, *counted))
        if ending not in (None, "open"):
            human.update(_each(to_human))
            queue.update(_each(in_queue))
    return tuple(cells), human, queue


def _attempts(
    connection: Connection, period: Period
) -> tuple[tuple[Attempts, ...], dict[str, Counter[str]]]:
    """Return the attempts of each hour that are alike, and how long each agency that served rang.

    Test calls are left out here: SQLite follows the index only while no column of it is fixed.
    """
    hour = hour_of(hops.c.at)
    alike = (hops.c.agency, hops.c.status, hops.c.cause, hops.c.served)
    waits = _tenths(hops.c.ring_seconds).filter(hops.c.served)
    query = (
        select(waits, hops.c.test, *alike, func.count())
        .where(hour.between(*period.hours))
        .group_by(hour, hops.c.test, *alike)
    )
    attempts, rings = [], defaultdict[str, Counter[str]](Counter)
    for rang, test, *alike_and_many in connection.execute(query):
        if not test:
            some = Attempts(*alike_and_many)
            attempts.append(some)
            if some.served and some.status not in ("", "CANCEL"):
                rings[some.agency].update(_each(rang))
    return tuple(attempts), rings


def _tenths(seconds: ColumnElement[float]) -> aggregate_strings:
    return func.aggregate_strings(sql_cast(tenths_of(seconds), String), ",")


def _each(tenths: str | None) -> list[str]:
    return tenths.split(",") if tenths else []


def _waits(tenths: Counter[str]) -> Waits:
    return Waits(tuple(sorted((int(tenth), many) for tenth, many in tenths.items())))
