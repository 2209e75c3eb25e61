"""`siaga ready` against far ends that answer, refuse, are silent, or are something else."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from ivr import ready
from ivr.phone import sip
from ivr.ready import agi_answers, listening, sip_answers, unready
from ivr.settings import Settings
from routing.agencies import NAME

HOST = "127.0.0.1"
FIRST_COMMAND = b'GOSUB "ask" "s" "1" "menu"\n'


class Pbx(asyncio.DatagramProtocol):
    """Answers every OPTIONS with one status line, or not at all."""

    def __init__(self, status: str) -> None:
        self._status = status
        self.heard: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.append(data)
        if self._status:
            answer = f"SIP/2.0 {self._status}\r\nContent-Length: 0\r\n\r\n"
            self._transport.sendto(answer.encode(), addr)  # type: ignore[attr-defined]


@asynccontextmanager
async def pbx(status: str = "200 OK") -> AsyncIterator[tuple[Pbx, int]]:
    loop = asyncio.get_running_loop()
    transport, far = await loop.create_datagram_endpoint(lambda: Pbx(status), local_addr=(HOST, 0))
    yield far, transport.get_extra_info("sockname")[1]
    transport.close()


@asynccontextmanager
async def controller(
    answer: bytes = FIRST_COMMAND, heard: Callable[[bytes], object] = len
) -> AsyncIterator[int]:
    """Say `answer` to whoever has opened a session, and close."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard(await reader.readuntil(b"\n\n"))
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


@pytest.fixture
def unused() -> int:
    """A port where nobody is."""
    return 9  # discard, which no machine has served for decades


def settings(sip_port: int, agi_port: int, host: str = HOST) -> Settings:
    return Settings(sip_bind=f"{host}:{sip_port}", agi_bind=f"{HOST}:{agi_port}")


async def test_on_an_address_of_another_machine_nothing_answers() -> None:
    assert not await sip_answers("192.0.2.10", 5060)


async def test_a_line_whose_parts_both_answer_is_ready() -> None:
    async with pbx() as (_, sip_port), controller() as agi_port:
        assert await unready(settings(sip_port, agi_port)) == ""


async def test_a_pbx_that_listens_everywhere_is_asked_on_this_machine() -> None:
    async with pbx() as (_, sip_port), controller() as agi_port:
        assert await unready(settings(sip_port, agi_port, host="0.0.0.0")) == ""


async def test_without_a_pbx_it_says_so(unused: int) -> None:
    async with controller() as agi_port:
        why = await unready(settings(unused, agi_port))
        assert why == f"Asterisk does not answer for 112 on {HOST}:{unused}"


async def test_without_a_controller_it_says_what_callers_get(unused: int) -> None:
    async with pbx() as (_, sip_port):
        why = await unready(settings(sip_port, unused))
        assert "controller does not answer" in why
        assert "stand-in" in why


async def test_the_question_is_an_options_for_112_that_a_pbx_can_answer() -> None:
    async with pbx() as (far, port):
        assert await sip_answers(HOST, port)
    (question,) = far.heard
    request = sip.parse(question)
    assert isinstance(request, sip.Request)
    assert (request.method, request.uri) == ("OPTIONS", f"sip:112@{HOST}:{port}")
    assert re.fullmatch(
        r"SIP/2\.0/UDP 127\.0\.0\.1:\d+;branch=z9hG4bK\w+;rport", request.get("via")
    )
    assert question.endswith(b"\r\n\r\n")


async def test_whoever_asks_has_a_name_that_no_telephone_can_have() -> None:
    async with pbx() as (far, port):
        assert await sip_answers(HOST, port)
    request = sip.parse(far.heard[0])
    assert isinstance(request, sip.Request)
    user = re.fullmatch(r"<sip:([^@]+)@.*", request.get("from"))
    assert user
    assert not re.fullmatch(NAME, user[1])


@pytest.mark.parametrize("status", ["404 Not Found", "401 Unauthorized", "503 Service Unavailable"])
async def test_a_pbx_that_does_not_know_112_is_not_ready(status: str) -> None:
    async with pbx(status) as (_, port):
        assert not await sip_answers(HOST, port)


async def test_nobody_on_the_sip_port_is_known_at_once(
    unused: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ready, "ASK_SECONDS", 60)  # told by the kernel, not by a time-out
    async with asyncio.timeout(5):
        assert not await sip_answers(HOST, unused)


async def test_a_silent_pbx_is_waited_for_no_longer_than_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ready, "ASK_SECONDS", 0.02)
    async with pbx("") as (far, port):
        assert not await sip_answers(HOST, port)
        assert len(far.heard) == 1


async def test_the_controller_is_asked_as_asterisk_asks() -> None:
    openings: list[bytes] = []
    async with controller(heard=openings.append) as port:
        assert await agi_answers(HOST, port)
    assert openings == [b"agi_network: yes\nagi_callerid: unknown\nagi_arg_1: ready\n\n"]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="closes"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", id="a web server"),
        pytest.param(b"x" * 200_000, id="a line without an end"),
    ],
)
async def test_what_is_not_our_controller_is_not_ready(answer: bytes) -> None:
    async with controller(answer) as port:
        assert not await agi_answers(HOST, port)


async def test_a_silent_controller_is_waited_for_no_longer_than_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ready, "ASK_SECONDS", 0.02)
    silent = asyncio.Event()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await silent.wait()
        writer.close()

    async with await asyncio.start_server(serve, HOST, 0) as server:
        assert not await agi_answers(HOST, server.sockets[0].getsockname()[1])
        silent.set()


async def test_a_controller_that_is_just_ending_does_not_make_the_line_unready() -> None:
    answers = [b"", FIRST_COMMAND]  # the port is shared: the next question meets the other one

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answers.pop(0))
        writer.close()

    async with await asyncio.start_server(serve, HOST, 0) as server, pbx() as (_, sip_port):
        assert await unready(settings(sip_port, server.sockets[0].getsockname()[1])) == ""
    assert answers == []


async def test_each_controller_that_listens_is_counted() -> None:
    with socket.create_server((HOST, 0), reuse_port=True) as first:
        here = settings(9, first.getsockname()[1])
        assert listening(here) == 1
        with socket.create_server(first.getsockname(), reuse_port=True) as second:
            assert listening(here) == 2
            with socket.create_connection(second.getsockname()):
                assert listening(here) == 2, "a call is no listener"
        assert listening(here) == 1
    assert listening(here) == 0
