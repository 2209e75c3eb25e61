"""Scenes of the machine: its disk, its prompts, its names, its configuration, Asterisk itself."""

import asyncio
import contextlib
import errno
import shutil
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crowd import Caller, Crowd
from stage import Stage, within
from verdict import Result

from ivr import switch

_CHUNK = 1 << 20
_LIVE_SECONDS = 20.0
_ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class DiskFull:
    """Not one byte more can be written to the state folder."""

    async def play(self, crowd: Crowd) -> Result:
        ballast = crowd.stage.folder / "ballast"
        await asyncio.to_thread(_fill, ballast)
        outcomes = await crowd.dial()
        met = len(outcomes) if _fill(ballast) < _CHUNK else 0
        ballast.unlink()
        return Result(outcomes, met)


def _fill(path: Path) -> int:
    """Write until the disk is full; return how many bytes there was room for."""
    size, written = _CHUNK, 0
    with path.open("ab", buffering=0) as file:
        while size:
            try:
                written += file.write(b"x" * size)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                size //= 2
    return written


@dataclass(frozen=True, slots=True)
class Gone:
    """Files of the state folder are gone: whatever matches `patterns`."""

    patterns: tuple[str, ...]

    async def play(self, crowd: Crowd) -> Result:
        folder = crowd.stage.folder
        found = [path for pattern in self.patterns for path in folder.glob(pattern)]
        for path in found:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        outcomes = await crowd.dial()
        met = len(outcomes) if found and not any(path.exists() for path in found) else 0
        return Result(outcomes, met, note=f"{len(found)} removed")


@dataclass(frozen=True, slots=True)
class FirstTrunkDead:
    """The site's first trunk leads nowhere; the journal shows whom Asterisk tried over it."""

    async def play(self, crowd: Crowd) -> Result:
        outcomes = await crowd.dial()
        events = crowd.stage.line.journal()
        tried = {e["linkedid"] for e in events if "@elsewhere" in str(e["appdata"])}
        return Result(outcomes, len(tried))


@dataclass(frozen=True, slots=True)
class During:
    """Something is done again and again while callers are on the line."""

    do: Callable[[Crowd], Awaitable[object]]
    every_seconds: float

    async def play(self, crowd: Crowd) -> Result:
        done: list[float] = []

        async def again() -> None:
            while True:
                await self.do(crowd)
                done.append(time.monotonic())
                await asyncio.sleep(self.every_seconds)

        doing = asyncio.create_task(again())
        outcomes = await crowd.dial()
        broken = (f"could not go on: {doing.exception()!r}",) if doing.done() else ()
        doing.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await doing
        met = sum(
            any(r.marks.invited_at < at < r.marks.ended_at for at in done)
            for r in (c.report for c in crowd.callers)
            if r
        )
        return Result(outcomes, met, broken, f"{len(done)} times")


async def apply(crowd: Crowd) -> None:
    """Do what `siaga apply` does on a running line."""
    stage = crowd.stage
    await asyncio.to_thread(stage.apply)
    await asyncio.to_thread(switch.reload_asterisk, stage.line.settings)


@dataclass(frozen=True, slots=True)
class AsteriskKilled:
    """Asterisk is killed while everybody is on the line; all of them dial again once it is back.

    The promise is to those who dial again, and that the journal names everybody who was cut off.
    """

    async def play(self, crowd: Crowd) -> Result:
        stage, line = crowd.stage, crowd.stage.line
        first = asyncio.ensure_future(crowd.dial())
        everybody = await within(_LIVE_SECONDS, lambda: all(c.talking for c in crowd.callers))
        live = [c for c in crowd.callers if c.talking]
        await asyncio.to_thread(line.stop, "asterisk", signal.SIGKILL)
        killed_at = time.monotonic()
        stage.cut(killed_at)
        missing = _not_open_in_the_journal(stage, live)
        for caller in live:
            caller.hang_up()
        await first
        await asyncio.to_thread(line.start, "asterisk")
        back = time.monotonic() - killed_at
        again = [Caller(stage, crowd.behaviour, number=caller.number) for caller in live]
        for caller in again:
            caller.holds(2.5)
        outcomes = await crowd.dial(again)
        slow = [c.number for c in again if not _answered_soon(c)]
        broken = (
            *(f"{number} is not on the call-back list" for number in missing),
            *(f"{number} was not answered in {_ANSWER_SECONDS:.0f} s" for number in slow),
            *(() if everybody else ("not all calls were live",)),
        )
        return Result(
            outcomes, len(live), broken, f"{len(live)} calls cut, redial after {back:.0f} s"
        )


def _answered_soon(caller: Caller) -> bool:
    seconds = caller.report.answered_seconds if caller.report else None
    return seconds is not None and seconds < _ANSWER_SECONDS


def _not_open_in_the_journal(stage: Stage, live: list[Caller]) -> list[str]:
    """Return the callers whom the journal does not show as begun and not ended."""
    events: list[dict[str, Any]] = stage.line.journal()
    ended = {e["linkedid"] for e in events if "ENDED" in e.values()}
    open_calls = {
        str(e["eventextra"]).partition("ani=")[2].partition(" ")[0]
        for e in events
        if "CALL" in e.values() and e["linkedid"] not in ended
    }
    return [caller.number for caller in live if caller.number not in open_calls]
