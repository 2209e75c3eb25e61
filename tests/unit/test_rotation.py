"""The live file gets a name of its own, and old files are thrown away: never one that is needed."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
from journal_reader import Desk, noted, write

from ivr.tail import LIVE, Pruned, Rotated, prune, rotate
from routing.agencies import WIB

NOON = datetime(2026, 11, 25, 12, tzinfo=WIB).timestamp()
DAY = 86400.0
STAMPED = "calls-20261125T050000.000001Z.jsonl"
"""What the live file is called that is rotated at noon in Pekanbaru."""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def began(live: Path, at: float) -> Path:
    """Make a live file whose first event came at that time."""
    line = noted(1).replace(b"1795497172.000001", f"{at:.6f}".encode(), 1)
    live.write_bytes(b"\n" + line + b"\n")
    return live


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# ---------------------------------------------------------------------------------------- rotation


def test_a_file_of_today_that_is_not_long_stays(tmp_path: Path) -> None:
    began(tmp_path / LIVE, NOON - 3600)
    assert rotate(tmp_path, NOON) == Rotated()
    assert files(tmp_path) == [LIVE]


def test_a_long_file_is_renamed_by_the_time_in_utc(tmp_path: Path) -> None:
    live = began(tmp_path / LIVE, NOON)
    assert rotate(tmp_path, NOON, most_bytes=live.stat().st_size + 1) == Rotated()
    assert rotate(tmp_path, NOON, most_bytes=live.stat().st_size) == Rotated(STAMPED)
    assert files(tmp_path) == [STAMPED]


@pytest.mark.parametrize(
    ("first", "now", "is_due"),
    [
        ("2026-11-25 00:00:01", "2026-11-25 23:59:59", False),
        ("2026-11-24 23:59:59", "2026-11-25 00:00:01", True),
        ("2026-11-25 06:59:00", "2026-11-25 07:01:00", False),  # midnight in UTC
        ("2027-01-01 00:00:00", "2026-11-25 00:00:00", True),  # the clock was wrong then
    ],
)
def test_a_file_holds_one_day_of_pekanbaru(
    tmp_path: Path, first: str, now: str, is_due: bool
) -> None:
    at = [datetime.fromisoformat(f"{text}+07:00").timestamp() for text in (first, now)]
    began(tmp_path / LIVE, at[0])
    assert bool(rotate(tmp_path, at[1]).name) is is_due


def test_a_file_without_an_event_is_as_old_as_its_last_change(tmp_path: Path) -> None:
    live = tmp_path / LIVE
    live.write_bytes(b"garbage\n")
    os.utime(live, (NOON, NOON))
    assert rotate(tmp_path, NOON + 3600) == Rotated()
    assert rotate(tmp_path, NOON + DAY).name


def test_there_is_nothing_to_rotate_in_an_empty_file_or_without_one(tmp_path: Path) -> None:
    assert rotate(tmp_path, NOON, 0) == Rotated()
    (tmp_path / LIVE).touch()
    assert rotate(tmp_path, NOON, 0) == Rotated()
    assert files(tmp_path) == [LIVE]


def test_names_sort_as_they_were_given_whatever_the_clock_does(tmp_path: Path) -> None:
    names = []
    for now in (NOON, NOON, NOON - 7200, NOON + 0.25, NOON - DAY):
        write(tmp_path / LIVE, 1)
        names.append(rotate(tmp_path, now, 1).name)
    assert names == sorted(set(names))
    assert files(tmp_path) == names


def test_no_file_is_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / LIVE, 1)
    (tmp_path / STAMPED).write_text("not ours to write over")
    monkeypatch.setattr(Path, "iterdir", lambda _: iter(()))  # it came after we had looked
    name = rotate(tmp_path, NOON, 1).name
    assert name == "calls-20261125T050000.000002Z.jsonl"
    assert (tmp_path / STAMPED).read_text() == "not ours to write over"


def test_only_one_rotates_at_a_time(tmp_path: Path) -> None:
    write(tmp_path / LIVE, 1)
    held = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_SH)
    try:
        assert rotate(tmp_path, NOON, 1) == Rotated()
        assert prune(tmp_path, NOON, 1, {}) == Pruned()
    finally:
        os.close(held)
    assert rotate(tmp_path, NOON, 1).name


def test_when_another_was_faster_nothing_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / LIVE, 1)
    real = os.open

    def opened(path: Path, flags: int, mode: int = 0) -> int:
        if flags & os.O_EXCL:
            (tmp_path / LIVE).rename(tmp_path / "calls-elsewhere.jsonl")
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", opened)
    assert rotate(tmp_path, NOON, 1) == Rotated()
    assert files(tmp_path) == ["calls-elsewhere.jsonl"]


KILLED = """
import os, signal, sys
from pathlib import Path
from ivr.tail import rotation
def killed(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)
{function} = killed
rotation.rotate(Path(sys.argv[1]), 1795583000.0, 1)
"""


@pytest.mark.parametrize("function", ["os.open", "os.close", "Path.rename", "rotation._is_due"])
def test_whoever_is_killed_as_he_rotates_loses_nothing(desk: Desk, function: str) -> None:
    write(desk.folder / LIVE, 1, 2)
    script = KILLED.format(function=function)
    command = [sys.executable, "-c", script, str(desk.folder)]
    done = subprocess.run(command, timeout=20, check=False)
    assert done.returncode == -signal.SIGKILL
    write(desk.folder / LIVE, 3)
    assert desk.read() == ()
    assert rotate(desk.folder, NOON, 1).name
    write(desk.folder / LIVE, 4)
    assert desk.read() == ()
    assert desk.numbers == [1, 2, 3, 4]


def test_many_who_rotate_at_once_lose_nothing(desk: Desk) -> None:
    with ThreadPoolExecutor(4) as others:
        for number in range(100):
            names = [others.submit(rotate, desk.folder, NOON, 1) for _ in range(4)]
            write(desk.folder / LIVE, number)
            assert desk.look().troubles == ()
            assert all(name.result().trouble is None for name in names)
    assert desk.read() == ()
    assert desk.numbers == list(range(100))
    assert all((desk.folder / name).stat().st_size for name in files(desk.folder))


@pytest.mark.parametrize("error", [errno.EACCES, errno.ENOSPC, errno.EROFS])
def test_a_folder_that_takes_no_new_name_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    write(tmp_path / LIVE, 1)
    real = os.open

    def opened(path: Path, flags: int, mode: int = 0) -> int:
        if flags & os.O_EXCL:
            raise OSError(error, os.strerror(error))
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", opened)
    trouble = rotate(tmp_path, NOON, 1).trouble
    assert trouble
    assert (trouble.what, trouble.file) == ("stuck", LIVE)
    assert os.strerror(error) in trouble.words
    assert files(tmp_path) == [LIVE]


def test_a_pipe_in_the_place_of_the_live_file_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / LIVE)
    assert rotate(tmp_path, NOON, 0) == Rotated()


def test_a_folder_that_is_not_there_is_the_readers_trouble(tmp_path: Path) -> None:
    assert rotate(tmp_path / "journal", NOON) == Rotated()
    assert prune(tmp_path / "journal", NOON, 1, {}) == Pruned()


# ----------------------------------------------------------------------------------------- pruning


def rotated(desk: Desk, number: int, days_ago: float, rest: bytes = b"") -> str:
    """Make a rotated file whose last line came that many days before noon."""
    write(desk.folder / LIVE, number)
    with (desk.folder / LIVE).open("ab") as file:
        file.write(rest)
    name = rotate(desk.folder, NOON - days_ago * DAY, 1).name
    os.utime(desk.folder / name, (NOON, NOON - days_ago * DAY))
    return name


def test_what_is_older_than_the_days_and_was_read_is_deleted_and_told(desk: Desk) -> None:
    old, young = rotated(desk, 1, 91), rotated(desk, 2, 89)
    write(desk.folder / LIVE, 3)
    desk.read()
    pruned = prune(desk.folder, NOON, 90, desk.offsets)
    assert pruned.names == (old,)
    assert files(desk.folder) == [young, LIVE]
    for file in pruned.files:
        del desk.offsets[file]
    assert desk.whats() == []
    assert prune(desk.folder, NOON, 90, desk.offsets) == Pruned()


def test_a_file_that_was_not_read_to_its_end_is_kept(desk: Desk) -> None:
    half = rotated(desk, 1, 400)
    desk.read()
    write(desk.folder / half, 2)
    os.utime(desk.folder / half, (NOON, NOON - 400 * DAY))
    unread = rotated(desk, 3, 399)
    assert prune(desk.folder, NOON, 1, desk.offsets) == Pruned()
    assert files(desk.folder) == [half, unread]


def test_a_file_whose_last_line_was_cut_counts_as_read(desk: Desk) -> None:
    rotated(desk, 1, 30, rest=noted(2)[:50])
    write(desk.folder / LIVE, 3)
    desk.read()
    assert prune(desk.folder, NOON, 7, desk.offsets) == Pruned()
    desk.now += 60
    desk.read()
    assert len(prune(desk.folder, NOON, 7, desk.offsets).names) == 1


def test_the_live_file_is_never_deleted(desk: Desk) -> None:
    os.utime(write(desk.folder / LIVE, 1), (0, 0))
    desk.read()
    assert prune(desk.folder, NOON, 1, desk.offsets) == Pruned()


def test_a_file_that_somebody_dated_back_is_as_young_as_its_name(desk: Desk) -> None:
    name = rotated(desk, 1, 3)
    os.utime(desk.folder / name, (0, 0))
    desk.read()
    assert prune(desk.folder, NOON, 7, desk.offsets) == Pruned()


def test_a_copy_that_stays_is_not_forgotten(desk: Desk) -> None:
    old = rotated(desk, 1, 30)
    (desk.folder / "calls-copy.jsonl").write_bytes((desk.folder / old).read_bytes())
    os.utime(desk.folder / "calls-copy.jsonl", (NOON, NOON))
    desk.read()
    assert prune(desk.folder, NOON, 7, desk.offsets) == Pruned((old,), ())
    assert desk.whats() == []


def test_what_a_rotation_that_was_killed_left_is_deleted_in_its_time(desk: Desk) -> None:
    left = desk.folder / STAMPED
    left.touch()
    os.utime(left, (NOON, NOON))
    assert prune(desk.folder, NOON + 6 * DAY, 7, {}) == Pruned()
    assert prune(desk.folder, NOON + 8 * DAY, 7, {}) == Pruned((STAMPED,))


def a_folder(path: Path) -> None:
    path.mkdir()


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("put", [a_folder, a_pipe])
def test_what_is_no_file_is_told_of_and_left_alone(desk: Desk, put: Callable[[Path], None]) -> None:
    old = rotated(desk, 1, 30)
    put(desk.folder / "calls-0.jsonl")
    desk.read()
    pruned = prune(desk.folder, NOON, 7, desk.offsets)
    assert pruned.names == (old,)
    assert [(x.what, x.file) for x in pruned.troubles] == [("stuck", "calls-0.jsonl")]


def test_a_file_that_cannot_be_deleted_is_told_of(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [rotated(desk, 1, 30), rotated(desk, 2, 29)]
    desk.read()
    real = Path.unlink

    def refused(path: Path) -> None:
        if path.name == names[0]:
            raise PermissionError(errno.EPERM, "Operation not permitted")
        real(path)

    monkeypatch.setattr(Path, "unlink", refused)
    pruned = prune(desk.folder, NOON, 7, desk.offsets)
    assert pruned.names == (names[1],)
    assert [(x.what, x.file) for x in pruned.troubles] == [("stuck", names[0])]
