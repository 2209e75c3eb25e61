"""The journal into the database: a batch of lines and how far it was read, in one transaction.

Law 1: a batch is in the database as a whole or not at all, whatever fails and whenever.
Law 2: what follows from a call is written with it: its call-back, its messages, its reports.
Law 3: a line that is read again changes nothing, nor does one of a call that is over
(ivr/records/opencalls.py).
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from sqlalchemy import Connection, Engine, delete, func, select

from ivr.callrecord import Change, from_json
from ivr.journal import CUT, STARTS, Batch, Line, cut
from ivr.journalline import MAX_LINE_BYTES, storable
from ivr.messages import Followed
from ivr.records import callbacks, dispositions, outbox, rows, schema
from ivr.records.engine import alone, reading, writing
from ivr.records.opencalls import OpenCall, OpenCalls
from ivr.records.statements import among, chunks, insert_new, upsert

Follow = Callable[[Change], Followed]


def nothing(_: Change) -> Followed:
    """Nothing follows."""
    return Followed()


class Store:
    """Writes what the journal says. One thread at a time may use it.

    `recording_days` is how long the sound of a call is kept. `late` counts the lines that came when
    their call was over, since this store was made.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        recording_days: int = 90,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._days = recording_days
        self._clock = clock
        self._open: OpenCalls | None = None
        self.late = 0

    def offsets(self) -> dict[str, int]:
        """Return where the next line begins in each file, by fingerprint. Raises RecordsError."""
        with reading(self._engine) as connection:
            return _offsets(connection)

    def ingest(self, batch: Batch, name: str, follow: Follow = nothing) -> tuple[Change, ...]:
        """Write a batch, and all that follows from it. Return the changed records, each once.

        `name` is what the file is called now. Raises RecordsError, or whatever `follow` raises:
        then nothing was written, and the same batch may be given again.
        """
        with self._taken() as (connection, held):
            changes, late = _ingest(connection, held, batch)
            self._write_reading(connection, batch, name)
            self._write_changes(connection, changes, follow)
        held.offsets[batch.position.file] = batch.position.offset
        self.late += late
        return tuple(changes)

    def cut_off(self, calls: Iterable[str], follow: Follow = nothing) -> tuple[Change, ...]:
        """End calls whose end nobody will note any more, as ingest would a HANGUP that comes now.

        What is over, or no call, stays what it is. Raises as ingest does.
        """
        now = self._clock()
        with self._taken() as (connection, held):
            known = [call for call in calls if call in held.calls]
            fresh, changes = held.add({call: [cut(call, now)] for call in known})
            _write_lines(connection, held, fresh, {})
            self._write_changes(connection, changes, follow)
        return tuple(changes)

    @contextlib.contextmanager
    def _taken(self) -> Iterator[tuple[Connection, OpenCalls]]:
        """Begin a transaction; give the calls that are not over, as the database has them."""
        held, self._open = self._open, None  # until it is committed, nobody knows
        with writing(self._engine) as connection:
            alone(connection)
            if held is None or held.offsets != _offsets(connection):
                held = _load(connection)
            yield connection, held
        self._open = held

    def _write_changes(
        self, connection: Connection, changes: Sequence[Change], follow: Follow
    ) -> None:
        self._write_calls(connection, changes)
        now = self._clock()
        outbox.put_following(connection, [follow(change) for change in changes], now)
        dispositions.tell_ended(connection, changes, now)

    def _write_reading(self, connection: Connection, batch: Batch, name: str) -> None:
        dialect, now = connection.dialect.name, self._clock()
        table = schema.journal_files
        file = {
            "file": batch.position.file,
            "offset": batch.position.offset,
            "name": storable(name),
            "read_at": now,
        }
        connection.execute(upsert(dialect, table, *file), file)
        bad = [
            {
                "file": line.position.file,
                "offset": line.position.offset,
                "found_at": now,
                "text": storable(line.text[:MAX_LINE_BYTES]),
                "why": storable(line.why),
            }
            for line in batch.bad
        ]
        if bad:
            connection.execute(insert_new(dialect, schema.bad_lines, "file", "offset"), bad)

    def _write_calls(self, connection: Connection, changes: Sequence[Change]) -> None:
        if not changes:
            return
        dialect = connection.dialect.name
        last = connection.scalar(select(func.max(schema.calls.c.change))) or 0
        calls = [rows.call_row(x.after, number) for number, x in enumerate(changes, last + 1)]
        connection.execute(upsert(dialect, schema.calls, *schema.calls.c.keys()), calls)
        hops = [row for change in changes for row in rows.hop_rows(change)]
        if hops:
            connection.execute(upsert(dialect, schema.hops, *schema.hops.c.keys()), hops)
        sounds = [row for change in changes for row in rows.recording_rows(change, self._days)]
        if sounds:
            names = ("callref", "file", "kept_until")
            connection.execute(upsert(dialect, schema.recordings, *names), sounds)
        callbacks.write(connection, changes)


# ------------------------------------------------------------------------------ the calls not over


def _offsets(connection: Connection) -> dict[str, int]:
    table = schema.journal_files
    return {
        row.file: row.offset for row in connection.execute(select(table.c.file, table.c.offset))
    }


def _load(connection: Connection) -> OpenCalls:
    lines, calls, starts = schema.open_lines, schema.calls, schema.starts
    found: dict[str, list[Line]] = {}
    for call, text in connection.execute(select(lines.c.callref, lines.c.line)):
        found.setdefault(call, []).extend(rows.lines_from_text(call, text))
    of_open = select(calls.c.told).where(calls.c.callref.in_(select(lines.c.callref)))
    told = {one.callref: one for one in map(from_json, connection.scalars(of_open))}
    return OpenCalls(
        {call: OpenCall.stored_with(some, told.get(call)) for call, some in found.items()},
        set(connection.scalars(select(starts.c.at))),
        _offsets(connection),
    )


def _ingest(connection: Connection, held: OpenCalls, batch: Batch) -> tuple[list[Change], int]:
    """Add a batch to the open calls, here and in the database.

    Return what has changed, and how many lines came when their call was over.
    """
    known = set(held.starts)
    lines = held.by_call(batch.lines)
    unknown = [call for call in lines if call not in held.calls]
    late = {call: lines.pop(call) for call in _over(connection, unknown)}
    fresh, changes = held.add(lines)
    ended = held.end(now=max((x.at for x in batch.lines if x.what != STARTS), default=0.0))
    _write_lines(connection, held, fresh, ended)
    if starts := held.starts - known:
        connection.execute(schema.starts.insert(), [{"at": at} for at in starts])
    _write_alarms(connection, [line for line in batch.lines if line.what == "ALARM"])
    return changes, sum(line.what != CUT for some in late.values() for line in some)


def _over(connection: Connection, calls: list[str]) -> list[str]:
    """Return which of these calls, none of them open, have a record all the same."""
    callref = schema.calls.c.callref
    return [row.callref for row in among(connection, select(callref), callref, calls)]


def _write_lines(
    connection: Connection,
    held: OpenCalls,
    fresh: Mapping[str, Sequence[Line]],
    ended: Mapping[str, OpenCall],
) -> None:
    table = schema.open_lines
    for calls in chunks([call for call, one in ended.items() if one.stored]):
        connection.execute(delete(table).where(table.c.callref.in_(calls)))
    kept = {call: lines for call, lines in fresh.items() if lines and call in held.calls}
    if kept:
        connection.execute(
            table.insert(),
            [{"callref": call, "line": rows.lines_to_text(kept[call])} for call in kept],
        )
    for call in kept:
        held.calls[call].stored = True


def _write_alarms(connection: Connection, lines: Sequence[Line]) -> None:
    """Write each alarm once, however often its line is read: even when its call is over."""
    if not lines:
        return
    table = schema.alarms
    columns = (table.c.at, table.c.what, table.c.words, table.c.callref)
    times = sorted({line.at for line in lines})
    known = {tuple(row) for row in among(connection, select(*columns), table.c.at, times)}
    new = [rows.alarm_row(line) for line in dict.fromkeys(lines)]
    new = [row for row in new if tuple(row[column.name] for column in columns) not in known]
    if new:
        connection.execute(table.insert(), new)
