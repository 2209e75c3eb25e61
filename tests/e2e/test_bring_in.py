"""What operators order at the console, on the real Asterisk: each has a tone, and hears others."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from line import Line, until
from sqlalchemy import Engine, select
from telephone import How, Telephone, telephone
from test_call import told
from test_watch import TELEPHONES, looking, state_of
from test_watch import log_in as registers

from ivr import applied
from ivr.callrecord import CallRecord
from ivr.desk.actions import Actions, Known
from ivr.desk.console.records import Records
from ivr.journal import Position, records
from ivr.orders import (
    BringIn,
    CallBack,
    DropHotline,
    Finish,
    Leave,
    Listen,
    Mode,
    Order,
    Pause,
    Person,
    Ready,
    Transfer,
)
from ivr.records import schema
from ivr.records.engine import open_engine, reading
from ivr.tail.lines import read

CALLER_HZ, OPERATOR_HZ, AGENCY_HZ, SUPERVISOR_HZ = 700, 1100, 1500, 1900
DAMKAR, PSC = "damkar-113", "psc-119"
SHIPPED = {
    'number: "113", ring_seconds: 20': 'number: "113", ring_seconds: 5',
    'number: "119"': 'sip: "119@127.0.0.6:35080"',
}
"""What a test cannot wait for, and a second agency with a telephone of its own."""
AYU = Person("ayu", "operator-1")
BUDI = Person("budi", "operator-2", supervises=True)


@pytest.fixture(scope="module")
def desk_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """A line over a carrier, whose far end is whatever telephone a test plugs in."""
    line = Line(tmp_path_factory.mktemp("desk"), 45060)
    line.settings.state.chmod(0o755)
    agencies = line.settings.config / "agencies.yaml"
    text = agencies.read_text()
    for shipped, ours in SHIPPED.items():
        assert shipped in text
        text = text.replace(shipped, ours)
    agencies.write_text(text)
    line.configure(outgoing="carrier", simulated_operator=False)
    line.start("asterisk", "ivr")
    yield line
    line.close()


@pytest.fixture(autouse=True)
def nothing_is_left_here(desk_line: Line) -> Iterator[None]:
    yield
    until(lambda: desk_line.channels() == 0, "every channel is gone", 20)
    assert desk_line.warnings() == []


@dataclass
class Desk:
    """The desk as far as it orders: watches, reads the journal, performs."""

    line: Line
    actions: Actions
    eye: Any
    engine: Engine
    calls: dict[str, CallRecord]

    def look(self) -> None:
        path = self.line.settings.state / "journal" / "calls.jsonl"
        batch = read(path.read_bytes() if path.exists() else b"", Position("", 0))
        self.calls.update(records(batch.lines))

    async def keep_looking(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(0.1)

    def states(self, callref: str) -> dict[str, str]:
        return {j.hotline: j.state for j in self.actions.joinings(callref)}

    async def order(self, order: Order, by: Person = AYU) -> str:
        return await self.actions.perform(by, order)

    def audit(self) -> list[tuple[str, str, str]]:
        table = schema.audit
        with reading(self.engine) as connection:
            query = select(table.c.who, table.c.what, table.c.subject).order_by(table.c.id)
            return [tuple(row) for row in connection.execute(query)]


@asynccontextmanager
async def at_the_desk(line: Line) -> AsyncIterator[Desk]:
    """Let a desk stand there that has no pages, only orders."""
    engine = await asyncio.to_thread(open_engine, line.settings)
    async with looking(line) as eye:
        calls: dict[str, CallRecord] = {}
        actions = Actions(
            line.settings,
            Known(lambda: eye.live, lambda: calls, lambda: applied.in_force(line.settings)[1]),
            Records(lambda: engine),
        )
        desk = Desk(line, actions, eye, engine, calls)
        task = asyncio.create_task(desk.keep_looking())
        try:
            yield desk
            await asyncio.sleep(0.15)
            desk.look()
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            engine.dispose()


@dataclass
class Scene:
    """A caller with an operator, and the agency's telephone."""

    desk: Desk
    caller: Telephone
    operator: Telephone
    agency: Telephone
    callref: str
    stack: AsyncExitStack

    @property
    def record(self) -> CallRecord:
        self.desk.look()
        return self.desk.calls[self.callref]

    async def plug_in(self, at: str, hz: int, how: How = "answers") -> Telephone:
        return await self.stack.enter_async_context(telephone(at, hz, how))


async def happens(condition: Callable[[], object], seconds: float = 8.0) -> None:
    """Wait for a condition with a limit; to listen costs, so it is asked a few times a second."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "never came true"
        await asyncio.sleep(0.2)


async def logs_in(line: Line, account: str) -> None:
    await asyncio.to_thread(registers, line, account)
    await asyncio.to_thread(
        until, lambda: "Unavailable" not in state_of(line, account), "it is there", 20
    )


async def logs_out(line: Line, account: str) -> None:
    """Log a telephone out and wait for it: or the next test would take it for logged in."""
    await asyncio.to_thread(registers, line, account, 0)
    await asyncio.to_thread(
        until, lambda: "Unavailable" in state_of(line, account), "it is gone", 20
    )


@asynccontextmanager
async def talking(line: Line, agency: How = "answers") -> AsyncIterator[Scene]:
    """Let a caller and an operator talk, with an agency's telephone plugged in."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        stack.push_async_callback(logs_out, line, "operator-1")  # when all have hung up
        desk = await enter(at_the_desk(line))
        damkar = await enter(telephone("127.0.0.3:35080", AGENCY_HZ, agency))
        operator = await enter(telephone(f"{TELEPHONES['operator-1']}:35091", OPERATOR_HZ))
        caller = await enter(telephone("127.0.0.1:35097", CALLER_HZ))
        await logs_in(line, "operator-1")
        since = len(line.journal())
        caller.dial_112(line.sip_port, "081200000001")
        await happens(lambda: caller.state == "talking")
        caller.ear.press("0")
        await happens(lambda: caller.hears(operator) and operator.hears(caller), 40)
        (began,) = told(line, "CALL", since)
        scene = Scene(desk, caller, operator, damkar, began["linkedid"], stack)
        await happens(lambda: scene.record.stage == "talking")
        await happens(lambda: desk.eye.phone("operator-1").callref == scene.callref)
        yield scene


def undisturbed(scene: Scene) -> bool:
    return scene.caller.hears(scene.operator) and scene.operator.hears(scene.caller)


async def three_talk(scene: Scene) -> None:
    assert await scene.desk.order(BringIn(scene.callref, DAMKAR)) == ""
    a, b, c = scene.caller, scene.operator, scene.agency
    await happens(lambda: a.hears(b, c) and b.hears(a, c) and c.hears(a, b))


def run(story: Any) -> None:
    asyncio.run(story)


async def supervisor_of(scene: Scene) -> Telephone:
    """Plug in the supervisor's telephone, now that the operator has the call."""
    line = scene.desk.line
    scene.stack.push_async_callback(logs_out, line, "operator-2")
    phone = await scene.plug_in(f"{TELEPHONES['operator-2']}:35091", SUPERVISOR_HZ)
    await logs_in(line, "operator-2")
    await happens(lambda: scene.desk.eye.phone("operator-2").logged_in)
    return phone


def test_an_agency_is_brought_in_and_the_operator_hands_the_call_over(desk_line: Line) -> None:
    async def story() -> None:
        async with talking(desk_line) as scene:
            await three_talk(scene)
            assert scene.desk.states(scene.callref) == {DAMKAR: "talking"}
            assert await scene.desk.order(Leave(scene.callref)) == ""
            assert scene.operator.state == "over"
            await happens(
                lambda: (
                    scene.caller.hears(scene.agency)
                    and scene.agency.hears(scene.caller)
                    and not scene.caller.hears(scene.operator)
                )
            )
            scene.caller.hang_up()
            await happens(lambda: scene.agency.state == "over")
            await happens(lambda: scene.record.ended_at is not None)
            (hop,) = scene.record.hops
            assert (hop.agency, hop.hotline, hop.by) == ("damkar", DAMKAR, "operator-1")
            assert [t.kind for t in scene.record.talks] == ["operator", "agency"]
            assert scene.record.outcome == "connected-agency"

    run(story())


def test_two_agencies_are_in_a_call_and_each_leaves_it_alone(desk_line: Line) -> None:
    async def story() -> None:
        async with talking(desk_line) as scene:
            psc = await scene.plug_in("127.0.0.6:35080", SUPERVISOR_HZ)
            await three_talk(scene)
            assert await scene.desk.order(BringIn(scene.callref, PSC)) == ""
            everybody = {scene.caller, scene.operator, scene.agency, psc}
            await happens(lambda: all(one.hears(*(everybody - {one})) for one in everybody))
            scene.agency.hang_up()
            await happens(lambda: scene.desk.states(scene.callref)[DAMKAR] == "left")
            assert await scene.desk.order(Leave(scene.callref)) == ""
            await happens(lambda: scene.caller.hears(psc) and psc.hears(scene.caller))
            await happens(lambda: not scene.caller.hears(scene.operator))
            assert scene.record.talks[-1].who == "psc-119"

    run(story())


def test_an_agency_that_leaves_after_the_operator_gives_the_caller_an_operator_again(
    desk_line: Line,
) -> None:
    async def story() -> None:
        async with talking(desk_line) as scene:
            await three_talk(scene)
            assert await scene.desk.order(Leave(scene.callref)) == ""
            await happens(lambda: scene.caller.hears(scene.agency))
            since = len(desk_line.journal())
            scene.agency.hang_up()
            await happens(lambda: scene.operator.rung == 2, 25)
            await happens(lambda: undisturbed(scene), 20)
            assert "front=1" in str(told(desk_line, "QUEUE", since)[0])
            assert scene.desk.states(scene.callref) == {DAMKAR: "left"}

    run(story())


@pytest.mark.parametrize(("how", "state"), [("is busy", "busy"), ("rings", "no-answer")])
def test_a_hotline_that_is_busy_or_silent_disturbs_nobody(
    desk_line: Line, how: How, state: str
) -> None:
    async def story() -> None:
        async with talking(desk_line, how) as scene:
            assert await scene.desk.order(BringIn(scene.callref, DAMKAR)) == ""
            if how == "rings":
                await happens(lambda: scene.agency.state == "ringing")
                assert scene.desk.states(scene.callref) == {DAMKAR: "ringing"}
                assert await scene.desk.order(BringIn(scene.callref, DAMKAR)) == "already-there"
                assert await scene.desk.order(Leave(scene.callref)) == "alone"
            await happens(lambda: scene.desk.states(scene.callref) == {DAMKAR: state}, 12)
            assert undisturbed(scene)
            assert scene.desk.actions.offer(scene.callref, time.time()) == "polisi-110"
            scene.agency.how = "answers"
            await three_talk(scene)

    run(story())


def test_an_agency_that_drops_out_leaves_caller_and_operator_together(desk_line: Line) -> None:
    async def story() -> None:
        async with talking(desk_line) as scene:
            await three_talk(scene)
            scene.agency.hang_up()
            await happens(lambda: scene.desk.states(scene.callref) == {DAMKAR: "left"})
            assert undisturbed(scene)
            assert await scene.desk.order(Leave(scene.callref)) == "alone"
            scene.caller.hang_up()
            await happens(lambda: scene.record.ended_at is not None)
            assert scene.record.outcome == "connected-operator"

    run(story())


def test_a_hotline_is_taken_back_while_it_rings_and_while_it_talks(desk_line: Line) -> None:
    async def story() -> None:
        async with talking(desk_line, "rings") as scene:
            drop = DropHotline(scene.callref, DAMKAR)
            assert await scene.desk.order(drop) == "not-there"
            assert await scene.desk.order(BringIn(scene.callref, DAMKAR)) == ""
            await happens(lambda: scene.agency.state == "ringing")
            assert await scene.desk.order(drop) == ""
            await happens(lambda: scene.agency.state == "over")
            scene.agency.how = "answers"
            await three_talk(scene)
            assert await scene.desk.order(drop) == ""
            await happens(lambda: scene.agency.state == "over")
            await happens(lambda: undisturbed(scene))

    run(story())


def test_a_caller_who_hangs_up_stops_the_agency_from_ringing(desk_line: Line) -> None:
    async def story() -> None:
        async with talking(desk_line, "rings") as scene:
            assert await scene.desk.order(BringIn(scene.callref, DAMKAR)) == ""
            await happens(lambda: scene.agency.state == "ringing")
            scene.caller.hang_up()
            await happens(lambda: scene.agency.state == "over", 2)
            await happens(lambda: scene.record.ended_at is not None)
            assert [hop.status for hop in scene.record.hops] == ["CANCEL"]

    run(story())


def test_agencies_end_with_the_caller_and_do_not_go_on_with_one_another(desk_line: Line) -> None:
    async def story() -> None:
        async with talking(desk_line) as scene:
            psc = await scene.plug_in("127.0.0.6:35080", SUPERVISOR_HZ)
            await three_talk(scene)
            assert await scene.desk.order(BringIn(scene.callref, PSC)) == ""
            await happens(lambda: psc.hears(scene.caller, scene.agency))
            assert await scene.desk.order(Leave(scene.callref)) == ""
            await happens(lambda: not psc.hears(scene.operator))
            scene.caller.hang_up()
            await happens(lambda: (scene.agency.state, psc.state) == ("over", "over"))

    run(story())


def test_agencies_that_talk_on_with_the_operator_end_when_he_leaves(desk_line: Line) -> None:
    async def story() -> None:
        async with talking(desk_line) as scene:
            psc = await scene.plug_in("127.0.0.6:35080", SUPERVISOR_HZ)
            await three_talk(scene)
            assert await scene.desk.order(BringIn(scene.callref, PSC)) == ""
            await happens(lambda: psc.hears(scene.caller, scene.agency))
            scene.caller.hang_up()
            await happens(lambda: scene.operator.hears(scene.agency, psc))
            await happens(lambda: scene.record.ended_at is not None)
            since = len(desk_line.journal())
            scene.operator.hang_up()
            await happens(lambda: (scene.agency.state, psc.state) == ("over", "over"))
            assert told(desk_line, "HANDED", since) == []

    run(story())


def test_an_agency_that_answers_when_the_operators_phone_has_died_waits_for_the_next(
    desk_line: Line,
) -> None:
    async def story() -> None:
        async with talking(desk_line, "rings") as scene:
            assert await scene.desk.order(BringIn(scene.callref, DAMKAR)) == ""
            await happens(lambda: scene.agency.state == "ringing")
            since = len(desk_line.journal())
            scene.operator.hang_up()
            await happens(lambda: told(desk_line, "LEFT", since))
            scene.agency.pick_up()
            await happens(lambda: scene.operator.rung == 2, 25)
            a, b, c = scene.caller, scene.operator, scene.agency
            await happens(lambda: a.hears(b, c) and b.hears(a, c) and c.hears(a, b), 20)
            assert scene.desk.states(scene.callref) == {DAMKAR: "talking"}

    run(story())


def test_an_operator_whose_phone_dies_leaves_the_caller_with_the_agency(desk_line: Line) -> None:
    async def story() -> None:
        async with talking(desk_line) as scene:
            await three_talk(scene)
            scene.operator.die()
            await happens(lambda: "HANDED" in str(desk_line.journal()[-20:]), 12)
            await happens(lambda: scene.caller.hears(scene.agency))
            assert scene.agency.hears(scene.caller)
            # Asterisk asks a telephone whether it lives, and one that asks late marks the next.
            gone = lambda: "Unavailable" in state_of(desk_line, "operator-1")  # noqa: E731
            await asyncio.to_thread(until, gone, "it is known to be dead", 30)

    run(story())


def test_finish_ends_the_callers_leg_and_the_call_counts_as_served(desk_line: Line) -> None:
    async def story() -> None:
        async with talking(desk_line) as scene:
            assert await scene.desk.order(Finish(scene.callref)) == ""
            await happens(lambda: scene.caller.state == "over")
            await happens(lambda: scene.record.ended_at is not None)
            assert scene.record.outcome == "connected-operator"
            noted = ("ayu", "order.finish", scene.callref)
            await happens(lambda: noted in scene.desk.audit())

    run(story())


def test_when_three_talk_finish_leaves_operator_and_agency_together(desk_line: Line) -> None:
    async def story() -> None:
        async with talking(desk_line) as scene:
            await three_talk(scene)
            assert await scene.desk.order(Finish(scene.callref)) == ""
            await happens(lambda: scene.caller.state == "over")
            await happens(
                lambda: scene.operator.hears(scene.agency) and scene.agency.hears(scene.operator)
            )

    run(story())


def test_a_blind_transfer_leads_to_the_agency(desk_line: Line) -> None:
    async def story() -> None:
        async with talking(desk_line) as scene:
            assert await scene.desk.order(Transfer(scene.callref, DAMKAR)) == ""
            assert scene.operator.state == "over"
            await happens(
                lambda: scene.caller.hears(scene.agency) and scene.agency.hears(scene.caller)
            )
            assert [hop.agency for hop in scene.record.hops] == ["damkar"]

    run(story())


def test_a_blind_transfer_that_fails_comes_back_to_an_operator(desk_line: Line) -> None:
    async def story() -> None:
        async with talking(desk_line, "is busy") as scene:
            assert await scene.desk.order(Transfer(scene.callref, DAMKAR)) == ""
            await happens(lambda: scene.agency.rung == 1)
            await happens(lambda: scene.operator.rung == 2, 25)
            await happens(lambda: undisturbed(scene), 20)

    run(story())


HOSTILE = (
    "in.{leg}.0811234567",
    "in.{leg}.damkar-113-x",
    "in.{leg}.",
    "in.siaga-1.1.damkar-113",
    "leave.{leg}",
    "drop.{leg}.damkar-113",
    "transfer.{leg}.113",
    "call.operator-1.0811234567",
    "call.from-trunk.0811234567",
    "call.operator-1.08091234567",
    "call.operator-1.p6581234567",
    "listen.siaga-1.1.operator-1",
    "whisper.{call}.from-trunk",
    "pause.from-trunk.break",
    "dial.{leg}.113",
    "in",
    "in......",
)


def test_what_is_no_order_of_ours_does_nothing_even_when_asterisk_is_told(desk_line: Line) -> None:
    async def story() -> None:
        async with talking(desk_line) as scene:
            live = scene.desk.eye.live
            (leg,) = [c.uniqueid for c in live.channels.values() if c.account == "operator-1"]
            since = len(desk_line.journal())
            for each in HOSTILE:
                await scene.desk.actions._say(each.format(leg=leg, call=scene.callref))
            await happens(lambda: len(told(desk_line, "REFUSED", since)) == len(HOSTILE))
            assert undisturbed(scene)
            assert scene.agency.rung == 0
            assert told(desk_line, "APP_START", since) == []

    run(story())


def test_nobody_orders_for_a_call_that_is_not_his(desk_line: Line) -> None:
    async def story() -> None:
        async with talking(desk_line) as scene:
            bring, order = BringIn(scene.callref, DAMKAR), scene.desk.order
            assert await order(bring, BUDI) == "not-yours"
            assert await order(Finish(scene.callref), Person("cici", None)) == "no-phone"
            assert await order(Finish("siaga-1.1")) == "no-such-call"
            assert await order(BringIn(f"{scene.callref}@x", DAMKAR)) == "no-such-call"
            for name in ("0811234567", "damkar-113@from-trunk", "x\ncore stop now", ""):
                assert await order(BringIn(scene.callref, name)) == "no-such-hotline"
            assert await order(Listen(scene.callref, "listen")) == "not-a-supervisor"
            assert scene.agency.rung == 0
            assert undisturbed(scene)

    run(story())


MAY_ALL: tuple[str, ...] = ("core stop now", "dialplan set global X 1", "core show channels")


def test_the_user_of_the_desk_may_say_nothing_but_orders(desk_line: Line) -> None:
    user = ("setpriv", "--reuid=11202", "--regid=11202", "--groups=11200", "--no-new-privs")
    orders = "channel originate Local/ear@desk/n"
    for command in (*MAY_ALL, f"{orders} application System id", "channel originate PJSIP/x"):
        said = desk_line.run(*user, "asterisk", "-rx", command).stdout
        assert "You don't have permissions" in said, command
    said = desk_line.run(*user, "asterisk", "-rx", f"{orders} extension ready.x@desk").stdout
    assert "permissions" not in said


@pytest.mark.parametrize("mode", ["listen", "whisper", "barge"])
def test_a_supervisor_is_heard_by_those_for_whom_he_speaks(desk_line: Line, mode: Mode) -> None:
    async def story() -> None:
        async with talking(desk_line) as scene:
            boss = await supervisor_of(scene)
            caller, operator = scene.caller, scene.operator
            assert await scene.desk.order(Listen(scene.callref, mode), BUDI) == ""
            await happens(lambda: boss.hears(caller, operator))
            heard_by = {"listen": (), "whisper": (operator,), "barge": (caller, operator)}[mode]
            await happens(lambda: all(phone.hears(boss) for phone in heard_by))
            assert undisturbed(scene)
            assert [p for p in (caller, operator) if p.hears(boss)] == list(heard_by)
            assert ("budi", "order.listen", scene.callref) in scene.desk.audit()
            assert f"mode={mode} by=operator-2" in str(told(desk_line, "LISTEN")[-1])
            boss.hang_up()
            await happens(lambda: undisturbed(scene) and not caller.hears(boss))

    run(story())


def test_a_telephone_pauses_and_is_ready_again(desk_line: Line) -> None:
    async def story() -> None:
        async with at_the_desk(desk_line) as desk:
            await happens(lambda: desk.eye.live.phones)
            assert await desk.order(Pause("operator-1", "break")) == ""
            assert "(paused:break" in state_of(desk_line, "operator-1")
            assert await desk.order(Ready("operator-2")) == "not-a-supervisor"
            assert await desk.order(Pause("operator-1", "x y")) == "no-reason"
            assert await desk.order(Ready("operator-1"), BUDI) == ""
            assert not desk.eye.phone("operator-1").paused

    run(story())


def apply(line: Line, more: str) -> None:
    """Put a configuration in force, as `siaga apply` does."""
    site = line.settings.config / "site.yaml"
    site.write_text(site.read_text() + more)
    applied.apply(line.settings)
    done = line.run("sh", "asterisk/start.sh", "reload")
    assert done.returncode == 0, done.stderr


def test_a_dialplan_that_is_reloaded_while_an_agency_rings_moves_nobody(desk_line: Line) -> None:
    async def story() -> None:
        async with talking(desk_line, "rings") as scene:
            assert await scene.desk.order(BringIn(scene.callref, DAMKAR)) == ""
            await happens(lambda: scene.agency.state == "ringing")
            await asyncio.to_thread(apply, desk_line, "")
            scene.agency.pick_up()
            a, b, c = scene.caller, scene.operator, scene.agency
            await happens(lambda: a.hears(b, c) and b.hears(a, c) and c.hears(a, b))
            assert await scene.desk.order(Leave(scene.callref)) == ""
            await happens(lambda: a.hears(c) and c.hears(a))

    run(story())


def test_nobody_is_called_back_without_a_trunk_that_is_named_for_it(desk_line: Line) -> None:
    async def story() -> None:
        back = CallBack("siaga-1.1", "+6281234567")
        async with AsyncExitStack() as stack:
            enter = stack.enter_async_context
            stack.push_async_callback(logs_out, desk_line, "operator-1")
            citizen = await enter(telephone("127.0.0.3:35080", CALLER_HZ))
            operator = await enter(telephone(f"{TELEPHONES['operator-1']}:35091", OPERATOR_HZ))
            desk = await enter(at_the_desk(desk_line))
            await logs_in(desk_line, "operator-1")
            await happens(lambda: desk.eye.live.phones)
            assert await desk.order(back) == "no-trunk"
            await asyncio.to_thread(apply, desk_line, "callbacks: {trunk: carrier}\n")
            assert await desk.order(CallBack("siaga-1.1", "113")) == "no-number"
            await happens(lambda: desk.eye.phone("operator-1").logged_in)
            assert await desk.order(back) == ""
            await happens(lambda: citizen.hears(operator) and operator.hears(citizen))
            assert "081234567" in operator.shown
            citizen.hang_up()
            await happens(lambda: operator.state == "over")

    run(story())
