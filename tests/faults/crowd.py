"""The callers of a fault: citizens' phones, dialled at a rate the machine carries."""

import asyncio
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from stage import Stage
from verdict import Outcome, judge

from ivr.phone import Event, Key, PhoneCall, Report, What
from ivr.phone.caller import _Line

_SERIAL = itertools.count(900_001)


@dataclass(frozen=True, slots=True)
class Callers:
    """How the callers of a fault behave. Times in seconds.

    Each presses `keys`, talks for `hold_seconds` once a human is there, and gives up after
    `patience_seconds`. Who `leaves` hangs up when that is over, or sooner if the fault says so.
    """

    keys: tuple[Key, ...] = (Key("1"),)
    hold_seconds: float = 2.5
    patience_seconds: float = 70.0
    leaves: bool = False
    per_second: float = 1.5


class Limits:
    """What the machine carries: so many callers at once, over all faults that run together."""

    def __init__(self, at_once: int, seed: int) -> None:
        self.places = asyncio.Semaphore(at_once)
        self.seed = seed

    def chance(self, name: str) -> random.Random:
        """Return the dice of one fault: the same for the same seed."""
        return random.Random(f"{self.seed} {name}")


class Caller:
    """One citizen. `report` and `outcome` are there when the call is over."""

    def __init__(self, stage: Stage, behaviour: Callers, number: str = "") -> None:
        self.number = number or str(next(_SERIAL))
        self._stage, self._behaviour = stage, behaviour
        self._from: str | None = None
        self.events: list[Event] = []
        self.human_seconds: float | None = None
        self.on_event: Callable[[Caller, Event], None] = lambda _caller, _event: None
        self.report: Report | None = None
        self._leaving: asyncio.TimerHandle | None = None

    async def dial(self) -> Outcome:
        """Make the call and judge it."""
        order = PhoneCall(
            port=self._stage.line.sip_port,
            caller=self.number,
            from_header=self._from,
            keys=self._behaviour.keys,
            max_seconds=self._behaviour.patience_seconds,
        )
        self._line = _Line(order, self._heard)
        self.report = await self._line.run()
        if self._leaving:
            self._leaving.cancel()
        return judge(
            self.number,
            self.report,
            human_seconds=self.human_seconds,
            meant_to_leave=self._behaviour.leaves,
            seen_at=self._stage.seen.get(self.number),
        )

    def claims(self, from_header: str) -> None:
        """Send this From header instead of the number."""
        self._from = from_header

    def holds(self, seconds: float) -> None:
        """Talk for so long."""
        self._behaviour = replace(self._behaviour, hold_seconds=seconds)

    def hang_up(self, after_seconds: float = 0.0) -> None:
        """Leave after some seconds."""
        loop = asyncio.get_running_loop()
        if self._leaving is None or after_seconds == 0.0:
            self._leaving = loop.call_later(after_seconds, self._line._finish, "hung up")

    @property
    def talking(self) -> bool:
        """Whether the call is up."""
        return self.report is None and hasattr(self, "_line") and self._line._ack is not None

    def _heard(self, event: Event) -> None:
        self.events.append(event)
        if event.what is What.OWN_VOICE and self.human_seconds is None:
            known = None if self._from else self.number
            if self._stage.talks_to_human(known):
                self.human_seconds = event.seconds
                self.hang_up(self._behaviour.hold_seconds)
        self.on_event(self, event)


class Crowd:
    """The callers of one fault on one stage."""

    def __init__(
        self, stage: Stage, behaviour: Callers, number: int, limits: Limits, name: str
    ) -> None:
        self.stage, self.behaviour, self.number = stage, behaviour, number
        self.chance = limits.chance(name)
        self._limits = limits
        self.callers = [Caller(stage, behaviour) for _ in range(number)]

    async def dial(self, callers: list[Caller] | None = None) -> tuple[Outcome, ...]:
        """Let all of them dial, each a little after the one before; return how each ended."""
        told: list[Outcome] = []

        async def one(caller: Caller, after_seconds: float) -> None:
            await asyncio.sleep(after_seconds)
            told.append(await self.dial_one(caller))

        wait = 1 / self.behaviour.per_second
        async with asyncio.TaskGroup() as group:
            for n, caller in enumerate(callers or self.callers):
                group.create_task(one(caller, n * wait))
        return tuple(told)

    async def dial_one(self, caller: Caller) -> Outcome:
        """Let one of them dial as soon as the machine has room."""
        async with self._limits.places:
            return await caller.dial()

    def each(self, on_event: Callable[[Caller, Event], None]) -> None:
        """Tell `on_event` whatever each caller hears."""
        for caller in self.callers:
            caller.on_event = on_event
