"""The versions of the configuration: which there are, and a note of each: when, who, what changed.

Law: a note is written into a version before it comes into force, and never again.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Literal

from routing.loading import FILES

STAMP = "%Y%m%dT%H%M%SZ"
"""How the name of a version begins: when it was made, in UTC."""
KEPT = timedelta(days=1)
"""How long callers may still be in the contexts of a version that is no longer in force."""
NOTE = "note.json"
Why = Literal["apply", "rollback", "unknown"]


@dataclass(frozen=True, slots=True)
class Note:
    """One version: when it was made (seconds UTC), who put it in force, and how.

    `of` is the version whose configuration it has: its own name where it was made from `config/`.
    `changes` are those against the version in force before it (routing/changes.py).
    """

    version: str
    at: float
    who: str = ""
    why: Why = "unknown"
    of: str = ""
    changes: tuple[str, ...] = ()


def versions(state: Path) -> list[str]:
    """Return the names of all versions that are whole, oldest first."""
    return sorted(path.parts[-3] for path in (state / "applied").glob("*/pbx/contexts.conf"))


def kept(state: Path, version: str) -> list[str]:
    """Return the versions before `version` in which callers may still be, oldest first.

    A version was in force until the next one's name says; the last of all is always kept.
    """
    earlier = [name for name in versions(state) if name < version]
    newest = _made_at(version)
    periods = pairwise([*earlier, version])
    return [name for name, end in periods if end == version or newest - _made_at(end) < KEPT]


def write(folder: Path, note: Note) -> None:
    """Write the note of a version into its folder."""
    (folder / NOTE).write_text(json.dumps(asdict(note), ensure_ascii=False), encoding="utf-8")


def notes(state: Path) -> Iterator[Note]:
    """Yield the note of each version, the newest first. Of an old one only its time is known."""
    for name in reversed(versions(state)):
        try:
            told = json.loads((state / "applied" / name / NOTE).read_text(encoding="utf-8"))
            yield Note(**{**told, "version": name, "changes": tuple(told["changes"])})
        except (OSError, ValueError, KeyError, TypeError):
            yield Note(name, _made_at(name).timestamp(), of=name)


def before(state: Path, current: str) -> str:
    """Return the version to go back to from `current`: nothing when there is none.

    It is the last before it, or before the one that it went back to, that says something else: so
    to go back twice goes back further.
    """
    of = {note.version: note.of for note in notes(state)}
    origin = of.get(current) or current
    own = _configured(state, current)
    return next((x for x in of if x < origin and _configured(state, x) != own), "")


def _configured(state: Path, version: str) -> list[bytes]:
    folder = state / "applied" / version / "config"
    return [(folder / name).read_bytes() for name in FILES if (folder / name).exists()]


def _made_at(version: str) -> datetime:
    return datetime.strptime(version[:16], STAMP).replace(tzinfo=UTC)
