"""Reads the last attempts to reach each hotline, for its weather."""

from collections.abc import Iterable

from sqlalchemy import Connection, false, select

from ivr.records.schema import hops
from ivr.weather import LAST, Attempt, Weather, weather

DAYS_SECONDS = 30 * 86400
"""What is older tells nothing of today."""

Hotline = tuple[str, str]
"""Agency and number."""


def of_hotlines(
    connection: Connection, hotlines: Iterable[Hotline], now: float
) -> dict[Hotline, Weather]:
    """Return the weather of each hotline at `now`, in seconds UTC."""
    return {one: _weather(connection, one, now) for one in hotlines}


def _weather(connection: Connection, hotline: Hotline, now: float) -> Weather:
    agency, number = hotline
    t = hops.c
    over = (t.agency == agency, t.number == number, t.at > now - DAYS_SECONDS)
    # Nobody knows how an attempt would have ended whose caller hung up.
    counts = (t.test == false(), t.status.not_in(["", "CANCEL"]))
    newest = select(t.at, t.served, t.ring_seconds).where(*over, *counts).order_by(t.at.desc())
    last = [Attempt(*row) for row in connection.execute(newest.limit(LAST))]
    human = connection.execute(newest.where(t.served).limit(1)).first()
    return weather(last, human.at + (human.ring_seconds or 0.0) if human else None)
