"""Whether Asterisk notes its calls is found out before anybody misses one."""

import os
from pathlib import Path

import pytest

from ivr.desk.noting import (
    ENDED_SECONDS,
    KNOWN_FIRST_SECONDS,
    MISSING_SECONDS,
    Ended,
    Noted,
    unwritable,
)

CALL, OTHER = "siaga-1795497172.0", "siaga-1795497172.4"
OURS = (os.getuid() or 11200, os.getgid() or 11200)
STRANGER = (65534, 65534)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A journal that is ours to write."""
    live = tmp_path / "calls.jsonl"
    live.touch()
    live.chmod(0o640)
    tmp_path.chmod(0o770)
    for path in (tmp_path, live):
        os.chown(path, *OURS)
    return tmp_path


def test_a_journal_that_asterisk_may_write_is_well(folder: Path) -> None:
    assert unwritable(folder, OURS) == ""


def test_one_that_was_rotated_a_moment_ago_is_well(folder: Path) -> None:
    (folder / "calls.jsonl").unlink()
    assert unwritable(folder, OURS) == ""


def test_a_live_file_that_asterisk_may_only_read_says_how_it_is_mended(folder: Path) -> None:
    (folder / "calls.jsonl").chmod(0o440)
    said = unwritable(folder, OURS)
    assert "calls.jsonl: Asterisk may not write it" in said
    assert f"chown {OURS[0]}:{OURS[1]}" in said


def test_a_live_file_of_somebody_else_says_so(folder: Path) -> None:
    folder.chmod(0o777)
    assert "calls.jsonl: Asterisk may not write it" in unwritable(folder, STRANGER)


def test_its_group_may_do_for_asterisk(folder: Path) -> None:
    (folder / "calls.jsonl").chmod(0o460)
    assert unwritable(folder, (STRANGER[0], OURS[1])) == ""


@pytest.mark.parametrize("mode", [0o570, 0o670])
def test_a_folder_where_asterisk_can_make_no_file_says_so(folder: Path, mode: int) -> None:
    folder.chmod(mode)
    assert f"{folder}: Asterisk may not write there" in unwritable(folder, OURS)
    folder.chmod(0o770)


@pytest.mark.parametrize(
    ("flag", "files", "said"),
    [(os.ST_RDONLY, 5, "can only be read"), (0, 0, "no room for another file")],
)
def test_a_disk_that_takes_no_file_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch, flag: int, files: int, said: str
) -> None:
    found = os.statvfs_result((4096, 4096, 9, 9, 9, 9, files, files, flag, 255, 1))
    monkeypatch.setattr(os, "statvfs", lambda _: found)
    assert said in unwritable(folder, OURS)


def test_a_disk_that_counts_no_files_has_room_for_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = os.statvfs_result((4096, 4096, 9, 9, 9, 0, 0, 0, 0, 255, 1))
    monkeypatch.setattr(os, "statvfs", lambda _: found)
    assert unwritable(folder, OURS) == ""


def test_a_live_call_that_the_journal_never_named_is_missing() -> None:
    noted = Noted()
    noted.named([OTHER], 100.0)
    assert noted.missing([CALL, OTHER], 100.0, all_read=True) == []
    assert noted.missing([CALL, OTHER], 100.0 + MISSING_SECONDS, all_read=True) == []
    assert noted.missing([CALL, OTHER], 100.1 + MISSING_SECONDS, all_read=True) == [CALL]
    assert noted.missing([OTHER], 101.0 + MISSING_SECONDS, all_read=True) == []


def test_a_call_that_lasts_stays_named() -> None:
    noted = Noted()
    noted.named([CALL], 100.0)
    for now in (101.0, 101.0 + KNOWN_FIRST_SECONDS, 109.0 + KNOWN_FIRST_SECONDS):
        assert noted.missing([CALL], now, all_read=True) == []


def test_none_is_missing_while_lines_wait_to_be_read() -> None:
    noted = Noted()
    for now in (100.0, 110.0, 120.0):
        assert noted.missing([CALL], now, all_read=False) == []
    assert noted.missing([CALL], 121.0, all_read=True) == []
    assert noted.missing([CALL], 126.0, all_read=True) == [CALL]


def test_none_is_missing_while_nobody_knows_the_line() -> None:
    noted = Noted()
    noted.missing([CALL], 100.0, all_read=True)
    assert noted.missing(None, 110.0, all_read=True) == []


def test_what_is_over_is_forgotten() -> None:
    noted = Noted()
    noted.named([CALL], 100.0)
    noted.missing([], 101.0 + KNOWN_FIRST_SECONDS, all_read=True)
    assert noted._named == {}


def test_a_call_that_no_channel_has_for_a_minute_has_ended() -> None:
    ended = Ended()
    for now in (100.0, 100.0 + ENDED_SECONDS):
        assert ended.unnoted([CALL, OTHER], {OTHER}, now, all_read=True) == []
    assert ended.unnoted([CALL, OTHER], {OTHER}, 100.1 + ENDED_SECONDS, all_read=True) == [CALL]


@pytest.mark.parametrize(("channels", "all_read"), [({CALL}, True), (None, True), (set(), False)])
def test_one_that_may_go_on_has_not(channels: set[str] | None, all_read: bool) -> None:
    ended = Ended()
    ended.unnoted([CALL], set(), 100.0, all_read=True)
    assert ended.unnoted([CALL], channels, 130.0, all_read=all_read) == []
    assert ended.unnoted([CALL], set(), 101.0 + ENDED_SECONDS, all_read=True) == []
