"""The bus and the broker as it is shipped: who may read what, and what survives whom."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiomqtt
import pytest
from line import ROOT
from mosquitto import Mosquitto, by_topic
from outbox import Memory, Row, calls
from sqlalchemy import Engine, select
from structlog.testing import capture_logs

from ivr import messages
from ivr.bus import Bus
from ivr.callrecord import Change
from ivr.journal import Batch, Line, Position
from ivr.messages import Message
from ivr.mqtt import Limits
from ivr.mqtturl import Broker
from ivr.records import outbox, schema
from ivr.records.engine import open_engine, writing
from ivr.records.outbox import Outbox
from ivr.records.store import Store
from ivr.settings import Settings
from routing.loading import load

LIMIT_SECONDS = 60.0
QUICK = Limits(first_retry_seconds=0.1, longest_retry_seconds=0.5, connect_seconds=1.0)
DAMKAR = "siaga112/agencies/damkar/reports"
BPBD = "siaga112/agencies/bpbd/reports"
ACK = f"{DAMKAR}/siaga-1.0-damkar/ack"
WORD = '{"version": 1, "by": "Regu 2"}'
A_DESK = """
import asyncio, sys
from outbox import Memory
from ivr.bus import Bus
from ivr.callrecord import Change
from ivr.mqtturl import broker
asyncio.run(Bus(lambda: broker(sys.argv[1]), Memory()).run())
"""

Heard = list[tuple[str, str]]


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    mosquitto = Mosquitto(tmp_path_factory.mktemp("broker"), 43883)
    yield mosquitto
    mosquitto.stop(signal.SIGKILL)


@pytest.fixture
def broker(mosquitto: Mosquitto) -> Mosquitto:
    """The broker, up, whatever the last test did to it."""
    mosquitto.stop(signal.SIGKILL)
    mosquitto.start()
    return mosquitto


async def until(condition: Callable[[], object], what: str) -> None:
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            while not condition():  # noqa: ASYNC110 - whatever the condition is of
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"never came true: {what}")


@contextlib.asynccontextmanager
async def background(work: "asyncio.Task[None]") -> AsyncIterator[None]:
    try:
        yield
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError, aiomqtt.MqttError):
            await work


@contextlib.asynccontextmanager
async def desk(to: Broker, rows: Memory | Outbox, limits: Limits = QUICK) -> AsyncIterator[Bus]:
    bus = Bus(lambda: to, rows, limits)
    async with background(asyncio.create_task(bus.run())):
        yield bus


async def _listen(client: aiomqtt.Client, heard: Heard) -> None:
    async for message in client.messages:
        heard.append((str(message.topic), bytes(message.payload).decode()))


@contextlib.asynccontextmanager
async def hearing(client: aiomqtt.Client, *topics: str) -> AsyncIterator[Heard]:
    heard: Heard = []
    async with client:
        for topic in topics:
            await client.subscribe(topic, qos=1)
        async with background(asyncio.create_task(_listen(client, heard))):
            yield heard


async def _follow(of: Callable[[], aiomqtt.Client], topic: str, heard: Heard) -> None:
    """Listen like a well-made dashboard: come back whenever the broker does."""
    while True:
        with contextlib.suppress(aiomqtt.MqttError):
            async with of() as client:
                await client.subscribe(topic, qos=1)
                await _listen(client, heard)
        await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def following(of: Callable[[], aiomqtt.Client], topic: str) -> AsyncIterator[Heard]:
    heard: Heard = []
    async with background(asyncio.create_task(_follow(of, topic, heard))):
        yield heard


async def here(broker: Mosquitto) -> bool | None:
    """Return what the broker has kept of the desk's life."""
    async with hearing(broker.client("monitor"), messages.DESK) as heard:
        await until(lambda: heard, "it is kept")
        return bool(json.loads(heard[0][1])["here"])


async def on_disk(broker: Mosquitto) -> None:
    """Return when all that was acknowledged before is on disk: it is, before the next packet."""
    async with broker.client("monitor"):
        pass


# ------------------------------------------------------------------------------- who may do what


async def test_an_agency_reads_the_reports_to_itself_and_nothing_else(broker: Mosquitto) -> None:
    rows = [Row(1, BPBD, "b"), Row(2, "siaga112/calls/c", "c"), Row(3, DAMKAR, "d")]
    everything = ("#", "siaga112/#", DAMKAR, BPBD, f"{BPBD}/+/ack", "$SYS/#")
    async with (
        hearing(broker.client("damkar"), *everything) as damkar,
        hearing(broker.client("monitor"), "siaga112/#") as monitor,
        desk(broker.for_desk, Memory(rows)) as bus,
    ):
        bus.tell(Message("siaga112/queues/operators", "q", retain=True))
        await until(lambda: len(monitor) >= 5, "all are told")
        await until(lambda: damkar, "the agency is told")
        assert {body for _, body in monitor} >= {"b", "c", "d", "q"}
        assert set(damkar) == {(DAMKAR, "d")}


@pytest.mark.parametrize(
    "topic",
    [
        *(DAMKAR, BPBD, f"{BPBD}/siaga-1.0-bpbd/ack", "siaga112/calls/c", messages.DESK, "else"),
        f"{DAMKAR}/a/b/ack",
    ],
)
async def test_an_agency_cannot_speak_for_another_or_for_us(broker: Mosquitto, topic: str) -> None:
    memory = Memory()
    memory.reports.add(("siaga-1.0-bpbd", "bpbd"))
    async with (
        hearing(broker.client("monitor"), "#") as monitor,
        hearing(broker.client("bpbd"), BPBD) as bpbd,
        desk(broker.for_desk, memory) as bus,
        broker.client("damkar") as damkar,
    ):
        await until(lambda: bus.state.trouble == "", "the desk is there")
        await damkar.publish(topic, WORD, qos=1)
        await damkar.publish(ACK, WORD, qos=1)
        await until(lambda: memory.stored, "its own word is heard, so the other has come too")
        assert memory.stored == [("siaga-1.0-damkar", "damkar", "Regu 2")]
        await until(lambda: (ACK, WORD) in monitor, "the monitor hears it")
        assert (topic, WORD) not in monitor
        assert bpbd == []


@pytest.mark.parametrize("account", ["damkar", "desk", "monitor", "nobody"])
async def test_who_cannot_prove_an_account_does_not_come_in(
    broker: Mosquitto, account: str
) -> None:
    with pytest.raises(aiomqtt.MqttCodeError, match="Not authorized"):
        async with broker.client(account, "wrong"):
            pass


@pytest.mark.usefixtures("broker")
async def test_who_names_no_account_does_not_come_in() -> None:
    with pytest.raises(aiomqtt.MqttCodeError, match="Not authorized"):
        async with aiomqtt.Client("127.0.0.1", 43883, protocol=aiomqtt.ProtocolVersion.V5):
            pass


async def test_an_agency_cannot_take_the_place_of_the_desk(broker: Mosquitto) -> None:
    memory = Memory()
    async with desk(broker.for_desk, memory) as bus:
        await until(lambda: bus.state.trouble == "", "the desk is there")
        with capture_logs() as logs:
            for name in ("desk", "siaga-desk"):
                async with broker.client("damkar", identifier=name) as damkar:
                    await damkar.publish(ACK, WORD, qos=1)
            await until(lambda: bus.state.acknowledged == 2, "the desk hears both")
        assert {x["event"] for x in logs} == {"bus.acknowledged"}, "it was never put out"


async def test_a_wrong_password_is_told_once_and_the_rest_works_on(broker: Mosquitto) -> None:
    wrong = Broker("127.0.0.1", 43883, "desk", "wrong")
    memory = Memory(calls(1))
    with capture_logs() as logs:
        async with desk(wrong, memory) as bus:
            await until(lambda: "Not authorized" in bus.state.trouble, "refused")
            await until(lambda: broker.log.count("not authorised") > 3, "and tried again")
    assert [x["event"] for x in logs] == ["bus.trouble"]
    assert len(memory.rows) == 1


# ----------------------------------------------------------------------------- the whole way


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    (tmp_path / "desk").mkdir()
    engine = open_engine(Settings(state=tmp_path))
    yield engine
    engine.dispose()


CALL = "siaga-1.0"
STORY = (
    Line(CALL, CALL, 100.0, "CHAN_START", (("context", "from-trunk"),)),
    Line(CALL, CALL, 100.2, "CALL", (("ani", "0812"), ("dnis", "112"), ("trunk", "telkom"))),
    Line(CALL, CALL, 104.0, "PLAN", (("plan", "fire"), ("floor", "controller"))),
    Line(CALL, CALL, 130.0, "HANGUP"),
)


async def test_a_call_in_the_journal_is_reported_and_its_agency_s_word_is_in_the_database(
    broker: Mosquitto, engine: Engine
) -> None:
    services = load(ROOT / "config").menu.services

    def concerned(service: str) -> tuple[str, ...]:
        found = services.get(service)
        return (*found.agencies, *found.reports) if found else ()

    def follow(change: Change) -> messages.Followed:
        return messages.follow(change, concerned)

    store = Store(engine)
    async with (
        desk(broker.for_desk, Outbox(engine)) as bus,
        hearing(broker.client("monitor"), "siaga112/calls/+") as monitor,
        broker.client("damkar") as damkar,
    ):
        await damkar.subscribe(DAMKAR, qos=1)
        for n, lines in enumerate((STORY[:3], STORY[3:]), 1):
            batch = Batch(lines, (), Position("file", n))
            await asyncio.to_thread(store.ingest, batch, "calls.jsonl", follow)
            bus.wake()
            async with asyncio.timeout(LIMIT_SECONDS):
                report = json.loads(bytes((await anext(damkar.messages)).payload))
            assert (report["id"], report["revision"]) == ("siaga-1.0-damkar", n)
            assert report["caller"] == "0812"
            await damkar.publish(f"{DAMKAR}/{report['id']}/ack", WORD, qos=1)
            await until(lambda n=n: bus.state.acknowledged == n, "heard")  # type: ignore[misc]
        await until(lambda: len(monitor) == 2, "the monitor has both")
        with engine.connect() as connection:
            (row,) = connection.execute(select(schema.reports)).all()
            assert (row.id, row.agency, row.acknowledged_by) == (report["id"], "damkar", "Regu 2")
            assert json.loads(row.body)["outcome"] == "abandoned-menu"
            assert connection.execute(select(schema.outbox)).all() == []


# --------------------------------------------------------------------------- what survives whom


async def test_a_broker_that_is_killed_twice_in_a_thousand_messages_loses_none(
    broker: Mosquitto, engine: Engine
) -> None:
    async with broker.lasting("monitor") as monitor:
        await monitor.subscribe("siaga112/calls/+", qos=1)
    rows = Outbox(engine)
    with writing(engine) as connection:
        thousand = (Message(row.topic, row.body) for row in calls(1000, topics=20))
        outbox.put(connection, thousand, at=0.0)
    async with (
        following(lambda: broker.lasting("monitor"), "siaga112/calls/+") as heard,
        desk(broker.for_desk, rows),
    ):
        for enough in (300, 600):
            await until(lambda n=enough: len(heard) > n, "it is in the middle")  # type: ignore[misc]
            await asyncio.to_thread(broker.stop, signal.SIGKILL)
            assert rows.waiting(1), "killed in the middle"
            await asyncio.to_thread(broker.start)
        await until(lambda: not rows.waiting(1), "all are told")
        await until(lambda: len({body for _, body in heard}) == 1000, "none is lost")
        for topic, told in by_topic(heard, "siaga112/calls/").items():
            first = int(topic.rpartition("c")[2])
            assert list(dict.fromkeys(told)) == [f"{i}" for i in range(first, 1000, 20)]
    # In doubt were what was on its way to the broker, and from it to who listened.
    assert len(heard) - 1000 <= 2 * (QUICK.in_flight + 20)


async def test_what_the_broker_acknowledged_for_an_agency_that_is_away_survives_its_kill(
    broker: Mosquitto,
) -> None:
    async with broker.lasting("bpbd") as bpbd:
        await bpbd.subscribe(BPBD, qos=1)
    memory = Memory([Row(i, BPBD, f"{i}") for i in range(200)])
    async with desk(broker.for_desk, memory):
        await until(lambda: not memory.rows, "the broker has them all")
    await on_disk(broker)
    broker.stop(signal.SIGKILL)
    broker.start()
    async with hearing(broker.lasting("bpbd"), BPBD) as heard:
        await until(lambda: len(heard) == 200, "the agency gets them all")
        assert heard == [(BPBD, f"{i}") for i in range(200)]


async def test_a_broker_that_is_away_for_a_while_is_told_of_once_and_loses_nothing(
    broker: Mosquitto,
) -> None:
    memory = Memory()
    with capture_logs() as logs:
        async with desk(broker.for_desk, memory) as bus:
            await until(lambda: bus.state.trouble == "", "it goes well")
            await asyncio.to_thread(broker.stop)
            await until(lambda: "refused" in bus.state.trouble, "it is away")
            memory.rows = calls(50)
            bus.wake()
            async with following(lambda: broker.lasting("monitor"), "siaga112/calls/+") as heard:
                await asyncio.to_thread(broker.start)
                await until(lambda: not memory.rows, "told")
                await until(lambda: bus.state.trouble == "", "it goes well again")
            assert heard == [] or heard[-1][1] == "49"
    assert [x["event"] for x in logs].count("bus.well") == 2
    assert len([x for x in logs if "refused" in x.get("why", "")]) == 1


async def test_a_broker_that_accepts_and_says_nothing_is_left_and_found_again(
    broker: Mosquitto,
) -> None:
    memory = Memory(calls(5))
    broker.send(signal.SIGSTOP)  # the kernel accepts in its place
    async with desk(broker.for_desk, memory) as bus:
        await until(lambda: "in time" in bus.state.trouble, "it does not answer")
        assert len(memory.rows) == 5
        broker.send(signal.SIGCONT)
        await until(lambda: not memory.rows, "told")


async def test_a_broker_that_falls_silent_in_the_middle_is_left_and_found_again(
    broker: Mosquitto,
) -> None:
    memory = Memory()
    limits = Limits(0.5, 0.5, first_retry_seconds=0.1, longest_retry_seconds=0.5)
    async with desk(broker.for_desk, memory, limits) as bus:
        await until(lambda: bus.state.trouble == "", "it goes well")
        broker.send(signal.SIGSTOP)
        memory.rows = calls(5)
        bus.wake()
        await until(lambda: "in time" in bus.state.trouble, "it does not answer")
        broker.send(signal.SIGCONT)
        await until(lambda: not memory.rows, "told")


async def test_what_is_too_large_for_the_broker_is_told_of_and_stays(broker: Mosquitto) -> None:
    memory = Memory([Row(1, "siaga112/calls/c", "x" * 70_000)])
    async with desk(broker.for_desk, memory) as bus:
        await until(lambda: "too large" in bus.state.trouble, "the reason is named")
        assert memory.rows


# ------------------------------------------------------------------------------ the desk's own life


async def test_a_desk_that_is_killed_is_gone_and_one_that_is_there_is_there(
    broker: Mosquitto,
) -> None:
    there = broker.for_desk
    url = f"mqtt://{there.user}:{there.password}@{there.host}:{there.port}"
    killed = subprocess.Popen(  # noqa: ASYNC220 - it only starts
        [sys.executable, "-c", A_DESK, url],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT}/tests/e2e"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        async with hearing(broker.client("monitor"), messages.DESK) as heard:
            await until(lambda: heard and json.loads(heard[-1][1])["here"], "the desk is there")
            killed.kill()
            await until(lambda: not json.loads(heard[-1][1])["here"], "the broker says it is gone")
    finally:
        killed.kill()
        await asyncio.to_thread(killed.wait, 10)
    assert await here(broker) is False
    async with desk(there, Memory()) as bus:
        await until(lambda: bus.state.trouble == "", "another one comes")
        assert await here(broker) is True
    assert await here(broker) is False, "it said goodbye"


async def test_who_comes_late_finds_every_state_also_after_the_broker_forgot(
    broker: Mosquitto,
) -> None:
    queue, hotline = "siaga112/queues/operators", "siaga112/hotlines/damkar-113"
    async with desk(broker.for_desk, Memory()) as bus:
        bus.tell(Message(queue, "1", retain=True))
        bus.tell(Message(queue, "2", retain=True))
        bus.tell(Message(hotline, "h", retain=True))
        await until(lambda: bus.state.trouble == "" and not bus._untold, "told")
        async with hearing(broker.client("monitor"), "siaga112/queues/+", "siaga112/#") as heard:
            await until(lambda: {(queue, "2"), (hotline, "h")} <= set(heard), "both are kept")
            assert (queue, "1") not in heard
        await asyncio.to_thread(broker.stop, signal.SIGKILL)
        for path in (broker.settings.state / "broker").iterdir():
            path.unlink()
        await until(lambda: bus.state.trouble, "it is away")
        await asyncio.to_thread(broker.start)
        await until(lambda: bus.state.trouble == "" and not bus._untold, "told anew")
        async with hearing(broker.client("monitor"), "siaga112/#") as heard:
            await until(lambda: {(queue, "2"), (hotline, "h")} <= set(heard), "both are there")


# ---------------------------------------------------------------------------------------- hearing


async def test_what_an_agency_acknowledges_is_stored_once_however_often_it_says_so(
    broker: Mosquitto,
) -> None:
    memory = Memory()
    async with desk(broker.for_desk, memory) as bus, broker.client("damkar") as damkar:
        await until(lambda: bus.state.trouble == "", "it goes well")
        for by in ("Regu 2", "Regu 2", "Regu 3"):
            await damkar.publish(ACK, WORD.replace("Regu 2", by), qos=1)
        await until(lambda: bus.state.acknowledged == 3, "all are heard")
        assert memory.stored == [("siaga-1.0-damkar", "damkar", "Regu 2")]


async def test_what_an_agency_says_while_the_desk_is_away_is_heard_when_it_is_back(
    broker: Mosquitto,
) -> None:
    async with desk(broker.for_desk, Memory()) as bus:
        await until(lambda: bus.state.trouble == "", "the broker knows the desk")
    async with broker.client("damkar") as damkar:
        await damkar.publish(ACK, WORD, qos=1)
    await on_disk(broker)
    broker.stop(signal.SIGKILL)
    broker.start()
    memory = Memory()
    async with desk(broker.for_desk, memory):
        await until(lambda: memory.stored, "heard")


async def test_nonsense_from_an_agency_is_refused_and_the_desk_works_on(broker: Mosquitto) -> None:
    memory = Memory()
    async with desk(broker.for_desk, memory) as bus, broker.client("damkar") as damkar:
        await until(lambda: bus.state.trouble == "", "it goes well")
        for body in (b"", b"\xff\xfe", b"{" * 60_000, b'{"version":1}', b"[" * 4000):
            await damkar.publish(ACK, body, qos=1)
        await damkar.publish(f"{DAMKAR}/siaga-9.9-damkar/ack", WORD, qos=1)
        for _ in range(300):
            await damkar.publish(ACK, b"flood", qos=0)
        await until(lambda: bus.state.refused == 306, "all are refused")
        await damkar.publish(ACK, WORD, qos=1)
        await until(lambda: memory.stored, "and what is true is heard")


async def test_words_that_an_agency_lets_the_broker_keep_do_not_stay_there(
    broker: Mosquitto,
) -> None:
    memory, queue = Memory(), "siaga112/queues/operators"
    many = [f"{DAMKAR}/siaga-{number}.0-damkar/ack" for number in range(300)]
    async with broker.client("damkar") as damkar:
        for topic in many[:150]:
            await damkar.publish(topic, b"x" * 10_000, qos=1, retain=True)
    async with desk(broker.for_desk, memory) as bus, broker.client("damkar") as damkar:
        bus.tell(Message(queue, "1", retain=True))
        for topic in many[150:]:
            await damkar.publish(topic, b"x" * 10_000, qos=1, retain=True)
        await damkar.publish(ACK, WORD, qos=1, retain=True)
        await until(lambda: bus.state.refused >= len(many), "each is heard")
        await until(lambda: memory.stored, "and the true one is stored")
        await until(lambda: bus.state.trouble == "", "it goes well")
        while await kept(broker, but=queue):
            pass
    await on_disk(broker)


async def kept(broker: Mosquitto, but: str) -> list[str]:
    """Return the acknowledgements that the broker keeps, as who comes late is told."""
    async with hearing(broker.client("monitor"), "siaga112/#", but) as heard:
        # Asked for a second time, it comes after all that was asked for first.
        await until(lambda: [x for x, _ in heard].count(but) == 2, "our own states are kept")
        return [topic for topic, body in heard if topic.endswith("/ack") and body]


# ------------------------------------------------------------------ an edit on the running system


async def test_an_edit_of_the_agencies_reaches_the_running_broker(broker: Mosquitto) -> None:
    async with broker.lasting("bpbd") as bpbd:
        await bpbd.subscribe(BPBD, qos=1)
    memory = Memory([Row(1, BPBD, "kept")])
    async with (
        desk(broker.for_desk, memory) as bus,
        broker.client("damkar") as damkar,
        hearing(broker.client("pmi"), "siaga112/agencies/pmi/reports"),
    ):
        await until(lambda: not memory.rows, "told")
        with capture_logs() as logs:
            broker.edit("  pmi:\n", "  pmi-riau:\n")
            await until(lambda: "Client pmi [" in broker.log.rpartition("Reloading")[2], "put out")
            async with broker.client("pmi-riau"):
                pass
            with pytest.raises(aiomqtt.MqttCodeError):
                async with broker.client("pmi"):
                    pass
            before = bus.state.acknowledged
            await damkar.publish(ACK, WORD, qos=1)
            await until(lambda: bus.state.acknowledged > before, "who stays was not put out")
        assert {x["event"] for x in logs} == {"bus.acknowledged"}
    async with hearing(broker.lasting("bpbd"), BPBD) as heard:
        await until(lambda: heard == [(BPBD, "kept")], "who was away finds what waited")


def test_the_broker_warns_of_nothing_in_its_files(broker: Mosquitto) -> None:
    assert [line for line in broker.log.splitlines() if "Warning" in line or "Error" in line] == []
    assert "geheim" not in broker.log
