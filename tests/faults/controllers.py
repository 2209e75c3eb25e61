"""Real controllers, several side by side, so that one can be killed for one call."""

import asyncio
import contextlib
import os
import signal
import subprocess

from line import ROOT
from stage import Stage

from ivr.ready import agi_answers

_READY_SECONDS = 15.0


class Controllers:
    """A few controllers of one line, on ports of their own. One serves one call at a time."""

    def __init__(self, stage: Stage, number: int) -> None:
        self._line = stage.line
        host = self._line.settings.agi_host
        self._binds = [f"{host}:{next(stage.ports)}" for _ in range(number)]
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._free: asyncio.Queue[str] = asyncio.Queue()
        self._starting: set[asyncio.Task[None]] = set()
        self.killed = 0

    async def open(self) -> None:
        """Start them all."""
        await asyncio.gather(*(self._start(bind) for bind in self._binds))

    async def take(self) -> str:
        """Wait for one that is ready and serves nobody; return where it listens."""
        return await self._free.get()

    def give_back(self, bind: str) -> None:
        """Let it serve another call."""
        self._free.put_nowait(bind)

    def kill(self, bind: str) -> None:
        """End one by SIGKILL, as the kernel does when memory is out; another takes its place."""
        process = self._processes[bind]
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)
        self.killed += 1
        task = asyncio.create_task(self._start(bind))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def close(self) -> None:
        """End them all."""
        await asyncio.gather(*self._starting, return_exceptions=True)
        for process in self._processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=10)

    async def _start(self, bind: str) -> None:
        with (self._line.settings.state / "ivr.log").open("ab") as log:
            self._processes[bind] = subprocess.Popen(  # noqa: ASYNC220 - forks, and that is all
                [ROOT / "asterisk" / "root.sh", "serve", "ivr"],
                env={**self._line._environment(), "SIAGA_AGI_BIND": bind},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        host, _, port = bind.partition(":")
        async with asyncio.timeout(_READY_SECONDS):
            while True:
                if await agi_answers(host, int(port)):
                    break
                await asyncio.sleep(0.05)
        self._free.put_nowait(bind)
