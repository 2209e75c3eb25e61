"""Whether the clock can be believed, before anything is thrown away for its age.

Law 1: after a leap, forward or back, nothing is thrown away until the clock has gone on without
another for SETTLE_SECONDS. A clock that is wrong for an hour then costs no recording and no line.
Law 2: what was seen is kept in a file: a leap between two starts of the desk is one, too.
"""

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

LEAP_SECONDS = 24 * 3600.0
"""How far the clock may be ahead of the last look: a desk that was off for a night goes on."""
BACK_SECONDS = 60.0
"""How far it may be set back: time servers do so by less."""
SETTLE_SECONDS = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Seen:
    """The last look at the clock, and since when it has not leapt, in seconds since the epoch."""

    at: float
    since: float


def seen(before: Seen | None, now: float) -> Seen:
    """Return what was seen, after one more look."""
    goes_on = before is not None and -BACK_SECONDS <= now - before.at <= LEAP_SECONDS
    return Seen(now, before.since if before is not None and goes_on else now)


@dataclass(slots=True)
class Calendar:
    """The clock of a desk, as far as it can be believed."""

    file: Path
    believed: bool = False

    def look(self, now: float) -> bool:
        """Look at the clock; return whether it has leapt since the last look. Raises OSError."""
        before = self._read()
        after = seen(before, now)
        self.believed = now - after.since >= SETTLE_SECONDS
        building = self.file.with_suffix(".new")
        building.write_text(json.dumps(asdict(after)), "ascii")
        os.replace(building, self.file)  # noqa: PTH105 - as one step, over what is there
        return before is not None and after.since == now

    def _read(self) -> Seen | None:
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            told = json.loads(self.file.read_text("ascii"))
            return Seen(float(told["at"]), float(told["since"]))
        return None
