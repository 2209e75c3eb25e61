"""The files of the recordings, by name. A name is never trusted, wherever it came from.

Law 1: nothing outside the folder is touched: no absolute name, no `..`, no link on the way.
Law 2: what is removed stays removed: the folder is on the disk before we say so.
"""

import contextlib
import os
import re
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ivr.retention.policy import HEADER_BYTES, RecordingError, header

_NAME = re.compile(
    r"(?:[0-9]{4}/[0-9]{2}/[0-9]{2}/)?[0-9A-Za-z][0-9A-Za-z.-]{0,200}\.wav", re.ASCII
)
"""As the dialplan names them; an earlier one made a folder a day."""
HELD = ".held"
"""What the word that a recording is held is called, after its own name."""
_DAYS = re.compile(r"[0-9]{2}|[0-9]{4}", re.ASCII)
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class File:
    """A file that is named like a recording. `changed_at`: when its last sound was written."""

    name: str
    changed_at: float


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder that Asterisk records into. A disk may hang: whoever waits for us has a limit."""

    path: Path

    def size(self, name: str) -> int | None:
        """Return the bytes of a recording, None if it is not there. Raises RecordingError."""
        try:
            with self._at(name) as (folder, leaf):
                found = os.stat(leaf, dir_fd=folder, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def readable(self, name: str) -> Path:
        """Return where a recording can be read from. Raises RecordingError."""
        with self._open(name):
            return self.path / name

    def copy(self, name: str, to: Path, owner: tuple[int, int] | None = None) -> None:
        """Write a copy that any player opens, all of it or none. Raises RecordingError, OSError."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with self._open(name) as source:
            copy = os.fdopen(os.open(to, flags, 0o600), "wb")
            try:
                with copy, os.fdopen(source, "rb", closefd=False) as sound:
                    if owner:
                        os.fchown(copy.fileno(), *owner)
                    first = sound.read(HEADER_BYTES)
                    copy.write(header(first, os.fstat(source).st_size))
                    shutil.copyfileobj(sound, copy)
            except BaseException:
                to.unlink()
                raise

    def remove(self, name: str) -> None:
        """Remove a recording for good; one that is gone already is no error.

        Raises RecordingError for a name that is none and a folder that is not there (its disk may
        not be mounted), OSError when the disk does not do it.
        """
        if not self.path.is_dir():
            raise RecordingError(f"{self.path} is not there", "mount its disk, or `make up`")
        self._unlink(name)

    def hold(self, name: str) -> None:
        """Leave a word beside a recording that it is held. Raises RecordingError, OSError.

        It outlives the records: who loses those must not lose the sound, too.
        """
        with self._at(name) as (folder, leaf):
            flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            os.close(os.open(leaf + HELD, flags, 0o640, dir_fd=folder))
            os.fsync(folder)

    def release(self, name: str) -> None:
        """Take the word away. Raises RecordingError, OSError."""
        self._unlink(name, HELD)

    def is_held(self, name: str) -> bool:
        """Return whether there is a word that a recording is held.

        Raises RecordingError for a name that is none, FileNotFoundError for a folder that is not
        there: its disk may not be mounted, and the word is on that.
        """
        self.path.stat()
        try:
            with self._at(name) as (folder, leaf):
                os.stat(leaf + HELD, dir_fd=folder, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def _unlink(self, name: str, more: str = "") -> None:
        with contextlib.suppress(FileNotFoundError), self._at(name) as (folder, leaf):
            try:
                os.unlink(leaf + more, dir_fd=folder)
            finally:  # it may be an earlier try that removed it
                os.fsync(folder)

    def files(self) -> Iterator[File]:
        """Yield every file that is named like a recording, those in folders of days too."""
        yield from self._files("")

    def free_bytes(self) -> int:
        """Return the bytes that a user who is not root can still write here. Raises OSError."""
        found = os.statvfs(self.path if self.path.exists() else self.path.parent)
        return found.f_bavail * found.f_frsize

    def _files(self, below: str) -> Iterator[File]:
        with os.scandir(self.path / below) as entries:
            for entry in entries:
                name = f"{below}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    if _DAYS.fullmatch(entry.name) and below.count("/") < 3:
                        yield from self._files(f"{name}/")
                elif _NAME.fullmatch(name):
                    with contextlib.suppress(FileNotFoundError):  # another has just removed it
                        yield File(name, entry.stat(follow_symlinks=False).st_mtime)

    @contextlib.contextmanager
    def _open(self, name: str) -> Iterator[int]:
        """Hold a recording open to read. Raises RecordingError."""
        try:
            with self._at(name) as (folder, leaf):
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                file = os.open(leaf, flags, dir_fd=folder)
        except PermissionError:
            raise RecordingError(f"{self.path / name} may not be read", "use sudo") from None
        except FileNotFoundError:
            raise RecordingError(
                f"{self.path / name} is not there", "look whether somebody has moved it"
            ) from None
        except OSError as error:
            raise RecordingError(
                f"{self.path / name} is no file: {error.strerror}", "look who has put it there"
            ) from None
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise RecordingError(f"{self.path / name} is no file", "look who has put it there")
            yield file
        finally:
            os.close(file)

    @contextlib.contextmanager
    def _at(self, name: str) -> Iterator[tuple[int, str]]:
        """Hold the folder of a name open, reached without a link.

        Raises RecordingError for what is no name, OSError for what is no folder.
        """
        if not _NAME.fullmatch(name):
            raise RecordingError(f"{name!r} is no name of a recording", "look who has written it")
        *days, leaf = name.split("/")
        folder = os.open(self.path, _DIRECTORY)
        try:
            for day in days:
                outer, folder = folder, os.open(day, _DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
                os.close(outer)
            yield folder, leaf
        finally:
            os.close(folder)
