"""The folder of the journal: which files are there, in the order in which they were written.

Law 1: who looks sees the rotated files as they were before the live one began, or no live one. So
nothing is read before what was written earlier, whenever a rotation comes.
Law 2: a look costs one stat a file. A file is opened only when it has changed.
"""

import contextlib
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ivr.tail.files import LIVE, Trouble, fingerprint, in_order, is_rotated, opened

SETTLED_SECONDS = 5.0
"""A rotated file that has a younger one beside it, and has not grown for so long, has ended."""


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was seen. `state` changes with whatever happens to it, `grew_at` is our clock.

    `fingerprint` is empty while it has no whole line. `ended`: nothing more will be written to it.
    """

    name: str
    state: tuple[int, int, int, int]
    grew_at: float
    ended: bool = False
    fingerprint: str = ""
    trouble: Trouble | None = None

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self.state[2]

    @property
    def is_unknown(self) -> bool:
        """Say whether it may be any file: it cannot be read, or has not been waited for."""
        if self.trouble:
            return self.trouble.what == "unreadable"
        return self.name != LIVE and self.size > 0 and not self.fingerprint and not self.ended

    def is_same(self, other: "File") -> bool:
        """Say whether both are names of one file."""
        return self.state[:2] == other.state[:2]


class Folder:
    """What was seen in it last."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._files: dict[str, File] = {}

    def look(self, now: float) -> list[File]:
        """Return the files there, rotated ones by name and then the live one.

        `now` is of a clock that only goes on. Raises OSError when the folder is out of reach.
        """
        before = self._inode(LIVE)
        with os.scandir(self.path) as entries:
            ours = sorted((x for x in entries if _is_ours(x.name)), key=lambda x: in_order(x.name))
        found: dict[str, File] = {}
        for entry in ours:
            with contextlib.suppress(FileNotFoundError):  # just renamed: the next look finds it
                found[entry.name] = self._see(entry, now, is_last=entry is ours[-1])
        if LIVE in found and found[LIVE].state[:2] != before:
            del found[LIVE]  # what it was has a name now that was not seen
        self._files = found
        return list(found.values())

    def _inode(self, name: str) -> tuple[int, int] | None:
        with contextlib.suppress(FileNotFoundError):
            found = os.lstat(self.path / name)
            return found.st_dev, found.st_ino
        return None

    def _see(self, entry: os.DirEntry[str], now: float, *, is_last: bool) -> File:
        """Return what there is to know of a file. Raises FileNotFoundError."""
        name, found = entry.name, entry.stat(follow_symlinks=False)
        state = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
        known = self._files.get(name)
        grew_at = known.grew_at if known and known.state == state else now
        ended = not is_last and name != LIVE and now - grew_at >= SETTLED_SECONDS
        if known and not known.trouble and (known.state, known.ended) == (state, ended):
            return known
        file = File(name, state, grew_at, ended)
        if not stat.S_ISREG(found.st_mode):
            words = "not a plain file: put it elsewhere, and the journal goes on"
            return File(name, state, grew_at, trouble=Trouble("not-a-file", name, words))
        try:
            with opened(self.path / name) as descriptor:
                print_ = fingerprint(descriptor, ended_as=name if ended else "")
            return File(name, state, grew_at, ended, print_)
        except FileNotFoundError:
            raise
        except OSError as error:
            print_ = known.fingerprint if known and known.is_same(file) else ""
            return File(name, state, grew_at, ended, print_, unreadable(name, error))


def unreadable(name: str, error: OSError) -> Trouble:
    """Say that a file cannot be read, and why."""
    words = f"{error.strerror}: the group of Asterisk must be able to read it"
    return Trouble("unreadable", name, words)


def once(files: Iterable[File]) -> tuple[list[File], list[Trouble]]:
    """Return each journal once, and what is wrong with those that are there twice.

    Of a file and its copy the longer one is read: the other has nothing that is not in it.
    """
    files = [file for file in files if file.fingerprint]
    read: dict[str, File] = {}
    for file in files:
        if (other := read.get(file.fingerprint)) is None or file.size >= other.size:
            read[file.fingerprint] = file
    copies = [
        Trouble(
            "copy",
            file.name,
            f"begins like {read[file.fingerprint].name}, which is read: put this one elsewhere",
            file.fingerprint,
        )
        for file in files
        if not file.is_same(read[file.fingerprint])
    ]
    return [file for file in files if read[file.fingerprint] is file], copies


def _is_ours(name: str) -> bool:
    return name == LIVE or is_rotated(name)
