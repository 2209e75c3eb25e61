"""Scenes with people: callers who leave, operators who leave, and their telephones."""

import asyncio
from dataclasses import dataclass

from crowd import Caller, Crowd
from scripts import RINGS_FOR_EVER, Script
from stage import within
from verdict import Result

from ivr.phone import Event, What

_MOST_SECONDS = 45.0
"""Until all of them wait, at the rate at which they dial; less than their patience."""
_MOST_PHONES = 20


@dataclass(frozen=True, slots=True)
class CallerLeaves:
    """Each caller hangs up a little after he hears something."""

    on: What
    most_seconds: float = 3.0
    agencies: tuple[Script, ...] = ()
    operators: tuple[Script, ...] = ()

    async def play(self, crowd: Crowd) -> Result:
        left: set[str] = set()

        def heard(caller: Caller, event: Event) -> None:
            if event.what is self.on:
                caller.hang_up(crowd.chance.uniform(0.05, self.most_seconds))
                left.add(caller.number)

        crowd.each(heard)
        for caller in crowd.callers:
            crowd.stage.scripts[caller.number] = self.agencies
            crowd.stage.operator_scripts[caller.number] = self.operators
        outcomes = await crowd.dial()
        return Result(outcomes, len(left))


@dataclass(frozen=True, slots=True)
class OperatorsLeave:
    """Every operator logs out: before anybody calls, or when the callers wait in the queue.

    `agencies`: what the last hotline then does.
    """

    waiting: bool = True
    agencies: tuple[Script, ...] = ()

    async def play(self, crowd: Crowd) -> Result:
        stage, waiting = crowd.stage, set[str]()

        def heard(caller: Caller, event: Event) -> None:
            if event.what is What.RINGING:
                waiting.add(caller.number)

        crowd.each(heard)
        for caller in crowd.callers:
            stage.scripts[caller.number] = self.agencies
            stage.operator_scripts[caller.number] = (RINGS_FOR_EVER,) * _MOST_PHONES
        if not self.waiting:
            await stage.phones.log_in(seconds=0)
            return Result(await crowd.dial(), len(crowd.callers))
        dialling = asyncio.ensure_future(crowd.dial())
        await within(_MOST_SECONDS, lambda: len(waiting) == len(crowd.callers))
        met = len(waiting)
        await stage.phones.log_in(seconds=0)
        return Result(await dialling, met)


@dataclass(frozen=True, slots=True)
class OperatorsDo:
    """Every attempt at an operator meets these scripts in turn, then persons."""

    scripts: tuple[Script, ...]

    async def play(self, crowd: Crowd) -> Result:
        stage = crowd.stage
        for caller in crowd.callers:
            stage.operator_scripts[caller.number] = self.scripts
        outcomes = await crowd.dial()
        met = sum(
            any(a.script in self.scripts for a in stage.phones.of(c.number)) for c in crowd.callers
        )
        return Result(outcomes, met)
