"""A file of the journal: its name, how it is known again under another, and what can be wrong.

Law 1: a file is known by its first line, which holds a time in microseconds and a call. So it stays
the same file when it is renamed, copied, or put back from a backup.
Law 2: nothing here waits: a pipe or a device in the place of a file is not opened.
"""

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ivr.journalline import MAX_LINE_BYTES
from ivr.tail.lines import BEGINS, object_bytes

LIVE = "calls.jsonl"
"""The file that Asterisk writes (asterisk/etc/cel_custom.conf)."""

HEAD_BYTES = 4 * MAX_LINE_BYTES
"""A file whose first line is not within these is known by these."""

What = Literal[
    "folder", "unreadable", "not-a-file", "copy", "shrank", "changed", "gone", "lost", "stuck"
]
"""`folder`: the whole journal is out of reach. `gone`: a file is not there any more, and as far as
is known all of it was read; `lost`: not all of it. `stuck`: it cannot be renamed or deleted."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a file, by its name, and what to do. Equal as long as it is the same."""

    what: What
    file: str
    words: str
    fingerprint: str = ""


def is_rotated(name: str) -> bool:
    """Say whether a name is that of a file which is no longer written."""
    return name.startswith("calls-") and name.endswith(".jsonl")


def in_order(name: str) -> tuple[bool, str]:
    """Return what sorts the names of files as they were written."""
    return name == LIVE, name


@contextlib.contextmanager
def opened(path: Path) -> Iterator[int]:
    """Open a plain file to read. Raises OSError, for anything but a plain file too."""
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(errno.EINVAL, "not a plain file", str(path))
        yield file
    finally:
        os.close(file)


def fingerprint(file: int, *, ended_as: str = "") -> str:
    """Return what an open file is known by, empty when it has no whole line yet.

    `ended_as` is the name of a file that will get no more: without a whole line, that is what it is
    known by. Raises OSError.
    """
    head = os.pread(file, HEAD_BYTES, 0)
    line = first_line(head) or (head if len(head) == HEAD_BYTES else b"")
    if not line and ended_as and head.strip():
        line = ended_as.encode() + b"\n" + head
    return hashlib.blake2b(line, digest_size=16).hexdigest() if line else ""


def first_line(head: bytes) -> bytes:
    """Return what a file begins with, up to the end of its first whole line; empty for none.

    That stays the same when its line break comes, or something else in the place of it.
    """
    begins = head.find(BEGINS)
    if begins < 0:
        return b""
    line, line_break, _ = head[begins : begins + MAX_LINE_BYTES].partition(b"\n")
    at = 0
    while at >= 0:
        if length := object_bytes(line[at:]):
            return line[: at + length]
        at = line.find(BEGINS, at + 1)  # the one before it was cut
    return line if line_break or len(line) == MAX_LINE_BYTES else b""
