"""Scenes at the far end: what agencies and carriers do."""

from dataclasses import dataclass

from crowd import Crowd
from scripts import Script
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
        return Result(outcomes, len(met))
