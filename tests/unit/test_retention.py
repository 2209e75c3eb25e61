"""What may be erased, held and heard, what is missing, and whether there is room."""

import ast
import wave
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.retention import policy
from ivr.retention.policy import (
    AGE,
    BUFFERED_SECONDS,
    BYTES_A_SECOND,
    CLOSES_SECONDS,
    HEADER_BYTES,
    LOW_BYTES,
    NONE_BYTES,
    SHORT_SECONDS,
    Missing,
    Recording,
    RecordingError,
    Sound,
)

REF = "siaga-1795497172.0"
NOW = 1_795_500_000.0

times = st.none() | st.floats(min_value=0, max_value=2 * NOW)
names = st.none() | st.sampled_from([AGE, "ayu"])
rows = st.builds(
    Recording,
    callref=st.just(REF),
    file=st.just(f"{REF}.wav"),
    began_at=st.just(NOW),
    ended_at=times,
    kept_until=times,
    held_at=times,
    held_by=st.just("ayu"),
    held_why=st.just("polresta"),
    erased_at=times,
    erased_by=names,
)
KEPT = Recording(REF, f"{REF}.wav", NOW - 100, NOW - 50, kept_until=NOW + 1)

Change = Callable[[Recording], Recording]
CHANGES: dict[str, Change] = {
    "hold": lambda r: policy.held(r, "budi", "polresta", NOW),
    "release": policy.released,
    "erase": lambda r: policy.condemned(r, "budi"),
    "hear": policy.heard,
}


def changed(change: Change, recording: Recording) -> Recording | None:
    try:
        return change(recording)
    except RecordingError:
        return None


@given(rows, times)
def test_what_is_held_is_never_due(recording: Recording, now: float | None) -> None:
    if recording.state == "held":
        assert not recording.due(now or NOW)
        assert changed(CHANGES["erase"], recording) is None


@given(rows, st.sampled_from(sorted(CHANGES)))
def test_nothing_brings_an_erased_sound_back(recording: Recording, change: str) -> None:
    if recording.state == "erased":
        assert changed(CHANGES[change], recording) is None
        assert not recording.due(2 * NOW)


@given(st.lists(st.tuples(st.sampled_from(sorted(CHANGES)), st.booleans())))
def test_whatever_people_do_who_held_and_who_erased_is_never_forgotten(
    changes: list[tuple[str, bool]],
) -> None:
    recording = KEPT
    for name, done in changes:
        after = changed(CHANGES[name], recording) or recording
        if done and after.state == "erasing":
            after = replace(after, erased_at=NOW)
        assert (after.state == "held") == (after.held_by == "budi")
        assert (after.state in ("erasing", "erased")) == (after.erased_by == "budi")
        assert not (recording.state in ("erasing", "erased") and after.held_by)
        recording = after


def test_a_sound_is_due_when_its_time_is_over_and_not_a_moment_before() -> None:
    assert not KEPT.due(NOW + 0.5)
    assert KEPT.due(NOW + 1)
    assert not replace(KEPT, kept_until=None).due(2 * NOW), "whose call goes on"


def test_an_erasure_that_was_ordered_is_due_at_once() -> None:
    assert replace(KEPT, erased_by="ayu").due(0.0)


@pytest.mark.parametrize(
    ("recording", "change", "said", "remedy"),
    [
        (replace(KEPT, held_at=1.0, held_by="ayu", held_why="x"), "hold", "by ayu: x", "release"),
        (replace(KEPT, held_at=1.0, held_by="ayu", held_why="x"), "erase", "by ayu", "release"),
        (KEPT, "release", "not held", "nothing"),
        (replace(KEPT, ended_at=None), "erase", "still goes on", "when it is over"),
        (
            replace(KEPT, erased_at=1.0, erased_by="ayu"),
            "hear",
            "erased 1970-01-01 07:00 by ayu",
            "record",
        ),
        (
            replace(KEPT, erased_at=1.0, erased_by=AGE),
            "hold",
            "erased 1970-01-01 07:00 as it was due",
            "record",
        ),
        (replace(KEPT, erased_by="ayu"), "hear", "being erased by ayu", "record"),
    ],
)
def test_what_cannot_be_done_says_why_and_what_to_do(
    recording: Recording, change: str, said: str, remedy: str
) -> None:
    with pytest.raises(RecordingError) as refused:
        CHANGES[change](recording)
    assert said in refused.value.message
    assert remedy in refused.value.remedy
    assert str(refused.value) == f"{refused.value.message}: {refused.value.remedy}"


# ------------------------------------------------------------------------------- is it there at all


def size(seconds: float) -> int:
    return HEADER_BYTES + round(seconds * BYTES_A_SECOND)


WHOLE = Sound(REF, NOW - 60, NOW - 10, cut_off=False, file=f"{REF}.wav", size=size(50))


@given(
    st.floats(min_value=0, max_value=7200),
    st.floats(min_value=0, max_value=SHORT_SECONDS),
    st.booleans(),
)
def test_a_sound_as_long_as_its_call_is_whole(seconds: float, less: float, open_call: bool) -> None:
    written = max(0.0, seconds - less - (BUFFERED_SECONDS if open_call else 0.0))
    ended_at = None if open_call else NOW - CLOSES_SECONDS
    answered_at = (ended_at or NOW) - seconds
    sound = replace(WHOLE, answered_at=answered_at, ended_at=ended_at, size=size(written) + 1)
    assert policy.missing(sound, NOW) is None


@given(st.floats(min_value=SHORT_SECONDS + 3, max_value=7200), st.data())
def test_a_sound_that_stopped_is_missed_even_while_the_call_goes_on(
    seconds: float, data: st.DataObject
) -> None:
    most = seconds - SHORT_SECONDS - BUFFERED_SECONDS - 0.1
    written = data.draw(st.floats(min_value=0, max_value=most))
    sound = replace(WHOLE, answered_at=NOW - seconds, ended_at=None, size=size(written))
    lack = policy.missing(sound, NOW)
    assert lack
    assert lack.why == ("short" if sound.size != HEADER_BYTES else "empty")


@pytest.mark.parametrize(
    ("sound", "why"),
    [
        (replace(WHOLE, file=""), "never-begun"),
        (replace(WHOLE, size=None), "no-file"),
        (replace(WHOLE, size=0), "empty"),
        (replace(WHOLE, size=HEADER_BYTES), "empty"),
        (replace(WHOLE, size=size(44)), "short"),
        (replace(WHOLE, size=size(44), cut_off=True), None),
        (replace(WHOLE, size=0, cut_off=True), "empty"),
        (replace(WHOLE, size=None, ended_at=NOW - 1), None),
        (replace(WHOLE, size=None, answered_at=NOW - 1, ended_at=None), None),
        (replace(WHOLE, file="", answered_at=NOW - 10.5), None),
    ],
)
def test_what_lacks_is_named(sound: Sound, why: str | None) -> None:
    lack = policy.missing(sound, NOW)
    assert (lack.why if lack else None) == why


def test_what_is_missed_says_how_much() -> None:
    lack = policy.missing(replace(WHOLE, size=size(12)), NOW)
    assert lack == Missing(REF, "short", 12.0, 50.0)


# --------------------------------------------------------------------------------- is there room


@given(st.integers(min_value=0, max_value=1 << 50), st.floats(min_value=0, max_value=1e9))
def test_more_room_is_never_judged_worse(free_bytes: int, pace: float) -> None:
    order = ("none", "low", "enough")
    less, more = policy.room(free_bytes, pace), policy.room(free_bytes * 2 + 1, pace)
    assert order.index(less.level) <= order.index(more.level)
    assert less.hours <= more.hours


@pytest.mark.parametrize(
    ("free_bytes", "seconds_a_day", "level"),
    [
        (NONE_BYTES - 1, 0.0, "none"),
        (NONE_BYTES, 0.0, "low"),
        (LOW_BYTES - 1, 0.0, "low"),
        (LOW_BYTES, 0.0, "enough"),
        (LOW_BYTES, 3 * 86_400.0, "low"),  # three calls at any time: 25 hours
        (10 * LOW_BYTES, 3 * 86_400.0, "enough"),
    ],
)
def test_the_room_is_judged_by_bytes_and_by_the_pace_of_a_day(
    free_bytes: int, seconds_a_day: float, level: str
) -> None:
    assert policy.room(free_bytes, seconds_a_day).level == level


def test_an_hour_of_one_call_takes_57_6_megabytes() -> None:
    assert policy.room(57_600_000, 0.0).hours == 1.0


# ------------------------------------------------------------------------------------- the header


def test_a_file_that_asterisk_could_not_close_gets_its_lengths(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(b"\1\2" * 800)
    closed = path.read_bytes()
    cut = closed[:4] + bytes(4) + closed[8:40] + bytes(4) + closed[44:]
    assert policy.header(cut[:44], len(cut)) + cut[44:] == closed
    assert policy.header(closed[:44], len(closed)) == closed[:44]


@given(st.binary(max_size=44), st.integers(min_value=0, max_value=1 << 31))
def test_what_is_no_header_is_left_alone(first: bytes, length: int) -> None:
    assert policy.header(first, length) == first


def test_the_decisions_know_no_outside() -> None:
    tree = ast.parse(Path(policy.__file__).read_text(encoding="utf-8"))
    found = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert found == {"dataclasses", "datetime", "typing", "routing.agencies"}
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.Import)]
