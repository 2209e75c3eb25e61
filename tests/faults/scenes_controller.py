"""Scenes of the controller: killed, stopped, or talking nonsense while Asterisk listens."""

import asyncio
import contextlib
import functools
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from controllers import Controllers
from crowd import Caller, Crowd
from line import ROOT, Line
from relay import Session
from scripts import Script
from stage import within
from verdict import Outcome, Result

from ivr.phone import What

_CONTROLLERS = 3
_ALLOWED = {"110", "113", "115", "117", "119", "0761123"}
"""The hotlines of `config/agencies.yaml`."""


@dataclass(frozen=True, slots=True)
class KilledAt:
    """The controller is killed when it sends `command` (empty: before its first one).

    `half`: half of the line still arrives. Otherwise all of it or nothing, one caller each.
    """

    command: bytes
    half: bool = False

    async def play(self, crowd: Crowd) -> Result:
        controllers = Controllers(crowd.stage, min(_CONTROLLERS, len(crowd.callers)))
        struck: set[str] = set()
        told: list[Outcome] = []

        async def one(caller: Caller, bind: str) -> None:
            told.append(await crowd.dial_one(caller))
            if caller.number not in struck:
                controllers.give_back(bind)

        try:
            await controllers.open()
            async with asyncio.TaskGroup() as group:
                for n, caller in enumerate(crowd.callers):
                    bind = await controllers.take()  # nobody dials before one is there for him
                    keep = 0.5 if self.half else float(n % 2)
                    part = functools.partial(self._relay, controllers, struck, (bind, keep))
                    crowd.stage.relay.parts[caller.number] = part
                    group.create_task(one(caller, bind))
        finally:
            await controllers.close()
        return Result(tuple(told), len(struck), note=f"{controllers.killed} processes killed")

    async def _relay(
        self,
        controllers: Controllers,
        struck: set[str],
        fate: tuple[str, float],
        session: Session,
    ) -> None:
        bind, keep = fate
        host, _, port = bind.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(session.opening)
        up = asyncio.create_task(_pump(session.reader, writer))
        try:
            while line := (await reader.readline() if self.command else b"\n"):
                if line.startswith(self.command):
                    session.writer.write(line[: round(len(line) * keep)] if self.command else b"")
                    controllers.kill(bind)
                    struck.add(session.caller)
                    return
                session.writer.write(line)
        finally:
            up.cancel()
            writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(4096):
            writer.write(data)
        writer.write_eof()


@dataclass(frozen=True, slots=True)
class Lies:
    """What answers Asterisk is no controller. Each line waits for an answer, `{callref}` is filled.

    `drip`: one byte every so many seconds. `stays`: the connection is held until Asterisk ends it.
    """

    lines: tuple[bytes, ...]
    stays: bool = False
    drip: float = 0.0
    agencies: tuple[Script, ...] = ()

    async def play(self, crowd: Crowd) -> Result:
        struck: set[str] = set()
        for caller in crowd.callers:
            crowd.stage.relay.parts[caller.number] = functools.partial(self._lie, struck)
            crowd.stage.scripts[caller.number] = self.agencies
        outcomes = await crowd.dial()
        for caller in crowd.callers:
            crowd.stage.relay.drop(caller.number)
        dialled = {a.number for c in crowd.callers for a in crowd.stage.agencies.of(c.number)}
        broken = [f"{number} was dialled" for number in sorted(dialled - _ALLOWED)]
        return Result(outcomes, len(struck), tuple(broken))

    async def _lie(self, struck: set[str], session: Session) -> None:
        for line in self.lines:
            struck.add(session.caller)
            whole = line.replace(b"{callref}", session.callref.encode())
            for part in [whole] if not self.drip else [whole[i : i + 1] for i in range(len(whole))]:
                session.writer.write(part)
                await asyncio.sleep(self.drip)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await session.reader.readline()
        if self.stays:
            struck.add(session.caller)
            while await session.reader.read(4096):
                pass


@dataclass(frozen=True, slots=True)
class KilledAtRandom:
    """The one controller is killed again and again while callers are with it."""

    every_seconds: float = 4.0

    async def play(self, crowd: Crowd) -> Result:
        line, kills = crowd.stage.line, list[float]()
        dialling = asyncio.ensure_future(crowd.dial())
        while not dialling.done():
            await asyncio.wait({dialling}, timeout=crowd.chance.uniform(0.2, self.every_seconds))
            kills.append(time.monotonic())
            await asyncio.to_thread(line.stop, "ivr", signal.SIGKILL)
            await asyncio.to_thread(line.start, "ivr")
        reports = [c.report for c in crowd.callers if c.report]
        met = sum(
            any(r.marks.invited_at < kill < r.marks.ended_at for kill in kills) for r in reports
        )
        return Result(dialling.result(), met, note=f"{len(kills)} kills")


@dataclass(frozen=True, slots=True)
class Stopped:
    """The one controller is stopped (SIGSTOP): before anybody calls, or when all hear the menu."""

    mid_prompt: bool = False

    async def play(self, crowd: Crowd) -> Result:
        line, hearing = crowd.stage.line, set[str]()
        crowd.each(
            lambda caller, event: (
                hearing.add(caller.number) if event.what is What.PROMPT_STARTED else None
            )
        )
        if not self.mid_prompt:
            line.signal("ivr", signal.SIGSTOP)
        dialling = asyncio.ensure_future(crowd.dial())
        try:
            if self.mid_prompt:
                await within(8.0, lambda: len(hearing) == len(crowd.callers))
                line.signal("ivr", signal.SIGSTOP)
            met = len(hearing) if self.mid_prompt else len(crowd.callers)
            return Result(await dialling, met)
        finally:
            line.stop(
                "ivr", signal.SIGKILL
            )  # gone on, it would end itself: it stood still too long
            await asyncio.to_thread(line.start, "ivr")


@dataclass(frozen=True, slots=True)
class NoPython:
    """The controller is gone, and the stand-in is struck with `how` as soon as it starts."""

    how: signal.Signals

    async def play(self, crowd: Crowd) -> Result:
        line = crowd.stage.line
        await asyncio.to_thread(line.stop, "ivr", signal.SIGKILL)
        struck: set[int] = set()
        hunting = asyncio.create_task(self._hunt(line, struck))
        try:
            outcomes = await crowd.dial()
        finally:
            hunting.cancel()
            for pid in struck:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if not (ROOT / "asterisk" / "standin.sh").exists():
            return Result(outcomes, len(outcomes), note="there is no stand-in yet")
        return Result(outcomes, len(struck), note=f"{len(struck)} stand-ins struck")

    async def _hunt(self, line: Line, struck: set[int]) -> None:
        asterisk = line._processes["asterisk"].pid
        while True:
            for pid in _stand_ins(asterisk):
                with contextlib.suppress(ProcessLookupError):
                    if pid not in struck:
                        os.kill(pid, self.how)
                        struck.add(pid)
            await asyncio.sleep(0.03)


def _stand_ins(ancestor: int) -> list[int]:
    """Return the stand-in processes that one Asterisk has started."""
    parents: dict[int, int] = {}
    named: list[int] = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            pid = int(folder.name)
            parents[pid] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if b"standin" in (folder / "cmdline").read_bytes():
                named.append(pid)
    return [pid for pid in named if _descends(pid, ancestor, parents)]


def _descends(pid: int, ancestor: int, parents: dict[int, int]) -> bool:
    while pid > 1 and pid != ancestor:
        pid = parents.get(pid, 0)
    return pid == ancestor
