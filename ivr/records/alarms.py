"""Reads what staff must look at: the dialplan's alarms, and the desk's own."""

import json
from dataclasses import dataclass

from sqlalchemy import Connection, select

from ivr.records.schema import alarms as table


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something to look at. `at` is in seconds since the epoch, UTC; `callref` is None for none."""

    at: float
    what: str
    words: str
    callref: str | None = None


def alarms(connection: Connection, since: float, limit: int) -> list[Alarm]:
    """Return the newest alarms since a time, `limit` at most, the oldest of them first."""
    columns = table.c.at, table.c.what, table.c.words, table.c.callref
    query = (
        select(*columns).where(table.c.at >= since).order_by(table.c.at.desc(), table.c.id.desc())
    )
    return [Alarm(*row) for row in connection.execute(query.limit(limit))][::-1]


def sentence(words: str) -> str:
    """Return an alarm's words for people; who wrote them as JSON meant names and values."""
    try:
        told = json.loads(words)
    except ValueError:
        return words
    if not isinstance(told, dict):
        return words
    return " ".join(f"{name}={value}" for name, value in told.items() if name != "what")
