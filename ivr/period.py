"""Days and months as the city counts them: in WIB, while every time is kept in UTC.

WIB is a whole number of hours ahead and has no daylight saving, so a period is a range of hours.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from routing.agencies import WIB

_EPOCH = date(1970, 1, 1)
_HOURS_AHEAD = WIB.utcoffset(None) // timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days in WIB, from the first to the last. `name` is how it was asked for."""

    name: str
    first: date
    last: date

    @property
    def hours(self) -> tuple[int, int]:
        """The first and the last hour of it, counted from the epoch."""
        first = (self.first - _EPOCH).days * 24 - _HOURS_AHEAD
        return first, first + len(self.days) * 24 - 1

    @property
    def days(self) -> tuple[date, ...]:
        """Every day of it."""
        count = (self.last - self.first).days + 1
        return tuple(date.fromordinal(self.first.toordinal() + n) for n in range(count))


def a_day(text: str) -> Period:
    """Read 2026-11-25. Raises ValueError."""
    try:
        day = date(*_numbers(r"(\d{4})-(\d{2})-(\d{2})", text))
    except ValueError:
        raise ValueError(f"{text!r} is not a day") from None
    return Period(text, day, day)


def a_month(text: str) -> Period:
    """Read 2026-11. Raises ValueError."""
    try:
        year, month = _numbers(r"(\d{4})-(\d{2})", text)
        first = date(year, month, 1)
    except ValueError:
        raise ValueError(f"{text!r} is not a month") from None
    return Period(text, first, first.replace(day=monthrange(year, month)[1]))


def today(now: float) -> Period:
    """Return the day in WIB at `now`, seconds since the epoch."""
    return a_day(datetime.fromtimestamp(now, WIB).date().isoformat())


def a_moment(text: str, now: float, *, end: bool = False) -> float:
    """Read 2026-11-25, 2026-11-25 21:48, or 21:48 of today; seconds may follow. WIB.

    A day alone is its first moment, or with `end` the first after it. Return seconds since the
    epoch. Raises ValueError.
    """
    day, _, clock = text.strip().replace("T", " ").partition(" ")
    if ":" in day and not clock:
        day, clock = today(now).name, day
    first = a_day(day).first
    if not clock:
        midnight = datetime.combine(first, time(), WIB)
        return (midnight + timedelta(days=int(end))).timestamp()
    try:
        hour, minute, second, *_ = *_numbers(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", clock), 0
        of_day = time(hour, minute, second)
    except ValueError:
        raise ValueError(f"{text!r} is not a time") from None
    return datetime.combine(first, of_day, WIB).timestamp()


def day_and_hour(hour: int) -> tuple[date, int]:
    """Return the day and the hour of it in WIB of an hour since the epoch."""
    days, of_day = divmod(hour + _HOURS_AHEAD, 24)
    return date.fromordinal(_EPOCH.toordinal() + days), of_day


def _numbers(pattern: str, text: str) -> tuple[int, ...]:
    match = re.fullmatch(pattern, text, re.ASCII)
    if match is None:
        raise ValueError(text)
    return tuple(map(int, filter(None, match.groups())))
