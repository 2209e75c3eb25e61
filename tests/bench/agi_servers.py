"""The FastAGI servers that agi.py measures: ours and its peers, each with the same conversation.

    python tests/bench/agi_servers.py NAME PORT CORE

The conversation: five times a prompt and its key, then a language: 11 commands. The answer to the
n-th key is `n`; a server that heard another says so by the language it asks for.
"""

import asyncio
import io
import logging
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from routing.agencies import Language

ASKED = ("GOSUB", "ask", "s", "1", "menu")
KEYS = 5
SPOKEN: Language = "en"
SHIFTED: Language = "id"
BACKLOG = 1024


async def ours(listener: socket.socket) -> None:
    """Our server as `siaga ivr` runs it, with a conversation of as many steps as the others'."""
    from ivr.call import Action, Ask, Event, Key, Speak  # noqa: PLC0415
    from ivr.fastagi import Limits, Server  # noqa: PLC0415
    from ivr.flow import Ended, Flow, Switching  # noqa: PLC0415
    from ivr.logs import configure  # noqa: PLC0415

    class Scripted(Flow):
        def __init__(self) -> None:
            """Have no menu."""

        def start(self, *_: object) -> tuple[Any, Action]:
            return 1, Ask("menu", 5.0)

        def step(self, state: Any, event: Event) -> tuple[Any, Action | None]:
            if not isinstance(event, Key):
                return Ended("left"), None
            if event.digit != str(state):
                return Switching(SHIFTED), Speak(SHIFTED)
            return (state + 1, Ask("menu", 5.0)) if state < KEYS else (state, Speak(SPOKEN))

    class Service:
        flow = Scripted()

        def plan(self, service: str) -> Any:
            raise KeyError(service)

    configure()
    host, port = listener.getsockname()
    listener.close()
    server = Server(Service(), Limits())
    await server.listen(host, port)
    await asyncio.Event().wait()


class Bare(asyncio.Protocol):
    """No server: says the next of eleven lines to whatever it hears. Nothing can be faster."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        asked = f'{ASKED[0]} "{ASKED[1]}" "{ASKED[2]}" "{ASKED[3]}" "{ASKED[4]}"\n'.encode()
        keys = [asked, b'GET VARIABLE "KEY"\n'] * KEYS
        self._lines = iter([*keys, f'SET VARIABLE "CHANNEL(language)" "{SPOKEN}"\n'.encode()])
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        if data.endswith(b"\n"):
            line = next(self._lines, None)
            self._transport.write(line) if line else self._transport.close()


async def bare(listener: socket.socket) -> None:
    """Serve what cannot be called a server."""
    server = await asyncio.get_running_loop().create_server(Bare, sock=listener, backlog=BACKLOG)
    await server.serve_forever()


async def panoramisk(listener: socket.socket) -> None:
    """The server of panoramisk, which is asked for as this project's."""
    from panoramisk.fast_agi import Application  # noqa: PLC0415

    async def talk(request: Any) -> None:
        async def say(*words: str) -> str:
            line = " ".join((words[0], *(f'"{word}"' for word in words[1:])))
            answer = await request.send_command(line)
            return str(answer.get("result", ("", ""))[1])

        await _conversation(say)

    application = Application(loop=asyncio.get_running_loop())
    application.add_route("menu", talk)
    server = await asyncio.start_server(application.handler, sock=listener, backlog=BACKLOG)
    await server.serve_forever()


async def _conversation(say: Callable[..., Awaitable[str]]) -> None:
    keys = []
    for _ in range(KEYS):
        await say(*ASKED)
        keys.append(await say("GET", "VARIABLE", "KEY"))
    await say("SET", "VARIABLE", "CHANNEL(language)", _language(keys))


def _language(keys: list[str]) -> str:
    return SPOKEN if keys == [str(n + 1) for n in range(KEYS)] else SHIFTED


def pystrix(listener: socket.socket) -> None:
    """The server of pystrix: a thread a call."""
    from pystrix.agi import FastAGIServer, core  # noqa: PLC0415
    from pystrix.agi.agi_core import _Action  # noqa: PLC0415 - it has no Gosub of its own

    def talk(agi: Any, *_others: object) -> None:
        keys = []
        for _ in range(KEYS):
            agi.execute(_Action(ASKED[0], *(f'"{word}"' for word in ASKED[1:])))
            keys.append(agi.execute(core.GetVariable("KEY")))
        agi.execute(core.SetVariable("CHANNEL(language)", _language(keys)))

    host, port = listener.getsockname()
    listener.close()
    server = FastAGIServer(host, port)
    server.register_script_handler("menu", talk)
    server.serve_forever()


def pyst2(listener: socket.socket) -> None:
    """pyst2's AGI, whose own FastAGI server cannot serve: a process a call, as its makers do it."""
    from asterisk.agi import AGI  # noqa: PLC0415

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        connection, _ = listener.accept()
        if os.fork():
            connection.close()
            continue
        listener.close()
        stream = connection.makefile("rw", encoding="utf-8", newline="\n")
        try:
            agi = AGI(stream, stream, io.StringIO())
            keys = []
            for _ in range(KEYS):
                agi.execute(ASKED[0], *(f'"{word}"' for word in ASKED[1:]))
                keys.append(agi.get_variable("KEY"))
            agi.set_variable("CHANNEL(language)", _language(keys))
            connection.shutdown(socket.SHUT_RDWR)
        finally:
            os._exit(0)


def main(name: str, port: int, core: int) -> None:
    """Serve until the end, on one core."""
    os.sched_setaffinity(0, {core})
    logging.disable(logging.CRITICAL)  # the peers' own; ours logs each call as it does in service
    listener = socket.create_server(("127.0.0.1", port), backlog=BACKLOG)
    match name:
        case "ours":
            import uvloop  # noqa: PLC0415

            uvloop.run(ours(listener))
        case "no server: a bare loop":
            import uvloop  # noqa: PLC0415

            uvloop.run(bare(listener))
        case "panoramisk":
            asyncio.run(panoramisk(listener))
        case "panoramisk + uvloop":
            import uvloop  # noqa: PLC0415

            uvloop.run(panoramisk(listener))
        case "pystrix":
            pystrix(listener)
        case "pyst2":
            pyst2(listener)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
