"""Scenes of what watches and tells: the desk, its database, the broker. No call waits for them."""

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from crowd import Crowd
from stage import Stage, within
from verdict import Result

_SOON_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Struck:
    """Something happens to the desk when the first caller is inside, and stays so."""

    strike: Callable[[Stage], None]

    async def play(self, crowd: Crowd) -> Result:
        dialling = asyncio.ensure_future(crowd.dial())
        await within(_SOON_SECONDS, lambda: any(caller.events for caller in crowd.callers))
        await asyncio.to_thread(self.strike, crowd.stage)
        struck_at = time.monotonic()
        outcomes = await dialling
        reports = [caller.report for caller in crowd.callers if caller.report]
        met = sum(report.marks.ended_at > struck_at for report in reports)
        return Result(outcomes, met)


def desk_killed(stage: Stage) -> None:
    """Cut the link to the manager: whoever held it is dead."""
    stage.line.stop("desk", signal.SIGKILL)


def desk_stopped(stage: Stage) -> None:
    """Let nobody read what the manager writes."""
    stage.line.signal("desk", signal.SIGSTOP)


def broker_killed(stage: Stage) -> None:
    """Let there be no broker."""
    stage.line.stop("broker", signal.SIGKILL)


def database_gone(stage: Stage) -> None:
    """Take the database away, and leave nothing that could be one."""
    for path in (stage.line.settings.state / "desk").iterdir():
        path.unlink()
        path.mkdir()
