"""Between Asterisk and the controller: what may happen to one call's FastAGI session.

Asterisk connects to us. Each caller may have a part written for him; it gets the streams and the
opening lines. A caller without one is served by nobody: the connection is closed.
"""

import asyncio
import contextlib
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

_OPENING_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Session:
    """One session as Asterisk opened it: its streams, its opening lines, and the call's name."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    opening: bytes

    @property
    def caller(self) -> str:
        """The number that the caller dialled from."""
        return self._value(b"agi_callerid")

    @property
    def callref(self) -> str:
        """The name of the call, which the commit token repeats."""
        return self._value(b"agi_arg_1")

    def _value(self, name: bytes) -> str:
        found = re.search(rb"(?m)^" + name + rb": (.*)$", self.opening)
        return found[1].decode(errors="replace").strip() if found else ""


Part = Callable[[Session], Coroutine[None, None, None]]


class Relay:
    """A server in the controller's place."""

    def __init__(self) -> None:
        self.parts: dict[str, Part] = {}
        self._serving: dict[str, asyncio.Task[None]] = {}

    async def open(self, bind: str) -> None:
        """Take sessions at `address:port`."""
        host, _, port = bind.partition(":")
        self._server = await asyncio.start_server(self._serve, host, int(port), backlog=512)

    def close(self) -> None:
        """Take no more."""
        self._server.close()

    def drop(self, caller: str) -> None:
        """End a caller's session, as the end of the other process would."""
        if task := self._serving.pop(caller, None):
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_OPENING_SECONDS):
                opening = await reader.readuntil(b"\n\n")
            session = Session(reader, writer, opening)
            part = self.parts.get(session.caller)
            if part is not None:
                task = self._serving[session.caller] = asyncio.ensure_future(part(session))
                await task
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass  # Asterisk has left, or the part is over: nothing to do for a call that is gone
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
