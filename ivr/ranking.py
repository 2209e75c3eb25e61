"""Whom to call back first: those who reached nobody, one entry a number, by danger.

Law 1: who pressed fire or medical comes first, whatever else there was; then who tried again and
again; then who waited, or was cut off; last a single short call, which may be a pocket's.
Law 2: within one danger the longest wait is first.
Law 3: who cannot speak is listed and never rung: a telephone that rings may give them away.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ivr.messages import CANNOT_SPEAK

SHORT_SECONDS = 10
"""A call that was over sooner: the mark from which figures call an abandonment late."""
AT_ONCE = frozenset({"fire", "medical"})
"""The services whose caller is called back before anybody else."""

Danger = Literal["pressed", "repeated", "waited", "short"]
DANGERS: tuple[Danger, ...] = ("pressed", "repeated", "waited", "short")


@dataclass(frozen=True, slots=True)
class Missed:
    """A call that reached nobody. Times in seconds since the epoch; `why` is its outcome."""

    callref: str
    ani: str
    began_at: float
    ended_at: float
    why: str
    service: str


@dataclass(frozen=True, slots=True)
class ToCall:
    """A number to call back, and its calls, oldest first. `since`: when the first of them ended."""

    ani: str
    danger: Danger
    since: float
    calls: tuple[Missed, ...]
    services: tuple[str, ...]

    @property
    def id(self) -> str:
        """The reference of the last of the calls: the one that is called back."""
        return self.calls[-1].callref

    @property
    def never(self) -> bool:
        """Whether nobody may ring this number."""
        return CANNOT_SPEAK in self.services


def ranked(missed: Iterable[Missed]) -> tuple[ToCall, ...]:
    """Return who is to be called back, the most urgent first."""
    by_number: dict[str, list[Missed]] = defaultdict(list)
    for one in missed:
        by_number[one.ani].append(one)
    found = [_merged(ani, calls) for ani, calls in by_number.items()]
    return tuple(sorted(found, key=lambda one: (DANGERS.index(one.danger), one.since, one.ani)))


def _merged(ani: str, calls: list[Missed]) -> ToCall:
    calls.sort(key=lambda one: (one.ended_at, one.callref))
    services = tuple(dict.fromkeys(one.service for one in calls if one.service))
    return ToCall(ani, _danger(calls, services), calls[0].ended_at, tuple(calls), services)


def _danger(calls: list[Missed], services: tuple[str, ...]) -> Danger:
    if AT_ONCE.intersection(services):
        return "pressed"
    if len(calls) > 1:
        return "repeated"
    only = calls[0]
    is_short = only.why != "cut-off" and only.ended_at - only.began_at <= SHORT_SECONDS
    return "short" if is_short else "waited"
