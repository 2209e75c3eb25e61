"""Two controllers on one port, and one that leaves it: no connection is lost."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from ivr.listener import Listener

HOST = "127.0.0.1"
LIMIT_SECONDS = 4.0
CALLS = 40


class Greeting(asyncio.Protocol):
    """Says who has answered, and goes."""

    def __init__(self, name: str) -> None:
        self._name = name

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._name.encode())  # type: ignore[attr-defined]
        transport.close()


def named(name: str) -> Callable[[], asyncio.Protocol]:
    return lambda: Greeting(name)


@asynccontextmanager
async def listening(name: str, port: int = 0) -> AsyncIterator[Listener]:
    listener = await Listener.open(HOST, port, named(name))
    yield listener
    await listener.close()


def dial(port: int) -> socket.socket:
    """Connect without giving the loop a turn: the connection waits to be accepted."""
    return socket.create_connection((HOST, port), timeout=LIMIT_SECONDS)


async def answers(calls: list[socket.socket]) -> list[str]:
    """Return who answered each call, an empty text for nobody."""

    async def one(connection: socket.socket) -> str:
        connection.setblocking(False)
        with connection:
            async with asyncio.timeout(LIMIT_SECONDS):
                try:
                    return (await asyncio.get_running_loop().sock_recv(connection, 100)).decode()
                except ConnectionError:
                    return ""

    return await asyncio.gather(*(one(connection) for connection in calls))


async def test_two_on_one_port_share_the_calls() -> None:
    async with listening("one") as first, listening("two", first.port):
        assert set(await answers([dial(first.port) for _ in range(CALLS)])) == {"one", "two"}


async def test_who_leaves_answers_those_who_have_come_and_the_other_the_rest() -> None:
    async with listening("stays") as stays:
        leaves = await Listener.open(HOST, stays.port, named("leaves"))
        waiting = [dial(stays.port) for _ in range(CALLS)]
        await leaves.close()
        later = [dial(stays.port) for _ in range(CALLS)]
        told = await answers(waiting)
        assert set(told) == {"stays", "leaves"}, "none was reset, and it had some of them"
        assert await answers(later) == ["stays"] * CALLS


async def test_a_call_accepted_in_the_turn_before_the_end_is_served() -> None:
    listener = await Listener.open(HOST, 0, named("leaves"))
    calls = [dial(listener.port) for _ in range(CALLS)]
    turn = asyncio.create_task(asyncio.sleep(0))
    await turn  # the loop has accepted, and may not have come to the rest
    await listener.close()
    assert await answers(calls) == ["leaves"] * CALLS


async def test_when_the_last_has_left_nobody_answers() -> None:
    async with listening("one") as listener:
        port = listener.port
    with pytest.raises(ConnectionRefusedError):
        dial(port)


async def test_who_has_left_before_the_end_is_no_trouble() -> None:
    listener = await Listener.open(HOST, 0, named("leaves"))
    for _ in range(CALLS):
        dial(listener.port).close()
    await listener.close()


async def test_a_port_that_another_program_holds_cannot_be_shared() -> None:
    with (
        socket.create_server((HOST, 0)) as other,
        pytest.raises(OSError, match="Address already in use"),
    ):
        await Listener.open(HOST, other.getsockname()[1], named("never"))
