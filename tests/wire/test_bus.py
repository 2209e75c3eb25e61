"""The bus against a broker that follows a script: it takes, refuses, keeps silent or breaks.

The broker here speaks as much of MQTT 5 as it takes; tests/e2e/test_bus.py has the real one.
"""

import asyncio
import contextlib
import gc
import json
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import aiomqtt
import pytest
from outbox import Memory, Row, calls
from structlog.testing import capture_logs

from ivr import messages
from ivr.bus import Bus
from ivr.messages import Message
from ivr.mqtt import UNHEARD, Limits, _Room
from ivr.mqtturl import AUTHORITY, Broker, UrlError, broker, chosen
from ivr.records.errors import BusyError
from ivr.settings import Settings

HOST = "127.0.0.1"
LIMIT_SECONDS = 8.0
PATIENT = Limits(
    farewell_seconds=0.2,
    first_retry_seconds=0.01,
    longest_retry_seconds=0.05,
    look_seconds=60,
)
QUICK = replace(PATIENT, connect_seconds=0.2, answer_seconds=0.2)
NOT_AUTHORIZED, QUOTA_EXCEEDED = 0x87, 0x97
REPORT = "siaga112/agencies/damkar/reports/siaga-1.0-damkar/ack"


async def until(condition: Callable[[], object], what: str) -> None:
    async with asyncio.timeout(LIMIT_SECONDS):
        while not condition():  # noqa: ASYNC110 - whatever the condition is of
            await asyncio.sleep(0.002)
    assert condition(), what


# ----------------------------------------------------------------------------- the scripted broker


@dataclass(frozen=True)
class Said:
    """One message that came: on which connection, and what."""

    connection: int
    topic: str
    body: str
    retain: bool
    again: bool


@dataclass
class Peer:
    """A broker. `answers` takes each message and returns its reason, None to keep silent."""

    lets_in: int | None = 0
    lets_listen: int = 1
    settles: bool = True
    answers: Callable[["Peer", Said], int | None] = lambda _, __: 0
    said: list[Said] = field(default_factory=list)
    connections: list[asyncio.StreamWriter] = field(default_factory=list)
    opened: list[bytes] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)
    listens: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    port: int = 0

    @contextlib.asynccontextmanager
    async def serving(
        self, port: int = 0, tls: ssl.SSLContext | None = None
    ) -> AsyncIterator["Peer"]:
        server = await asyncio.start_server(self._serve, HOST, port, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for writer in self.connections:
                writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)
        number = len(self.connections)
        farewell = "none"
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind, packet = await _packet(reader)
                if kind >> 4 == 14:
                    farewell = "disconnect"
                    break
                self._took(number, writer, kind, packet)
        self.ended.append(farewell)
        writer.close()

    def _took(self, number: int, writer: asyncio.StreamWriter, kind: int, packet: bytes) -> None:
        match kind >> 4:
            case 1:
                self.opened.append(packet)
                if self.lets_in is not None:
                    writer.write(bytes((0x20, 3, 0, self.lets_in, 0)))
            case 3:
                said, mid = _published(number, kind, packet)
                self.said.append(said)
                if (reason := self.answers(self, said)) is not None:
                    writer.write(bytes((0x40, 4, *mid, reason, 0)))
            case 4:
                self.acknowledged.append(int.from_bytes(packet[:2]))
            case 8:
                self.listens.append(packet[5:-1].decode())
                writer.write(bytes((0x90, 4, *packet[:2], 0, self.lets_listen)))
            case 10 if self.settles:
                writer.write(bytes((0xB0, 4, *packet[:2], 0, 0x11)))
            case 12:
                writer.write(b"\xd0\x00")

    def tell(self, topic: str, body: bytes, mid: int = 0) -> None:
        """Send a message to the bus, QoS 1 with a `mid` and else QoS 0."""
        name = topic.encode()
        rest = len(name).to_bytes(2) + name + (mid.to_bytes(2) if mid else b"") + b"\0" + body
        length = len(rest)
        size = bytes((length,)) if length < 128 else bytes((length % 128 + 128, length // 128))
        self.connections[-1].write(bytes((0x32 if mid else 0x30,)) + size + rest)

    def break_link(self) -> None:
        self.connections[-1].transport.abort()

    def told(self, topic: str = "") -> list[str]:
        """Return the bodies that came, without the desk's own life."""
        return [s.body for s in self.said if s.topic.startswith(topic or "siaga112/calls")]


async def _packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    kind, length, shift = (await reader.readexactly(1))[0], 0, 0
    while True:
        octet = (await reader.readexactly(1))[0]
        length += (octet & 127) << shift
        shift += 7
        if octet < 128:
            return kind, await reader.readexactly(length)


def _published(number: int, kind: int, packet: bytes) -> tuple[Said, bytes]:
    end = 2 + int.from_bytes(packet[:2])
    topic, mid, rest = packet[2:end].decode(), packet[end : end + 2], packet[end + 2 :]
    assert (kind >> 1) & 3 == 1, "QoS 1"
    assert rest[0] == 0, "no properties"
    again, retain = bool(kind & 8), bool(kind & 1)
    return Said(number, topic, rest[1:].decode(), retain, again), mid


@contextlib.asynccontextmanager
async def running(peer: Peer, memory: Memory, limits: Limits = PATIENT) -> AsyncIterator[Bus]:
    bus = Bus(lambda: Broker(HOST, peer.port, "desk", "geheim"), memory, limits)
    async with in_background(bus):
        yield bus


@contextlib.asynccontextmanager
async def in_background(bus: Bus) -> AsyncIterator[None]:
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
    task = asyncio.create_task(bus.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert faults == [], "nothing was left at work"


# ---------------------------------------------------------------------------------------- telling


async def test_what_waits_is_told_in_order_and_leaves_the_outbox() -> None:
    memory = Memory(calls(100, topics=7))
    async with Peer().serving() as peer, running(peer, memory) as bus:
        await until(lambda: not memory.rows, "all are told")
        for c in range(7):
            assert peer.told(f"siaga112/calls/c{c}") == [f"{i}" for i in range(c, 100, 7)]
        await until(lambda: bus.state.sent == 100, "counted")
        assert bus.state.trouble == ""


async def test_a_row_stays_until_the_broker_has_acknowledged_it() -> None:
    memory = Memory(calls(3))
    holds = Peer(answers=lambda _, said: None if said.body == "1" else 0)
    async with holds.serving() as peer, running(peer, memory):
        await until(lambda: len(peer.told()) == 2, "the second came")
        assert [row.id for row in memory.rows] == [1, 2]
        holds.answers = lambda _, __: 0
        peer.break_link()
        await until(lambda: not memory.rows, "all are told")
        assert peer.told() == ["0", "1", "1", "2"], "only what was in doubt came twice"


async def test_a_row_stays_until_the_broker_has_answered_to_one_more_packet() -> None:
    memory = Memory(calls(2))
    async with Peer(settles=False).serving() as peer, running(peer, memory, QUICK):
        await until(lambda: len(peer.told()) == 3, "the first came again and again")
        assert [row.id for row in memory.rows] == [0, 1]
        peer.settles = True
        await until(lambda: not memory.rows, "told")
        assert peer.told()[-1] == "1"


async def test_of_one_topic_one_message_is_on_its_way_and_others_do_not_wait_for_it() -> None:
    memory = Memory(calls(16, topics=4))
    slow = Peer(answers=lambda _, said: None if "calls" in said.topic else 0)
    async with slow.serving() as peer, running(peer, memory) as bus:
        bus._width = 16  # as on a link that has gone well for a while
        await until(lambda: len(peer.told()) == 4, "one of each")
        peer.tell("siaga112/nonsense", b"")
        await until(lambda: bus.state.refused, "there and back: nothing more was on its way")
        assert sorted(peer.told()) == ["0", "1", "2", "3"]


async def test_a_new_row_goes_out_at_once() -> None:
    memory = Memory()
    async with Peer().serving() as peer, running(peer, memory) as bus:
        await until(lambda: bus.state.trouble == "", "it goes well")
        memory.rows = calls(1)
        await asyncio.to_thread(bus.wake)
        await until(lambda: peer.told() == ["0"], "told, though it looks by itself once a minute")


async def test_a_row_of_which_nobody_said_a_word_is_found() -> None:
    memory = Memory()
    limits = Limits(look_seconds=0.02)
    async with Peer().serving() as peer, running(peer, memory, limits) as bus:
        await until(lambda: bus.state.trouble == "", "it goes well")
        memory.rows = calls(1)
        await until(lambda: peer.told() == ["0"], "told")


async def test_a_row_that_is_to_be_kept_by_the_broker_says_so() -> None:
    memory = Memory([Row(1, "siaga112/calls/a", "x", retain=True)])
    async with Peer().serving() as peer, running(peer, memory):
        await until(lambda: not memory.rows, "told")
        assert [s.retain for s in peer.said if s.topic == "siaga112/calls/a"] == [True]


# ------------------------------------------------------------------------------ a broker in trouble


async def test_a_broker_that_refuses_us_is_told_of_once_and_loudly() -> None:
    memory = Memory(calls(2))
    no = Peer(lets_in=NOT_AUTHORIZED)
    with capture_logs() as logs:
        async with no.serving() as peer, running(peer, memory) as bus:
            await until(lambda: len(peer.opened) > 4, "it tries again and again")
            assert "Not authorized" in bus.state.trouble
            no.lets_in = 0
            await until(lambda: not memory.rows and not bus.state.trouble, "told at last")
    said = [(x["event"], x["log_level"]) for x in logs]
    assert said == [("bus.trouble", "error"), ("bus.well", "info")]
    assert "password" in logs[0]["remedy"]
    assert "geheim" not in repr(logs)


async def test_a_broker_that_accepts_and_says_nothing_is_left_and_tried_again() -> None:
    memory = Memory(calls(2))
    mute = Peer(lets_in=None)
    async with mute.serving() as peer, running(peer, memory, QUICK) as bus:
        await until(lambda: len(peer.ended) > 1, "each connection was closed, not forgotten")
        assert "in time" in bus.state.trouble
        mute.lets_in = 0
        await until(lambda: not memory.rows, "told")


async def test_a_broker_that_acknowledges_nothing_is_left_and_tried_again() -> None:
    memory = Memory(calls(2))
    deaf = Peer(answers=lambda _, said: None if "calls" in said.topic else 0)
    async with deaf.serving() as peer, running(peer, memory, QUICK) as bus:
        await until(lambda: len(peer.ended) > 1, "left")
        assert bus.state.trouble == "the broker does not answer in time"
        assert len(memory.rows) == 2
        deaf.answers = lambda _, __: 0
        await until(lambda: not memory.rows, "told")


async def test_what_a_full_broker_refuses_stays_and_is_told_when_it_has_room() -> None:
    memory = Memory(calls(3))
    full = Peer(answers=lambda _, said: QUOTA_EXCEEDED if said.body == "1" else 0)
    with capture_logs() as logs:
        async with full.serving() as peer, running(peer, memory) as bus:
            await until(lambda: peer.told().count("1") > 2, "tried again and again")
            assert "Quota exceeded" in bus.state.trouble
            assert [row.id for row in memory.rows] == [1, 2]
            full.answers = lambda _, __: 0
            await until(lambda: not memory.rows and not bus.state.trouble, "told")
            assert peer.told()[-1] == "2"
    assert [x["event"] for x in logs] == ["bus.trouble", "bus.well"]


async def test_what_is_refused_alone_does_not_keep_the_others_in_doubt() -> None:
    memory = Memory([*calls(3, topics=3), *calls(1)])
    no = Peer(answers=lambda _, said: NOT_AUTHORIZED if said.topic.endswith("c1") else 0)
    async with no.serving() as peer, running(peer, memory) as bus:
        await until(lambda: [row.id for row in memory.rows] == [1], "all but one are told")
        await until(lambda: peer.told().count("1") > 3, "which is tried again and again")
        assert "Not authorized" in bus.state.trouble
        assert sorted(peer.told("siaga112/calls/c2")) == ["2"], "the others came once"


async def test_many_that_are_refused_keep_none_of_the_others_waiting() -> None:
    """More of them than one look takes in, and one of a topic comes after another of it."""
    limits = replace(PATIENT, look_rows=8)
    bad = [Row(number, f"siaga112/forbidden/{number % 20}", "x") for number in range(1, 41)]
    good = [Row(number, f"siaga112/calls/{number}", "x") for number in range(41, 61)]

    def answers(_: Peer, said: Said) -> int:
        return NOT_AUTHORIZED if "forbidden" in said.topic else 0

    memory = Memory([*bad, *good])
    async with Peer(answers=answers).serving() as peer, running(peer, memory, limits) as bus:
        await until(lambda: memory.rows == bad, "all others are told")
        await until(lambda: "Not authorized" in bus.state.trouble, "and the trouble is told")
        first = {f"siaga112/forbidden/{number % 20}": 0 for number in range(1, 41)}
        once = [x.topic for x in peer.said if x.connection == 1 and x.topic in first]
        assert sorted(once) == sorted(first), "of one topic no later one goes before the first"


async def test_a_broker_that_is_not_there_costs_nothing_and_is_told_when_it_is() -> None:
    memory = Memory(calls(2))
    peer = Peer()
    async with peer.serving():
        port = peer.port
    with capture_logs() as logs:
        async with running(peer, memory) as bus:
            await until(lambda: "refused" in bus.state.trouble, "nobody is there")
            async with Peer().serving(port) as there:
                await until(lambda: not memory.rows and not bus.state.trouble, "told")
                assert there.told() == ["0", "1"]
    assert [x["event"] for x in logs[:2]] == ["bus.trouble", "bus.well"]


@pytest.mark.parametrize("every", [1, 2, 5])
async def test_links_that_break_again_and_again_lose_nothing_and_keep_the_order(every: int) -> None:
    memory = Memory(calls(40, topics=3))

    def breaks(peer: Peer, said: Said) -> int | None:
        if "calls" in said.topic and len(peer.told()) % (3 * every) == 0:
            peer.break_link()
            return None
        return 0

    async with Peer(answers=breaks).serving() as peer, running(peer, memory):
        await until(lambda: not memory.rows, "all are told")
        for c in range(3):
            told = peer.told(f"siaga112/calls/c{c}")
            assert [int(x) for x in dict.fromkeys(told)] == list(range(c, 40, 3))
            assert told == sorted(told, key=int), "twice, but never behind a later one"


async def test_a_database_in_trouble_is_not_the_end_and_nothing_is_lost() -> None:
    memory = Memory(calls(2))
    memory.broken = BusyError("records.sqlite3: database is locked", "end who holds it")
    with capture_logs() as logs:
        async with Peer().serving() as peer, running(peer, memory) as bus:
            await until(lambda: "database is locked" in bus.state.trouble, "it is told")
            memory.broken = None
            await until(lambda: not memory.rows and not bus.state.trouble, "told")
            assert peer.told()[-2:] == ["0", "1"]
    assert [x["event"] for x in logs] == ["bus.trouble", "bus.well"]
    assert (logs[0]["remedy"], logs[0]["exc_info"]) == ("end who holds it", None)


async def test_a_mistake_of_ours_is_told_with_its_traceback_and_tried_again() -> None:
    memory = Memory(calls(1))
    memory.broken = mistake = ZeroDivisionError()
    with capture_logs() as logs:
        async with Peer().serving() as peer, running(peer, memory) as bus:
            await until(lambda: bus.state.trouble == "ZeroDivisionError", "it is told")
            memory.broken = None
            await until(lambda: not memory.rows, "told")
    assert (logs[0]["event"], logs[0]["exc_info"]) == ("bus.trouble", mistake)


async def test_who_is_stopped_while_it_connects_leaves_nothing_open() -> None:
    async with Peer(lets_in=None).serving() as peer:
        async with running(peer, Memory(), QUICK):
            await until(lambda: peer.opened, "it knocks")
        await until(lambda: peer.ended == ["none"], "and is gone")


@pytest.mark.parametrize("answer", [0, NOT_AUTHORIZED])
async def test_who_is_stopped_at_any_moment_stops(answer: int) -> None:
    """Moment by moment of a link that comes, tells and (by `answer`) breaks, again and again."""
    for moment in range(0, 240, 2):
        busy = Peer(answers=lambda _, said: answer if "calls" in said.topic else 0)
        async with busy.serving() as peer:
            to = Broker(HOST, peer.port)
            task = asyncio.create_task(Bus(partial(replace, to), Memory(calls(40)), PATIENT).run())
            for _ in range(moment):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task}, timeout=LIMIT_SECONDS)
            assert task.cancelled(), f"stopped after {moment} rounds of the loop"


# ------------------------------------------------------------------------------------- over TLS


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a certificate of 127.0.0.1 that vouches for itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    named = (folder / "certificate.pem", folder / "key.pem")
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=x"
    )
    more = ("-addext", f"subjectAltName=IP:{HOST}", "-out", named[0], "-keyout", named[1])
    subprocess.run([*command.split(), *more], check=True, capture_output=True, timeout=20)
    return named


@pytest.fixture
def tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


async def test_another_broker_is_told_over_tls(
    certificate: tuple[Path, Path], tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    memory = Memory(calls(40, topics=3))
    async with Peer().serving(tls=tls) as peer:
        to = broker(f"mqtts://desk:geheim@{HOST}:{peer.port}")
        async with in_background(Bus(lambda: to, memory, PATIENT)):
            await until(lambda: not memory.rows, "told")
            assert sorted(peer.told(), key=int) == [f"{i}" for i in range(40)]


async def test_a_broker_of_a_private_authority_is_believed_when_its_certificate_is_there(
    certificate: tuple[Path, Path], tls: ssl.SSLContext, tmp_path: Path
) -> None:
    (tmp_path / AUTHORITY).parent.mkdir()
    (tmp_path / AUTHORITY).write_text("no certificate")
    memory = Memory(calls(1))
    async with Peer().serving(tls=tls) as peer:
        url = f"mqtts://desk:geheim@{HOST}:{peer.port}"
        settings = Settings(state=tmp_path, mqtt_url=url)
        bus = Bus(lambda: chosen(settings), memory, PATIENT)
        async with in_background(bus):
            remedy = "put a certificate there, in PEM, that all may read"
            await until(lambda: remedy in bus.state.trouble, "it is no certificate")
            (tmp_path / AUTHORITY).write_text(certificate[0].read_text())
            await until(lambda: not memory.rows, "told")


# paho leaves the socket of a handshake that failed to the collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket")
async def test_a_broker_that_cannot_prove_who_it_is_hears_nothing(tls: ssl.SSLContext) -> None:
    memory = Memory(calls(1))
    async with Peer().serving(tls=tls) as peer:
        to = broker(f"mqtts://desk:geheim@{HOST}:{peer.port}")
        bus = Bus(lambda: to, memory, PATIENT)
        async with in_background(bus):
            await until(lambda: "certificate verify failed" in bus.state.trouble, "refused")
        assert (peer.opened, len(memory.rows)) == ([], 1)
    gc.collect()


# ----------------------------------------------------------------------------- the desk's own life


async def test_the_will_says_that_the_desk_is_gone_and_the_desk_says_that_it_is_here() -> None:
    async with Peer().serving() as peer, running(peer, Memory()):
        await until(lambda: peer.said, "it says something")
        assert b'"here":false' in peer.opened[0]
        assert b"siaga112/desk" in peer.opened[0]
        first = peer.said[0]
        assert (first.topic, first.retain, json.loads(first.body)["here"]) == (
            messages.DESK,
            True,
            True,
        )


async def test_a_desk_that_is_stopped_says_goodbye() -> None:
    async with Peer().serving() as peer:
        async with running(peer, Memory()) as bus:
            await until(lambda: bus.state.trouble == "", "it goes well")
        last = peer.said[-1]
        assert (last.topic, last.retain, json.loads(last.body)["here"]) == (
            messages.DESK,
            True,
            False,
        )
        await until(lambda: peer.ended == ["disconnect"], "in good order: no will is needed")


async def test_a_desk_that_cannot_say_goodbye_stops_all_the_same() -> None:
    mute = Peer(answers=lambda _, said: None if '"here":false' in said.body else 0)
    async with mute.serving() as peer:
        async with running(peer, Memory()) as bus:
            await until(lambda: bus.state.trouble == "", "it goes well")
        assert peer.said[-1].body.count("false")


async def test_states_are_told_once_each_and_all_of_them_anew_at_the_next_connection() -> None:
    queue, hotline = "siaga112/queues/operators", "siaga112/hotlines/damkar-113"
    async with Peer().serving() as peer, running(peer, Memory()) as bus:
        for body in "112":
            bus.tell(Message(queue, body, retain=True))
        bus.tell(Message(hotline, "a", retain=True))
        await until(lambda: peer.told(hotline), "told")
        await until(lambda: peer.told(queue), "told")
        bus.tell(Message(hotline, "a", retain=True))
        bus.tell(Message(queue, "3", retain=True))
        await until(lambda: peer.told(queue)[-1] == "3", "told")
        assert peer.told(hotline) == ["a"], "the same is not news"
        peer.said.clear()
        peer.break_link()
        await until(lambda: len(peer.said) == 3, "the desk, the queue, the hotline")
        assert peer.told(queue) + peer.told(hotline) == ["3", "a"]
        assert all(said.retain for said in peer.said)


# ---------------------------------------------------------------------------------------- hearing

WORD = json.dumps({"version": 1, "by": "Regu 2"}).encode()


async def test_what_an_agency_acknowledges_is_stored_and_only_then_let_go_by_the_broker() -> None:
    memory = Memory()
    async with Peer().serving() as peer, running(peer, memory) as bus:
        await until(lambda: bus.state.trouble == "", "it goes well")
        assert peer.listens == [messages.ACKNOWLEDGEMENTS]
        memory.broken = OSError("disk full")
        peer.tell(REPORT, WORD, mid=7)
        await until(lambda: bus.state.trouble == "disk full", "it could not be stored")
        assert peer.acknowledged == []
        memory.broken = None
        await until(lambda: bus.state.trouble == "", "it goes well again")
        peer.tell(REPORT, WORD, mid=7)  # as a broker does that was not told otherwise
        await until(lambda: peer.acknowledged == [7], "stored")
        assert memory.stored == [("siaga-1.0-damkar", "damkar", "Regu 2")]
        assert bus.state.acknowledged == 1


async def test_an_acknowledgement_without_an_answer_counts_too() -> None:
    memory = Memory()
    async with Peer().serving() as peer, running(peer, memory) as bus:
        await until(lambda: bus.state.trouble == "", "it goes well")
        peer.tell(REPORT, WORD)
        await until(lambda: memory.stored, "stored")
        assert peer.acknowledged == []


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        (REPORT, b""),
        (REPORT, b"\xff" * 200),
        (REPORT, b"[" * 9000),
        (REPORT, b'{"version":1,"by":"' + b"x" * 9000 + b'"}'),
        (REPORT.replace("siaga-1.0-damkar", "siaga-9.9-damkar"), WORD),
        (REPORT.replace("agencies/damkar", "agencies/bpbd"), WORD),
        ("siaga112/desk", WORD),
    ],
)
async def test_nonsense_is_refused_counted_and_let_go(topic: str, body: bytes) -> None:
    with capture_logs() as logs:
        async with Peer().serving() as peer, running(peer, Memory()) as bus:
            await until(lambda: bus.state.trouble == "", "it goes well")
            for mid in range(1, 4):
                peer.tell(topic, body, mid)
            await until(lambda: peer.acknowledged == [1, 2, 3], "all are let go")
            assert (bus.state.refused, bus.state.acknowledged) == (3, 0)
            assert bus.state.trouble == ""
    assert [x["event"] for x in logs] == ["bus.well", "bus.refused"], "a flood is one line"


async def test_a_broker_that_does_not_let_us_listen_is_told_of_and_hears_us_all_the_same() -> None:
    memory = Memory(calls(1))
    with capture_logs() as logs:
        deaf = Peer(lets_listen=NOT_AUTHORIZED)
        async with deaf.serving() as peer, running(peer, memory) as bus:
            await until(lambda: not memory.rows and not bus.state.trouble, "told")
    assert [x["event"] for x in logs] == ["bus.deaf", "bus.well"]


async def test_of_what_nobody_waits_for_an_answer_to_only_so_much_is_kept() -> None:
    room = _Room()

    def came(qos: int) -> aiomqtt.Message:
        return aiomqtt.Message(REPORT, WORD, qos, False, 1, None)

    for _ in range(UNHEARD + 10):
        room.put_nowait(came(0))
    assert room.qsize() == UNHEARD
    room.put_nowait(came(1))
    assert room.qsize() == UNHEARD + 1, "what has an answer always fits: the broker counts it"


# -------------------------------------------------------------------------------- where a broker is


@pytest.mark.parametrize(
    ("url", "there"),
    [
        ("mqtt://desk:a%40b@10.1.2.3:1884", Broker("10.1.2.3", 1884, "desk", "a@b")),
        ("mqtt://10.1.2.3", Broker("10.1.2.3", 1883)),
        ("mqtts://u:p@10.1.2.3", Broker("10.1.2.3", 8883, "u", "p", tls=True)),
    ],
)
def test_another_broker_is_named_by_its_address(url: str, there: Broker) -> None:
    assert broker(url) == there
    assert "a@b" not in repr(broker(url))


@pytest.mark.parametrize(
    "url", ["", "10.1.2.3", "http://x", "mqtt://", "mqtt://a:99999", "mqtt://["]
)
def test_what_is_no_address_of_a_broker_is_refused_with_the_remedy(url: str) -> None:
    with pytest.raises(UrlError, match="SIAGA_MQTT_URL: write mqtt://user:password@host:port"):
        broker(url)


@pytest.mark.parametrize(("bind", "host"), [("0.0.0.0:1884", HOST), ("10.1.2.3:1884", "10.1.2.3")])
def test_our_own_broker_is_where_it_listens_and_knows_the_desk_by_what_is_in_force(
    tmp_path: Path, bind: str, host: str
) -> None:
    settings = Settings(state=tmp_path, mqtt_bind=bind)
    with pytest.raises(FileNotFoundError, match=r"mqtt\.desk"):
        chosen(settings)
    (tmp_path / "current" / "desk").mkdir(parents=True)
    (tmp_path / "current" / "desk" / "mqtt.desk").write_text("geheim")
    assert chosen(settings) == Broker(host, 1884, "desk", "geheim")
    elsewhere = settings.model_copy(update={"mqtt_url": "mqtts://u:p@10.9.9.9"})
    assert chosen(elsewhere) == Broker("10.9.9.9", 8883, "u", "p", tls=True)


async def test_a_broker_that_cannot_be_found_is_looked_for_again() -> None:
    memory = Memory(calls(1))
    async with Peer().serving() as peer:
        tries = iter([UrlError("SIAGA_MQTT_URL: write it"), OSError("no such file"), None])

        def find() -> Broker:
            if error := next(tries):
                raise error
            return Broker(HOST, peer.port)

        with capture_logs() as logs:
            bus = Bus(find, memory, PATIENT)
            async with in_background(bus):
                await until(lambda: not memory.rows and not bus.state.trouble, "told")
    assert [x.get("why") for x in logs] == ["SIAGA_MQTT_URL: write it", "no such file", None]


async def test_after_a_link_that_broke_one_message_is_tried_alone_then_more_and_more() -> None:
    memory = Memory(calls(31, topics=31))
    async with Peer().serving() as peer, running(peer, memory) as bus:
        await until(lambda: not memory.rows, "told")
        assert memory.told == [1, 2, 4, 8, 16]
        await until(lambda: bus._width == 16, "and that is noted")
        peer.answers = lambda _, said: None if "calls" in said.topic else 0
        memory.rows = calls(4, topics=4)
        bus.wake()
        await until(lambda: len(peer.told()) == 35, "four are on their way")
        peer.break_link()
        await until(lambda: len(peer.told()) == 36, "one is tried")
        peer.answers = lambda _, __: 0
        peer.break_link()
        await until(lambda: not memory.rows, "told")


async def test_patience_grows_to_its_limit_and_is_never_the_same_for_all() -> None:
    bus = Bus(lambda: Broker(HOST, 1), Memory())
    waits: list[float] = [0.0]
    for _ in range(200):
        waits.append(bus._patience(waits[-1]))
    assert all(1.0 <= wait <= 30.0 for wait in waits[1:])
    assert max(waits) > 25.0
    assert len({round(wait, 3) for wait in waits}) > 50
    assert bus._patience(0.0) <= 2.0
