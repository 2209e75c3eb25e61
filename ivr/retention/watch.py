"""Looks whether each call is being recorded and whether there is room, and raises the alarm.

Law 1: a call is judged by its record and its file alone: whatever failed, it is seen here.
Law 2: an alarm is raised once for each call.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, or_, select

from ivr.records import schema
from ivr.records.engine import reading, writing
from ivr.records.statements import among
from ivr.retention import policy
from ivr.retention.folder import Folder
from ivr.retention.policy import Level, Missing, RecordingError, Room, Sound

NOT_RECORDED = "not-recorded"
"""The dialplan uses the word too: it knows at once when there is no room, or no recorder."""
NO_ROOM = "recording-disk"
NO_ROOM_FILE = Path("journal/no-room")
"""In the state folder. While it was written within the last two minutes, the dialplan does not
record (asterisk/dialplan.conf, record-call)."""
_DAY_SECONDS = 86_400
_PACE_SECONDS = 60.0
_WORSE: tuple[Level, ...] = ("enough", "low", "none")


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen: calls whose sound lacks, each told once, and the room."""

    missing: tuple[Missing, ...]
    room: Room


class Watch:
    """Watches the recordings in the folder of `state`.

    An alarm comes within the time between two looks and a few seconds more. Everything may raise
    RecordsError and OSError, and may wait as long as the disk does: run it in a thread.
    """

    def __init__(self, engine: Engine, state: Path, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._folder = Folder(state / "recordings")
        self._no_room = state / NO_ROOM_FILE
        self._clock = clock
        self._seen = 0
        self._told: Level = "enough"
        self._pace = (0.0, 0.0)

    def look(self) -> Look:
        """Look once, and raise the alarm for what is new."""
        now = self._clock()
        room = self.room(now)
        with reading(self._engine) as connection:
            rows = _calls(connection, now, above=self._seen)
        sounds = [(row.change, self._sound(row)) for row in rows]
        found = [lack for _, sound in sounds if (lack := policy.missing(sound, now))]
        worse = _WORSE.index(room.level) > _WORSE.index(self._told)
        new: list[Missing] = []
        if found or worse:
            with writing(self._engine) as connection:
                new = _raise_missing(connection, now, found)
                if worse:
                    _raise(connection, now, NO_ROOM, None, asdict(room))
        if worse or room.level == "enough":
            self._told = room.level
        self._seen = max(self._seen, _seen(sounds, now))
        if room.level == "none":
            self._no_room.touch()
        return Look(tuple(new), room)

    def missing(self, now: float) -> tuple[Missing, ...]:
        """Return the calls of the last day whose sound lacks, told or not."""
        with reading(self._engine) as connection:
            sounds = map(self._sound, _calls(connection, now, above=0))
            return tuple(lack for sound in sounds if (lack := policy.missing(sound, now)))

    def room(self, now: float) -> Room:
        """Return how much room there is for further recordings."""
        asked_at, seconds_a_day = self._pace
        if now - asked_at >= _PACE_SECONDS:
            with reading(self._engine) as connection:
                seconds_a_day = _recorded_seconds(connection, now)
            self._pace = (now, seconds_a_day)
        return policy.room(self._folder.free_bytes(), seconds_a_day)

    def _sound(self, row: Row[Any]) -> Sound:
        try:
            size = self._folder.size(row.recording) if row.recording else None
        except RecordingError:  # what is no name of a recording names no file of ours
            size = None
        cut_off = row.outcome == "cut-off"
        times = (row.answered_at, row.ended_at)
        return Sound(row.callref, *times, cut_off, row.recording, size)


def _calls(connection: Connection, now: float, above: int) -> Sequence[Row[Any]]:
    """Return the answered calls of the last day that go on, or changed after change `above`."""
    calls, recordings = schema.calls.c, schema.recordings.c
    query = (
        select(*(calls[name] for name in ("callref", "change", "answered_at", "ended_at")))
        .add_columns(calls.outcome, calls.recording)
        .join(schema.recordings, isouter=True)
        .where(calls.began_at >= now - _DAY_SECONDS, calls.answered_at.is_not(None))
        .where(or_(calls.ended_at.is_(None), calls.change > above))
        .where(recordings.erased_by.is_(None))
        .order_by(calls.change)
    )
    return connection.execute(query).all()


def _recorded_seconds(connection: Connection, now: float) -> float:
    """Return how long the calls of the last day were."""
    calls = schema.calls.c
    seconds = func.sum(func.coalesce(calls.ended_at, now) - calls.answered_at)
    of_a_day = select(seconds).where(calls.began_at >= now - _DAY_SECONDS)
    return connection.scalar(of_a_day) or 0.0


def _seen(sounds: Sequence[tuple[int, Sound]], now: float) -> int:
    """Return the change above which calls that are over must be looked at again."""
    ended = [(change, sound) for change, sound in sounds if sound.ended_at is not None]
    early = [change for change, sound in ended if policy.too_early(sound, now)]
    return min(early) - 1 if early else max((change for change, _ in ended), default=0)


def _raise_missing(connection: Connection, now: float, found: Sequence[Missing]) -> list[Missing]:
    """Raise the alarm for each call of which it was not raised; return those calls."""
    alarms = schema.alarms.c
    query = select(alarms.callref).where(alarms.what == NOT_RECORDED)
    known = among(connection, query, alarms.callref, [lack.callref for lack in found])
    told = {row.callref for row in known}
    new = [lack for lack in found if lack.callref not in told]
    for lack in new:
        words = {"why": lack.why, "seconds": lack.seconds, "of_seconds": round(lack.of_seconds, 1)}
        _raise(connection, now, NOT_RECORDED, lack.callref, words)
    return new


def _raise(
    connection: Connection, at: float, what: str, callref: str | None, words: dict[str, Any]
) -> None:
    text = json.dumps(words, ensure_ascii=False, sort_keys=True)
    row = {"at": at, "what": what, "words": text, "callref": callref}
    connection.execute(schema.alarms.insert(), row)
