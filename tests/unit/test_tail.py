"""The files of the journal, followed: what is read, what is wrong, and that nothing is missed."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from journal_reader import OVERLONG, Desk, noted, write

from ivr.tail import LIVE, Look
from ivr.tail.folder import SETTLED_SECONDS

OLD = "calls-20261101T000000.000000Z.jsonl"
NEWER = "calls-20261102T000000.000000Z.jsonl"
"""Rotated files, in the order in which they were written."""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_files_are_read_in_the_order_in_which_they_were_written(desk: Desk) -> None:
    write(desk.folder / LIVE, 5, 6)
    write(desk.folder / NEWER, 3, 4)
    write(desk.folder / OLD, 1, 2)
    assert desk.read() == ()
    assert desk.numbers == [1, 2, 3, 4, 5, 6]
    assert desk.names == [OLD, NEWER, LIVE]


def test_reading_goes_on_where_it_was_left_by_another(desk: Desk) -> None:
    write(desk.folder / LIVE, 1, 2)
    desk.read()
    write(desk.folder / LIVE, 3)
    desk.restart()
    assert desk.read() == ()
    assert desk.numbers == [1, 2, 3]


def test_what_was_not_saved_comes_again(desk: Desk) -> None:
    write(desk.folder / LIVE, 1, 2)
    assert desk.tail.read({}) == desk.tail.read({})
    desk.read()
    assert desk.numbers == [1, 2]


def test_a_look_brings_no_more_than_it_was_asked_for(desk: Desk) -> None:
    write(desk.folder / LIVE, *range(2000))
    batch = desk.tail.read({}, most_bytes=1).batch
    assert batch
    assert 0 < len(batch.lines) < 200


def test_a_file_that_is_renamed_is_the_same_file(desk: Desk) -> None:
    write(desk.folder / LIVE, 1)
    desk.read()
    write(desk.folder / LIVE, 2).rename(desk.folder / OLD)
    write(desk.folder / LIVE, 3)
    assert desk.read() == ()
    assert desk.numbers == [1, 2, 3]
    assert desk.names == [LIVE, OLD, LIVE]


def test_a_line_that_lands_in_a_file_as_it_is_renamed_is_read(desk: Desk) -> None:
    with write(desk.folder / LIVE, 1).open("ab") as being_written:
        desk.read()
        (desk.folder / LIVE).rename(desk.folder / OLD)
        desk.read()
        being_written.write(noted(2) + b"\n")
    write(desk.folder / LIVE, 3)
    assert desk.read() == ()
    assert desk.numbers == [1, 2, 3]


def test_a_file_with_no_whole_line_is_left_for_later(desk: Desk) -> None:
    live = desk.folder / LIVE
    live.write_bytes(b"\n" + noted(1)[:100])
    assert desk.look() == Look()
    live.write_bytes(b"\n" + noted(1) + b"\n")
    desk.read()
    assert desk.numbers == [1]


@pytest.mark.parametrize("rest", [noted(2)[:60], noted(2)[:5]])
@pytest.mark.parametrize("before", [noted(1) + b"\n", b""])
def test_a_line_that_was_cut_when_its_file_was_rotated_is_set_aside(
    desk: Desk, before: bytes, rest: bytes
) -> None:
    (desk.folder / OLD).write_bytes(before + rest)
    desk.read()
    write(desk.folder / LIVE, 3)
    desk.read()
    desk.now += SETTLED_SECONDS - 1
    desk.read()
    assert desk.bad == [], "what was being written may still come"
    desk.now += 1
    assert desk.read() == ()
    assert [(bad.position.offset, bad.text) for bad in desk.bad] == [(len(before), rest.decode())]
    assert desk.numbers == ([1, 3] if before else [3])


def test_files_that_hold_the_same_cut_line_and_no_other_are_each_set_aside(desk: Desk) -> None:
    for name in (OLD, NEWER):
        (desk.folder / name).write_bytes(noted(1)[:20])
    write(desk.folder / LIVE, 2)
    desk.read()
    desk.now += SETTLED_SECONDS
    assert desk.whats() == []
    assert len(desk.bad) == 2
    desk.restart()
    assert desk.whats() == [], "they are not gone, though they are not known again at once"


def test_an_ended_file_is_not_cut_where_a_look_ended(desk: Desk) -> None:
    write(desk.folder / OLD, *range(2000))
    write(desk.folder / LIVE, 2000)
    desk.tail.read({})
    desk.now += SETTLED_SECONDS
    while desk.look(most_bytes=1).batch:
        pass
    assert desk.numbers == list(range(2001))
    assert desk.bad == []


@pytest.mark.parametrize("youngest", [LIVE, NEWER])
def test_the_cut_line_of_the_youngest_file_is_waited_for(desk: Desk, youngest: str) -> None:
    (desk.folder / youngest).write_bytes(noted(1) + b"\n" + noted(2)[:60])
    desk.read()
    desk.now += 1000 * SETTLED_SECONDS
    desk.read()
    assert (desk.numbers, desk.bad) == ([1], [])


# ---------------------------------------------------------------------- what somebody did to a file


def test_a_file_that_shrank_is_told_of_and_read_again(desk: Desk) -> None:
    live = write(desk.folder / LIVE, 1, 2, 3)
    desk.read()
    os.truncate(live, len(noted(1)) + 1)
    write(live, 4)
    desk.restart()
    look = desk.look()
    assert [(x.what, x.file) for x in look.troubles] == [("shrank", LIVE)]
    assert desk.read() == ()
    assert desk.numbers == [1, 2, 3, 1, 4]


def test_a_file_that_was_overwritten_and_has_grown_since_is_told_of_and_read_again(
    desk: Desk,
) -> None:
    live = write(desk.folder / LIVE, 1, 2, 3)
    desk.read()
    os.truncate(live, len(noted(1)) + 9)
    write(live, 4, 5, 6)
    desk.restart()
    look = desk.look()
    assert [(x.what, x.file) for x in look.troubles] == [("changed", LIVE)]
    assert desk.read() == ()
    assert desk.numbers == [1, 2, 3, 1, 4, 5, 6]


@pytest.mark.parametrize("is_read", [True, False])
def test_a_file_that_is_gone_is_told_of_until_it_is_forgotten(desk: Desk, is_read: bool) -> None:
    write(desk.folder / OLD, 1)
    write(desk.folder / LIVE, 2)
    desk.read()
    if not is_read:
        write(desk.folder / OLD, 3)
        desk.tail.read(desk.offsets)
    (desk.folder / OLD).unlink()
    assert desk.look().troubles == (), "it may be in the middle of being renamed"
    (trouble,) = desk.look().troubles
    assert (trouble.what, trouble.file) == ("gone" if is_read else "lost", OLD)
    assert ("all" in trouble.words) is is_read
    del desk.offsets[trouble.fingerprint]
    assert desk.read() == ()


def test_a_file_that_went_while_nobody_looked_is_told_of(desk: Desk) -> None:
    write(desk.folder / OLD, 1)
    write(desk.folder / LIVE, 2)
    desk.read()
    (desk.folder / OLD).unlink()
    desk.restart()
    desk.read()
    (trouble,) = desk.read()
    assert trouble.what == "gone"
    assert "nobody knows" in trouble.words


def test_a_file_that_went_before_any_of_it_was_saved_is_told_of(desk: Desk) -> None:
    write(desk.folder / LIVE, 1)
    desk.tail.read({})
    (desk.folder / LIVE).unlink()
    assert desk.whats() == [("lost", LIVE)]


def test_a_live_file_that_is_emptied_begins_anew(desk: Desk) -> None:
    live = write(desk.folder / LIVE, 1, 2)
    desk.read()
    live.write_bytes(b"")
    write(live, 3)
    assert desk.whats() == [("gone", LIVE)]
    assert desk.numbers == [1, 2, 3]


def test_a_file_that_is_swapped_for_another_is_read_from_its_beginning(desk: Desk) -> None:
    write(desk.folder / LIVE, 1, 2)
    desk.read()
    write(desk.folder / "another", 7, 8, 9).rename(desk.folder / LIVE)
    assert desk.whats() == [("gone", LIVE)]
    assert desk.numbers == [1, 2, 7, 8, 9]


def test_a_file_that_is_swapped_between_a_look_and_the_reading_is_not_mistaken(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(desk.folder / LIVE, 1, 2)
    desk.read()
    write(desk.folder / LIVE, 3)
    real = desk.tail._folder.look

    def swapped(now: float) -> object:
        files = real(now)
        (desk.folder / LIVE).rename(desk.folder / OLD)
        write(desk.folder / LIVE, 4, 5, 6, 7)
        monkeypatch.setattr(desk.tail._folder, "look", real)
        return files

    monkeypatch.setattr(desk.tail._folder, "look", swapped)
    assert desk.look() == Look()
    assert desk.read() == ()
    assert desk.numbers == [1, 2, 3, 4, 5, 6, 7]


def test_a_file_that_is_rotated_while_the_folder_is_listed_keeps_its_place(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(desk.folder / LIVE, 1)
    real = os.scandir

    def listed(path: Path) -> object:
        entries = list(real(path))
        (desk.folder / LIVE).rename(desk.folder / OLD)
        write(desk.folder / LIVE, 2)
        monkeypatch.setattr(os, "scandir", real)
        return Listing(entries)

    monkeypatch.setattr(os, "scandir", listed)
    assert desk.look() == Look()
    assert desk.read() == ()
    assert desk.numbers == [1, 2]


class Listing:
    """What os.scandir returns, of entries that were read before."""

    def __init__(self, entries: list[os.DirEntry[str]]) -> None:
        self._entries = entries

    def __enter__(self) -> Iterator[os.DirEntry[str]]:
        return iter(self._entries)

    def __exit__(self, *_: object) -> None:
        pass


def test_a_copy_is_told_of_and_not_read(desk: Desk) -> None:
    write(desk.folder / LIVE, 1, 2)
    (desk.folder / OLD).write_bytes((desk.folder / LIVE).read_bytes())
    write(desk.folder / LIVE, 3)
    assert desk.whats() == [("copy", OLD)]
    assert desk.numbers == [1, 2, 3]
    (desk.folder / OLD).unlink()
    assert desk.whats() == []


def test_a_second_name_of_one_file_is_no_copy(desk: Desk) -> None:
    write(desk.folder / LIVE, 1)
    os.link(desk.folder / LIVE, desk.folder / OLD)
    assert desk.whats() == []
    write(desk.folder / LIVE, 2)
    assert desk.whats() == []
    assert desk.numbers == [1, 2]
    with (desk.folder / LIVE).open("ab") as file:
        file.write(noted(3)[:50])
    desk.read()
    desk.now += SETTLED_SECONDS
    desk.read()
    assert desk.bad == [], "it is still written"


def test_a_file_that_was_put_back_from_a_backup_goes_on_where_it_was_left(desk: Desk) -> None:
    live = write(desk.folder / LIVE, 1, 2)
    desk.read()
    backup = live.read_bytes()
    live.unlink()
    desk.read()
    live.write_bytes(backup)
    write(live, 3)
    assert desk.whats() == []
    assert desk.numbers == [1, 2, 3]


# ------------------------------------------------------------------- what stands in a file's place


def a_folder(path: Path) -> None:
    path.mkdir()


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_link(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("put", [a_folder, a_pipe, a_link])
@pytest.mark.parametrize("name", [OLD, LIVE])
def test_what_is_no_file_is_told_of_and_holds_nobody_up(
    desk: Desk, name: str, put: Callable[[Path], None]
) -> None:
    put(desk.folder / name)
    write(desk.folder / NEWER, 1)
    assert desk.whats() == [("not-a-file", name)]
    assert desk.numbers == [1]


def test_a_pipe_that_takes_the_place_of_a_file_just_before_it_is_opened_holds_nobody_up(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(desk.folder / LIVE, 1)
    real = os.open

    def too_late(path: Path, flags: int) -> int:
        path.unlink()
        os.mkfifo(path)
        return real(path, flags)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", too_late)
        (trouble,) = desk.look().troubles
    assert (trouble.what, trouble.file) == ("unreadable", LIVE)
    assert "not a plain file" in trouble.words
    assert desk.whats() == [("not-a-file", LIVE)]


def test_a_file_that_may_not_be_read_is_told_of_and_the_others_are_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(desk.folder / OLD, 1)
    write(desk.folder / LIVE, 2)
    desk.read()
    write(desk.folder / OLD, 3)
    write(desk.folder / LIVE, 4)
    real = os.open

    def refused(path: Path, flags: int) -> int:
        if Path(path).name == OLD:
            raise PermissionError(13, "Permission denied")
        return real(path, flags)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refused)
        assert desk.whats() == [("unreadable", OLD)]
        assert desk.numbers == [1, 2, 4]
    assert desk.whats() == []
    assert desk.numbers == [1, 2, 4, 3]


def test_a_disk_that_fails_is_told_of_and_what_was_not_kept_is_not_passed_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(desk.folder / LIVE, 1)

    def fails(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", fails)
        assert desk.whats() == [("unreadable", LIVE)]
        assert desk.numbers == []
    assert desk.whats() == []
    assert desk.numbers == [1]


def test_a_folder_that_is_gone_is_told_of_until_it_is_back(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "journal")
    assert desk.whats() == [("folder", str(desk.folder))]
    desk.folder.mkdir()
    write(desk.folder / LIVE, 1)
    assert desk.whats() == []
    desk.folder.rename(tmp_path / "away")
    assert desk.whats() == [("folder", str(desk.folder))]
    (tmp_path / "away").rename(desk.folder)
    write(desk.folder / LIVE, 2)
    assert desk.whats() == []
    assert desk.numbers == [1, 2]


def test_a_file_in_the_place_of_the_folder_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("")
    assert Desk(tmp_path / "journal").whats() == [("folder", str(tmp_path / "journal"))]


def test_other_files_in_the_folder_are_nobodys_business(desk: Desk) -> None:
    write(desk.folder / "calls.jsonl.1", 1)
    write(desk.folder / "notes.txt", 2)
    assert desk.whats() == []
    assert desk.numbers == []


# ---------------------------------------------------------------------------- how a file may begin


@pytest.mark.parametrize(
    "head",
    [b"\n", b"garbage\n", b"\0" * 5000, OVERLONG, OVERLONG * 5, b"\n" * 70_000, b"\xff\xfe\n"],
    ids=["blank", "garbage", "empty blocks", "overlong", "very long", "much blank", "no text"],
)
def test_two_files_that_begin_alike_and_badly_are_both_read(desk: Desk, head: bytes) -> None:
    (desk.folder / OLD).write_bytes(head)
    write(desk.folder / OLD, 1, 2)
    (desk.folder / LIVE).write_bytes(head + b"\n")
    write(desk.folder / LIVE, 3)
    wrong = desk.whats()
    if len(head) > 65536:
        assert wrong == [("copy", LIVE)], "loud at least"
    else:
        assert wrong == []
        assert desk.numbers == [1, 2, 3]


def test_a_look_at_a_journal_in_which_nothing_happens_opens_no_file(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(9):
        write(desk.folder / f"calls-2026110{number}T000000.000000Z.jsonl", number)
    write(desk.folder / LIVE, 10)
    desk.read()
    desk.now += 2 * SETTLED_SECONDS
    desk.read()
    calls: list[str] = []
    for name in ("open", "lstat", "stat", "scandir"):
        real = getattr(os, name)

        def counted(*args: object, real: Callable[..., object] = real, name: str = name) -> object:
            calls.append(name)
            return real(*args)

        monkeypatch.setattr(os, name, counted)
    desk.look()
    assert calls == ["lstat", "scandir"], "and one of the kernel's a file (os.DirEntry)"
