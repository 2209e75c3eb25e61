"""The weather of a hotline: when a person last answered there, and how its last attempts went.

It is learned from callers' own attempts; nobody rings an agency to find out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Literal

LAST = 10
"""Attempts that count."""
FEW = 3
"""With fewer of them, nothing is said of the weather."""

Sky = Literal["unknown", "fair", "unsettled", "foul"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that is over, and whose caller stayed.

    `at` is when it began, `ring_seconds` how long until somebody was joined, or it was over.
    """

    at: float
    served: bool
    ring_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Weather:
    """Of one hotline: of its last `tried` attempts `served` reached a person.

    `human_at` is when a person last answered, `seconds` the median until then; None for never.
    """

    tried: int = 0
    served: int = 0
    human_at: float | None = None
    seconds: float | None = None

    @property
    def sky(self) -> Sky:
        """How it looks: fair from eight in ten on, foul below five."""
        if self.tried < FEW:
            return "unknown"
        share = self.served / self.tried
        return "fair" if share >= 0.8 else "unsettled" if share >= 0.5 else "foul"


def weather(attempts: Iterable[Attempt], human_at: float | None = None) -> Weather:
    """Return the weather from attempts in any order.

    `human_at` is when a person last answered, if that is known from earlier than these.
    """
    last = sorted(attempts, key=lambda one: one.at, reverse=True)[:LAST]
    served = [one for one in last if one.served]
    answered = [one.at + (one.ring_seconds or 0.0) for one in served]
    rang = [one.ring_seconds for one in served if one.ring_seconds is not None]
    return Weather(
        tried=len(last),
        served=len(served),
        human_at=max(answered, default=human_at),
        seconds=median(rang) if rang else None,
    )
