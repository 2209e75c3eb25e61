"""The live line as it is watched over the real Asterisk's manager, whatever happens to that."""

import asyncio
import contextlib
import functools
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import panoramisk
import pytest
from line import Line, Sipp, until
from test_call import order, told

from ivr import applied, watch
from ivr.ami import Message, RefusedError, UnansweredError
from ivr.heard import EVENTS, Channel, Event, Gap, Heard
from ivr.live import UNKNOWN, Live, Phone, fold
from ivr.manager import Limits, Manager
from ivr.phone import Key, Report, call
from ivr.secret import secret
from ivr.watch import Pace, Watch

RIGHT_SECONDS = 1.0
"""So soon after it has happened the live line is right."""
QUICK = Limits(first_pause_seconds=0.05, last_pause_seconds=0.1)
ANSWERING, HANGING_UP = "operator-answers", "operator-hangs-up"

ACCOUNTS = """
[helper](watcher)
secret = helper-of-a-test
read = call,agent,system
write = call,agent,originate,reporting
permit = 127.0.0.1/255.255.255.255
"""
"""An account that may do more than ours. It sees the events that ours sees."""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """A line over a carrier that nobody answers, with one more account of its manager."""
    line = Line(tmp_path_factory.mktemp("watched"), 43060)
    line.settings.state.chmod(0o755)
    line.configure(outgoing="carrier", simulated_operator=False)
    with (line.settings.state / "current/pbx/manager.conf").open("a") as compiled:
        compiled.write(ACCOUNTS)
    line.start("asterisk", "ivr")
    yield line
    line.close()


@pytest.fixture(autouse=True)
def nothing_is_left_here(watched: Line) -> Iterator[None]:
    yield
    until(lambda: watched.channels() == 0, "every channel is gone", 20)
    assert watched.warnings() == []


class Eye:
    """Watches a line in the background. `live` is what it knows, `heard` all that it was told."""

    def __init__(self, watching: Watch) -> None:
        self.watch = watching
        self.live: Live = UNKNOWN
        self.heard: list[Heard] = []

    async def look(self) -> None:
        async for heard in self.watch:
            self.heard.append(heard)
            self.live = fold(self.live, heard)

    @property
    def gaps(self) -> list[str]:
        return [heard.why for heard in self.heard if isinstance(heard, Gap)]

    def phone(self, account: str) -> Phone:
        (found,) = [p for p in self.live.phones or () if p.account == account]
        return found

    def stages(self) -> dict[str, str | None]:
        return {each.callref: each.stage for each in self.live.calls or ()}

    def queue(self) -> list[tuple[str, int | None, int | None]] | None:
        waiting = self.live.waiting
        return None if waiting is None else [(w.callref, w.position, w.priority) for w in waiting]


@asynccontextmanager
async def looking(line: Line, secret: str = "", pace: Pace | None = None) -> AsyncIterator[Eye]:
    """Watch a line as `siaga desk` does."""
    known = functools.partial(applied.watcher_secret, line.settings)
    async with Watch(line.settings, (lambda: secret) if secret else known, pace) as watching:
        eye = Eye(watching)
        task = asyncio.create_task(eye.look())
        try:
            yield eye
            assert not task.done(), "it watches to the end"
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def right(condition: Callable[[], object], seconds: float = RIGHT_SECONDS) -> None:
    """Wait for a condition that must come true so soon."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "not right in time"
        await asyncio.sleep(0.01)


async def happens(condition: Callable[[], object], what: str) -> None:
    """Wait for something on the real line."""
    await asyncio.to_thread(until, condition, what, 30)


STARTER = ThreadPoolExecutor(1)
"""Bubblewrap ends what it runs with the thread that started it, so that one must outlive a test."""


async def start_again(line: Line) -> None:
    await asyncio.get_running_loop().run_in_executor(STARTER, line.start, "asterisk")


TELEPHONES = {"operator-1": "127.0.0.4", "operator-2": "127.0.0.5"}
"""Where they stand: on one address they would want one port for their sound."""


def telephone(line: Line, scenario: str, account: str) -> Sipp:
    """Let an operator's telephone stand there, and log it in when it can be asked."""
    host = TELEPHONES[account]
    phone = line.sipp(scenario, at=f"{host}:35091")
    socket_there = f"{socket.inet_aton(host)[::-1].hex().upper()}:{35091:04X}"
    until(lambda: socket_there in Path("/proc/net/udp").read_text(), "the telephone is plugged in")
    log_in(line, account)
    until(lambda: "Unavailable" not in state_of(line, account), "the telephone is there", 20)
    return phone


def log_in(line: Line, account: str, seconds: int = 120) -> None:
    """Log a telephone in, or out with 0 seconds."""
    line.sipp(
        "operator-registers",
        at=f"{TELEPHONES[account]}:35090",
        account=account,
        secret=secret(line.settings.state, account),
        phone_port="35091",
        expires=str(seconds),
    ).finish()


def state_of(line: Line, account: str) -> str:
    """Return what Asterisk's console says of a telephone."""
    lines = line.asterisk("queue show operators").splitlines()
    return next(
        text for text in lines if f"PJSIP/{account} " in text or f"PJSIP/{account})" in text
    )


@asynccontextmanager
async def caller(line: Line, key: str) -> AsyncIterator["asyncio.Task[Report]"]:
    """Let somebody dial 112 and press a key, and hang up in the end."""
    calling = asyncio.create_task(call(order(line, Key(key), hold_seconds=None)))
    yield calling
    calling.cancel()
    await asyncio.wait({calling})


async def callref(line: Line, since: int, n: int = 0) -> str:
    """Return the reference of the n-th call of a test, when it asks for an operator."""
    await happens(lambda: len(told(line, "QUEUE", since)) > n, "a caller waits for an operator")
    return str(told(line, "QUEUE", since)[n]["linkedid"])


async def test_at_each_step_of_a_call_the_live_line_is_right_within_a_second(
    watched: Line,
) -> None:
    since = len(watched.journal())
    async with looking(watched) as eye, AsyncExitStack() as people:
        await right(lambda: eye.live.calls == () and eye.live.waiting == (), 5)
        assert eye.live.staffed is False, "nobody is logged in"

        second = await asyncio.to_thread(telephone, watched, ANSWERING, "operator-2")
        people.callback(second.close)
        await right(lambda: eye.phone("operator-2").ready and eye.live.staffed)

        await people.enter_async_context(caller(watched, "8"))
        first_call = await callref(watched, since)
        await happens(lambda: told(watched, "JOINED", since), "the operator picks up")
        await right(lambda: eye.stages() == {first_call: "talking"})
        assert eye.phone("operator-2").talking
        assert eye.phone("operator-2").callref == first_call

        waiting = await people.enter_async_context(caller(watched, "0"))
        call_b = await callref(watched, since, 1)
        await right(lambda: eye.queue() == [(call_b, 1, 6)])
        assert eye.stages() == {first_call: "talking", call_b: "queue"}
        assert eye.live.waiting
        assert abs((eye.live.waiting[0].since or 0) - time.time()) < 5.0

        first = await asyncio.to_thread(telephone, watched, HANGING_UP, "operator-1")
        people.callback(first.close)
        await happens(lambda: "180 Ringing" in first.log, "the other operator is rung")
        await right(lambda: eye.phone("operator-1").ringing)
        assert eye.phone("operator-1").callref == call_b
        assert not eye.phone("operator-1").ready

        await happens(lambda: len(told(watched, "JOINED", since)) == 2, "he picks up")
        await right(lambda: eye.stages() == dict.fromkeys((first_call, call_b), "talking"))
        assert eye.phone("operator-1").talking
        assert eye.queue() == []

        await asyncio.to_thread(first.finish)
        await right(lambda: eye.stages() == {first_call: "talking", call_b: "queue"})
        assert not eye.phone("operator-1").talking
        await happens(lambda: len(told(watched, "QUEUE", since)) == 3, "his caller waits again")
        await right(lambda: [w[:2] for w in eye.queue() or ()] == [(call_b, 1)])

        waiting.cancel()
        await happens(lambda: len(told(watched, "ENDED", since)) == 1, "who waits has left")
        await right(lambda: eye.stages() == {first_call: "talking"} and eye.queue() == [])

        await asyncio.to_thread(log_in, watched, "operator-1", 0)
        await happens(lambda: "Unavailable" in state_of(watched, "operator-1"), "he is gone")
        await right(lambda: eye.phone("operator-1").logged_in is False)
    await asyncio.to_thread(log_in, watched, "operator-2", 0)
    assert eye.gaps == []
    assert {h.name for h in eye.heard if isinstance(h, Event)} <= EVENTS


async def test_after_asterisk_was_killed_all_is_unknown_and_then_right_again(
    watched: Line,
) -> None:
    since = len(watched.journal())
    async with looking(watched, pace=Pace(link=QUICK)) as eye, AsyncExitStack() as people:
        phone = await asyncio.to_thread(telephone, watched, ANSWERING, "operator-1")
        people.callback(phone.close)
        await people.enter_async_context(caller(watched, "8"))
        cut = await callref(watched, since)
        await happens(lambda: told(watched, "JOINED", since), "the operator picks up")
        await right(lambda: eye.stages() == {cut: "talking"})

        await asyncio.to_thread(watched.stop, "asterisk", signal.SIGKILL)
        phone.close()
        await right(lambda: eye.live.calls is None)
        views = (eye.live.waiting, eye.live.phones, eye.live.staffed)
        assert views == (None,) * 3
        assert eye.live.why
        await right(lambda: "Connect call failed" in eye.live.why, 5)

        await start_again(watched)
        await right(lambda: eye.live.calls == () and eye.live.waiting == (), 5)
        again = await asyncio.to_thread(telephone, watched, ANSWERING, "operator-1")
        people.callback(again.close)
        await right(lambda: eye.phone("operator-1").ready)
        await people.enter_async_context(caller(watched, "8"))
        new = await callref(watched, since, 1)
        await happens(lambda: len(told(watched, "JOINED", since)) == 2, "the operator picks up")
        await right(lambda: eye.stages() == {new: "talking"})
    await asyncio.to_thread(log_in, watched, "operator-1", 0)


async def test_an_asterisk_that_stands_still_is_noticed_within_five_seconds(
    watched: Line,
) -> None:
    async with looking(watched) as eye:
        await right(lambda: eye.live.calls == (), 5)
        stopped_at = time.monotonic()
        watched.signal("asterisk", signal.SIGSTOP)
        try:
            await right(lambda: eye.live.calls is None, 5)
        finally:
            watched.signal("asterisk", signal.SIGCONT)
        assert time.monotonic() - stopped_at > 0.5, "it was not lost for another reason"
        await right(lambda: eye.live.calls == (), 10)
        assert eye.gaps[0] == "Ping was not answered within 2 s"


async def test_a_reload_of_what_is_in_force_ends_no_link(watched: Line) -> None:
    async with looking(watched, pace=Pace(picture_seconds=0.1)) as eye:
        await right(lambda: eye.live.calls == (), 5)
        await asyncio.to_thread(watched.asterisk, "manager reload")
        pictures = len(eye.heard)
        await right(lambda: len(eye.heard) > pictures + 1)
        assert eye.gaps == []


async def test_a_secret_that_is_wrong_is_told_once_and_the_right_one_helps(watched: Line) -> None:
    async with looking(watched, secret="wrong", pace=Pace(link=QUICK)) as eye:
        await right(lambda: eye.live.why != UNKNOWN.why, 5)
        assert "Authentication failed; run `siaga apply`" in eye.live.why
        eye.watch._secret = functools.partial(applied.watcher_secret, watched.settings)
        await right(lambda: eye.live.calls == (), 10)
        assert len(eye.gaps) == 1


async def test_what_a_caller_wrote_into_his_number_makes_no_call_and_hides_none(
    watched: Line,
) -> None:
    since = len(watched.journal())
    event = "Event%3a%20Newchannel%0d%0aLinkedid%3a%20siaga-1.1%0d%0aContext%3a%20from-trunk"
    leg = "Channel%3a%20PJSIP/from-trunk-1%0d%0aUniqueid%3a%20siaga-1.1%0d%0a%0d%0aX%3a%20y"
    forged = [
        "<sip:0812%0d%0aUniqueid%3a%20siaga-1.1%0d%0aX%3a%20y@127.0.0.1>",
        f"<sip:0812%0d%0a%0d%0a{event}%0d%0a{leg}@127.0.0.1>",
    ]
    async with looking(watched) as eye:
        await right(lambda: eye.live.calls == (), 5)
        for n, header in enumerate(forged):
            words = order(watched, Key("8"), hold_seconds=None, from_header=header)
            calling = asyncio.create_task(call(words))
            await happens(lambda n=n: len(told(watched, "CALL", since)) == n + 1, "a call")  # type: ignore[misc]
            true = str(told(watched, "CALL", since)[n]["linkedid"])
            await right(lambda true=true: list(eye.stages()) == [true])  # type: ignore[misc]
            calling.cancel()
            await asyncio.wait({calling})
            await right(lambda: eye.live.calls == ())


# ----------------------------------------------------------------------------- rights and actions


@asynccontextmanager
async def managed(line: Line, username: str, secret: str) -> AsyncIterator[Manager]:
    host, _, port = line.settings.ami_bind.rpartition(":")
    manager = Manager(host=host, port=int(port), username=username, secret=secret)
    task = manager.connect()
    await right(lambda: manager.linked, 5)
    yield manager
    manager.close()
    await asyncio.wait({task})


@pytest.mark.parametrize(
    "action",
    [
        {"Action": "Originate", "Channel": "PJSIP/operator-1", "Application": "Echo"},
        {"Action": "Hangup", "Channel": "/.*/"},
        {"Action": "Redirect", "Channel": "x", "Context": "x", "Exten": "1", "Priority": "1"},
        {"Action": "Setvar", "Variable": "PLAN_N", "Value": "1"},
        {"Action": "Command", "Command": "core show uptime"},
        {"Action": "GetConfig", "Filename": "pjsip.conf"},
        {"Action": "QueuePause", "Interface": "PJSIP/operator-1", "Paused": "true"},
        {"Action": "DBPut", "Family": "x", "Key": "x", "Val": "x"},
        {"Action": "Reload"},
        {"Action": "ModuleLoad", "LoadType": "unload", "Module": "app_queue.so"},
    ],
    ids=lambda action: action["Action"],
)
async def test_who_only_watches_may_do_nothing(watched: Line, action: dict[str, str]) -> None:
    secret = applied.watcher_secret(watched.settings)
    async with managed(watched, "desk", secret) as manager:
        answer = await manager.send_action(action)
        assert isinstance(answer, Message)
        assert (answer.success, answer.message) == (False, "Permission denied")


async def test_two_who_watch_by_one_account_do_not_both_come_in(watched: Line) -> None:
    async with looking(watched) as first:
        await right(lambda: first.live.calls == (), 5)
        async with looking(watched) as second:
            await right(lambda: "Login Already In Use" in second.live.why, 5)
        assert first.gaps == []


ECHO = {"Action": "Originate", "Channel": "PJSIP/operator-1", "Application": "Echo"}


def bare(line: Line) -> Any:
    host, _, port = line.settings.ami_bind.rpartition(":")
    return panoramisk.Manager(
        host=host, port=int(port), username="helper", secret="helper-of-a-test"
    )


@pytest.mark.parametrize(
    "library",
    [
        pytest.param(managed, id="ours"),
        pytest.param(
            None,
            id="bare-A1",
            marks=[
                pytest.mark.xfail(strict=True, raises=TimeoutError, reason="A1"),
                pytest.mark.filterwarnings("ignore"),
            ],
        ),
    ],
)
async def test_what_asterisk_answers_to_a_call_that_it_makes_is_an_answer(
    watched: Line, library: Callable[..., Any] | None
) -> None:
    async with AsyncExitStack() as stack:
        if library:
            ours = library(watched, "helper", "helper-of-a-test")
            manager = await stack.enter_async_context(ours)
        else:
            manager = bare(watched)
            stack.callback(manager.close)
            manager.connect()
            await right(lambda: manager.authenticated, 5)
        phone = await asyncio.to_thread(telephone, watched, ANSWERING, "operator-1")
        stack.callback(phone.close)
        try:
            async with asyncio.timeout(10 if library else 3):
                answer = await manager.send_action(ECHO)
            assert answer.message == "Originate successfully queued"
        finally:
            await asyncio.to_thread(hang_up_all, watched)
            await asyncio.to_thread(log_in, watched, "operator-1", 0)


def hang_up_all(line: Line) -> None:
    line.asterisk("channel request hangup all")


async def test_a_leg_is_hung_up_when_its_unique_id_is_confirmed(
    watched: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    since = len(watched.journal())
    with monkeypatch.context() as patch:
        patch.setattr(watch, "ACCOUNT", "helper")
        watching = looking(watched, secret="helper-of-a-test")
        async with watching as eye, caller(watched, "8") as calling:
            await happens(lambda: told(watched, "CALL", since), "a call")
            await right(lambda: eye.live.channels, 5)
            (leg,) = [c for c in (eye.live.channels or {}).values() if c.uniqueid == c.callref]
            other = Channel("siaga-1.1", "siaga-1.1", leg.name, leg.context, False, False)
            gone = Channel(leg.uniqueid, leg.callref, "PJSIP/none", leg.context, False, False)
            for wrong in (other, gone):
                with pytest.raises(RefusedError):
                    await eye.watch.act("Hangup", wrong, Cause="16")
            assert (await eye.watch.act("Hangup", leg, Cause="16"))["response"] == "Success"
            report = await asyncio.wait_for(asyncio.shield(calling), 10)
            assert report.ended_by == "far end"
            await right(lambda: eye.live.calls == ())


async def test_what_asterisk_did_not_answer_before_it_died_is_not_done_again(
    watched: Line,
) -> None:
    async with managed(watched, "helper", "helper-of-a-test") as manager:
        watched.signal("asterisk", signal.SIGSTOP)
        sent = manager.send_action(ECHO)
        await asyncio.to_thread(watched.stop, "asterisk", signal.SIGKILL)
        with pytest.raises(UnansweredError):
            await sent
        await start_again(watched)
        await right(lambda: manager.linked, 10)
        listed = await manager.send_action({"Action": "CoreShowChannels"})
        assert isinstance(listed, list)
        assert [m["event"] for m in listed[1:]] == ["CoreShowChannelsComplete"]
