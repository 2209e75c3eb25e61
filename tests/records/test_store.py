"""The journal is in the database once and whole, however it was read."""

import json
import os
import subprocess
import sys
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import Engine, event, select

from ivr.callrecord import CallRecord, Change, from_json
from ivr.journal import STARTS, BadLine, Batch, Line, Position, records
from ivr.messages import Followed, Message, Report
from ivr.records import schema
from ivr.records.engine import alone, reading, writing
from ivr.records.store import Store
from ivr.settings import Settings

CALL = "siaga-1795497172.0"
LEG = "siaga-1795497172.1"
DAY = 86400.0
FILE = "fingerprint"


def said(at: float, what: str, leg: str = CALL, /, **words: str) -> Line:
    return Line(CALL, leg, at, what, tuple(words.items()))


BEGUN = (
    said(100.0, "CHAN_START"),
    said(100.25, "CALL", ani="0812", dnis="112", trunk="from-trunk"),
    said(100.5, "ANSWER"),
    said(100.75, "RECORDING", file="2026/11/26/1.wav"),
)
RUNG = (
    said(103.0, "ASKED", prompt="menu", key="1"),
    said(103.125, "PLAN", plan="fire", floor="controller", language="id"),
    said(103.25, "RING", step="1", agency="damkar", number="113", trunk="telkom"),
)
JOINED = said(110.25, "JOINED", LEG, by="telkom")
STORY = (*BEGUN, *RUNG, JOINED, said(130.0, "HANGUP"))


def of(call: str, lines: Iterable[Line], later: float = 0.0) -> tuple[Line, ...]:
    """Return the same story of another call."""
    return tuple(
        replace(x, call=call, leg=x.leg.replace(CALL, call), at=x.at + later) for x in lines
    )


def batch(*lines: Line, offset: int = 0, bad: Sequence[BadLine] = ()) -> Batch:
    return Batch(lines, tuple(bad), Position(FILE, offset))


def rows(engine: Engine, table: str, *left_out: str) -> list[dict[str, Any]]:
    """Return the rows of a table, less these columns and those that differ each time."""
    columns = [
        column
        for column in schema.metadata.tables[table].c
        if column.name not in {*left_out, "id", "change", "read_at", "found_at", "made_at"}
    ]
    with reading(engine) as connection:
        found = [row._asdict() for row in connection.execute(select(*columns))]
    return sorted(found, key=repr)


def everything(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    tables = schema.metadata.tables.keys() - {"origin"}  # what it says differs each time
    return {table: rows(engine, table) for table in tables}


def told(engine: Engine) -> dict[str, CallRecord]:
    found = [from_json(row["told"]) for row in rows(engine, "calls")]
    return {record.callref: record for record in found}


def emptied(engine: Engine) -> Engine:
    with writing(engine) as connection:
        for table in reversed(schema.metadata.sorted_tables):
            connection.execute(table.delete())
    return engine


# ----------------------------------------------------------------------------------- what is noted


def test_a_call_that_was_read_line_by_line_is_the_record_of_its_lines(engine: Engine) -> None:
    store = Store(engine)
    for offset, line in enumerate(STORY):
        store.ingest(batch(line, offset=offset), "calls.jsonl")
    assert told(engine) == records(STORY)
    assert store.offsets() == {FILE: len(STORY) - 1}


def test_what_is_counted_has_a_column(engine: Engine) -> None:
    Store(engine).ingest(batch(*STORY), "calls.jsonl")
    (call,) = rows(engine, "calls", "told")
    assert call == {
        "callref": CALL,
        "began_at": 100.0,
        "answered_at": 100.5,
        "queued_at": None,
        "human_at": 110.25,
        "ended_at": 130.0,
        "ani": "0812",
        "dnis": "112",
        "trunk": "from-trunk",
        "test": False,
        "service": "fire",
        "language": "id",
        "floor": "controller",
        "stage": "ended",
        "outcome": "connected-agency",
        "human_kind": "agency",
        "human_who": "damkar",
        "human_seconds": 10.25,
        "queue_seconds": None,
        "talk_seconds": 19.75,
        "recording": "2026/11/26/1.wav",
    }
    (hop,) = rows(engine, "hops")
    assert hop == {
        "callref": CALL,
        "place": 1,
        "at": 103.25,
        "agency": "damkar",
        "number": "113",
        "trunk": "telkom",
        "status": "ANSWER",
        "cause": 0,
        "ring_seconds": 7.0,
        "talk_seconds": 19.75,
        "served": True,
        "test": False,
    }


def test_a_sound_is_kept_for_days_after_the_end_of_its_call(engine: Engine) -> None:
    store = Store(engine, recording_days=30)
    store.ingest(batch(*BEGUN), "calls.jsonl")
    assert rows(engine, "recordings")[0]["kept_until"] == 100.0 + 30 * DAY
    store.ingest(batch(said(130.0, "HANGUP")), "calls.jsonl")
    (sound,) = rows(engine, "recordings")
    assert (sound["file"], sound["kept_until"]) == ("2026/11/26/1.wav", 130.0 + 30 * DAY)


def test_a_sound_that_is_held_or_erased_stays_so(engine: Engine) -> None:
    store = Store(engine)
    store.ingest(batch(*BEGUN), "calls.jsonl")
    with writing(engine) as connection:
        connection.execute(schema.recordings.update().values(held_at=110.0, erased_at=111.0))
    store.ingest(batch(said(130.0, "HANGUP")), "calls.jsonl")
    (sound,) = rows(engine, "recordings")
    assert (sound["held_at"], sound["erased_at"]) == (110.0, 111.0)


def test_an_alarm_is_noted_once_with_its_words(engine: Engine) -> None:
    alarm = said(99.0, "ALARM", what="called-number", number="+62112")
    for _ in range(2):
        Store(engine).ingest(batch(alarm, alarm), "calls.jsonl")
    (row,) = rows(engine, "alarms")
    assert (row["at"], row["what"], row["callref"]) == (99.0, "called-number", CALL)
    assert json.loads(row["words"]) == {"number": "+62112"}


def test_an_alarm_of_a_call_that_is_over_is_noted(engine: Engine) -> None:
    store = Store(engine)
    store.ingest(batch(*STORY, *of("2.0", BEGUN, 1000)), "calls.jsonl")
    store.ingest(batch(said(129.0, "ALARM", what="no-operator")), "calls.jsonl")
    assert [row["what"] for row in rows(engine, "alarms")] == ["no-operator"]
    assert store.late == 1


def test_a_bad_line_is_set_aside_once(engine: Engine) -> None:
    bad = BadLine(Position(FILE, 7), "half\0 a line \ud800", "cut\0")
    for _ in range(2):
        Store(engine).ingest(batch(bad=[bad]), "calls.jsonl")
    (row,) = rows(engine, "bad_lines")
    assert row == {
        "file": FILE,
        "offset": 7,
        "text": "half\ufffd a line ?",
        "why": "cut\ufffd",
    }


def test_a_line_that_changes_nothing_is_no_change_and_writes_none(engine: Engine) -> None:
    store = Store(engine)
    assert len(store.ingest(batch(*BEGUN), "calls.jsonl")) == 1
    assert store.ingest(batch(said(101.0, "STALLED", floor="controller")), "calls.jsonl") == ()
    with reading(engine) as connection:
        assert connection.scalars(select(schema.calls.c.change)).all() == [1]


def test_changes_are_numbered_in_their_order(engine: Engine) -> None:
    store = Store(engine)
    for lines in (BEGUN, of("2.0", BEGUN), RUNG):
        store.ingest(batch(*lines), "calls.jsonl")
    with reading(engine) as connection:
        calls = schema.calls.c
        found = connection.execute(select(calls.callref, calls.change).order_by(calls.change))
        assert found.all() == [("2.0", 2), (CALL, 3)]


def test_what_follows_from_a_change_is_written_with_it(engine: Engine) -> None:
    def follow(change: Change) -> Followed:
        body = change.after.stage
        message = Message(f"calls/{change.after.callref}", body, retain=True)
        return Followed((message,), (Report("1.0-damkar", CALL, "damkar", body),))

    store = Store(engine)
    store.ingest(batch(*BEGUN), "calls.jsonl", follow)
    with writing(engine) as connection:
        connection.execute(schema.reports.update().values(acknowledged_at=1.0))
    store.ingest(batch(*RUNG), "calls.jsonl", follow)
    store.ingest(batch(said(103.5, "STALLED")), "calls.jsonl", follow)
    with reading(engine) as connection:
        outbox = schema.outbox.c
        query = select(outbox.topic, outbox.body, outbox.retain).order_by(outbox.id)
        messages = [tuple(row) for row in connection.execute(query)]
    assert messages == [(f"calls/{CALL}", "menu", True), (f"calls/{CALL}", "ringing", True)]
    (report,) = rows(engine, "reports")
    assert (report["agency"], report["body"]) == ("damkar", "ringing")
    assert report["acknowledged_at"] == 1.0


# ------------------------------------------------------------------------------ the end of a call


def test_a_call_that_is_open_when_asterisk_starts_is_cut_off_and_called_back(
    engine: Engine,
) -> None:
    Store(engine).ingest(batch(*BEGUN, *RUNG), "calls.jsonl")
    (change,) = Store(engine).ingest(batch(Line("", "", 120.0, STARTS)), "calls.jsonl")
    assert (change.before, change.after.outcome) == (records(BEGUN + RUNG)[CALL], "cut-off")
    assert rows(engine, "callbacks") == [
        {
            "callref": CALL,
            "ani": "0812",
            "since": 103.25,
            "why": "cut-off",
            "service": "fire",
            "cleared_at": None,
            "cleared_by": None,
        }
    ]


def test_a_call_that_ended_unnoted_is_cut_off_once_and_called_back(engine: Engine) -> None:
    store = Store(engine, clock=lambda: 200.0)
    store.ingest(batch(*BEGUN, *RUNG, JOINED, *of("2.0", STORY)), "calls.jsonl")
    for again in (store, Store(engine, clock=lambda: 201.0)):
        changes = again.cut_off([CALL, "2.0", "3.0"])
        assert [(x.after.callref, x.after.outcome) for x in changes] == (
            [(CALL, "cut-off")] if again is store else []
        )
    assert told(engine)[CALL].ended_at == JOINED.at
    assert [(row["callref"], row["why"]) for row in rows(engine, "callbacks")] == [
        (CALL, "cut-off")
    ]
    assert Store(engine).ingest(batch(*of("4.0", BEGUN, 200)), "calls.jsonl")
    assert {row["callref"] for row in rows(engine, "open_lines")} == {"4.0"}


def test_an_end_that_was_noted_after_all_counts(engine: Engine) -> None:
    store = Store(engine, clock=lambda: 125.0)
    store.ingest(batch(*BEGUN, *RUNG, JOINED), "calls.jsonl")
    store.cut_off([CALL])
    Store(engine).ingest(batch(said(130.0, "HANGUP")), "calls.jsonl")
    assert told(engine) == records(STORY)


@pytest.mark.parametrize("ahead", [7 * 3600.0, -3600.0])
def test_a_start_whose_clock_is_wrong_cuts_off_no_call_that_comes_after_it(
    engine: Engine, ahead: float
) -> None:
    store = Store(engine)
    store.ingest(batch(Line("", "", 99.0 + ahead, STARTS)), "calls.jsonl")
    for lines in (BEGUN, RUNG, (JOINED,)):
        (change,) = store.ingest(batch(*lines), "calls.jsonl")
        assert change.after.outcome is None
    assert rows(engine, "callbacks") == []
    (change,) = Store(engine).ingest(batch(said(130.0, "HANGUP")), "calls.jsonl")
    assert change.after.outcome == "connected-agency"


def test_a_start_whose_clock_is_behind_cuts_off_who_was_there(engine: Engine) -> None:
    Store(engine).ingest(batch(*BEGUN), "calls.jsonl")
    (change,) = Store(engine).ingest(batch(Line("", "", 3.0, STARTS)), "calls.jsonl")
    assert change.after.outcome == "cut-off"


def test_lines_are_kept_until_a_minute_of_the_journal_after_the_end(engine: Engine) -> None:
    store = Store(engine)
    store.ingest(batch(*STORY, *of("2.0", BEGUN, later=89)), "calls.jsonl")
    kept = {row["callref"] for row in rows(engine, "open_lines")}
    assert kept == {CALL, "2.0"}
    store.ingest(batch(*of("2.0", [said(101.0, "STALLED")], later=90)), "calls.jsonl")
    assert {row["callref"] for row in rows(engine, "open_lines")} == {"2.0"}


def test_a_late_line_mends_a_record_until_the_call_is_over_and_then_never(engine: Engine) -> None:
    late = said(129.0, "QUEUE")
    for seconds, queued_at in ((60, 129.0), (61, None)):
        store = Store(emptied(engine))
        store.ingest(batch(*STORY, *of("2.0", BEGUN[:1], later=30 + seconds)), "calls.jsonl")
        for reader in (store, Store(engine)):
            reader.ingest(batch(late), "calls.jsonl")
            assert told(engine)[CALL].queued_at == queued_at
            assert reader.late == (0 if queued_at else 1)


def test_a_line_that_was_held_up_counts_at_its_own_time(engine: Engine) -> None:
    busy = said(111.0, "HOP", step="1", status="BUSY", cause="17")
    starts = Line("", "", 120.0, STARTS)
    for lines in ((*BEGUN, busy, *RUNG), (*BEGUN, busy, *RUNG, starts)):
        store = Store(emptied(engine))
        for line in lines:
            store.ingest(batch(line), "calls.jsonl")
        assert told(engine) == records(lines)
        assert told(engine)[CALL].hops[0].status == "BUSY"


def test_channels_that_are_no_call_to_112_leave_nothing(engine: Engine) -> None:
    store = Store(engine)
    other = (said(100.0, "CHAN_START", LEG), said(101.0, "ANSWER", LEG))
    store.ingest(batch(*of("3.0", other)), "calls.jsonl")
    store.ingest(batch(*of("2.0", BEGUN, 70)), "calls.jsonl")
    assert {row["callref"] for row in rows(engine, "open_lines")} == {"2.0"}
    assert told(engine).keys() == {"2.0"}


# ----------------------------------------------------------------------------------- the call-backs

GONE = said(102.0, "HANGUP")
AGAIN = of("2.0", STORY, 100)


def test_who_reaches_a_person_later_needs_no_call_back(engine: Engine) -> None:
    store = Store(engine)
    store.ingest(batch(*BEGUN, GONE), "calls.jsonl")
    store.ingest(batch(*AGAIN), "calls.jsonl")
    (row,) = rows(engine, "callbacks")
    assert (row["why"], row["since"]) == ("abandoned-menu", 102.0)
    assert (row["cleared_at"], row["cleared_by"]) == (210.25, "2.0")


def test_an_agency_that_leaves_at_once_has_reached_nobody(engine: Engine) -> None:
    store = Store(engine)
    store.ingest(batch(*BEGUN, GONE, *AGAIN[:-1]), "calls.jsonl")
    assert rows(engine, "callbacks")[0]["cleared_by"] == "2.0"
    left = of("2.0", [said(112.0, "HOP", step="1", status="ANSWER", cause="16")], 100)
    store.ingest(batch(*left), "calls.jsonl")
    assert rows(engine, "callbacks")[0]["cleared_by"] is None


def test_a_call_back_that_an_account_has_cleared_stays_so(engine: Engine) -> None:
    store = Store(engine)
    store.ingest(batch(*BEGUN, GONE), "calls.jsonl")
    with writing(engine) as connection:
        done = {"cleared_at": 150.0, "cleared_by": "operator-1"}
        connection.execute(schema.callbacks.update().values(done))
    store.ingest(batch(*AGAIN), "calls.jsonl")
    (row,) = rows(engine, "callbacks")
    assert (row["cleared_at"], row["cleared_by"]) == (150.0, "operator-1")


def test_who_withholds_the_number_or_tests_us_is_not_called_back(engine: Engine) -> None:
    store = Store(engine)
    hidden = (said(100.25, "CALL", dnis="112"), GONE)
    test = of("2.0", [said(100.25, "CALL", ani="0812", test="1"), GONE])
    store.ingest(batch(*hidden, *test), "calls.jsonl")
    assert rows(engine, "callbacks") == []


def test_a_late_line_that_names_a_person_takes_the_call_back_away(engine: Engine) -> None:
    store = Store(engine)
    store.ingest(batch(*BEGUN, *RUNG, said(130.0, "HANGUP")), "calls.jsonl")
    assert len(rows(engine, "callbacks")) == 1
    store.ingest(batch(JOINED), "calls.jsonl")
    assert rows(engine, "callbacks") == []


# ------------------------------------------------------------------- however the journal was read

seconds = st.integers(1, 160).map(lambda eighths: eighths / 8)


@dataclass(frozen=True)
class Reading:
    """Lines in the order in which they were read, and where a batch ended."""

    lines: tuple[Line, ...]
    ends: tuple[int, ...]
    restarts: frozenset[int]
    repeats: tuple[tuple[int, int], ...]


@st.composite
def stories(draw: st.DrawFn, number: int) -> list[Line]:
    """Lines of one channel: a call to 112 as a rule."""
    call, leg = f"call.{number}", f"leg.{number}"
    at = draw(st.integers(0, 3000)) / 8
    lines = [Line(call, call, at, "CHAN_START")]

    def then(what: str, channel: str = call, /, **words: str) -> None:
        nonlocal at
        at += draw(seconds)
        lines.append(Line(call, channel, at, what, tuple(words.items())))

    if draw(st.integers(0, 4)):
        ani = draw(st.sampled_from(["0811", "0812", ""]))
        then("CALL", ani=ani, trunk="telkom", test="1" if draw(st.integers(0, 9)) == 0 else "0")
        then("RECORDING", file=f"{number}.wav")
        then("ASKED", prompt="menu", key=draw(st.sampled_from(["", "1"])))
        then("PLAN", plan="fire", floor="static", language="id")
    for _ in range(draw(st.integers(0, 3))):
        rung = draw(st.booleans())
        if rung:
            then("RING", step="1", agency=draw(st.sampled_from(["damkar", "bpbd"])))
        else:
            then("QUEUE")
        if draw(st.booleans()):
            then("JOINED", leg, by="operator-1")
        if draw(st.booleans()):
            then("HOP" if rung else "LEFT", status="BUSY", cause="17")
        if draw(st.integers(0, 5)) == 0:
            then("ALARM", what="no-operator")
    if draw(st.integers(0, 4)):
        then("HANGUP")
        lines.append(Line(call, call, at, "CHAN_END"))
    return lines


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    """A journal of some calls, and a way in which it came to be read."""
    eighths = st.integers(0, 3600).map(lambda eighths: eighths / 8)
    starts = sorted(draw(st.lists(eighths, max_size=2, unique=True)))
    lines = [Line("", "", at, STARTS) for at in starts]
    for number in range(draw(st.integers(1, 6))):
        story = draw(stories(number))
        end = min((at for at in starts if at > story[0].at), default=1e9)
        lines += [line for line in story if line.at < end]
    # As written: by time, but for what the disk or the scheduler held up for some seconds. Nothing
    # of one Asterisk comes after the next has started, whose clock may be wrong.
    held_up = draw(st.lists(st.integers(0, 5), min_size=len(lines), max_size=len(lines)))

    def place(index: int) -> tuple[int, bool, float]:
        line = lines[index]
        is_call = line.what != STARTS
        return bisect_right(starts, line.at), is_call, line.at + held_up[index]

    order = sorted(range(len(lines)), key=place)
    wrong = draw(st.sampled_from([0.0, 7 * 3600.0, -3600.0]))
    lines = [replace(x, at=x.at + wrong) if x.what == STARTS else x for x in lines]
    ends = draw(st.lists(st.integers(0, len(lines)), max_size=len(lines)))
    spans = st.tuples(st.integers(0, len(lines)), st.integers(0, len(lines)))
    return Reading(
        tuple(lines[index] for index in order),
        tuple(sorted({*ends, len(lines)})),
        frozenset(draw(st.lists(st.integers(0, 30)))),
        tuple(draw(st.lists(spans, max_size=3))),
    )


def read(engine: Engine, told: Reading) -> list[Change]:
    """Read a journal as it is told; return all changes in their order."""
    store, begin = Store(engine), 0
    changes: list[Change] = []
    for number, end in enumerate(told.ends):
        if number in told.restarts:
            store = Store(engine)
        changes += store.ingest(batch(*told.lines[begin:end], offset=end), "calls.jsonl")
        begin = end
        for first, last in told.repeats:
            again = told.lines[min(first, end) : min(last, end)]
            changes += store.ingest(batch(*again, offset=min(last, end)), "calls.jsonl")
    return changes


@hypothesis.settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(told=readings())
def test_the_rows_are_the_same_however_the_journal_was_read(engine: Engine, told: Reading) -> None:
    changes = read(emptied(engine), told)
    expected = records(told.lines)
    found = {record.callref: record for record in map(from_json, _column(engine, "told"))}
    assert found == expected
    last: dict[str, CallRecord] = {}
    for change in changes:
        assert change.before == last.get(change.after.callref) != change.after
        last[change.after.callref] = change.after
    assert last == expected
    assert rows(engine, "callbacks") == sorted(_callbacks(expected), key=repr)
    hops = [(row["callref"], row["place"], row["agency"]) for row in rows(engine, "hops")]
    assert sorted(hops) == sorted(
        (record.callref, place, hop.agency)
        for record in expected.values()
        for place, hop in enumerate(record.hops, 1)
    )
    alarms = {(line.at, line.call) for line in told.lines if line.what == "ALARM"}
    assert sorted((row["at"], row["callref"]) for row in rows(engine, "alarms")) == sorted(alarms)


def _column(engine: Engine, name: str) -> list[Any]:
    return [row[name] for row in rows(engine, "calls")]


def _callbacks(expected: dict[str, CallRecord]) -> list[dict[str, Any]]:
    """Return who must be called back, by looking at every call."""
    found = []
    for record in expected.values():
        missed = record.outcome and record.outcome.startswith(("abandoned-", "cut-off"))
        if not missed or not record.ani or record.ended_at is None:
            continue
        since = record.ended_at
        reached = [
            (other.human.at, other.callref)
            for other in expected.values()
            if other.ani == record.ani and not other.test
            if other.human and other.human.at > since
        ]
        at, by = min(reached, default=(None, None))
        found.append(
            {
                "callref": record.callref,
                "ani": record.ani,
                "since": since,
                "why": record.outcome,
                "service": record.service,
                "cleared_at": at,
                "cleared_by": by,
            }
        )
    return found


# --------------------------------------------------------------------- whatever fails, and whenever


class PowerCutError(Exception):
    """The end, in the middle of something."""


def test_a_batch_that_fails_at_any_statement_is_not_there_and_can_be_given_again(
    engine: Engine,
) -> None:
    def follow(change: Change) -> Followed:
        report = Report(f"{change.after.callref}-{change.after.stage}", CALL, "damkar", "{}")
        return Followed((Message("topic", "{}"),), (report,))

    bad = BadLine(Position(FILE, 5), "half", "cut")
    alarm = said(104.0, "ALARM", what="no-operator")
    first = batch(*BEGUN, *of("2.0", (*BEGUN, GONE)), alarm, offset=1)
    second = batch(*RUNG, *of("3.0", STORY, 200), Line("", "", 500.0, STARTS), bad=[bad], offset=2)
    Store(engine).ingest(first, "calls.jsonl", follow)
    Store(engine).ingest(second, "calls.jsonl", follow)
    whole = everything(engine)
    Store(emptied(engine)).ingest(first, "calls.jsonl", follow)
    before = everything(engine)
    failures = 0
    while True:
        store = Store(engine)
        store.ingest(batch(offset=1), "calls.jsonl")  # it holds now what the database holds
        left = failures

        def fail(*_: object) -> None:
            nonlocal left
            if left == 0:
                raise PowerCutError
            left -= 1

        for name in ("before_cursor_execute", "commit"):
            event.listen(engine, name, fail)
        try:
            store.ingest(second, "calls.jsonl", follow)
        except PowerCutError:
            failures += 1
        else:
            break
        finally:
            for name in ("before_cursor_execute", "commit"):
                event.remove(engine, name, fail)
        assert everything(engine) == before
        if failures % 4 == 0:  # the same store, and all that it held in memory
            store.ingest(second, "calls.jsonl", follow)
            assert everything(engine) == whole
            Store(emptied(engine)).ingest(first, "calls.jsonl", follow)
    assert everything(engine) == whole
    assert failures > 10


def test_what_follows_may_fail_too(engine: Engine) -> None:
    def follow(_: Change) -> Followed:
        raise PowerCutError

    store = Store(engine)
    with pytest.raises(PowerCutError):
        store.ingest(batch(*BEGUN, offset=9), "calls.jsonl", follow)
    assert store.offsets() == {}
    assert len(store.ingest(batch(*BEGUN, offset=9), "calls.jsonl")) == 1


READ_FOR_EVER = """
import sys
from itertools import count
from ivr.journal import Batch, Line, Position
from ivr.records.engine import open_engine
from ivr.records.store import Store
from ivr.settings import Settings

store = Store(open_engine(Settings()))
for number in count(1):
    call = f"{number}.0"
    line = Line(call, call, float(number), "CALL", (("ani", "0812"),))
    gone = Line(call, call, number + 0.5, "HANGUP")
    store.ingest(Batch((line, gone), (), Position("fingerprint", number)), "calls.jsonl")
    print(number, flush=True)
"""


def test_a_process_that_is_killed_leaves_whole_batches(settings: Settings, engine: Engine) -> None:
    ours = {"SIAGA_STATE": str(settings.state), "SIAGA_DATABASE_URL": settings.database_url}
    with subprocess.Popen(
        [sys.executable, "-c", READ_FOR_EVER],
        cwd=Path(__file__).parents[2],
        env={**os.environ, **ours},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        written = [int(process.stdout.readline()) for _ in range(20)]
        process.kill()
    with writing(engine) as connection:
        alone(connection)  # the server has seen that it is gone
    offset = Store(engine).offsets()[FILE]
    assert offset >= written[-1]
    assert sorted(told(engine)) == sorted(f"{number}.0" for number in range(1, offset + 1))
    assert len(rows(engine, "callbacks")) == offset


def test_two_that_read_the_same_journal_write_nothing_twice(engine: Engine) -> None:
    """One desk is going as the next comes."""
    going, coming = Store(engine), Store(engine)
    going.ingest(batch(*BEGUN, offset=1), "calls.jsonl")
    coming.ingest(batch(*RUNG, offset=2), "calls.jsonl")
    assert going.ingest(batch(*RUNG, offset=2), "calls.jsonl") == ()
    (change,) = coming.ingest(batch(JOINED, offset=3), "calls.jsonl")
    assert change.after == records((*BEGUN, *RUNG, JOINED))[CALL]
