"""Recordings are kept, held, heard and erased on both databases, whatever fails and whenever."""

import contextlib
import itertools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from sqlalchemy import Engine, event, select

from ivr.callrecord import CallRecord, Outcome
from ivr.records import rows, schema
from ivr.records.engine import open_engine, reading, writing
from ivr.retention import Keeper, RecordingError, Room, Watch
from ivr.retention import keeper as keeper_module
from ivr.retention.folder import Folder
from ivr.retention.keeper import DAY_SECONDS
from ivr.retention.policy import AGE, BYTES_A_SECOND, HEADER_BYTES, NONE_BYTES, Level
from ivr.retention.watch import NO_ROOM_FILE
from ivr.settings import Settings

NOW = 1_795_500_000.0
DAYS = 90
DUE = NOW - (DAYS + 1) * DAY_SECONDS
"""A call that began then was kept for its time, and a day more."""


class Desk:
    """The records of some calls, the folder of their sounds, and a clock that stands."""

    def __init__(self, engine: Engine, state: Path) -> None:
        self.engine, self.state = engine, state
        self.folder = state / "recordings"
        self.folder.mkdir(exist_ok=True)
        (state / "journal").mkdir(exist_ok=True)
        self.now = NOW
        self.keeper = Keeper(engine, self.folder, days=DAYS, clock=lambda: self.now)
        self.watch = Watch(engine, state, clock=lambda: self.now)
        self._changes = itertools.count(1)

    def call(  # noqa: PLR0913 - what a test says of a call
        self,
        ref: str,
        began_at: float = NOW - 100,
        *,
        seconds: float | None = 60.0,
        sound: float | None = 60.0,
        file: str | None = None,
        outcome: Outcome = "abandoned-menu",
    ) -> Path:
        """Write the record of a call that was answered at once, and so much sound of it."""
        ended_at = None if seconds is None else began_at + seconds
        record = CallRecord(
            ref,
            began_at,
            *("0812", "112", "from-trunk"),
            answered_at=began_at,
            recording=f"{ref}.wav" if file is None else file,
            ended_at=ended_at,
            outcome=None if seconds is None else outcome,
        )
        row = rows.call_row(record, next(self._changes))
        with writing(self.engine) as connection:
            connection.execute(schema.calls.insert(), row)
            if record.recording:
                at = {"kept_until": (ended_at or began_at) + DAYS * DAY_SECONDS}
                named = {"callref": ref, "file": record.recording}
                connection.execute(schema.recordings.insert(), {**named, **at})
        return self.put(record.recording, sound, at=ended_at or self.now)

    def put(self, name: str, sound: float | None, at: float) -> Path:
        path = self.folder / name
        if name and sound is not None:
            path.write_bytes(bytes(HEADER_BYTES + round(sound * BYTES_A_SECOND)))
            os.utime(path, (at, at))
        return path

    def end(self, ref: str, at: float) -> None:
        with writing(self.engine) as connection:
            of_call = schema.calls.c.callref == ref
            changed = {"ended_at": at, "change": next(self._changes) + 1000}
            connection.execute(schema.calls.update().where(of_call), changed)

    def rows(self, table: str) -> list[dict[str, Any]]:
        with reading(self.engine) as connection:
            found = connection.execute(select(schema.metadata.tables[table]))
            return [dict(row) for row in found.mappings()]

    def recording(self, ref: str) -> dict[str, Any]:
        (found,) = [row for row in self.rows("recordings") if row["callref"] == ref]
        return found

    def audit(self) -> list[tuple[str, str, str]]:
        return [(row["who"], row["what"], row["subject"]) for row in self.rows("audit")]

    def alarms(self) -> list[tuple[str, str | None, Any]]:
        found = self.rows("alarms")
        return [(row["what"], row["callref"], json.loads(row["words"])) for row in found]


@pytest.fixture
def desk(engine: Engine, tmp_path: Path) -> Desk:
    return Desk(engine, tmp_path)


# ------------------------------------------------------------------------------------------ by age


def test_what_is_due_is_erased_and_its_record_stays(desk: Desk) -> None:
    old, new = desk.call("old", DUE), desk.call("new")
    erased = desk.keeper.erase_due(NOW)
    assert (erased.calls, erased.failed) == (("old",), ())
    assert (old.exists(), new.exists()) == (False, True)
    assert {row["callref"] for row in desk.rows("calls")} == {"old", "new"}
    assert (desk.recording("old")["erased_at"], desk.recording("old")["erased_by"]) == (NOW, AGE)
    assert desk.recording("new")["erased_at"] is None
    assert desk.audit() == [(AGE, "recording-erase", "old")]
    assert desk.keeper.erase_due(NOW).calls == ()


def test_a_sound_is_erased_at_its_time_and_not_before(desk: Desk) -> None:
    path = desk.call("x", NOW - DAYS * DAY_SECONDS - 60, seconds=60.0)
    assert desk.keeper.erase_due(NOW - 1).calls == ()
    assert path.exists()
    assert desk.keeper.erase_due(NOW).calls == ("x",)


def test_what_is_held_outlives_its_time_until_it_is_released(desk: Desk) -> None:
    path = desk.call("held", DUE)
    desk.keeper.hold("held", "ayu", "polresta")
    assert desk.keeper.erase_due(NOW).calls == ()
    assert path.exists()
    desk.keeper.release("held", "ayu", "the case is closed")
    assert desk.keeper.erase_due(NOW).calls == ("held",)
    assert [what for _, what, _ in desk.audit()] == [
        *("recording-hold", "recording-release", "recording-erase")
    ]


def test_a_hold_outlives_the_records_that_knew_of_it(desk: Desk) -> None:
    path = desk.call("held", DUE)
    desk.keeper.hold("held", "ayu", "polresta")
    nothing = {"held_at": None, "held_by": None, "held_why": None}
    with writing(desk.engine) as connection:  # as a database is that was made anew
        connection.execute(schema.recordings.update().values(**nothing))
    assert desk.keeper.erase_due(NOW).calls == ()
    assert path.exists()
    assert desk.recording("held")["held_why"] == "held before these records were made"
    desk.keeper.release("held", "ayu", "the case is closed")
    assert desk.keeper.erase_due(NOW).calls == ("held",)
    assert list(desk.folder.iterdir()) == []


def test_a_file_that_is_held_and_that_no_record_names_is_left_alone(desk: Desk) -> None:
    desk.call("first", DUE - DAY_SECONDS)
    path = desk.put("lost.wav", 1.0, DUE)
    Folder(desk.folder).hold("lost.wav")
    assert desk.keeper.erase_due(NOW).orphans == ()
    assert path.exists()


def test_a_hold_of_before_there_were_words_is_given_one(desk: Desk) -> None:
    desk.call("held", DUE)
    desk.keeper.hold("held", "ayu", "polresta")
    (desk.folder / "held.wav.held").unlink()
    desk.keeper.erase_due(NOW)
    assert (desk.folder / "held.wav.held").exists()


def test_more_than_a_batch_is_erased_in_one_run(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper_module, "_BATCH", 3)
    names = [f"call-{n}" for n in range(8)]
    for name in names:
        desk.call(name, DUE, sound=0.0)
    desk.keeper.hold("call-3", "ayu", "why")
    assert [*desk.keeper.erase_due(NOW).calls, "call-3"] == [*names[:3], *names[4:], "call-3"]
    left = {path.name for path in desk.folder.iterdir()}
    assert left == {"call-3.wav", "call-3.wav.held"}


def test_what_cannot_be_removed_holds_up_nothing_else_and_is_tried_again(desk: Desk) -> None:
    path = desk.call("a", DUE)
    path.unlink()
    (path / "in-the-way").mkdir(parents=True)
    desk.call("b", DUE)
    desk.call("c", DUE, file="../../etc/passwd.wav", sound=None)
    erased = desk.keeper.erase_due(NOW)
    assert erased.calls == ("b",)
    assert [name for name, _ in erased.failed] == ["a", "c"]
    assert desk.recording("a")["erased_at"] is None
    (path / "in-the-way").rmdir()
    path.rmdir()
    assert desk.keeper.erase_due(NOW).calls == ("a",)
    assert [subject for _, _, subject in desk.audit()] == ["a", "b", "c"]


def test_a_disk_that_is_away_leaves_what_is_due_for_later(desk: Desk) -> None:
    path = desk.call("x", DUE)
    away = desk.folder.rename(desk.state / "away")
    with contextlib.suppress(FileNotFoundError):
        desk.keeper.erase_due(NOW)
    assert desk.recording("x")["erased_at"] is None
    away.rename(desk.folder)
    assert desk.keeper.erase_due(NOW).calls == ("x",)
    assert not path.exists()


# --------------------------------------------------------------------------- files without a record


def test_an_old_file_that_no_record_names_is_erased_and_said(desk: Desk) -> None:
    desk.call("first", DUE - DAY_SECONDS, file="")
    orphan = desk.put("orphan.wav", 1.0, at=DUE)
    young = desk.put("young.wav", 1.0, at=NOW - DAY_SECONDS)
    other = desk.put("ballast", 1.0, at=0.0)
    erased = desk.keeper.erase_due(NOW)
    assert (erased.orphans, erased.unknown) == (("orphan.wav",), ())
    assert [path.exists() for path in (orphan, young, other)] == [False, True, True]
    assert desk.audit() == [(AGE, "recording-erase", "orphan.wav")]


def test_a_file_older_than_the_records_is_left_alone_and_said(desk: Desk) -> None:
    # With an earlier database the hold on it may have been lost.
    held = desk.put("held-once.wav", 1.0, at=DUE)
    assert desk.keeper.erase_due(NOW).unknown == ("held-once.wav",), "there are no records at all"
    desk.call("x", DUE + DAY_SECONDS)
    assert desk.keeper.erase_due(NOW).unknown == ("held-once.wav",)
    assert held.exists()
    assert desk.audit() == []


def test_a_sound_that_comes_back_after_it_was_erased_is_erased_again(desk: Desk) -> None:
    desk.call("x", DUE)
    desk.keeper.erase_due(NOW)
    back = desk.put("x.wav", 1.0, at=DUE)
    assert desk.keeper.erase_due(NOW).orphans == ("x.wav",)
    assert not back.exists()


# ------------------------------------------------------------------------------------------ by hand


def test_who_erases_by_hand_is_noted_and_the_record_stays(desk: Desk) -> None:
    path = desk.call("x")
    desk.keeper.erase("x", "ayu", "asked for by the caller")
    assert not path.exists()
    assert desk.recording("x")["erased_by"] == "ayu"
    (row,) = desk.rows("audit")
    assert (row["at"], row["who"], row["what"], row["subject"]) == (
        *(NOW, "ayu", "recording-erase", "x"),
    )
    assert json.loads(row["words"]) == {"why": "asked for by the caller"}
    with pytest.raises(RecordingError, match="is erased 2026-11-24 13:00 by ayu"):
        desk.keeper.erase("x", "budi", "again")


def test_what_is_held_is_erased_by_hand_only_after_its_release(desk: Desk) -> None:
    path = desk.call("x")
    desk.keeper.hold("x", "ayu", "polresta")
    with pytest.raises(RecordingError, match="siaga recording release x"):
        desk.keeper.erase("x", "budi", "why")
    assert path.exists()
    desk.keeper.release("x", "ayu", "over")
    desk.keeper.erase("x", "budi", "why")
    assert not path.exists()


def test_a_call_that_goes_on_is_not_erased(desk: Desk) -> None:
    path = desk.call("x", seconds=None)
    with pytest.raises(RecordingError, match="still goes on"):
        desk.keeper.erase("x", "ayu", "why")
    assert path.exists()
    assert desk.audit() == []


def test_a_hand_that_the_disk_fails_is_told_and_the_desk_ends_its_work(desk: Desk) -> None:
    path = desk.call("x")
    path.unlink()
    path.mkdir()
    with pytest.raises(RecordingError, match="the desk tries again by itself"):
        desk.keeper.erase("x", "ayu", "why")
    path.rmdir()
    assert desk.keeper.erase_due(NOW).calls == ("x",)
    assert desk.recording("x")["erased_by"] == "ayu"


@pytest.mark.parametrize("act", ["hold", "release", "erase"])
def test_a_call_that_is_not_there_or_was_never_recorded_is_refused(desk: Desk, act: str) -> None:
    desk.call("silent", file="")
    with pytest.raises(RecordingError, match="there is no call nobody"):
        getattr(desk.keeper, act)("nobody", "ayu", "why")
    with pytest.raises(RecordingError, match="silent was never recorded"):
        getattr(desk.keeper, act)("silent", "ayu", "why")
    assert desk.audit() == []


# ------------------------------------------------------------------------------------------ to hear


def test_who_listens_is_in_the_audit_before_the_file_is_named(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = desk.call("x")
    assert desk.keeper.play("x", "ayu") == path
    assert desk.audit() == [("ayu", "recording-play", "x")]

    def full(*_: object, **__: object) -> NoReturn:
        raise OSError("no room")

    monkeypatch.setattr(keeper_module, "_audit", full)
    with pytest.raises(OSError, match="no room"):
        desk.keeper.play("x", "ayu")
    with pytest.raises(OSError, match="no room"):
        desk.keeper.copy("x", "ayu", desk.state / "copy.wav")
    assert not (desk.state / "copy.wav").exists()


def test_a_copy_is_noted_with_where_it_went(desk: Desk) -> None:
    path = desk.call("x")
    copy = desk.state / "copy.wav"
    desk.keeper.copy("x", "ayu", copy)
    assert copy.read_bytes() == path.read_bytes()
    (row,) = desk.rows("audit")
    assert (row["what"], json.loads(row["words"])) == ("recording-copy", {"to": str(copy)})
    with pytest.raises(RecordingError, match="name a new file"):
        desk.keeper.copy("x", "ayu", copy)


@pytest.mark.parametrize(
    "name", ["../../etc/hostname.wav", "/etc/hostname", "link.wav", "gone.wav"]
)
def test_a_name_in_the_database_that_leads_elsewhere_is_never_given_out(
    desk: Desk, name: str
) -> None:
    (desk.folder / "link.wav").symlink_to("/etc/hostname")
    desk.call("x", file=name, sound=None)
    with pytest.raises(RecordingError):
        desk.keeper.play("x", "ayu")
    with pytest.raises(RecordingError):
        desk.keeper.copy("x", "ayu", desk.state / "copy.wav")
    assert desk.audit() == [], "nobody heard anything"


def test_the_list_shows_the_latest_first_and_what_became_of_each(desk: Desk) -> None:
    for n, ref in enumerate(["kept", "held", "erased", "cut-short"]):
        desk.call(ref, NOW - 1000 + n)
    desk.keeper.hold("held", "ayu", "why")
    desk.keeper.erase("erased", "ayu", "why")
    with writing(desk.engine) as connection:
        of_call = schema.recordings.c.callref == "cut-short"
        connection.execute(schema.recordings.update().where(of_call), {"erased_by": "ayu"})
    found = desk.keeper.recordings()
    assert [(r.callref, r.state) for r in found] == [
        *(("cut-short", "erasing"), ("erased", "erased"), ("held", "held"), ("kept", "kept")),
    ]
    for recording in found:
        assert desk.keeper.recordings(recording.state) == [recording]
    assert desk.keeper.recordings(limit=1) == found[:1]


# ------------------------------------------------------------------------------- killed at any step


def killed_at(step: int, settings: Settings, act: Callable[[Desk], object]) -> bool:
    """Do something in a process that is killed at its `step`; say whether it came to the end.

    A step is before each statement, before and after each commit, and around each change on disk.
    """
    child = os.fork()
    if child == 0:  # no exception may leave here: the tests would go on twice
        with contextlib.suppress(BaseException):
            _dies(step, settings, act)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in (0, 9)
    return os.waitstatus_to_exitcode(status) == 0


def _dies(step: int, settings: Settings, act: Callable[[Desk], object]) -> NoReturn:
    steps = itertools.count()

    def at(*_: object) -> None:
        if next(steps) == step:
            os._exit(9)

    def around(real: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*words: Any, **named: Any) -> Any:
            at()
            done = real(*words, **named)
            at()
            return done

        return stepped

    engine = open_engine(settings)
    event.listen(engine, "before_cursor_execute", at)
    event.listen(engine, "commit", at)
    os.unlink, os.fsync = around(os.unlink), around(os.fsync)
    real = writing

    @contextlib.contextmanager
    def stepped_writing(engine: Engine) -> Iterator[Any]:
        with real(engine) as connection:
            yield connection
        at()

    vars(keeper_module)["writing"] = stepped_writing
    act(Desk(engine, settings.state))
    os._exit(0)


def each_death(
    engine: Engine, settings: Settings, act: Callable[[Desk], object]
) -> Iterator[tuple[Desk, bool]]:
    """Yield a desk after each way in which something can be cut short, and once after it was not.

    The desk has a due recording, a held one that is as old, a young one, and an orphan.
    """
    for step in itertools.count():
        with writing(engine) as connection:
            for table in (schema.audit, schema.recordings, schema.calls):
                connection.execute(table.delete())
        desk = Desk(engine, settings.state)
        desk.call("due", DUE)
        desk.call("held", DUE)
        desk.keeper.hold("held", "ayu", "polresta")
        desk.call("young")
        desk.put("orphan.wav", 1.0, at=DUE + 3600)
        engine.dispose()  # a connection belongs to one process
        ended = killed_at(step, settings, act)
        yield desk, ended
        if ended:
            assert step > 5, "there were steps to be killed at"
            return


def test_erasing_what_is_due_ends_right_wherever_it_is_killed(
    engine: Engine, settings: Settings
) -> None:
    for desk, ended in each_death(engine, settings, lambda desk: desk.keeper.erase_due(NOW)):
        if desk.recording("due")["erased_at"] is not None:
            assert not (desk.folder / "due.wav").exists(), "said to be erased, and there"
        erased = desk.keeper.erase_due(NOW)
        assert erased.failed == ()
        left = {path.name for path in desk.folder.glob("*.wav")}
        assert left == {"held.wav", "young.wav"}
        assert desk.recording("due")["erased_by"] == AGE
        assert desk.recording("due")["erased_at"] == NOW
        assert desk.audit().count((AGE, "recording-erase", "due")) == 1
        assert (AGE, "recording-erase", "orphan.wav") in desk.audit()
        assert desk.recording("held")["erased_by"] is None
        assert desk.recording("young")["erased_by"] is None
        assert not ended or erased.calls == ()


def test_erasing_by_hand_ends_right_wherever_it_is_killed(
    engine: Engine, settings: Settings
) -> None:
    for desk, ended in each_death(
        engine, settings, lambda desk: desk.keeper.erase("young", "budi", "asked for")
    ):
        path = desk.folder / "young.wav"
        ordered = ("budi", "recording-erase", "young") in desk.audit()
        assert path.exists() or ordered, "gone, and nobody had said so"
        desk.keeper.erase_due(NOW)
        assert path.exists() != ordered, "what was ordered is done, and nothing else"
        assert desk.recording("young")["erased_by"] == ("budi" if ordered else None)
        assert (desk.folder / "held.wav").exists()
        assert ordered or not ended


# ---------------------------------------------------------------------------------- is it all there


def test_a_call_whose_sound_is_whole_raises_no_alarm(desk: Desk) -> None:
    desk.call("whole")
    desk.call("goes-on", NOW - 20, seconds=None, sound=18.0)
    desk.call("cut-off", NOW - 50, seconds=40.0, sound=10.0, outcome="cut-off")
    assert desk.watch.look().missing == ()
    assert desk.watch.missing(NOW) == ()
    assert desk.alarms() == []


def test_each_call_whose_sound_lacks_raises_one_alarm(desk: Desk) -> None:
    desk.call("never", file="")
    desk.call("gone", sound=None)
    desk.call("empty", sound=0.0)
    desk.call("short", sound=30.0)
    desk.call("goes-on", NOW - 20, seconds=None, sound=0.0)
    desk.call("hostile", file="../x.wav", sound=None)
    lacks = {lack.callref: lack.why for lack in desk.watch.look().missing}
    assert [lacks[ref] for ref in ("never", "gone", "hostile")] == ["never-begun", *["no-file"] * 2]
    assert [lacks[ref] for ref in ("empty", "goes-on", "short")] == ["empty", "empty", "short"]
    assert {(what, ref) for what, ref, _ in desk.alarms()} == {("not-recorded", r) for r in lacks}
    words = {"why": "short", "seconds": 30.0, "of_seconds": 60.0}
    assert ("not-recorded", "short", words) in desk.alarms()
    assert desk.watch.look().missing == ()
    again = Watch(desk.engine, desk.state, clock=lambda: NOW)
    assert again.look().missing == (), "nor after a restart"
    assert {lack.callref for lack in again.missing(NOW)} == lacks.keys()
    assert len(desk.alarms()) == len(lacks)


def test_a_call_that_ended_a_moment_ago_is_judged_at_a_later_look(desk: Desk) -> None:
    desk.call("a", NOW - 60, seconds=59.5, sound=None)
    desk.call("b", NOW - 90, seconds=60.0)
    assert desk.watch.look().missing == ()
    desk.now += 5
    assert [lack.callref for lack in desk.watch.look().missing] == ["a"]


def test_a_call_is_looked_at_again_when_it_has_ended(desk: Desk) -> None:
    path = desk.call("a", NOW - 20, seconds=None, sound=18.0)
    desk.call("b", NOW - 90, seconds=60.0)
    assert desk.watch.look().missing == ()
    path.unlink()
    desk.end("a", NOW)
    desk.now += 30
    assert [lack.callref for lack in desk.watch.look().missing] == ["a"]


def test_what_was_erased_is_not_missed(desk: Desk) -> None:
    desk.call("x")
    desk.keeper.erase("x", "ayu", "why")
    assert desk.watch.look().missing == ()


def test_a_folder_that_is_gone_is_an_alarm_for_each_call(desk: Desk) -> None:
    desk.call("x", sound=None)
    desk.folder.rmdir()
    assert [lack.why for lack in desk.watch.look().missing] == ["no-file"]


def test_the_room_is_told_once_as_it_gets_worse_and_ends_the_recording(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = iter([NONE_BYTES, NONE_BYTES, NONE_BYTES - 1, NONE_BYTES, 1 << 50, NONE_BYTES])
    monkeypatch.setattr("ivr.retention.folder.Folder.free_bytes", lambda _: next(free))
    marker = desk.state / NO_ROOM_FILE
    seen: list[tuple[Level, int, bool]] = []
    for _ in range(6):
        room: Room = desk.watch.look().room
        seen.append((room.level, len(desk.alarms()), marker.exists()))
        marker.unlink(missing_ok=True)
    assert seen == [
        *(("low", 1, False), ("low", 1, False), ("none", 2, True), ("low", 2, False)),
        *(("enough", 2, False), ("low", 3, False)),
    ]
    what, ref, words = desk.alarms()[0]
    assert (what, ref, words["level"]) == ("recording-disk", None, "low")
