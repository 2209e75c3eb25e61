"""Scenes at the far end: what agencies, carriers and operators' phones do."""

from dataclasses import dataclass

from crowd import Crowd
from scripts import PERSON, Script
from verdict import Result


@dataclass(frozen=True, slots=True)
class AgenciesDo:
    """Every attempt at an agency meets these scripts in turn, then persons."""

    scripts: tuple[Script, ...]

    async def play(self, crowd: Crowd) -> Result:
        stage = crowd.stage
        for caller in crowd.callers:
            stage.scripts[caller.number] = self.scripts
        outcomes = await crowd.dial()
        met = [
            c
            for c in crowd.callers
            if any(a.script in self.scripts for a in stage.agencies.of(c.number))
        ]
        note = "" if len(met) == len(crowd.callers) else f"{len(met)} callers met it"
        return Result(outcomes, len(met), note=note)


@dataclass(frozen=True, slots=True)
class OperatorsDo:
    """Every attempt at an operator meets these scripts in turn, then `then`."""

    scripts: tuple[Script, ...]
    then: Script = PERSON

    async def play(self, crowd: Crowd) -> Result:
        stage = crowd.stage
        for caller in crowd.callers:
            stage.operator_scripts[caller.number] = self.scripts
        outcomes = await crowd.dial()
        met = [
            c
            for c in crowd.callers
            if any(a.script in self.scripts for a in stage.phones.of(c.number))
        ]
        return Result(outcomes, len(met))
