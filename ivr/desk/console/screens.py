"""Where the screens get what they show, and to whom they give orders."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ivr.callrecord import CallRecord
from ivr.desk.console.counted import Counted
from ivr.desk.health import Trouble
from ivr.joining import Joining
from ivr.live import Live
from ivr.orders import Order, Person
from routing.configuration import Configuration


class Actions(Protocol):
    """Who performs orders (`ivr/desk/actions.py`)."""

    async def perform(self, by: Person, order: Order) -> str:
        """Do what was ordered, and note it; return the word of refusal, empty when it is done."""

    def joinings(self, callref: str) -> Iterable[Joining]:
        """Return the hotlines that were asked into a call, the first of them first."""

    def offer(self, callref: str, now: float) -> str | None:
        """Return the hotline to offer next, None while it is not time."""


class Nobody:
    """Performs nothing, and says so."""

    async def perform(self, by: Person, order: Order) -> str:  # noqa: ARG002
        """Refuse."""
        return "asterisk-away"

    def joinings(self, callref: str) -> Iterable[Joining]:  # noqa: ARG002
        """Return none."""
        return ()

    def offer(self, callref: str, now: float) -> str | None:  # noqa: ARG002
        """Return none."""
        return None


@dataclass(slots=True)
class Screens:
    """What the screens know. Each function gives what is so at the moment of asking.

    `records` are those of the calls that go on, by reference; `recordings` is their folder;
    `changed` wakes whoever counts, after a console has changed the records.
    """

    configuration: Callable[[], Configuration]
    live: Callable[[], Live] = Live
    records: Callable[[], Mapping[str, CallRecord]] = dict
    counted: Callable[[], Counted] = Counted
    trouble: Callable[[], Iterable[Trouble]] = tuple
    changed: Callable[[], None] = lambda: None
    actions: Actions = field(default_factory=Nobody)
    recordings: Path = Path("recordings")
    clock: Callable[[], float] = time.time
