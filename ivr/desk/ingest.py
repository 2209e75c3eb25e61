"""The journal into the database, look by look, in one thread of the desk's own.

Law 1: what fails is tried again at the next look, from the same place: nothing is skipped.
Law 2: a database that is made anew, from an old journal, tells nobody again of what is long over.
Law 3: what a person must look at (a line set aside, a file that was lost) is an alarm, told once.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine

from ivr.callrecord import Change
from ivr.desk.calendar import Calendar
from ivr.journalline import storable
from ivr.messages import Followed
from ivr.records import upkeep
from ivr.records.engine import open_engine
from ivr.records.store import Follow, Store
from ivr.settings import Settings
from ivr.tail import Tail, Trouble, prune, rotate

ONCE = frozenset({"shrank", "changed", "gone", "lost"})
"""Troubles that have happened; the others last, and are mended by somebody."""
LEAPT = "nothing is thrown away for its age until the clock has gone on for a day: set it right"
TOLD_SECONDS = 3600.0
"""So much older than its database may a call be, and others are told of it all the same."""
BEHIND_SECONDS = 0.3
"""With the newest line older than this, the next look is at once."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look brought. `lag_seconds` is the age of the newest line, None without one."""

    changes: tuple[Change, ...] = ()
    lines: int = 0
    bad_lines: int = 0
    lag_seconds: float | None = None
    trouble: str = ""

    @property
    def is_behind(self) -> bool:
        """Whether there is more to read than came just now."""
        return self.lag_seconds is not None and self.lag_seconds > BEHIND_SECONDS


@dataclass(slots=True)
class Ingest:
    """Reads the journal of one line. One thread at a time may use it."""

    settings: Settings
    follow: Follow
    clock: Callable[[], float] = time.time
    calendar: Calendar = field(init=False)
    _tail: Tail = field(init=False)
    _store: Store = field(init=False)
    _engine: Engine | None = field(default=None, init=False)
    _told_since: float = field(default=0.0, init=False)
    _offsets: dict[str, int] | None = field(default=None, init=False)
    _told: set[Trouble] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self._tail = Tail(self.settings.state / "journal")
        self.calendar = Calendar(self.settings.state / "desk" / "calendar.json")

    def open(self) -> Engine:
        """Open the database, once; return it. Raises RecordsError."""
        if self._engine is None:
            engine = open_engine(self.settings)
            self._told_since = upkeep.made_at(engine) - TOLD_SECONDS
            self._engine = engine
            self._store = Store(self._engine, recording_days=self.settings.recording_days)
        return self._engine

    @property
    def engine(self) -> Engine:
        """The open database. Raises RecordsError while it cannot be opened."""
        return self.open()

    def look(self) -> Looked:
        """Read what is new into the database. Raises RecordsError; the next look tries again."""
        engine = self.engine
        held, self._offsets = self._offsets, None  # until it has gone well, nobody knows
        offsets = self._store.offsets() if held is None else held
        look = self._tail.read(offsets)
        lasting = self._sorted_out(engine, look.troubles)
        changes: tuple[Change, ...] = ()
        if look.batch is not None:
            changes = self._store.ingest(look.batch, look.name, self._followed)
            offsets[look.batch.position.file] = look.batch.position.offset
        self._offsets = None if look.troubles else offsets
        lines = look.batch.lines if look.batch else ()
        newest = max((line.at for line in lines), default=None)
        return Looked(
            changes,
            lines=len(lines),
            bad_lines=len(look.batch.bad) if look.batch else 0,
            lag_seconds=None if newest is None else max(self.clock() - newest, 0.0),
            trouble="; ".join(map(_said, lasting)),
        )

    def cut_off(self, calls: Sequence[str]) -> tuple[Change, ...]:
        """End calls of which Asterisk has nothing any more; return what has changed.

        Raises RecordsError.
        """
        engine = self.engine
        changes = self._store.cut_off(calls, self._followed)
        for change in changes:
            words = f"{change.after.callref}: ended, and its end is not in the journal"
            upkeep.alarm(engine, self.clock(), "end-not-noted", words)
        return changes

    def _followed(self, change: Change) -> Followed:
        is_news = change.after.began_at >= self._told_since
        return self.follow(change) if is_news else Followed()

    def keep_house(self) -> str:
        """Rotate the live file when it is time, and delete what is old; return what is wrong.

        Raises RecordsError, and OSError when nothing can be written beside the records.
        """
        engine = self.engine
        folder, now = self.settings.state / "journal", self.clock()
        self._offsets = None
        if self.calendar.look(now):
            upkeep.alarm(engine, now, "clock-leapt", LEAPT)
        troubles = [rotate(folder, now).trouble]
        if self.calendar.believed:
            pruned = prune(folder, now, self.settings.journal_days, self._store.offsets())
            upkeep.forget(engine, pruned.files)
            troubles += pruned.troubles
        return "; ".join(_said(x) for x in troubles if x is not None)

    def _sorted_out(self, engine: Engine, troubles: tuple[Trouble, ...]) -> list[Trouble]:
        """Make an alarm of each trouble that has happened; return those that last."""
        new = [x for x in troubles if x.what in ONCE and x not in self._told]
        for trouble in new:
            upkeep.alarm(engine, self.clock(), f"journal-{trouble.what}", _said(trouble))
            self._told.add(trouble)
        gone = [x.fingerprint for x in new if x.what in {"gone", "lost"} and x.fingerprint]
        upkeep.forget(engine, gone)
        return [x for x in troubles if x.what not in ONCE]


def _said(trouble: Trouble) -> str:
    """Say which file it is and what is wrong: the name of a file may be no text."""
    return storable(f"{trouble.file}: {trouble.words}")
