"""The live file gets a name of its own each day, or when it is long; old files are thrown away.

Law 1: nothing is ever written over or thrown away that was not read. Whoever is stopped in the
middle of it, or does it twice at once, loses nothing (rename(2) is one step).
Law 2: the names of rotated files sort as they were written, whatever the clock did.
"""

import contextlib
import fcntl
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ivr.tail.files import LIVE, Trouble, fingerprint, is_rotated, opened
from routing.agencies import WIB

MOST_BYTES = 64 << 20
STAMP = "%Y%m%dT%H%M%S.%fZ"

_TIME = re.compile(rb'"eventtime":"([0-9]{1,10}\.[0-9]{1,9})"')
_HEAD_BYTES = 4096
_DAY_SECONDS = 86400.0


@dataclass(frozen=True, slots=True)
class Rotated:
    """What the live file is called now; empty when it stays the live one."""

    name: str = ""
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class Pruned:
    """The names of files that were deleted, and the fingerprints of which nothing is left."""

    names: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    troubles: tuple[Trouble, ...] = ()


# --------------------------------------------------------------------------------------- rotation


def rotate(folder: Path, now: float, most_bytes: int = MOST_BYTES) -> Rotated:
    """Rename the live file when it has `most_bytes`, or began on another day (WIB) than `now`.

    `now` is in seconds since the epoch. What Asterisk is writing then lands in the renamed file.
    """
    try:
        with _alone(folder) as is_ours:
            if not is_ours or not _is_due(folder / LIVE, now, most_bytes):
                return Rotated()
            return Rotated(_renamed(folder, now))
    except FileNotFoundError:  # there is no live file, or another was faster
        return Rotated()
    except OSError as error:
        words = f"{error.strerror}: its folder must belong to the group of Asterisk"
        return Rotated(trouble=Trouble("stuck", LIVE, words))


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Say whether nobody else is changing the folder, and let nobody until this ends."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _is_due(live: Path, now: float, most_bytes: int) -> bool:
    found = live.lstat()
    if not stat.S_ISREG(found.st_mode) or not found.st_size:
        return False
    if found.st_size >= most_bytes:
        return True
    with opened(live) as descriptor:
        first = _TIME.search(os.pread(descriptor, _HEAD_BYTES, 0))
    began = float(first[1]) if first else found.st_mtime
    return _day(began) != _day(now)


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, WIB):%Y%m%d}"


def _renamed(folder: Path, now: float) -> str:
    """Rename the live file; return its name. Raises OSError, and then nothing was done."""
    target = folder / _reserved(folder, now)
    try:
        (folder / LIVE).rename(target)  # over the empty file, which is ours
    except OSError:
        target.unlink()
        raise
    return target.name


def _reserved(folder: Path, now: float) -> str:
    """Make an empty file with a name after all others; whoever is killed here leaves it behind."""
    newest = max((x.name for x in folder.iterdir() if _stamp(x.name)), default="")
    at = datetime.fromtimestamp(now, UTC)
    at = max(at, (_stamp(newest) or at) + timedelta(microseconds=1))
    while True:
        name = f"calls-{at:{STAMP}}.jsonl"
        try:
            os.close(os.open(folder / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640))
        except FileExistsError:
            at += timedelta(microseconds=1)
        else:
            return name


def _stamp(name: str) -> datetime | None:
    """Return when a file was rotated, as its name says; None for any other name."""
    with contextlib.suppress(ValueError):
        stamp = name.removeprefix("calls-").removesuffix(".jsonl")
        return datetime.strptime(stamp, STAMP).replace(tzinfo=UTC)
    return None


# ---------------------------------------------------------------------------------------- pruning


def prune(folder: Path, now: float, days: int, offsets: Mapping[str, int]) -> Pruned:
    """Delete the rotated files whose last line is older than `days`, if all of it was read.

    `now` is in seconds since the epoch. `offsets` says how far each file was read, by fingerprint;
    its caller forgets there what is in `Pruned.files`.
    """
    try:
        with _alone(folder) as is_ours:
            return _pruned(folder, now - days * _DAY_SECONDS, offsets) if is_ours else Pruned()
    except FileNotFoundError:
        return Pruned()
    except OSError as error:
        return Pruned(troubles=(Trouble("stuck", str(folder), str(error.strerror)),))


def _pruned(folder: Path, before: float, offsets: Mapping[str, int]) -> Pruned:
    kept: set[str] = set()
    gone: dict[str, str] = {}
    troubles: list[Trouble] = []
    for name in sorted(path.name for path in folder.iterdir()):
        if name != LIVE and not is_rotated(name):
            continue
        try:
            print_, size, written_at = _known(folder / name)
            written_at = max(written_at, _written_at(name))
            if name == LIVE or written_at >= before or offsets.get(print_, 0) < size:
                kept.add(print_)
                continue
            (folder / name).unlink()
            gone[name] = print_
        except FileNotFoundError:
            continue
        except OSError as error:
            troubles.append(Trouble("stuck", name, f"{error.strerror}: it is not deleted"))
    files = {print_ for print_ in gone.values() if print_} - kept
    return Pruned(tuple(gone), tuple(sorted(files)), tuple(troubles))


def _known(path: Path) -> tuple[str, int, float]:
    """Return the fingerprint of a file, its size, and when it was last written."""
    with opened(path) as descriptor:
        found = os.fstat(descriptor)
        ended_as = "" if path.name == LIVE else path.name
        return fingerprint(descriptor, ended_as=ended_as), found.st_size, found.st_mtime


def _written_at(name: str) -> float:
    stamp = _stamp(name)
    return stamp.timestamp() if stamp else 0.0
