"""Reads who did what to the sound of calls: what `siaga recording` has noted."""

import json
from dataclasses import dataclass

from sqlalchemy import Connection, select

from ivr.records.schema import audit as table


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody did. `at` is in seconds since the epoch, UTC; `words` are JSON."""

    at: float
    who: str
    what: str
    subject: str
    words: str

    @property
    def said(self) -> str:
        """The words for people."""
        return " ".join(f"{name}={value}" for name, value in json.loads(self.words).items())


def audit(connection: Connection, callref: str | None, limit: int) -> list[Entry]:
    """Return the newest entries, `limit` at most, of one call or of all; the last at the end."""
    columns = table.c.at, table.c.who, table.c.what, table.c.subject, table.c.words
    query = select(*columns).where(table.c.what.startswith("recording-"))
    if callref is not None:
        query = query.where(table.c.subject == callref)
    found = connection.execute(query.order_by(table.c.id.desc()).limit(limit))
    return [Entry(*row) for row in found][::-1]
