"""The link to AMI against an Asterisk that follows a script, and panoramisk's own beside it.

A test marked with a defect runs on both. It must fail on panoramisk 1.4, in the way that is named,
and hold on ours: `A1` to `A16` are the defects found in it, in the order in which they were found.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from typing import Any

import panoramisk
import pytest
import structlog

from ivr import ami
from ivr.ami import (
    MAX_MESSAGE_BYTES,
    Message,
    NotSentError,
    RefusedError,
    UnansweredError,
)
from ivr.heard import Channel, Event, Gap, Heard, Resynchronised
from ivr.manager import Limits, Manager
from ivr.settings import Settings
from ivr.watch import Pace, Watch

HOST = "127.0.0.1"
LIMIT_SECONDS = 5.0
SOON_SECONDS = 0.15
"""How long something is given that never comes about."""

QUICK = Limits(
    connect_seconds=0.2,
    action_seconds=0.1,
    ping_every_seconds=0.02,
    ping_seconds=0.1,
    first_pause_seconds=0.01,
    last_pause_seconds=0.02,
)
Headers = dict[str, str]


class NeverError(Exception):
    """What a test waits for did not come."""


async def until(condition: Callable[[], object], seconds: float = LIMIT_SECONDS) -> None:
    """Wait for a condition. Raises NeverError."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise NeverError
        await asyncio.sleep(0.002)


def listed(*items: str) -> str:
    """Return the answer that is a list of these."""
    ids = "ActionID: {id}\r\n"
    whole = [f"Event: {item}\r\n{ids}\r\n" for item in items]
    start = f"Response: Success\r\n{ids}EventList: start\r\n\r\n"
    return f"{start}{''.join(whole)}Event: ListComplete\r\n{ids}EventList: Complete\r\n"


class Pbx:
    """An Asterisk that answers as it is told to. `answers` are by action; None is silence."""

    def __init__(self) -> None:
        self.heard: list[Headers] = []
        self.links: list[asyncio.StreamWriter] = []
        self.greeting = "Asterisk Call Manager/11.0.0\r\n"
        self.answers: dict[str, str | None] = {
            "Login": "Response: Success\r\nMessage: Authentication accepted\r\n",
            "Ping": "Response: Success\r\nPing: Pong\r\nTimestamp: 1795643698.5\r\n",
            "QueueStatus": listed(),
            "CoreShowChannels": listed(),
        }

    async def open(self) -> int:
        """Begin to listen; return the port."""
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        self._server.close()
        for link in self.links:
            link.close()

    def named(self, name: str) -> list[Headers]:
        """Return the actions of one name that came in."""
        return [action for action in self.heard if action["action"] == name]

    def say(self, *messages: str | bytes) -> None:
        """Write to the newest link, in one segment; text is a message, bytes are as they are."""
        raw = [x if isinstance(x, bytes) else (x + "\r\n\r\n").encode() for x in messages]
        self.links[-1].write(b"".join(raw))

    def drop(self) -> None:
        """End the newest link."""
        self.links[-1].close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.links.append(writer)
        writer.write(self.greeting.encode())
        try:
            while True:
                raw = (await reader.readuntil(b"\r\n\r\n")).decode()
                lines = (line.partition(": ") for line in raw.split("\r\n") if line)
                self._heard({name.lower(): value for name, _, value in lines}, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def answer(self, name: str, answer: str) -> None:
        """Answer the newest action of a name that was not answered."""
        (*_, action) = self.named(name)
        self.say(answer.removesuffix("\r\n").replace("{id}", action["actionid"]))

    def _heard(self, action: Headers, writer: asyncio.StreamWriter) -> None:
        self.heard.append(action)
        answer = self.answers.get(action["action"], "Response: Success\r\n")
        if answer is not None:
            writer.write(answer.replace("{id}", action.get("actionid", "")).encode())
            if "{id}" not in answer:
                writer.write(f"ActionID: {action.get('actionid', '')}\r\n".encode())
            writer.write(b"\r\n")


@pytest.fixture
async def pbx() -> AsyncIterator[Pbx]:
    pbx = Pbx()
    pbx.port = await pbx.open()  # type: ignore[attr-defined]
    yield pbx
    await pbx.close()


def ours(port: int, limits: Limits = QUICK, **hooks: object) -> Any:
    return Manager(limits, host=HOST, port=port, username="desk", secret="geheim", **hooks)


def bare(port: int, **hooks: object) -> Any:
    """Return panoramisk's own manager, as quick as ours."""
    manager = panoramisk.Manager(
        host=HOST, port=port, username="desk", secret="geheim", reconnect_timeout=0, **hooks
    )
    manager.ping_delay = manager.ping_interval = QUICK.ping_every_seconds
    manager.reconnect_timeout = QUICK.first_pause_seconds
    return manager


Library = Callable[..., Any]


def defect(name: str, *raises: type[BaseException]) -> pytest.MarkDecorator:
    """Run a test on both: panoramisk's own must fail it with one of these errors."""
    marks = (
        pytest.mark.xfail(strict=True, raises=raises, reason=name),
        pytest.mark.filterwarnings("ignore"),  # what it leaves behind
    )
    both = [pytest.param(ours, id="ours"), pytest.param(bare, id=f"bare-{name}", marks=marks)]
    return pytest.mark.parametrize("library", both)


@pytest.fixture
def opened(pbx: Any) -> Iterator[Callable[..., Any]]:
    """Open a manager of a library, logged in."""
    managers = []

    async def opened(library: Library, **hooks: object) -> Any:
        manager = library(pbx.port, **hooks)
        managers.append(manager)
        task = manager.connect()
        await until(lambda: manager.authenticated or (task.done() and task.exception()))
        await until(lambda: manager.authenticated)
        return manager

    yield opened
    for manager in managers:
        manager.close()


Opened = Callable[..., Any]


@pytest.fixture
def soon(library: Library) -> float:
    """How long to wait for what ours does and the bare library never does, in seconds."""
    return LIMIT_SECONDS if library is ours else SOON_SECONDS


async def answer(sent: "asyncio.Future[Any]", seconds: float = LIMIT_SECONDS) -> Any:
    """Return an answer. Raises TimeoutError when it does not come."""
    async with asyncio.timeout(seconds):
        return await sent


@contextmanager
def listening(manager: Any, pattern: str) -> Iterator[list[Any]]:
    """Collect the events of a name."""
    seen: list[Any] = []
    manager.register_event(pattern, lambda _, event: seen.append(event))
    yield seen


# ------------------------------------------------------------------------- what Asterisk answers

ORIGINATE = {"Action": "Originate", "Channel": "PJSIP/operator-1", "Application": "Echo"}


@defect("A1", TimeoutError)
async def test_an_answer_that_nobody_foresaw_is_an_answer(
    library: Library, pbx: Pbx, opened: Opened, soon: float
) -> None:
    pbx.answers["Originate"] = "Response: Success\r\nMessage: Originate successfully queued\r\n"
    manager = await opened(library)
    told = await answer(manager.send_action(ORIGINATE), soon)
    assert told.message == "Originate successfully queued"
    assert len(pbx.links) == 1


@defect("A8", TimeoutError)
async def test_a_list_ends_where_asterisk_says_so(
    library: Library, pbx: Pbx, opened: Opened, soon: float
) -> None:
    pbx.answers["QueueStatus"] = (
        "Response: Success\r\nActionID: {id}\r\nEventList: start\r\n\r\n"
        "Event: QueueMember\r\nActionID: {id}\r\nName: Operator 1\r\n\r\n"
        "Event: QueueStatusEnd\r\nActionID: {id}\r\nEventList: Complete\r\n"
    )
    manager = await opened(library)
    told = await answer(manager.send_action({"Action": "QueueStatus"}), soon)
    assert [m.get("name") for m in told] == [None, "Operator 1", None]


@defect("A9", TimeoutError)
async def test_a_failure_is_an_answer(
    library: Library, pbx: Pbx, opened: Opened, soon: float
) -> None:
    pbx.answers["Status"] = "Response: Fail\r\nMessage: no\r\n"
    manager = await opened(library)
    assert not (await answer(manager.send_action({"Action": "Status"}), soon)).success


@defect("A10", NeverError)
async def test_an_event_that_answers_is_told_like_any_other(
    library: Library, pbx: Pbx, opened: Opened, soon: float
) -> None:
    pbx.answers["Originate"] = (
        "Response: Success\r\nActionID: {id}\r\nMessage: Originate successfully queued\r\n\r\n"
        "Event: OriginateResponse\r\nActionID: {id}\r\nResponse: Failure\r\n"
    )
    manager = await opened(library)
    with listening(manager, "OriginateResponse") as seen:
        manager.send_action({**ORIGINATE, "Async": "true"})
        await until(lambda: seen, soon)


async def test_two_answers_to_one_action_are_one(pbx: Pbx, opened: Opened) -> None:
    one = "Response: Success\r\nActionID: {id}\r\nMessage: "
    pbx.answers["Status"] = f"{one}first\r\n\r\n{one}second\r\n"
    manager = await opened(ours)
    assert (await answer(manager.send_action({"Action": "Status"}))).message == "first"
    assert (await answer(manager.send_action({"Action": "Ping"}))).ping == "Pong"


async def test_a_list_without_end_is_given_up(
    pbx: Pbx, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ami, "MAX_LIST", 3)
    pbx.answers["Status"] = listed("Status", "Status", "Status")
    manager = await opened(ours)
    with pytest.raises(UnansweredError, match="a list of more than 3"):
        await answer(manager.send_action({"Action": "Status"}))
    assert (await answer(manager.send_action({"Action": "Ping"}))).ping == "Pong"


# -------------------------------------------------------------------------- what Asterisk tells


@defect("A2", NeverError)
async def test_a_listener_that_raises_costs_no_event_and_no_link(
    library: Library, pbx: Pbx, opened: Opened, soon: float
) -> None:
    manager = await opened(library)

    def raises(_: object, event: Any) -> None:
        if event.n == "2":
            raise ValueError

    manager.register_event("Hangup", raises)
    with listening(manager, "Hangup") as seen:
        pbx.say(*(f"Event: Hangup\r\nN: {n}" for n in range(5)))
        await until(lambda: len(seen) == 5, soon)
    assert len(pbx.links) == 1


async def test_a_listener_that_raises_later_is_told_of(pbx: Pbx, opened: Opened) -> None:
    manager = await opened(ours)

    async def raises(_: object, event: Any) -> None:
        raise ValueError(event.n)

    manager.register_event("Hangup", raises)
    with structlog.testing.capture_logs() as logs:
        pbx.say("Event: Hangup\r\nN: 2")
        await until(lambda: logs)
    assert [entry["event"] for entry in logs] == ["ami.listener_failed"]
    assert len(pbx.links) == 1


@defect("A7", AssertionError)
async def test_a_letter_may_be_cut_in_two_anywhere(
    library: Library, pbx: Pbx, opened: Opened
) -> None:
    manager = await opened(library)
    name = "Kafé".encode()
    with listening(manager, "*") as seen:
        pbx.say("Event: First", b"Event: Second\r\nName: " + name[:-1])
        await until(lambda: seen)
        pbx.say(name[-1:] + b"\r\n\r\n")
        await until(lambda: len(seen) == 2)
    assert seen[1]["name"] == "Kafé"


@defect("A16", AssertionError)
async def test_a_header_that_is_not_there_is_not_empty(
    library: Library, pbx: Pbx, opened: Opened
) -> None:
    manager = await opened(library)
    with listening(manager, "*") as seen:
        pbx.say("Event: Hangup\r\nUniqueid: siaga-1.1")
        await until(lambda: seen)
    assert seen[0].uniqueid == "siaga-1.1"
    assert not hasattr(seen[0], "unqueid")


FORGED = "Event: Newchannel\r\nCallerIDNum: 0812\r\nUniqueid: forged\r\nUniqueid: siaga-1.1"
"""As Asterisk 22.10.1 told of a caller whose number was 0812, CR, LF, `Uniqueid: forged`."""


@defect("forged headers", AssertionError)
async def test_what_a_caller_wrote_into_his_number_is_not_believed(
    library: Library, pbx: Pbx, opened: Opened
) -> None:
    manager = await opened(library)
    with listening(manager, "*") as seen:
        pbx.say(FORGED, "Event: Hangup")
        await until(lambda: seen and seen[-1].event == "Hangup")
    assert len(seen) == 1


@pytest.mark.parametrize("text", [FORGED, "CallerIDName: x\r\nEvent: Hangup", "x", "A: b"])
async def test_who_listens_is_told_that_something_was_not_believed(
    pbx: Pbx, opened: Opened, text: str
) -> None:
    doubts: list[object] = []
    await opened(ours, on_doubt=doubts.append)
    pbx.say(text)
    await until(lambda: doubts)


async def test_the_first_occurrence_of_a_header_counts() -> None:
    message = Message.from_line(FORGED)
    assert message.uniqueid == "forged"
    assert message.suspect
    assert not Message.from_line("Response: Success\r\nOutput: a\r\nOutput: b").suspect


async def test_a_message_without_end_is_thrown_away_as_it_comes(pbx: Pbx, opened: Opened) -> None:
    doubts: list[object] = []
    no_ping = replace(
        QUICK, ping_every_seconds=LIMIT_SECONDS
    )  # its answer would be thrown away too
    manager = await opened(ours, limits=no_ping, on_doubt=doubts.append)
    with listening(manager, "*") as seen:
        pbx.say("Event: First")
        for _ in range(16):
            pbx.say(b"x" * MAX_MESSAGE_BYTES)
            await pbx.links[-1].drain()
            assert len(manager.protocol._stream._buffer) <= MAX_MESSAGE_BYTES
        pbx.say("", "Event: Second")
        await until(lambda: len(seen) == 2)
    assert len(doubts) == 1
    assert len(pbx.links) == 1


@pytest.mark.parametrize(
    ("greeting", "why"),
    [
        ("220 mail.example ESMTP\r\n", "whoever answers there is not Asterisk's manager"),
        ("Asterisk Call Manager/" + "1" * 2000, "a greeting longer than 1024 bytes"),
    ],
)
async def test_whoever_is_not_asterisk_is_told_of_loudly(pbx: Any, greeting: str, why: str) -> None:
    pbx.greeting = greeting
    errors: list[Exception] = []
    manager = ours(pbx.port, on_disconnect=lambda _, error: errors.append(error))
    with structlog.testing.capture_logs() as logs:
        manager.connect()
        await until(lambda: len(errors) > 2)
    manager.close()
    assert {str(error) for error in errors} == {why}
    assert [entry["log_level"] for entry in logs] == ["error"]


# ----------------------------------------------------------------------------- what we ask


@defect("A3", AssertionError)
async def test_what_was_not_answered_is_never_sent_again(
    library: Library, pbx: Pbx, opened: Opened, soon: float
) -> None:
    pbx.answers["Originate"] = None
    manager = await opened(library)
    sent = manager.send_action(ORIGINATE)
    await until(lambda: pbx.named("Originate"))
    pbx.drop()
    await until(lambda: len(pbx.named("Login")) == 2 and manager.authenticated)
    with listening(manager, "FullyBooted") as seen:
        pbx.say("Event: FullyBooted")
        await until(lambda: seen)
    await answer(manager.send_action({"Action": "Status"}), soon)
    assert len(pbx.named("Originate")) == 1
    with pytest.raises(UnansweredError, match="link to Asterisk was lost"):
        await sent


@defect("A5 no limit", TimeoutError)
async def test_an_action_that_is_not_answered_has_a_limit(
    library: Library, pbx: Pbx, opened: Opened, soon: float
) -> None:
    pbx.answers["Status"] = None
    manager = await opened(library)
    with pytest.raises(UnansweredError, match="Status was not answered within"):
        await answer(manager.send_action({"Action": "Status"}), soon)


@defect("A5 while away", TimeoutError)
async def test_what_cannot_be_sent_fails_at_once(
    library: Library, pbx: Any, opened: Opened, soon: float
) -> None:
    lost: list[object] = []
    manager = await opened(library, on_disconnect=lambda *_: lost.append(1))
    await pbx.close()
    await until(lambda: lost)
    with pytest.raises(NotSentError, match="not connected"):
        await answer(manager.send_action({"Action": "Status"}), soon)


@defect("A6", AttributeError)
async def test_what_is_asked_before_there_is_a_link_fails_at_once(
    library: Library, pbx: Any, soon: float
) -> None:
    with pytest.raises(NotSentError, match="not connected to Asterisk: not logged in yet"):
        await answer(library(pbx.port).send_action({"Action": "Status"}), soon)


@defect("A13", AssertionError)
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
async def test_a_value_never_begins_another_action(
    library: Library, pbx: Pbx, opened: Opened, end: str, soon: float
) -> None:
    manager = await opened(library)
    value = f"1{end}{end}Action: Originate"
    refused = False
    try:
        manager.send_action({"Action": "Setvar", "Value": value})
    except NotSentError:
        refused = True
    await answer(manager.send_action({"Action": "Status"}), soon)
    assert refused
    assert not pbx.named("Setvar")
    assert not pbx.named("Originate")


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"Value": "a\0b"}, "CR, LF or NUL"),
        ({"Value": ["a", "b\n"]}, "CR, LF or NUL"),
        ({"A: b\r\nAction": "x"}, "not the name of a header"),
        ({"": "x"}, "not the name of a header"),
        ({"Value": "x" * 1000}, "longer than 1000 bytes"),
        ({"Value": "\ud800"}, "not text"),
        ({"ActionID": "a"}, "waits for an answer already"),
    ],
)
async def test_what_asterisk_would_misread_is_not_sent(
    pbx: Pbx, opened: Opened, headers: dict[str, object], why: str
) -> None:
    pbx.answers["Status"] = None
    manager = await opened(ours)
    waiting = manager.send_action({"Action": "Status", "ActionID": "a"})
    with pytest.raises(NotSentError, match=why):
        manager.send_action({"Action": "Setvar", **headers})
    with pytest.raises(UnansweredError):
        await waiting
    assert not pbx.named("Setvar")


async def test_no_more_actions_wait_than_the_limit_says(pbx: Pbx, opened: Opened) -> None:
    pbx.answers["Status"] = None
    manager = await opened(ours)
    sent = [manager.send_action({"Action": "Status"}) for _ in range(QUICK.pending)]
    with pytest.raises(NotSentError, match="64 actions wait"):
        manager.send_action({"Action": "Status"})
    done = await asyncio.gather(*sent, return_exceptions=True)
    assert {type(each) for each in done} == {UnansweredError}
    assert (await answer(manager.send_action({"Action": "Ping"}))).ping == "Pong"


async def test_who_gives_up_waiting_leaves_nothing_behind(pbx: Pbx, opened: Opened) -> None:
    pbx.answers["Status"] = None
    manager = await opened(ours)
    manager.send_action({"Action": "Status"}).cancel()
    await until(lambda: not any(a["action"] == "Status" for a in pending(manager)))


def pending(manager: Any) -> Iterable[Any]:
    return list(manager.protocol.responses.values())


# ------------------------------------------------------------------------------- the link


@defect("A4", NeverError)
async def test_a_link_that_is_dead_is_noticed(
    library: Library, pbx: Pbx, opened: Opened, soon: float
) -> None:
    lost: list[object] = []
    await opened(library, on_disconnect=lambda *_: lost.append(1))
    await until(lambda: pbx.named("Ping"))
    pbx.answers["Ping"] = None
    await until(lambda: lost, soon)


@defect("A11", AssertionError)
async def test_a_login_that_is_refused_is_told_with_the_remedy(library: Library, pbx: Any) -> None:
    pbx.answers["Login"] = "Response: Error\r\nMessage: Authentication failed\r\n"
    errors: list[object] = []
    manager = library(pbx.port, on_disconnect=lambda _, error: errors.append(error))
    manager.connect()
    await until(lambda: pbx.named("Login"))
    pbx.drop()
    await until(lambda: errors)
    manager.close()
    assert "Authentication failed; run `siaga apply`" in str(errors[0])


async def test_a_login_that_is_refused_again_and_again_is_told_once_and_loudly(pbx: Any) -> None:
    pbx.answers["Login"] = "Response: Error\r\nMessage: Authentication failed\r\n"
    manager = ours(pbx.port)
    with structlog.testing.capture_logs() as logs:
        task = manager.connect()
        await until(lambda: len(pbx.named("Login")) > 4)
        with pytest.raises(NotSentError, match="Authentication failed"):
            manager.send_action({"Action": "Status"})
        pbx.answers["Login"] = "Response: Success\r\n"
        await until(lambda: manager.authenticated)
    assert not task.done()
    manager.close()
    told = [(entry["log_level"], entry["event"]) for entry in logs]
    assert told == [("error", "ami.away"), ("info", "ami.logged_in")]
    assert logs[0]["why"].startswith("Asterisk does not let desk log in")
    assert "geheim" not in str(logs)


def test_the_pause_after_a_failure_grows_from_one_second_to_thirty_and_is_never_the_same() -> None:
    limits = Limits()
    for failures in range(1, 2000):
        longest = min(2.0 ** min(failures, 10), 30.0)
        assert 1.0 <= limits.pause_seconds(failures) <= longest
    assert max(limits.pause_seconds(9) for _ in range(200)) > 20.0
    assert len({limits.pause_seconds(9) for _ in range(20)}) > 10


@defect("A12", pytest.fail.Exception)
async def test_who_has_closed_does_not_come_back(
    library: Library, pbx: Pbx, opened: Opened
) -> None:
    lost: list[object] = []
    manager = await opened(library, on_disconnect=lambda *_: lost.append(1))
    pbx.drop()
    await until(lambda: lost)
    manager.close()
    with pytest.raises(NeverError):
        await until(lambda: len(pbx.links) > 1, SOON_SECONDS)


async def test_who_has_closed_cannot_connect_again(pbx: Any) -> None:
    manager = ours(pbx.port)
    manager.close()
    with pytest.raises(NotSentError, match="closed for good"):
        manager.connect()
    with pytest.raises(NotSentError):
        manager.send_action({"Action": "Status"})


async def test_an_asterisk_that_says_nothing_at_all_is_given_up(pbx: Any) -> None:
    pbx.greeting, pbx.answers["Login"] = "", None
    errors: list[Exception] = []
    manager = ours(pbx.port, on_disconnect=lambda _, error: errors.append(error))
    manager.connect()
    await until(lambda: len(errors) > 1)
    manager.close()
    assert str(errors[0]) == "Login was not answered within 0.2 s"


async def test_a_greeting_may_come_in_pieces(pbx: Any) -> None:
    pbx.greeting, pbx.answers["Login"] = "Asterisk Call ", None
    manager = ours(pbx.port, limits=replace(QUICK, connect_seconds=LIMIT_SECONDS))
    manager.connect()
    await until(lambda: pbx.named("Login"))
    assert not manager.authenticated
    pbx.say(b"Manager/11.0.0\r\n")
    pbx.answer("Login", "Response: Success\r\nActionID: {id}\r\n")
    await until(lambda: manager.authenticated)
    manager.close()


async def test_a_connection_that_does_not_come_about_is_given_up(pbx: Any) -> None:
    errors: list[Exception] = []
    manager = ours(
        pbx.port,
        limits=replace(QUICK, connect_seconds=0),
        on_disconnect=lambda _, error: errors.append(error),
    )
    manager.connect()
    await until(lambda: errors)
    manager.close()
    assert str(errors[0]) == "no connection within 0 s"


async def test_where_nobody_listens_it_is_tried_again(pbx: Any) -> None:
    await pbx.close()
    errors: list[Exception] = []
    manager = ours(pbx.port, on_disconnect=lambda _, error: errors.append(error))
    manager.connect()
    await until(lambda: len(errors) > 2)
    manager.close()
    assert isinstance(errors[0], ConnectionRefusedError)


async def test_connecting_twice_is_one_link(pbx: Any, opened: Opened) -> None:
    manager = await opened(ours)
    assert manager.connect() is manager.connect()
    await answer(manager.send_action({"Action": "Ping"}))
    assert len(pbx.links) == 1


async def test_a_refusal_is_an_answer_of_its_own(pbx: Pbx, opened: Opened) -> None:
    pbx.answers["Status"] = "Response: Error\r\nMessage: Permission denied\r\n"
    manager = await opened(ours)
    told = await answer(manager.send_action({"Action": "Status"}))
    assert (told.success, told.message) == (False, "Permission denied")


# ------------------------------------------------------------------------------- watching

CHANNEL = "CoreShowChannel\r\nChannel: PJSIP/from-trunk-00000000\r\nUniqueid: siaga-1.0"
LEG = Channel("siaga-1.0", "siaga-1.0", "PJSIP/from-trunk-00000000", "ops", False, True)
PACE = Pace(picture_seconds=60, between_seconds=0, retry_seconds=0.01, link=QUICK)


class Listener:
    """Watches, and keeps what it hears in `heard`."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.heard: list[Heard] = []
        self.task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        async for heard in self.watch:
            self.heard.append(heard)

    @property
    def told(self) -> list[str]:
        """What was heard, in short."""
        return [
            h.name
            if isinstance(h, Event)
            else "picture"
            if isinstance(h, Resynchronised)
            else h.why
            for h in self.heard
        ]

    async def until(self, *told: str) -> None:
        """Wait until exactly this was heard, from the start."""
        try:
            await until(lambda: self.told == list(told))
        except NeverError:
            assert self.told == list(told)


@pytest.fixture
async def watching(pbx: Any) -> AsyncIterator["Watching"]:
    """Watch the PBX at a pace, with a secret."""
    async with AsyncExitStack() as stack:

        async def watching(
            pace: Pace = PACE, secret: Callable[[], str] = lambda: "geheim"
        ) -> Listener:
            settings = Settings(ami_bind=f"{HOST}:{pbx.port}")
            listener = Listener(await stack.enter_async_context(Watch(settings, secret, pace)))
            stack.push_async_callback(asyncio.wait, {listener.task})
            stack.push_async_callback(listener.watch.close)
            return listener

        yield watching


Watching = Callable[..., Awaitable[Listener]]


async def test_what_is_there_is_told_first_and_then_what_happens(
    pbx: Pbx, watching: Watching
) -> None:
    pbx.answers["QueueStatus"] = listed("QueueMember\r\nLocation: PJSIP/operator-1")
    pbx.answers["CoreShowChannels"] = listed(CHANNEL)
    listener = await watching()
    await listener.until("picture")
    pbx.say("Event: Hangup\r\nTimestamp: 1795643699.25\r\nUniqueid: siaga-1.0")
    await listener.until("picture", "Hangup")
    picture, event = listener.heard
    assert isinstance(picture, Resynchronised)
    assert picture.at == 1795643698.5
    items = {item["event"]: item for item in picture.items}
    assert items["QueueMember"]["location"] == "PJSIP/operator-1"
    assert items["CoreShowChannel"]["uniqueid"] == "siaga-1.0"
    assert isinstance(event, Event)
    assert (event.at, event.fields["uniqueid"]) == (1795643699.25, "siaga-1.0")


async def test_events_wait_while_a_picture_is_taken(pbx: Pbx, watching: Watching) -> None:
    pbx.answers["CoreShowChannels"] = None
    listener = await watching(replace(PACE, link=replace(QUICK, action_seconds=LIMIT_SECONDS)))
    await until(lambda: pbx.named("CoreShowChannels"))
    pbx.say("Event: Newchannel", "Event: Hangup")
    pbx.answer("CoreShowChannels", listed(CHANNEL))
    await listener.until("picture", "Newchannel", "Hangup")


async def test_a_link_that_is_lost_while_a_picture_is_taken_is_one_gap(
    pbx: Pbx, watching: Watching
) -> None:
    pbx.answers["CoreShowChannels"] = None
    listener = await watching(replace(PACE, link=replace(QUICK, action_seconds=LIMIT_SECONDS)))
    await until(lambda: pbx.named("CoreShowChannels"))
    pbx.answers["CoreShowChannels"] = listed()
    pbx.drop()
    await listener.until("the link to Asterisk was lost", "picture")


async def test_while_nobody_is_there_no_picture_is_asked_for(pbx: Any, watching: Watching) -> None:
    await pbx.close()
    listener = await watching(replace(PACE, picture_seconds=0.001))
    await until(lambda: listener.heard)
    await until(lambda: listener.watch._manager._failures > 2)
    (gap,) = listener.told
    assert "Errno 111" in gap


async def test_a_picture_whose_events_were_too_many_is_not_told(
    pbx: Pbx, watching: Watching
) -> None:
    pbx.answers["CoreShowChannels"] = None
    link = replace(QUICK, action_seconds=LIMIT_SECONDS)
    listener = await watching(replace(PACE, waiting=5, link=link))
    await until(lambda: pbx.named("CoreShowChannels"))
    pbx.say(*["Event: Hangup"] * 6)
    await listener.until("who listens is too slow")
    pbx.answers["CoreShowChannels"] = listed(CHANNEL)
    pbx.answer("CoreShowChannels", listed())
    await listener.until("who listens is too slow", "picture")
    picture = listener.heard[-1]
    assert isinstance(picture, Resynchronised)
    assert [item["event"] for item in picture.items].count("CoreShowChannel") == 1


async def test_a_gap_is_told_once_and_ends_with_a_picture(pbx: Any, watching: Watching) -> None:
    listener = await watching()
    await listener.until("picture")
    pbx.answers["Login"] = "Response: Error\r\nMessage: Login Already In Use\r\n"
    pbx.drop()
    await until(lambda: len(pbx.named("Login")) > 4)
    pbx.answers["Login"] = "Response: Success\r\n"
    await until(lambda: len(listener.heard) == 4)
    pbx.say("Event: Hangup")
    await until(lambda: len(listener.heard) == 5)
    first, lost, refused, again, event = listener.told
    assert (first, lost, again, event) == (
        *("picture", "the link to Asterisk was lost"),
        *("picture", "Hangup"),
    )
    assert "Login Already In Use" in refused


async def test_without_a_picture_nothing_is_known_and_it_is_asked_for_again(
    pbx: Pbx, watching: Watching
) -> None:
    pbx.answers["QueueStatus"] = "Response: Error\r\nMessage: Invalid/unknown command\r\n"
    listener = await watching()
    await until(lambda: len(pbx.named("QueueStatus")) > 2)
    pbx.say("Event: Hangup")
    del pbx.answers["QueueStatus"]
    pbx.answers["QueueStatus"] = listed()
    await listener.until("no picture of the line: QueueStatus: Invalid/unknown command", "picture")


async def test_a_picture_that_asterisk_refuses_later_is_a_gap(pbx: Pbx, watching: Watching) -> None:
    listener = await watching(replace(PACE, picture_seconds=0.01))
    await until(lambda: len(listener.heard) > 2)
    pbx.answers["CoreShowChannels"] = "Response: Error\r\nMessage: Permission denied\r\n"
    await until(lambda: "picture" not in listener.told[-1:])
    assert listener.told[-1] == "no picture of the line: CoreShowChannels: Permission denied"


@pytest.mark.parametrize("cause", ["Event: QueueCallerJoin", FORGED])
async def test_what_events_cannot_tell_is_asked_for(
    pbx: Pbx, watching: Watching, cause: str
) -> None:
    listener = await watching()
    await listener.until("picture")
    pbx.say(cause)
    await until(lambda: listener.told[-1] == "picture" and len(pbx.named("QueueStatus")) == 2)


async def test_what_does_not_change_the_live_line_is_not_told(pbx: Pbx, watching: Watching) -> None:
    listener = await watching()
    await listener.until("picture")
    pbx.say("Event: VarSet", "Event: QueueMember", "Event: Hangup")
    await listener.until("picture", "Hangup")


async def test_a_listener_that_is_too_slow_is_told_of_a_gap(pbx: Any) -> None:
    pace = replace(PACE, waiting=50)
    async with Watch(Settings(ami_bind=f"{HOST}:{pbx.port}"), lambda: "geheim", pace) as watch:
        assert isinstance(await anext(watch), Resynchronised)
        pbx.say(*["Event: Hangup"] * 100)
        await until(lambda: len(pbx.named("QueueStatus")) == 2 and len(watch._told) == 2)
        assert await anext(watch) == Gap("who listens is too slow")
        assert isinstance(await anext(watch), Resynchronised)


async def test_who_does_not_listen_at_all_is_not_sent_picture_after_picture(pbx: Any) -> None:
    pace = replace(PACE, picture_seconds=0.001)
    async with Watch(Settings(ami_bind=f"{HOST}:{pbx.port}"), lambda: "geheim", pace) as watch:
        await until(lambda: watch._told)
        await until(lambda: len(pbx.named("Ping")) > 5)
        pictures = len(pbx.named("QueueStatus"))
        assert pictures < 3
        assert isinstance(await anext(watch), Resynchronised)
        await until(lambda: len(pbx.named("QueueStatus")) > pictures)


async def test_the_secret_is_read_again_before_each_login(pbx: Pbx, watching: Watching) -> None:
    secrets = iter(["old", "new"])

    def secret() -> str:
        try:
            return next(secrets)
        except StopIteration:
            raise FileNotFoundError("no secret: run `siaga apply`") from None

    listener = await watching(secret=secret)
    await listener.until("picture")
    pbx.drop()
    await until(lambda: len(listener.heard) == 3)
    pbx.drop()
    await until(lambda: len(listener.heard) == 5)
    assert [login["secret"] for login in pbx.named("Login")] == ["old", "new"]
    assert listener.told[-1] == "no secret: run `siaga apply`"


async def test_who_listens_learns_of_a_mistake_of_ours(pbx: Pbx, watching: Watching) -> None:
    def mistaken() -> str:
        raise ZeroDivisionError

    listener = await watching(secret=mistaken)
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(listener.task, LIMIT_SECONDS)
    assert not pbx.named("Login")


async def test_closing_ends_the_listening(pbx: Pbx, watching: Watching) -> None:
    listener = await watching()
    await listener.until("picture")
    await listener.watch.close()
    await asyncio.wait_for(listener.task, LIMIT_SECONDS)
    assert len(pbx.links) == 1


STATUS = "Status\r\nChannel: PJSIP/from-trunk-00000000\r\nUniqueid: "


async def test_a_leg_is_acted_on_when_its_unique_id_is_confirmed(
    pbx: Pbx, watching: Watching
) -> None:
    pbx.answers["Status"] = listed(STATUS + "siaga-1.0")
    listener = await watching()
    await listener.until("picture")
    await listener.watch.act("Hangup", LEG, Cause="16", Channel="PJSIP/another", action="Reload")
    (status,), (hangup,) = pbx.named("Status"), pbx.named("Hangup")
    assert status["channel"] == hangup["channel"] == LEG.name
    assert hangup["cause"] == "16"
    assert not pbx.named("Reload")


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (listed(STATUS + "siaga-2.0"), "is not siaga-1.0 any more"),
        (listed(), "is not siaga-1.0 any more"),
        ("Response: Error\r\nMessage: No such channel\r\n", "No such channel"),
    ],
)
async def test_another_leg_of_the_same_name_is_not_acted_on(
    pbx: Pbx, watching: Watching, status: str, why: str
) -> None:
    pbx.answers["Status"] = status
    listener = await watching()
    await listener.until("picture")
    with pytest.raises(RefusedError, match=why):
        await listener.watch.act("Hangup", LEG)
    assert not pbx.named("Hangup")


async def test_nothing_is_done_over_another_link_than_the_one_that_confirmed(
    pbx: Pbx, opened: Opened, watching: Watching
) -> None:
    pbx.answers["Status"] = None
    listener = await watching(replace(PACE, link=replace(QUICK, action_seconds=LIMIT_SECONDS)))
    await listener.until("picture")
    acting = asyncio.create_task(listener.watch.act("Hangup", LEG))
    await until(lambda: pbx.named("Status"))
    manager = listener.watch._manager
    manager.protocol = (await opened(ours)).protocol  # as after a lost link
    pbx.links.reverse()
    pbx.answer("Status", listed(STATUS + "siaga-1.0"))
    with pytest.raises(NotSentError, match="lost in between"):
        await asyncio.wait_for(acting, LIMIT_SECONDS)
    assert not pbx.named("Hangup")


async def test_what_is_not_done_for_a_lost_link_is_told(pbx: Pbx, watching: Watching) -> None:
    pbx.answers["Status"] = None
    listener = await watching(replace(PACE, link=replace(QUICK, action_seconds=LIMIT_SECONDS)))
    await listener.until("picture")
    acting = asyncio.create_task(listener.watch.act("Hangup", LEG))
    await until(lambda: pbx.named("Status"))
    pbx.drop()
    with pytest.raises(UnansweredError, match="lost"):
        await asyncio.wait_for(acting, LIMIT_SECONDS)


async def test_what_asterisk_refuses_to_do_is_told(pbx: Pbx, watching: Watching) -> None:
    pbx.answers["Status"] = listed(STATUS + "siaga-1.0")
    pbx.answers["Hangup"] = "Response: Error\r\nMessage: Permission denied\r\n"
    listener = await watching()
    await listener.until("picture")
    with pytest.raises(RefusedError, match="Hangup: Permission denied"):
        await listener.watch.act("Hangup", LEG)


async def test_a_manager_on_all_addresses_is_asked_on_this_machine(pbx: Any) -> None:
    async with Watch(Settings(ami_bind=f"0.0.0.0:{pbx.port}"), lambda: "geheim", PACE) as watch:
        assert isinstance(await anext(watch), Resynchronised)
