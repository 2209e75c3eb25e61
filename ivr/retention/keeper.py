"""Keeps the recordings: erases what is due, holds, releases, and lets nobody listen unnoticed.

Law 1: what is done with a sound is in the audit before it is done.
Law 2: an erasure is ordered, done and noted, in this order. Cut short after any step, it is taken
up by the next `erase_due`, and ends as it would have.
Law 3: a hold outlives the records: a word beside the sound says it, too, and erasure by age heeds
that.
Law 4: a file that no record names is erased like others, but none that is older than our records:
a hold on it may have been lost with an earlier database.
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, func, or_, select, update

from ivr.records import audit, schema
from ivr.records.engine import reading, writing
from ivr.records.statements import among
from ivr.retention import policy
from ivr.retention.folder import File, Folder
from ivr.retention.policy import AGE, Recording, RecordingError, State

DAY_SECONDS = 86_400
HELD_BEFORE = "held before these records were made"
_BATCH = 500
_RECORDINGS = schema.recordings
_CHANGES = ("held_at", "held_by", "held_why", "erased_at", "erased_by")


@dataclass(frozen=True, slots=True)
class Erased:
    """What one run of `erase_due` did: to which calls, and to which files without a record.

    `unknown`: files left alone, because they are older than our records. `failed`: what could not
    be removed, and why; the next run tries again.
    """

    calls: tuple[str, ...] = ()
    orphans: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()


class Keeper:
    """Keeps the recordings in `folder`.

    `days` is how long a file without a record is kept; the others say it themselves. Everything
    may raise RecordsError, and may wait as long as the disk does: run it in a thread.
    """

    def __init__(
        self, engine: Engine, folder: Path, *, days: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._engine = engine
        self._folder = Folder(folder)
        self._days = days
        self._clock = clock

    # -- what people ask for. `by` is who asks, as the system knows them.

    def hold(self, callref: str, by: str, why: str) -> Recording:
        """Keep the sound of a call whatever its age. Raises RecordingError."""
        change = partial(policy.held, by=by, why=why, at=self._clock())
        held = self._change("hold", callref, by, change, why=why)
        with contextlib.suppress(OSError):  # the desk does it when it can (`erase_due`)
            self._folder.hold(held.file)
        return held

    def release(self, callref: str, by: str, why: str) -> Recording:
        """End a hold: the sound is kept as long as others. Raises RecordingError, OSError."""
        released = self._change("release", callref, by, policy.released, why=why)
        self._folder.release(released.file)
        return released

    def erase(self, callref: str, by: str, why: str) -> None:
        """Erase the sound of a call now. Raises RecordingError."""
        change = partial(policy.condemned, by=by)
        recording = self._change("erase", callref, by, change, why=why)
        gone, failed = self._remove([(callref, recording.file)])
        self._note_erased(gone)
        for _, error in failed:
            raise RecordingError(
                f"{callref} could not be erased: {error}", "the desk tries again by itself"
            )

    def play(self, callref: str, by: str) -> Path:
        """Return the file with the sound of a call. Raises RecordingError."""
        path = self._folder.readable(self._heard(callref).file)
        self._change("play", callref, by, policy.heard)
        return path

    def copy(self, callref: str, by: str, to: Path, owner: tuple[int, int] | None = None) -> None:
        """Write a copy that any player opens. Raises RecordingError, OSError.

        `owner` is the user and group it shall belong to.
        """
        name = self._heard(callref).file
        self._folder.readable(name)
        if to.exists():
            raise RecordingError(f"{to} is there already", "name a new file")
        self._change("copy", callref, by, policy.heard, to=str(to.absolute()))
        self._folder.copy(name, to, owner)

    def recordings(self, state: State | None = None, limit: int = 100) -> list[Recording]:
        """Return the latest recordings, or those in a state, the last first."""
        query = _ROWS if state is None else _ROWS.where(_IN_STATE[state])
        with reading(self._engine) as connection:
            newest = query.order_by(schema.calls.c.began_at.desc()).limit(limit)
            return list(_recordings(connection, newest))

    # -- what time asks for

    def erase_due(self, now: float) -> Erased:
        """Erase what is due, and old files that no record names."""
        done: list[str] = []
        failed: list[tuple[str, str]] = []
        for some in self._condemn_due(now):
            gone, left = self._remove((r.callref, r.file) for r in some)
            self._note_erased(gone)
            done += gone
            failed += left
        failed += self._mark_held()
        orphans, unknown = self._orphans(now)
        self._note_orphans(orphans)
        swept, left = self._remove((name, name) for name in orphans)
        return Erased(tuple(done), tuple(swept), tuple(unknown), (*failed, *left))

    def _condemn_due(self, now: float) -> Iterator[list[Recording]]:
        """Order the erasure of what is due, some at a time, and yield it."""
        last: str | None = ""
        while last is not None:
            last, due = self._condemn_some(now, last)
            yield due

    def _condemn_some(self, now: float, above: str) -> tuple[str | None, list[Recording]]:
        """Order the erasure of some above a reference; return the last looked at, and those.

        One that is held by the word beside it, and not by the records, is held by those again.
        """
        with writing(self._engine) as connection:
            query = _due(now, above).with_for_update(of=_RECORDINGS)
            found = list(_recordings(connection, query))
            due = [recording for recording in found if recording.due(now)]
            fresh = [recording for recording in due if recording.state == "kept"]
            held = [recording.callref for recording in fresh if self._is_held(recording)]
            at, condemned = self._clock(), [r.callref for r in fresh if r.callref not in held]
            _set(connection, held, held_at=at, held_by=AGE, held_why=HELD_BEFORE)
            _audit(connection, at, AGE, "hold", held, why=HELD_BEFORE)
            _set(connection, condemned, erased_by=AGE)
            _audit(connection, at, AGE, "erase", condemned)
        last = found[-1].callref if found else None
        return last, [recording for recording in due if recording.callref not in held]

    def _is_held(self, recording: Recording) -> bool:
        """Return whether a word beside a sound says so. Raises FileNotFoundError."""
        try:
            return self._folder.is_held(recording.file)
        except RecordingError:
            return False  # it is no name: nothing is removed by it

    def _remove(self, named: Iterable[tuple[str, str]]) -> tuple[list[str], list[tuple[str, str]]]:
        """Remove files, given as what they are called for people and by name.

        Return what is gone, and what is not and why.
        """
        gone, failed = [], []
        for called, name in named:
            try:
                self._folder.remove(name)
            except (OSError, RecordingError) as error:
                failed.append((called, str(error)))
            else:
                gone.append(called)
        return gone, failed

    def _mark_held(self) -> list[tuple[str, str]]:
        """Leave the word beside each recording that is held; return what failed and why."""
        with reading(self._engine) as connection:
            held = list(_recordings(connection, _ROWS.where(_IN_STATE["held"])))
        failed = []
        for recording in held:
            try:
                if not self._folder.is_held(recording.file):
                    self._folder.hold(recording.file)
            except (OSError, RecordingError) as error:
                failed.append((recording.callref, str(error)))
        return failed

    def _orphans(self, now: float) -> tuple[list[str], list[str]]:
        """Return the old files that no record names, and those that are older than our records."""
        old = [f for f in self._folder.files() if f.changed_at < now - self._days * DAY_SECONDS]
        query = select(_RECORDINGS.c.file, _RECORDINGS.c.erased_at)
        with reading(self._engine) as connection:
            since = connection.scalar(select(func.min(schema.calls.c.began_at)))
            rows = among(connection, query, _RECORDINGS.c.file, [file.name for file in old])
            erased_at = {row.file: row.erased_at for row in rows}

        def orphan(file: File) -> bool:
            if file.name in erased_at:  # it came back, from a backup or with a disk
                return erased_at[file.name] is not None
            young = since is not None and file.changed_at >= since
            return young and not self._folder.is_held(file.name)

        names = [file.name for file in old if orphan(file)]
        unknown = {file.name for file in old} - set(names) - erased_at.keys()
        return names, sorted(unknown)

    # -- the rows

    def _heard(self, callref: str) -> Recording:
        with reading(self._engine) as connection:
            return policy.heard(_row(connection, callref))

    def _change(
        self,
        what: str,
        callref: str,
        by: str,
        change: Callable[[Recording], Recording],
        **words: str,
    ) -> Recording:
        with writing(self._engine) as connection:
            before = _row(connection, callref, alone=True)
            after = change(before)
            if after != before:
                _set(connection, [callref], **{name: getattr(after, name) for name in _CHANGES})
            _audit(connection, self._clock(), by, what, [callref], **words)
        return after

    def _note_erased(self, callrefs: list[str]) -> None:
        if callrefs:
            with writing(self._engine) as connection:
                _set(connection, callrefs, erased_at=self._clock())

    def _note_orphans(self, names: list[str]) -> None:
        if names:
            with writing(self._engine) as connection:
                _audit(connection, self._clock(), AGE, "erase", names, why="no record names it")


_ROWS = select(*_RECORDINGS.c, schema.calls.c.began_at, schema.calls.c.ended_at).join(schema.calls)
_ERASED, _ORDERED, _HELD = (
    column.is_not(None)
    for column in (_RECORDINGS.c.erased_at, _RECORDINGS.c.erased_by, _RECORDINGS.c.held_at)
)
_IN_STATE: dict[State, ColumnElement[bool]] = {
    "erased": _ERASED,
    "erasing": and_(~_ERASED, _ORDERED),
    "held": and_(~_ERASED, ~_ORDERED, _HELD),
    "kept": and_(~_ERASED, ~_ORDERED, ~_HELD),
}
_NAMES = [field.name for field in fields(Recording)]


def _due(now: float, above: str) -> Select[tuple[object, ...]]:
    """Return the query for what may be due, some above a reference. `Recording.due` decides."""
    callref, old = _RECORDINGS.c.callref, and_(~_HELD, _RECORDINGS.c.kept_until <= now)
    due = _ROWS.where(~_ERASED, or_(_ORDERED, old), callref > above)
    return due.order_by(callref).limit(_BATCH)


def _recordings(connection: Connection, query: Select[tuple[object, ...]]) -> Iterator[Recording]:
    for row in connection.execute(query).mappings():
        yield Recording(**{name: row[name] for name in _NAMES})


def _row(connection: Connection, callref: str, *, alone: bool = False) -> Recording:
    """Return the recording of a call. `alone`: nobody else changes it. Raises RecordingError."""
    query = _ROWS.where(_RECORDINGS.c.callref == callref)
    if alone:
        query = query.with_for_update(of=_RECORDINGS)
    if recording := next(_recordings(connection, query), None):
        return recording
    known = select(schema.calls.c.callref).where(schema.calls.c.callref == callref)
    if connection.scalar(known) is None:
        raise RecordingError(f"there is no call {callref}", "`siaga calls` lists them")
    raise RecordingError(f"{callref} was never recorded", "its alarms may say why")


def _set(connection: Connection, callrefs: list[str], **values: object) -> None:
    if callrefs:
        changed = update(_RECORDINGS).where(_RECORDINGS.c.callref.in_(callrefs))
        connection.execute(changed.values(**values))


def _audit(
    connection: Connection, at: float, who: str, what: str, subjects: list[str], **words: str
) -> None:
    audit.note(connection, at, who, f"recording-{what}", subjects, **words)
