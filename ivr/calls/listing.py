"""Calls as lines under a head, one a call. The columns keep their places: lines may come later."""

from ivr.callrecord import CallRecord
from ivr.calls.story import ending
from ivr.words import Words, clock

_WIDTHS = (19, 15, 15, 27, 14, 9, 9, 0)
_RIGHT = (5, 6)
WIDE = 141
"""The columns of a line, with the reference of a call."""
PREFIX = "siaga-"
"""With which every reference begins (systemname in asterisk/etc/asterisk.conf)."""


def head(words: Words) -> str:
    """Return the names of the columns."""
    pick = words.pick
    return _line(
        (
            pick("masuk (WIB)", "came in (WIB)"),
            pick("penelepon", "caller"),
            pick("layanan", "service"),
            pick("hasil", "outcome"),
            pick("dilayani", "served by"),
            pick("ke orang", "to person"),
            pick("bicara", "talk"),
            pick("panggilan", "call"),
        )
    )


def line(told: CallRecord, words: Words) -> str:
    """Return a call; the caller's number is not shortened."""
    return _line(
        (
            clock(told.began_at),
            told.ani or "-",
            words.name(told.service) or "-",
            ending(told, words) + (f" ({words.name('test')})" if _is_marked(told) else ""),
            told.human.who if told.human else "-",
            words.seconds(told.human_seconds),
            words.seconds(told.talk_seconds or None),
            told.callref,
        )
    )


class Narrow:
    """Calls in few columns: each day is a line of its own, and nothing is padded.

    What does not fit is left out, the seconds first; never the caller's number or the call's.
    """

    def __init__(self, words: Words, columns: int) -> None:
        self._words, self._columns, self._day = words, columns, ""

    def __call__(self, told: CallRecord) -> str:
        """Return a call, after the day where it is another than that of the call before."""
        day, time = clock(told.began_at).split(" ")
        heading = f"{day} WIB\n" if day != self._day else ""
        self._day = day
        return heading + self._fitting(time, told)

    def _fitting(self, time: str, told: CallRecord) -> str:
        words, call = self._words, told.callref.removeprefix(PREFIX)
        ended = ending(told, words) + (f" ({words.name('test')})" if _is_marked(told) else "")
        first = [time, told.ani or "-", words.name(told.service) or "-", ended]
        more = [
            told.human.who if told.human else "-",
            words.seconds(told.human_seconds),
            words.seconds(told.talk_seconds or None),
        ]
        lines = ["  ".join((*first, *more[:n], call)) for n in range(len(more), -1, -1)]
        return next((line for line in lines if len(line) <= self._columns), lines[-1])


def _is_marked(told: CallRecord) -> bool:
    """Whether it must be said that this is a test: its outcome does not say so until it is over."""
    return told.test and told.outcome is None


def _line(cells: tuple[str, ...]) -> str:
    return "  ".join(
        cell.rjust(width) if n in _RIGHT else cell.ljust(width)
        for n, (cell, width) in enumerate(zip(cells, _WIDTHS, strict=True))
    ).rstrip()
