"""Is the line well? What each part last said, and since when it is in trouble. No clock, no I/O.

Law 1: a part that says nothing is in trouble: silence is no good news.
Law 2: red is what a caller or a record would feel. The rest is a warning.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

SILENT_SECONDS = 7.0
"""After this long without a word a part is in trouble: `/healthz` is red within 10 s of it."""
VITAL = ("asterisk", "controller", "journal", "noting", "disk")
"""`journal`: the desk reads it. `noting`: Asterisk writes it."""
OTHERS = ("ami", "broker", "recordings", "house")
"""`house`: the files of the journal are rotated and deleted in time."""
PARTS = frozenset((*VITAL, *OTHERS))


@dataclass(frozen=True, slots=True)
class Said:
    """The last word of a part: when, what is wrong (empty: nothing), and since when it is."""

    at: float
    trouble: str = ""
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a part, and for how many seconds."""

    part: str
    why: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Health:
    """The parts by name. Times are monotonic seconds; `began_at` is when one began to listen."""

    began_at: float
    said: Mapping[str, Said] = field(default_factory=lambda: MappingProxyType({}))

    def told(self, part: str, at: float, trouble: str = "") -> "Health":
        """Return the health after a word of one part; an empty `trouble` says that it is well.

        Raises ValueError for what is no part of the line: nobody would ever see its trouble.
        """
        if part not in PARTS:
            raise ValueError(f"{part} is no part of the line")
        last = self.said.get(part)
        goes_on = last is not None and bool(last.trouble) and bool(trouble)
        since = last.since if last is not None and goes_on else at
        return replace(self, said={**self.said, part: Said(at, trouble, since)})

    def red(self, now: float) -> tuple[Trouble, ...]:
        """Return what a caller or a record would feel."""
        return self._troubles(VITAL, now)

    def warnings(self, now: float) -> tuple[Trouble, ...]:
        """Return what staff should mend, though every call and record goes on."""
        return self._troubles(OTHERS, now)

    def _troubles(self, parts: tuple[str, ...], now: float) -> tuple[Trouble, ...]:
        found = (self._trouble(part, now) for part in parts)
        return tuple(trouble for trouble in found if trouble is not None)

    def _trouble(self, part: str, now: float) -> Trouble | None:
        last = self.said.get(part, Said(self.began_at, since=self.began_at))
        if now - last.at > SILENT_SECONDS:
            since = last.since if last.trouble else last.at
            return Trouble(part, last.trouble or "says nothing", now - since)
        if last.trouble:
            return Trouble(part, last.trouble, now - last.since)
        return None
