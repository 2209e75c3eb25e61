"""The calls that are not over, held beside the database so that no batch need read them anew.

Law 1: what is held is what the database holds. It is read from there, and given up whenever a
transaction fails or another has read the journal.
Law 2: a call is over when the journal is OVER_SECONDS past its end. Until then a line that comes
late mends its record; afterwards it changes nothing.
Law 3: what is no call to 112 is forgotten as soon: its channels have lines in the journal too.
"""

import heapq
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ivr.callrecord import CallRecord, Change
from ivr.journal import STARTS, Line, Order, continued, cut, order, record

OVER_SECONDS = 60.0
"""In the time of the journal, never ours: a desk that reads an hour later does the same. Asterisk
writes the lines of a call within milliseconds of one another, and within seconds on a busy disk."""


@dataclass(slots=True)
class OpenCall:
    """One call, and when it will be over. `stored` says whether the database has lines of it."""

    lines: set[Line] = field(default_factory=set)
    told: CallRecord | None = None
    stored: bool = False
    over_at: float = math.inf
    last: Order = (-2, 0.0, 0, "", (), "")

    def add(self, lines: Iterable[Line]) -> tuple[list[Line], Change | None]:
        """Add lines. Return those that are new, and the change of the record if there is one."""
        fresh = sorted(set(lines) - self.lines, key=order)
        if not fresh:
            return [], None
        told, goes_on = self.told, order(fresh[0]) > self.last
        self.lines.update(fresh)
        self.last = max([self.last, *map(order, fresh[-1:])])
        if told and told.ended_at is None and goes_on:
            return fresh, self._becomes(continued(told, fresh))
        return fresh, self._becomes(record(self.lines))

    @classmethod
    def stored_with(cls, lines: Iterable[Line], told: CallRecord | None) -> "OpenCall":
        """Return what the database holds of a call."""
        opened = cls(set(lines), stored=True)
        opened.last = max(map(order, opened.lines))
        opened._becomes(told)
        return opened

    def _becomes(self, after: CallRecord | None) -> Change | None:
        before, self.told = self.told, after
        ended_at = after.ended_at if after else self.last[1]
        self.over_at = math.inf if ended_at is None else ended_at + OVER_SECONDS
        return Change(before, after) if after and after != before else None


@dataclass(slots=True)
class OpenCalls:
    """All of them by reference, the starts of Asterisk, and how far each file was read."""

    calls: dict[str, OpenCall]
    starts: set[float]
    offsets: dict[str, int]
    _due: list[tuple[float, str]] = field(init=False)
    """When a call is over, soonest first (a heap). What a later line has changed is passed over."""

    def __post_init__(self) -> None:
        self._due = [(one.over_at, call) for call, one in self.calls.items()]
        heapq.heapify(self._due)

    def by_call(self, lines: Iterable[Line]) -> dict[str, list[Line]]:
        """Return lines by call. They are in the order in which they stand in the journal.

        A start of Asterisk that was not known cuts off every call that has lines before it.
        """
        found: dict[str, list[Line]] = {}
        for line in lines:
            if line.what != STARTS:
                found.setdefault(line.call, []).append(line)
            elif line.at not in self.starts:
                self.starts.add(line.at)
                for call in {*found, *self._going()}:
                    found.setdefault(call, []).append(cut(call, line.at))
        return found

    def _going(self) -> list[str]:
        """Return the calls to 112 that go on."""
        return [call for call, x in self.calls.items() if x.told and x.told.ended_at is None]

    def add(
        self, lines: Mapping[str, Iterable[Line]]
    ) -> tuple[dict[str, list[Line]], list[Change]]:
        """Add lines by call. Return those that are new, and what has changed."""
        fresh, changes = {}, []
        for call, some in lines.items():
            opened = self.calls.setdefault(call, OpenCall())
            fresh[call], change = opened.add(some)
            if opened.over_at < math.inf:
                heapq.heappush(self._due, (opened.over_at, call))
            if change:
                changes.append(change)
        return fresh, changes

    def end(self, now: float) -> dict[str, OpenCall]:
        """Forget the calls that are over when the journal has come to `now`; return them."""
        over = {}
        while self._due and self._due[0][0] < now:
            over_at, call = heapq.heappop(self._due)
            if call in self.calls and self.calls[call].over_at == over_at:
                over[call] = self.calls.pop(call)
        return over
