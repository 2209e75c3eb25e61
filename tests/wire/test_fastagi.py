"""The FastAGI server over TCP, against an Asterisk that follows a transcript.

A transcript has `> ` what Asterisk sends, `< ` what we must send, `>EOF` and `<EOF` who closes.
Lines that follow one another are sent in one segment. After every test the server holds nothing
and still serves a call.
"""

import asyncio
import contextlib
import resource
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
import structlog
from structlog.typing import EventDict

from ivr.agi import MAX_BUFFER_BYTES
from ivr.fastagi import Limits, Server, Session
from ivr.flow import Flow
from ivr.logs import mask
from ivr.menu import Menu, ToLanguage, ToOperator, ToService
from routing.plan import Hop, Plan

TRANSCRIPTS = Path(__file__).parent / "transcripts"
LIMIT_SECONDS = 5.0
NUMBER = "081234567890"
OPENING = f"agi_callerid: {NUMBER}\nagi_arg_1: siaga-1764.7\n\n".encode()

OPERATOR = ToOperator("operator", 6)
MENU = Menu(
    language="id",
    choices={
        "1": ToService("fire"),
        "4": ToService("fallen-tree"),
        "8": ToOperator("cannot-speak", 9),
        "9": ToLanguage("en"),
        **dict.fromkeys("0*#", OPERATOR),
    },
    no_choice=ToOperator("no-choice", 8),
    seconds={
        ("id", "menu"): 12.0,
        ("id", "repeat"): 1.5,
        ("id", "wrong"): 13.0,
        ("en", "menu"): 11.0,
    },
)
DAMKAR = Hop("damkar-113", "113", "telkom", 20)
BPBD = Hop("bpbd-117", "117", "telkom", 20)
PLANS = {
    "fire": Plan("fire", 9, (DAMKAR,)),
    "fallen-tree": Plan(
        "fallen-tree", 5, (BPBD, Hop("damkar-own", "113", "sip-damkar", 15, confirm=True))
    ),
}
FIRST_COMMAND = 'GOSUB "ask" "s" "1" "menu"'


@dataclass
class Fixed:
    """A service that never changes."""

    flow: Flow = field(default_factory=lambda: Flow(MENU))
    plans: dict[str, Plan] = field(default_factory=lambda: PLANS)

    def plan(self, service: str) -> Plan:
        return self.plans[service]


async def until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition; fail with `what` when it does not come true."""
    end = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < end, f"never came true within {LIMIT_SECONDS} s: {what}"
        await asyncio.sleep(0.002)


class Asterisk:
    """The far end of one session."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def say(self, data: bytes) -> None:
        self._writer.write(data)

    async def hear(self) -> str:
        """Return the next line we are sent, or EOF."""
        async with asyncio.timeout(LIMIT_SECONDS):
            try:
                return (await self._reader.readline()).decode().removesuffix("\n") or "EOF"
            except ConnectionResetError:
                return "EOF"

    async def play(self, name: str) -> None:
        """Follow a transcript."""
        said = b""
        for line in (TRANSCRIPTS / f"{name}.txt").read_text().splitlines():
            if line.startswith("<"):
                said = self._flush(said)
                assert await self.hear() == line[1:].lstrip(), f"{name}: {line}"
            elif line == ">EOF":
                said = self._flush(said)
                self._writer.write_eof()
            elif line.startswith(">"):
                said += line[1:].lstrip().encode() + b"\n"

    def _flush(self, said: bytes) -> bytes:
        if said:
            self.say(said)
        return b""

    async def reach_the_menu(self) -> None:
        """Open a session and stop where the menu is being played."""
        self.say(OPENING)
        assert await self.hear() == FIRST_COMMAND
        self.say(b"200 result=0\n")
        assert await self.hear() == 'GET "VARIABLE" "KEY"'

    async def press_1(self) -> None:
        """Answer the menu with a 1 and follow until we close."""
        self.say(b"200 result=1 (1)\n")
        assert (await self.hear()).startswith('EXEC "MSet" "PLAN_1_NUM=113,')
        self.say(b"200 result=0\n")
        assert await self.hear() == 'SET "VARIABLE" "PLAN_COMMIT" "siaga-1764.7:1"'
        self.say(b"200 result=1\n")
        assert await self.hear() == "EOF"


class Line:
    """A server, and all the far ends that a test opens to it."""

    def __init__(self, server: Server, port: int) -> None:
        self.server, self.port = server, port
        self._writers: list[asyncio.StreamWriter] = []

    async def connect(self) -> Asterisk:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._writers.append(writer)
        return Asterisk(reader, writer)

    @property
    def connected(self) -> int:
        """How many far ends were opened."""
        return len(self._writers)

    async def hang_up(self) -> None:
        """Close every far end."""
        for writer in self._writers:
            writer.close()
        for writer in self._writers:
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def holds_nothing(self) -> None:
        await until(lambda: not self.server._sessions, "no session is left")
        await until(lambda: self.server.calls == 0, "no call is left")


@pytest.fixture
def logs() -> Iterator[list[EventDict]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


@pytest.fixture
async def line(logs: list[EventDict]) -> AsyncIterator[Line]:
    """A fresh server; after the test it must hold nothing, and serve a call as ever."""
    server = Server(Fixed(), Limits())
    line = Line(server, await server.listen("127.0.0.1", 0))
    yield line
    await line.holds_nothing()
    server.limits, server.service = Limits(), Fixed()
    await (await line.connect()).play("presses-1")
    await line.holds_nothing()
    await line.hang_up()
    await server.drain(0)
    assert NUMBER not in str(logs)


def events(logs: list[EventDict]) -> list[str]:
    return [entry["event"] for entry in logs]


def refusals(logs: list[EventDict]) -> list[str]:
    return [entry["reason"] for entry in logs if entry["event"] == "agi.refused"]


# ------------------------------------------------------------------ conversations


@pytest.mark.parametrize("name", sorted(path.stem for path in TRANSCRIPTS.glob("*.txt")))
async def test_the_conversation_goes_as_it_is_written(line: Line, name: str) -> None:
    await (await line.connect()).play(name)


async def test_the_log_tells_the_call_from_first_to_last_with_its_number_masked(
    line: Line, logs: list[EventDict]
) -> None:
    await (await line.connect()).play("presses-1")
    await line.holds_nothing()
    assert events(logs) == ["call.began", "call.handed_over"]
    assert {(entry["callref"], entry["ani"]) for entry in logs} == {("siaga-1764.7", "***890")}
    assert logs[-1]["heard"] == ["Key(digit='1')", "Done()"]
    assert logs[-1]["outcome"] == "routed"


async def test_the_log_of_a_caller_who_hung_up_says_that_they_left(
    line: Line, logs: list[EventDict]
) -> None:
    await (await line.connect()).play("hangs-up-in-the-menu")
    await line.holds_nothing()
    assert logs[-1]["outcome"] == "left"


@pytest.mark.parametrize(
    ("number", "shown"), [(NUMBER, "***890"), ("112", "hidden"), ("", "hidden")]
)
def test_of_a_number_only_three_digits_are_shown(number: str, shown: str) -> None:
    assert mask(number) == shown


async def test_a_call_goes_on_with_the_configuration_it_began_with(line: Line) -> None:
    asterisk = await line.connect()
    await asterisk.reach_the_menu()
    line.server.service = Fixed(plans={})
    await asterisk.press_1()


async def test_a_hundred_calls_at_once_each_get_their_own_plan(line: Line) -> None:
    calls = [await line.connect() for _ in range(100)]
    names = ["presses-1", "silence", "english", "presses-4", "hangs-up-in-the-menu"] * 20
    async with asyncio.timeout(LIMIT_SECONDS):
        await asyncio.gather(*(call.play(name) for call, name in zip(calls, names, strict=True)))


# ------------------------------------------------------------------ one write a command


class Wire(asyncio.Transport):
    """A transport that notes each write."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 40000)})
        self.written: list[bytes] = []
        self.answered: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    abort = close


@pytest.fixture
async def wire(line: Line) -> AsyncIterator[tuple[Wire, Session]]:
    wire, session = Wire(), Session(line.server)
    session.connection_made(wire)
    yield wire, session
    session.connection_lost(None)


async def test_each_command_is_one_write_of_one_line(wire: tuple[Wire, Session]) -> None:
    transport, session = wire
    session.data_received(OPENING)
    for answer in (b"0", b"1 (1)", b"0", b"1"):
        await until(lambda: len(transport.written) > len(transport.answered), "a command")
        transport.answered.append(answer)
        session.data_received(b"200 result=" + answer + b"\n")
    await until(lambda: transport.closed, "we close")
    assert [line.count(b"\n") for line in transport.written] == [1, 1, 1, 1]
    assert all(line.endswith(b"\n") for line in transport.written)
    assert [line.split()[1] for line in transport.written] == [
        *(b'"ask"', b'"VARIABLE"', b'"MSet"', b'"VARIABLE"')
    ]


async def test_a_conversation_may_be_driven_by_bytes_one_at_a_time(line: Line) -> None:
    asterisk = await line.connect()
    for byte in OPENING:
        asterisk.say(bytes([byte]))
        await asyncio.sleep(0)
    assert await asterisk.hear() == FIRST_COMMAND
    await line.hang_up()


async def test_nothing_is_sent_to_a_channel_that_is_gone(wire: tuple[Wire, Session]) -> None:
    transport, session = wire
    session.data_received(OPENING + b"HANGUP\n")
    assert transport.written == []
    assert transport.closed


async def test_an_answer_to_no_command_ends_the_call_and_nothing_is_sent(
    wire: tuple[Wire, Session],
) -> None:
    transport, session = wire
    session.data_received(OPENING)
    session.data_received(b"200 result=0\n200 result=0\n")
    assert [line.split()[0] for line in transport.written] == [b"GOSUB"]
    assert transport.closed


# ------------------------------------------------------------------ strangers


async def test_a_line_without_an_end_is_refused(line: Line, logs: list[EventDict]) -> None:
    asterisk = await line.connect()
    asterisk.say(b"agi_arg_1: " + b"x" * (MAX_BUFFER_BYTES + 1))
    assert await asterisk.hear() == "EOF"
    assert refusals(logs) == [f"a line longer than {MAX_BUFFER_BYTES} bytes"]


async def test_who_says_nothing_is_refused_in_time(line: Line, logs: list[EventDict]) -> None:
    line.server.limits = Limits(header_seconds=0.02)
    asterisk = await line.connect()
    assert await asterisk.hear() == "EOF"
    assert refusals(logs) == ["no opening lines in time"]


async def test_who_never_finishes_the_opening_is_refused_in_time(line: Line) -> None:
    line.server.limits = Limits(header_seconds=0.02)
    asterisk = await line.connect()
    asterisk.say(b"agi_network: yes\n")
    assert await asterisk.hear() == "EOF"


async def test_who_only_connects_and_closes_is_not_worth_a_warning(
    line: Line, logs: list[EventDict]
) -> None:
    line.server.limits = Limits(header_seconds=0.02)
    await (await line.connect()).play("connects-and-closes")
    late = await line.connect()
    assert await late.hear() == "EOF"  # its time, which began later, is over
    assert len(refusals(logs)) == 1


async def test_a_caller_may_think_longer_than_the_opening_may_take(line: Line) -> None:
    line.server.limits = Limits(header_seconds=0.02)
    asterisk = await line.connect()
    await asterisk.reach_the_menu()
    late = await line.connect()
    assert await late.hear() == "EOF"  # its time, which began later, is over
    await asterisk.press_1()


async def test_a_peer_that_is_not_ours_hears_nothing(line: Line, logs: list[EventDict]) -> None:
    line.server.limits = Limits(peers=frozenset({"10.1.2.3"}))
    asterisk = await line.connect()
    with contextlib.suppress(ConnectionError):
        asterisk.say(OPENING)
    assert await asterisk.hear() == "EOF"
    assert refusals(logs) == ["not from a PBX of ours"]
    assert "call.began" not in events(logs)


async def test_one_session_too_many_is_refused_and_the_others_go_on(
    line: Line, logs: list[EventDict]
) -> None:
    line.server.limits = Limits(sessions=2)
    served = [await line.connect() for _ in range(2)]
    for asterisk in served:
        await asterisk.reach_the_menu()
    assert await (await line.connect()).hear() == "EOF"
    assert refusals(logs) == ["more than 2 sessions"]
    for asterisk in served:
        await asterisk.press_1()


@pytest.fixture
def many_files() -> Iterator[None]:
    """Both ends of a crowd are in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
async def test_a_call_is_served_in_time_beside_700_connections_that_say_nothing(
    line: Line,
) -> None:
    for _ in range(7):
        await asyncio.gather(*(line.connect() for _ in range(100)))
        # uvloop accepts one each turn; past a full backlog the kernel drops, and tries after 1 s.
        await until(lambda: len(line.server._sessions) == line.connected, "they are accepted")
    async with asyncio.timeout(1):
        await (await line.connect()).play("presses-1")
    await line.hang_up()


# ------------------------------------------------------------------ when something is broken


async def test_an_asterisk_that_never_answers_is_let_go(line: Line, logs: list[EventDict]) -> None:
    line.server.limits = Limits(reply_seconds=0.02)
    asterisk = await line.connect()
    await asterisk.reach_the_menu()
    assert await asterisk.hear() == "EOF"
    await line.holds_nothing()
    assert (logs[-1]["event"], logs[-1]["reason"]) == ("call.cut", "no answer in time to GET")


async def test_a_mistake_of_ours_in_the_plan_closes_and_is_logged(
    line: Line, logs: list[EventDict]
) -> None:
    line.server.service = Fixed(plans={})
    asterisk = await line.connect()
    await asterisk.reach_the_menu()
    asterisk.say(b"200 result=1 (1)\n")
    assert await asterisk.hear() == "EOF"
    await line.holds_nothing()
    assert logs[-1]["event"] == "call.failed"
    assert logs[-1]["log_level"] == "error"
    assert logs[-1]["callref"] == "siaga-1764.7"


async def test_a_mistake_of_ours_in_the_conversation_closes_and_is_logged(
    line: Line, logs: list[EventDict]
) -> None:
    line.server.service = Fixed(flow=cast("Flow", object()))
    asterisk = await line.connect()
    asterisk.say(OPENING)
    assert await asterisk.hear() == "EOF"
    await line.holds_nothing()
    assert events(logs) == ["call.began", "call.failed"]


async def test_a_far_end_that_resets_the_connection_is_a_caller_who_left(
    line: Line, logs: list[EventDict]
) -> None:
    asterisk = await line.connect()
    await asterisk.reach_the_menu()
    asterisk._writer.transport.abort()
    await line.holds_nothing()
    assert logs[-1]["outcome"] == "left"


# ------------------------------------------------------------------ the end of the controller


@pytest.fixture
async def closing(logs: list[EventDict]) -> AsyncIterator[Line]:
    """A server that the test itself brings to its end."""
    server = Server(Fixed())
    line = Line(server, await server.listen("127.0.0.1", 0))
    yield line
    await line.holds_nothing()
    with pytest.raises(ConnectionRefusedError):
        await line.connect()
    await line.hang_up()
    assert NUMBER not in str(logs)


async def test_a_caller_in_the_menu_is_waited_for(closing: Line) -> None:
    asterisk = await closing.connect()
    await asterisk.reach_the_menu()
    drain = asyncio.create_task(closing.server.drain(LIMIT_SECONDS))
    await asyncio.sleep(0)
    assert closing.server.calls == 1
    await asterisk.press_1()
    await drain


async def test_a_call_that_begins_while_we_wait_is_waited_for_too(closing: Line) -> None:
    first, second = await closing.connect(), await closing.connect()
    await first.reach_the_menu()
    await until(lambda: len(closing.server._sessions) == 2, "both are connected")
    drain = asyncio.create_task(closing.server.drain(LIMIT_SECONDS))
    await second.reach_the_menu()
    await first.press_1()
    await second.press_1()
    await drain


async def test_a_caller_who_takes_too_long_is_left_to_the_dialplan(
    closing: Line, logs: list[EventDict]
) -> None:
    asterisk = await closing.connect()
    await asterisk.reach_the_menu()
    await closing.server.drain(0)
    assert await asterisk.hear() == "EOF"
    assert "call.cut" in events(logs)


async def test_a_connection_that_never_became_a_call_is_closed(closing: Line) -> None:
    closing.server.limits = Limits(header_seconds=0.1)
    asterisk = await closing.connect()
    await until(lambda: closing.server._sessions, "it is connected")
    await closing.server.drain(LIMIT_SECONDS)
    assert await asterisk.hear() == "EOF"
