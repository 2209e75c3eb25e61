"""What may be ordered, by whom, and the words in which Asterisk is told."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.heard import Channel, Member
from ivr.joining import Joining, State
from ivr.live import UNKNOWN, Live
from ivr.orders import (
    BringIn,
    CallBack,
    DropHotline,
    Finish,
    Leave,
    Listen,
    Order,
    Pause,
    Person,
    Ready,
    RefusedError,
    Seen,
    Transfer,
    dialled,
    ticket,
)

CALL, LEG = "siaga-1795497172.0", "siaga-1795497172.4"
AYU = Person("ayu", "operator-1")
BUDI = Person("budi", "operator-2", supervises=True)
DAMKAR = "damkar-113"


def channel(uniqueid: str, name: str, context: str = "", *, bridged: bool = True) -> Channel:
    return Channel(uniqueid, CALL, name, context, ringing=False, bridged=bridged)


def member(account: str, device: int = 1) -> Member:
    return Member("operators", account, account, device, paused=False)


CALLER = channel(CALL, "PJSIP/from-trunk-00000001", "ops")
OPERATOR = channel(LEG, "PJSIP/operator-1-00000002")
MEMBERS = (member("operator-1", 2), member("operator-2"))
LIVE = Live(
    why="",
    channels={CALL: CALLER, LEG: OPERATOR},
    entries={},
    members={(m.queue, m.account): m for m in MEMBERS},
)


def seen(state: State | None = None, live: Live = LIVE, *, calls_back: bool = True) -> Seen:
    return Seen(
        live,
        (Joining(DAMKAR, "damkar", state, 100.0),) if state else (),
        {DAMKAR, "psc-119"},
        {"operator-1", "operator-2"},
        calls_back,
    )


def refused(order: Order, by: Person = AYU, at: Seen | None = None) -> str:
    with pytest.raises(RefusedError) as error:
        ticket(order, by, at or seen())
    return error.value.why


@pytest.mark.parametrize(
    ("order", "state", "told"),
    [
        (BringIn(CALL, DAMKAR), None, f"in.{LEG}.{DAMKAR}"),
        (BringIn(CALL, "psc-119"), "talking", f"in.{LEG}.psc-119"),
        (BringIn(CALL, DAMKAR), "busy", f"in.{LEG}.{DAMKAR}"),
        (Leave(CALL), "talking", f"leave.{LEG}"),
        (Finish(CALL), None, f"finish.{LEG}"),
        (Transfer(CALL, DAMKAR), "busy", f"transfer.{LEG}.{DAMKAR}"),
        (DropHotline(CALL, DAMKAR), "ringing", f"drop.{LEG}.{DAMKAR}"),
        (Pause("operator-1", "break"), None, "pause.operator-1.break"),
        (Ready("operator-1"), None, "ready.operator-1"),
    ],
)
def test_an_operator_orders_for_the_call_that_he_is_in(
    order: Order, state: State | None, told: str
) -> None:
    assert ticket(order, AYU, seen(state)) == told


@pytest.mark.parametrize("mode", ["listen", "whisper", "barge"])
def test_a_supervisor_orders_for_any_call_and_any_phone(mode: str) -> None:
    order = Listen(CALL, mode)  # type: ignore[arg-type]
    assert ticket(order, BUDI, seen()) == f"{mode}.{CALL}.operator-2"
    assert ticket(Ready("operator-1"), BUDI, seen()) == "ready.operator-1"
    assert refused(order) == "not-a-supervisor"
    assert refused(Ready("operator-2")) == "not-a-supervisor"


def test_nobody_orders_for_a_call_that_he_is_not_in() -> None:
    assert refused(Finish(CALL), BUDI) == "not-yours"
    assert refused(Finish(CALL), Person("cici", None)) == "no-phone"
    assert refused(Finish("siaga-1.1")) == "no-such-call"
    assert refused(Finish(LEG)) == "no-such-call"
    rung = replace(OPERATOR, bridged=False)
    only_rung = replace(LIVE, channels={CALL: CALLER, LEG: rung})
    assert refused(Finish(CALL), at=seen(live=only_rung)) == "not-yours"


def test_what_would_leave_the_caller_alone_or_twice_with_somebody_is_refused() -> None:
    assert refused(Leave(CALL)) == "alone"
    assert refused(Leave(CALL), at=seen("ringing")) == "alone"
    assert refused(BringIn(CALL, DAMKAR), at=seen("ringing")) == "already-there"
    assert refused(Transfer(CALL, "psc-119"), at=seen("talking")) == "already-there"
    assert refused(DropHotline(CALL, DAMKAR), at=seen("left")) == "not-there"


def test_nothing_is_ordered_while_nothing_is_known() -> None:
    for order in (Finish(CALL), Pause("operator-1", "break"), CallBack("x", "0811234567")):
        assert refused(order, at=seen(live=UNKNOWN)) == "asterisk-away"


def test_only_a_telephone_that_is_free_rings_for_a_call_back() -> None:
    back = CallBack("siaga-1.1", "+62811234567")
    assert ticket(back, BUDI, seen()) == "call.operator-2.0811234567"
    assert refused(back, AYU) == "phone-busy"
    assert refused(back, Person("cici", "operator-9")) == "no-phone"
    assert refused(back, BUDI, seen(calls_back=False)) == "no-trunk"
    assert refused(CallBack("siaga-1.1", "113"), BUDI) == "no-number"


def test_a_number_in_another_country_rings_only_where_the_site_lets_it() -> None:
    back = CallBack("siaga-1.1", "+6581234567")
    assert refused(back, BUDI) == "abroad"
    assert ticket(back, BUDI, replace(seen(), abroad=True)) == "call.operator-2.p6581234567"


@pytest.mark.parametrize(
    ("sent", "rung"),
    [
        ("0811234567", "0811234567"),
        ("+62811234567", "0811234567"),
        ("62811234567", "0811234567"),
        ("0062811234567", "0811234567"),
        ("+62761123456", "0761123456"),
        ("+6581234567", "+6581234567"),
        ("006581234567", "+6581234567"),
    ],
)
def test_a_number_is_dialled_as_the_country_does(sent: str, rung: str) -> None:
    assert dialled(sent) == rung


@pytest.mark.parametrize(
    "sent",
    ["", "112", "113", "+", "0000", "811234567", "08112345678901234", "08091234567", "08001234567"],
)
def test_what_is_no_citizens_number_is_not_dialled(sent: str) -> None:
    with pytest.raises(RefusedError, match="no-number"):
        dialled(sent)


HOSTILE = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["x@from-trunk", "1,Hangup()", "${SHELL(id)}", "a b", "a\ncore stop now", "a&b"]
    ),
)
ORDERS = st.one_of(
    st.builds(BringIn, st.just(CALL), HOSTILE),
    st.builds(BringIn, HOSTILE, st.just(DAMKAR)),
    st.builds(Transfer, st.just(CALL), HOSTILE),
    st.builds(DropHotline, st.just(CALL), HOSTILE),
    st.builds(Finish, HOSTILE),
    st.builds(Listen, HOSTILE, st.just("listen")),
    st.builds(CallBack, HOSTILE, HOSTILE),
    st.builds(Pause, st.just("operator-1"), HOSTILE),
    st.builds(Pause, HOSTILE, st.just("break")),
    st.builds(Ready, HOSTILE),
)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(ORDERS)
def test_whatever_is_asked_for_asterisk_is_told_words_of_ours_or_nothing(order: Order) -> None:
    try:
        told = ticket(order, BUDI, seen())
    except RefusedError:
        return
    assert re.fullmatch("[0-9a-z.-]{1,79}", told)
