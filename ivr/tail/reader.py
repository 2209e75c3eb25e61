"""The journal, read from where it was left: each look brings the next lines, and what is wrong.

Law 1: how far it was read is told by whoever asks, from the database. What is remembered here
shows what was lost; a reader that starts anew reads the same lines.
Law 2: no line comes before one that was written earlier, and none comes twice. When somebody has
changed what was read, the file is read again: better twice than not (ivr/records/store.py, Law 3).
Law 3: what is read is on the disk first. A power cut takes no line that the database has, so the
place where a file was left stays one.
Law 4: trouble is returned, never raised, for as long as it lasts.
"""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ivr.journalline import MAX_LINE_BYTES, Batch, Position
from ivr.tail import lines
from ivr.tail.files import Trouble, fingerprint, opened
from ivr.tail.folder import File, Folder, once, unreadable

MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Look:
    """What one look brought: lines of the file that is now called `name`, and all that is wrong.

    No batch: there is nothing new.
    """

    name: str = ""
    batch: Batch | None = None
    troubles: tuple[Trouble, ...] = ()


class Tail:
    """Follows the journal in one folder. Its caller sleeps between two looks without a batch."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = Folder(folder)
        self._clock = clock
        self._left: dict[str, int] = {}
        self._seen: dict[str, File] = {}
        self._saved: set[str] = set()
        self._missed: set[str] = set()

    def read(self, offsets: Mapping[str, int], most_bytes: int = MOST_BYTES) -> Look:
        """Return the next lines, in at most `most_bytes` (or two of the longest lines).

        `offsets` says where the next line begins in each file, by fingerprint; a batch comes again
        until they say that it was saved. The trouble with a file that is gone ends when they no
        longer name it.
        """
        try:
            files = self._folder.look(self._clock())
        except OSError as error:
            return Look(troubles=(_out_of_reach(self._folder.path, error),))
        readable, copies = once(files)
        troubles = [file.trouble for file in files if file.trouble]
        troubles += [*copies, *self._gone(files, readable, offsets)]
        for file in readable:
            batch, trouble = self._next(file, offsets.get(file.fingerprint, 0), most_bytes)
            troubles += [trouble] if trouble else []
            if batch is not None:
                return Look(file.name, batch, tuple(troubles))
        return Look(troubles=tuple(troubles))

    def _next(self, file: File, offset: int, most: int) -> tuple[Batch | None, Trouble | None]:
        """Return what comes after `offset`, and what is wrong with it."""
        if file.size == offset or file.trouble:
            return None, None
        try:
            with opened(self._folder.path / file.name) as descriptor:
                ended_as = file.name if file.ended else ""
                if fingerprint(descriptor, ended_as=ended_as) != file.fingerprint:
                    return None, None  # another has its name now: the next look sees which
                trouble = self._doubt(file, descriptor, offset)
                start = Position(file.fingerprint, 0 if trouble else offset)
                batch = _batch(descriptor, start, max(most, 2 * MAX_LINE_BYTES), file.ended)
        except FileNotFoundError:
            return None, None
        except OSError as error:
            return None, unreadable(file.name, error)
        if batch is not None:
            self._left[file.fingerprint] = batch.position.offset
        return batch, trouble

    def _doubt(self, file: File, descriptor: int, offset: int) -> Trouble | None:
        """Say why `offset` is no place in a file, if it is none: somebody has changed it."""
        if file.size < offset:
            words = f"has {file.size} bytes, of which {offset} were read: it is read again"
            return Trouble("shrank", file.name, words, file.fingerprint)
        if offset in {0, self._left.get(file.fingerprint)}:
            return None
        if os.pread(descriptor, 1, offset - 1) in {b"\n", b"}"}:
            return None
        words = f"no line ends at byte {offset}, up to which it was read: it is read again"
        return Trouble("changed", file.name, words, file.fingerprint)

    def _gone(
        self, files: Iterable[File], readable: Iterable[File], offsets: Mapping[str, int]
    ) -> list[Trouble]:
        """Return which files that were known are not there, at this look and the last.

        At one look alone a file may be missing that is just being renamed.
        """
        here = {file.fingerprint: file for file in readable}
        self._seen.update(here)
        self._saved.update(offsets)
        if any(file.is_unknown for file in files):
            return []  # it may be that one
        for name in self._seen.keys() - here.keys() - offsets.keys():
            if name in self._saved:  # and forgotten since
                del self._seen[name]
        missing = (self._seen.keys() | offsets.keys()) - here.keys()
        missing, self._missed = missing & self._missed, missing
        return [self._lost(name, offsets.get(name, 0)) for name in sorted(missing)]

    def _lost(self, name: str, offset: int) -> Trouble:
        file = self._seen.get(name)
        if file is None:
            words = f"is not there: it was read to byte {offset}, and nobody knows what followed"
            return Trouble("gone", name, words, name)
        if file.size > offset:
            words = f"was deleted or overwritten: {file.size - offset} bytes of it were not read"
            return Trouble("lost", file.name, words, name)
        words = f"was deleted or overwritten: all {offset} bytes that were seen of it were read"
        return Trouble("gone", file.name, words, name)


def _batch(descriptor: int, start: Position, most: int, ended: bool) -> Batch | None:
    """Return the lines that stand at `start`, once they are on the disk; None if there are none."""
    data = os.pread(descriptor, most, start.offset)
    is_all = start.offset + len(data) >= os.fstat(descriptor).st_size
    batch = lines.read(data, start, ended=ended and is_all)
    if batch.position == start:
        return None
    os.fdatasync(descriptor)
    return batch


def _out_of_reach(folder: Path, error: OSError) -> Trouble:
    words = f"{error.strerror}: Asterisk needs it to note calls, and its group to read them"
    return Trouble("folder", str(folder), words)
