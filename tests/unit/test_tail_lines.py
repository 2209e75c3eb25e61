"""Bytes of the journal into lines, as a full disk or a power cut may have left them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from journal_reader import OVERLONG, noted

from ivr.journalline import MAX_LINE_BYTES, Batch, Line, Position
from ivr.tail.lines import BEGINS, read

FILE = "a-file"


def taken(data: bytes, at: int = 0, *, ended: bool = False) -> Batch:
    return read(data, Position(FILE, at), ended=ended)


def numbers(batch: Batch) -> list[int]:
    return [int(line.word("number")) for line in batch.lines]


def places(batch: Batch) -> list[tuple[int, str]]:
    return [(bad.position.offset, bad.text) for bad in batch.bad]


def test_whole_lines_are_read_and_the_last_waits_for_its_end() -> None:
    data = noted(1) + b"\n" + noted(2) + b"\n" + noted(3)[:50]
    batch = taken(data, at=1000)
    assert numbers(batch) == [1, 2]
    assert batch.bad == ()
    assert batch.position == Position(FILE, 1000 + len(data) - 50)


def test_a_line_that_lacks_only_its_line_break_is_whole() -> None:
    batch = taken(noted(1))
    assert numbers(batch) == [1]
    assert taken(b"\n" + noted(2) + b"\n", at=batch.position.offset).bad == ()


def test_a_line_written_straight_after_a_cut_one_is_read() -> None:
    cut = noted(2)[:70]
    data = noted(1) + b"\n" + cut + noted(3) + b"\n"
    batch = taken(data, at=500)
    assert numbers(batch) == [1, 3]
    assert places(batch) == [(500 + len(noted(1)) + 1, cut.decode())]
    assert batch.position.offset == 500 + len(data)


@pytest.mark.parametrize("kept", [1, 5, len(BEGINS), len(BEGINS) + 1, 100])
def test_however_little_of_a_line_had_room_the_next_is_read(kept: int) -> None:
    batch = taken(noted(1)[:kept] + noted(2) + noted(3) + b"\n")
    assert numbers(batch) == [2, 3]
    assert places(batch) == [(0, noted(1)[:kept].decode())]


def test_blank_lines_and_windows_line_breaks_are_no_fault() -> None:
    batch = taken(b"\n\r\n  \n" + noted(1) + b"\r\n\n" + noted(2) + b"\n")
    assert numbers(batch) == [1, 2]
    assert batch.bad == ()


def test_bytes_that_are_no_text_are_set_aside_as_far_as_they_are_text() -> None:
    broken = noted(1).replace(b"QUEUE", b"QU\xff\xfe\0E", 1)
    batch = taken(broken + b"\n" + noted(2) + b"\n")
    assert numbers(batch) == [2]
    (bad,) = batch.bad
    assert bad.position.offset == 0
    assert "QU\ufffd\ufffd\ufffdE" in bad.text


def test_what_a_power_cut_left_empty_costs_no_line_after_it() -> None:
    batch = taken(b"\0" * 40_000 + noted(1) + b"\n")
    assert numbers(batch) == [1]
    assert [len(bad.text) for bad in batch.bad] == [MAX_LINE_BYTES]


def test_an_overlong_line_is_not_waited_for() -> None:
    batch = taken(noted(1) + b"\n" + OVERLONG)
    assert numbers(batch) == [1]
    assert [bad.position.offset for bad in batch.bad] == [len(noted(1)) + 1]
    assert batch.position.offset == len(noted(1)) + 1 + len(OVERLONG)


@pytest.mark.parametrize("begun", [1, 12, 13, 50])
def test_a_line_that_has_begun_after_an_overlong_one_is_waited_for(begun: int) -> None:
    data = OVERLONG + noted(1) + b"\n"
    first = taken(data[: len(OVERLONG) + begun])
    assert first.position.offset == len(OVERLONG)
    assert numbers(taken(data[len(OVERLONG) :], at=len(OVERLONG))) == [1]


def test_what_an_ended_file_ends_with_is_read_or_set_aside() -> None:
    cut = noted(2)[:50]
    batch = taken(noted(1) + b"\n" + cut, ended=True)
    assert numbers(batch) == [1]
    assert places(batch) == [(len(noted(1)) + 1, cut.decode())]
    assert batch.position.offset == len(noted(1)) + 1 + len(cut)


def test_what_is_wrong_is_told_in_few_words() -> None:
    (bad,) = taken(noted(1).replace(b"1795497172.000001", b"\\u0000" * 2000) + b"\n").bad
    assert "\0" not in bad.why
    assert 0 < len(bad.why) <= 200


PIECES = st.one_of(
    st.integers(0, 99).map(noted),
    st.tuples(st.integers(0, 99), st.integers(1, 150)).map(lambda x: noted(x[0])[: x[1]]),
    st.binary(max_size=30),
    st.sampled_from([b"\n", b"\r\n", b"\0", b"{", b"}", BEGINS, OVERLONG]),
)
DATA = st.lists(PIECES, max_size=12).map(b"".join)


@given(DATA, st.lists(st.integers(0, 40_000)))
@example(noted(1) + BEGINS[:5] + noted(2), [len(noted(1))])
@example(OVERLONG + BEGINS + OVERLONG, [MAX_LINE_BYTES + 4])
def test_however_the_bytes_arrive_the_same_lines_are_read(data: bytes, cuts: list[int]) -> None:
    at = 0
    found: list[Line] = []
    for cut in sorted(cuts):
        batch = taken(data[at:cut], at)
        found += batch.lines
        at = batch.position.offset
    found += taken(data[at:], at, ended=True).lines
    assert found == list(taken(data, ended=True).lines)


@given(DATA)
def test_what_is_set_aside_stands_where_it_is_said_to(data: bytes) -> None:
    batch = taken(data, at=100, ended=True)
    found = [bad.position.offset - 100 for bad in batch.bad]
    assert found == sorted(set(found))
    for at, bad in zip(found, batch.bad, strict=True):
        there = data[at : at + MAX_LINE_BYTES].decode(errors="replace").replace("\0", "\ufffd")
        assert there.startswith(bad.text[:-3])  # a letter may be cut there
        assert bad.text


def test_a_line_that_something_was_written_after_is_read() -> None:
    batch = taken(noted(1) + BEGINS[:5] + noted(2) + b"garbage\n")
    assert numbers(batch) == [1, 2]
    assert places(batch) == [
        (len(noted(1)), BEGINS[:5].decode()),
        (len(noted(1) + noted(2)) + 5, "garbage"),
    ]
