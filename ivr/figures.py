"""The figures of a period, as frozen values: how many called, how they ended, how long it took.

Law 1: a call counts in the hour of its INVITE, an attempt in the hour in which it began, in WIB.
Law 2: only a person answers. A caller whom nobody but our menu answered is abandoned or cut off.
Law 3: a test call counts as a test call, a call that goes on as open, and neither in anything else.
Law 4: seconds are counted in tenths, rounded up, so "within 10 s" is exact. A quantile is the
smallest tenth within which at least that share of the values lies (nearest rank).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from ivr.period import Period

Ending = Literal[
    "connected-agency",
    "connected-operator",
    "abandoned-menu",
    "abandoned-ringing",
    "abandoned-queue",
    "cut-off",
    "open",
]
"""How a call that counts has ended, or that it goes on."""

Reason = Literal[
    "busy",
    "no-answer",
    "full",
    "unreachable",
    "refused",
    "wrong-number",
    "not-accepted",
    "left",
    "other",
]
"""Why an attempt reached nobody who served. `left`: joined, and gone within 10 s."""

ENDINGS: tuple[Ending, ...] = get_args(Ending)
ABANDONED: tuple[Ending, ...] = ("abandoned-menu", "abandoned-ringing", "abandoned-queue")
REASONS: tuple[Reason, ...] = get_args(Reason)
MARKS = (10, 15, 20, 30)
"""Seconds within which standards want a person: NFPA 10, NENA 15 and 20, the Indonesian rule 30."""
ANSWER_SECONDS = 30
EARLY_SECONDS = 5
LATE_SECONDS = 10
QUANTILES = (50, 90)


@dataclass(frozen=True, slots=True)
class Tally:
    """Calls by how they ended; each ending is there."""

    by: Mapping[Ending, int]

    @property
    def calls(self) -> int:
        """How many called."""
        return sum(self.by.values())

    @property
    def ended(self) -> int:
        """How many of these calls are over."""
        return self.calls - self.by["open"]

    @property
    def abandoned(self) -> int:
        """How many left before a person served them, at whatever stage."""
        return sum(self.by[ending] for ending in ABANDONED)


@dataclass(frozen=True, slots=True)
class Waits:
    """How many waited how long: in rising order, tenths of a second and how many waited so long."""

    tenths: tuple[tuple[int, int], ...] = ()

    @property
    def count(self) -> int:
        """How many waited."""
        return sum(count for _, count in self.tenths)

    def within(self, seconds: int) -> int:
        """Return how many waited no longer."""
        return sum(count for tenth, count in self.tenths if tenth <= seconds * 10)

    def quantile(self, percent: int) -> float | None:
        """Return the seconds within which so many percent waited; None when nobody did."""
        left = -(-percent * self.count // 100)
        for tenth, count in self.tenths:
            left -= count
            if left <= 0:
                return tenth / 10
        return None


@dataclass(frozen=True, slots=True)
class AnswerRate:
    """The Indonesian formula (Permen Kominfo 16/2013, Pasal 15): in time / (received - early).

    `in_time` had a person within 30 s; `early` left within 5 s with nobody having answered.
    """

    in_time: int
    received: int
    early: int

    @property
    def share(self) -> float | None:
        """The rate, from 0 to 1; None when there is nothing to divide by."""
        return share(self.in_time, self.received - self.early)


@dataclass(frozen=True, slots=True)
class Handoff:
    """What became of the attempts to reach one agency.

    `reached` are the seconds from when it was rung to when it was joined, where it then served.
    `caller_left`: the caller hung up while it rang. An attempt that goes on is `open`, and in no
    other figure.
    """

    agency: str
    reached: Waits
    failed: Mapping[Reason, int]
    caller_left: int
    open: int

    @property
    def attempts(self) -> int:
        """How many attempts are over."""
        return self.reached.count + sum(self.failed.values()) + self.caller_left


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a period. Hours are those of the day, 0 to 23, in WIB; each is there.

    `human` counts from the INVITE to the first person who served, `queue` from when operators were
    asked to the person who ended that wait. Both are of calls that are over.
    """

    period: Period
    tests: int
    calls: Tally
    by_service: Mapping[str, Tally]
    by_floor: Mapping[str, Tally]
    by_hour: Mapping[int, Tally]
    by_day: Mapping[date, Tally]
    late: int
    human: Waits
    queued: int
    queue: Waits
    rate: AnswerRate
    queue_rate: AnswerRate
    handoffs: tuple[Handoff, ...]

    @property
    def empty(self) -> bool:
        """Whether nobody called, not even for a test."""
        return not self.calls.calls and not self.tests


def share(part: int, whole: int) -> float | None:
    """Return part of whole, from 0 to 1; None of nothing."""
    return part / whole if whole > 0 else None


def reason(status: str, cause: int) -> Reason:
    """Say why an attempt that is over, and whose caller stayed, reached nobody who served.

    `status` is Asterisk's DIALSTATUS, `cause` the Q.850 cause (asterisk/dialplan.conf, failed-hop).
    """
    match status, cause:
        case "ANSWER", _:
            return "left"
        case "BUSY", _:
            return "busy"
        case "NOANSWER", _:
            return "no-answer"
        case "CONGESTION", 0 | 16:  # picked up, then let go by us: nobody said yes
            return "not-accepted"
        case _, 1:
            return "wrong-number"
        case _, 21:
            return "refused"
        case "CONGESTION", _:
            return "full"
        case "CHANUNAVAIL", _:
            return "unreachable"
    return "other"
