"""Does Asterisk note its calls? Whether it may write the journal, and whether both tell the same.

Law 1: no call waits for the journal, so a call that is not noted goes through and says nothing.
Hence the two questions: the first finds the usual reasons at once, the second whatever is left.
Law 2: they are compared only while all that was written has been read, and the line is known.
"""

import os
import stat
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ivr.tail import LIVE

ASTERISK = (11200, 11200)
"""User and group of Asterisk (asterisk/start.sh)."""
MISSING_SECONDS = 5.0
"""The first line of a call is on the disk within milliseconds, within seconds on a busy one."""
ENDED_SECONDS = 60.0
"""A call that goes on in the journal and in no channel for this long has ended unnoted."""
KNOWN_FIRST_SECONDS = 60.0
"""For so long the journal may be ahead of what the manager shows of a call."""


def unwritable(folder: Path, writer: tuple[int, int] = ASTERISK) -> str:
    """Say why a user (id, group id) cannot write the journal in a folder, nothing if it can.

    Raises OSError when the folder is out of reach. Room for bytes is another part's question.
    """
    found = os.statvfs(folder)
    if found.f_flag & os.ST_RDONLY:
        return f"{folder} can only be read: mount its disk for writing"
    if found.f_files and not found.f_favail:
        return f"{folder}: its disk has no room for another file: delete some"
    if not _may(folder.stat(), writer, 3):
        return f"{folder}: Asterisk may not write there: {_remedy(folder, writer, '2770')}"
    try:
        live = (folder / LIVE).stat()
    except FileNotFoundError:
        return ""  # it has just been rotated: Asterisk makes the next one
    if not _may(live, writer, 2):
        path = folder / LIVE
        return f"{path}: Asterisk may not write it: {_remedy(path, writer, '0640')}"
    return ""


def _may(found: os.stat_result, writer: tuple[int, int], rights: int) -> bool:
    """Return whether a user has all these rights: 4 to read, 2 to write, 1 to enter."""
    user, group = writer
    shift = 6 if found.st_uid == user else 3 if found.st_gid == group else 0
    return user == 0 or stat.S_IMODE(found.st_mode) >> shift & rights == rights


def _remedy(path: Path, writer: tuple[int, int], mode: str) -> str:
    return f"chown {writer[0]}:{writer[1]} {path}; chmod {mode} {path}"


@dataclass(slots=True)
class Noted:
    """Which live calls the journal has named. Times are monotonic seconds."""

    _named: dict[str, float] = field(default_factory=dict)
    _since: dict[str, float] = field(default_factory=dict)

    def named(self, calls: Iterable[str], now: float) -> None:
        """Take the references of calls that the journal has named."""
        self._named.update(dict.fromkeys(calls, now))

    def missing(self, live: Iterable[str] | None, now: float, *, all_read: bool) -> list[str]:
        """Return the live calls that the journal should have named by now.

        `live` is None while nobody knows; `all_read` says that nothing written waits to be read.
        """
        if live is None:
            return []
        here = set(live)
        self._named = {
            call: at
            for call, at in self._named.items()
            if call in here or now - at <= KNOWN_FIRST_SECONDS
        }
        self._since = {call: self._since.get(call, now) if all_read else now for call in here}
        return sorted(
            call
            for call, since in self._since.items()
            if call not in self._named and now - since > MISSING_SECONDS
        )


@dataclass(slots=True)
class Ended:
    """Which calls have ended, though the journal does not say so. Times are monotonic seconds."""

    _since: dict[str, float] = field(default_factory=dict)

    def unnoted(
        self, going: Iterable[str], channels: Container[str] | None, now: float, *, all_read: bool
    ) -> list[str]:
        """Return which of the calls that go on in the journal have had no channel for too long.

        `channels` are those that Asterisk has now, None while nobody knows.
        """
        if channels is None or not all_read:
            self._since = {}
            return []
        gone = (call for call in going if call not in channels)
        self._since = {call: self._since.get(call, now) for call in gone}
        return sorted(call for call, at in self._since.items() if now - at > ENDED_SECONDS)
