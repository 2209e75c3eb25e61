"""The live line: what events and pictures of Asterisk's manager add up to."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.ami import Message, Stream
from ivr.heard import EVENTS, Event, Gap, Heard, Resynchronised, channel_of
from ivr.live import STAGES, UNKNOWN, Call, Live, Waiting, fold
from routing.configuration import CONTEXTS
from routing.dialplan import ENTRANCES

TRANSCRIPT = Path(__file__).parent / "transcripts" / "two-wait-while-operator-1-talks.txt"
"""Said by Asterisk 22.10.1 to our account: a caller talks, two wait, the second goes first."""
FIRST, SECOND, THIRD = "siaga-1795644693.0", "siaga-1795644694.2", "siaga-1795644695.3"
PHONE = "siaga-1795644694.1"


def transcript() -> Iterator[Heard]:
    """Yield what is heard in the transcript; its pictures end with the answer to Ping."""
    raw = TRANSCRIPT.read_bytes().replace(b"\n", b"\r\n")
    items: list[dict[str, str]] = []
    for message in Stream().receive(raw):
        fields = message.fields
        if "ping" in fields:
            yield Resynchronised(float(fields["timestamp"]), tuple(items))
            items = []
        elif "actionid" in fields:
            items.append(fields)
        else:
            yield Event(float(fields["timestamp"]), fields["event"], fields)


HEARD = tuple(transcript())
PICTURES = [n for n, heard in enumerate(HEARD) if isinstance(heard, Resynchronised)]


def after(*heard: Heard, live: Live = UNKNOWN) -> Live:
    for each in heard:
        live = fold(live, each)
    return live


def event(name: str, fields: Mapping[str, str], at: float | None = 100.0) -> Event:
    return Event(at, name, fields)


def leg(uniqueid: str, name: str = "", context: str = "ops", **more: str) -> dict[str, str]:
    """Return the fields that describe a leg."""
    name = name or f"PJSIP/from-trunk-{uniqueid[-1]}"
    fields = {"uniqueid": uniqueid, "linkedid": uniqueid, "channel": name, "context": context}
    return {**fields, **more}


def picture(*items: dict[str, str], at: float | None = 100.0) -> Resynchronised:
    return Resynchronised(at, items)


def shown(**fields: str) -> dict[str, str]:
    return {**leg(**fields), "event": "CoreShowChannel"}


def entry(uniqueid: str, position: str, queue: str = "operators", **more: str) -> dict[str, str]:
    fields = {"uniqueid": uniqueid, "position": position, "queue": queue, **more}
    return {**fields, "event": "QueueEntry"}


def member(status: str, account: str = "operator-1", **more: str) -> dict[str, str]:
    fields = {"location": f"PJSIP/{account}", "name": "Operator 1", "queue": "operators"}
    return {"status": status, "paused": "0", **fields, **more, "event": "QueueMember"}


# ------------------------------------------------------------------------- a real evening's call


def at_picture(n: int) -> Live:
    """Return the line just after the n-th picture of the transcript."""
    return after(*HEARD[: PICTURES[n] + 1])


def stages(live: Live) -> dict[str, str | None]:
    assert live.calls is not None
    return {call.callref: call.stage for call in live.calls}


def test_at_first_nobody_is_there() -> None:
    live = at_picture(0)
    assert (live.calls, live.waiting, live.staffed, live.why) == ((), (), False, "")
    assert [(p.account, p.name, p.queue) for p in live.phones or ()] == [
        ("pengawas-1", "Pengawas 1", "backup"),
        ("operator-1", "Operator 1", "operators"),
        ("operator-2", "Operator 2", "operators"),
    ]
    assert {p.logged_in for p in live.phones or ()} == {False}


def phone(live: Live, account: str = "operator-1") -> dict[str, object]:
    """Return what is true of a telephone."""
    (found,) = [p for p in live.phones or () if p.account == account]
    told = ("logged_in", "ready", "ringing", "talking", "paused", "callref")
    return {name: value for name in told if (value := getattr(found, name)) not in (False, None)}


def test_an_operator_who_logs_in_is_ready() -> None:
    live = at_picture(1)
    assert phone(live) == {"logged_in": True, "ready": True}
    assert live.staffed


def test_an_operator_is_rung_for_a_caller_and_talks_with_him() -> None:
    seen: list[object] = []
    live = at_picture(1)
    for heard in HEARD[PICTURES[1] + 1 : PICTURES[2]]:
        live = fold(live, heard)
        if not seen or seen[-1] != (stages(live), phone(live)):
            seen.append((stages(live), phone(live)))
    rung = {"logged_in": True, "callref": FIRST}
    ready = {"logged_in": True, "ready": True}
    assert seen == [
        ({FIRST: "menu"}, ready),
        ({FIRST: "queue"}, ready),
        ({FIRST: "queue"}, rung),
        ({FIRST: "queue"}, {**rung, "ringing": True}),
        ({FIRST: "queue"}, rung),
        ({FIRST: "queue"}, {**rung, "talking": True}),
        ({FIRST: "talking"}, {**rung, "talking": True}),
    ]


def test_who_is_more_urgent_waits_in_front_and_each_since_he_came() -> None:
    live = at_picture(4)
    assert live.waiting == (
        Waiting(THIRD, "operators", 1, 9, 1795644696.31996),
        Waiting(SECOND, "operators", 2, 6, 1795644695.551956),
    )
    assert stages(live) == {FIRST: "talking", SECOND: "queue", THIRD: "queue"}


def test_after_all_have_hung_up_the_operator_is_ready_again() -> None:
    live = at_picture(5)
    assert (live.calls, live.waiting) == ((), ())
    assert phone(live) == {"logged_in": True, "ready": True}


@pytest.mark.parametrize("n", range(1, len(PICTURES)))
def test_events_alone_add_up_to_what_asterisk_says_when_it_is_asked(n: int) -> None:
    events = [heard for heard in HEARD[: PICTURES[n]] if isinstance(heard, Event)]
    by_events = after(HEARD[0], *events)
    asked = after(HEARD[PICTURES[n]])
    assert (by_events.channels, by_events.members) == (asked.channels, asked.members)
    assert by_events.calls == asked.calls
    places = [[(w.callref, w.position) for w in live.waiting or ()] for live in (by_events, asked)]
    assert places[0] == places[1]


@pytest.mark.parametrize("n", range(1, len(PICTURES)))
def test_events_that_a_picture_has_outrun_change_nothing_in_the_end(n: int) -> None:
    since = [heard for heard in HEARD[PICTURES[n - 1] : PICTURES[n]] if isinstance(heard, Event)]
    asked = after(HEARD[PICTURES[n]])
    late = after(*since, live=asked)
    assert replace(late, at=asked.at) == asked


# ------------------------------------------------------------------------------------- the laws


def test_before_it_was_asked_nothing_is_known_and_nothing_is_zero() -> None:
    live = after(event("Newchannel", leg("siaga-1.0")))
    assert live is UNKNOWN
    assert (live.calls, live.waiting, live.phones, live.staffed) == (None,) * 4
    assert live.why


def test_in_a_gap_nothing_is_known_but_why() -> None:
    live = after(*HEARD, Gap("Asterisk was killed"))
    assert live == Live("Asterisk was killed")
    assert after(event("Hangup", leg(FIRST)), live=live) is live


def test_a_forged_hangup_lasts_until_the_next_picture() -> None:
    live = at_picture(2)
    forged = after(event("Hangup", leg(FIRST)), live=live)
    assert forged.calls == ()
    assert after(HEARD[PICTURES[2]], live=forged) == live


def test_an_event_about_a_leg_that_nobody_has_announced_is_no_call() -> None:
    live = after(picture(), event("BridgeEnter", leg("siaga-1.0")))
    live = after(event("QueueCallerJoin", leg("siaga-1.0", position="1")), live=live)
    assert (live.channels, live.entries) == ({}, {})


@pytest.mark.parametrize(
    "fields",
    [
        {"uniqueid": ""},
        {"uniqueid": "a\nb"},
        {"linkedid": "x" * 999},
        {"channel": "PJSIP/ä"},
    ],
)
def test_what_describes_no_leg_is_none(fields: dict[str, str]) -> None:
    assert channel_of(leg("siaga-1.0")) is not None
    assert channel_of({**leg("siaga-1.0"), **fields}) is None


def test_a_caller_without_a_leg_has_hung_up_between_the_two_answers() -> None:
    other = shown(uniqueid="siaga-2.0")
    assert after(picture(other, entry("siaga-1.0", "1"))).waiting == ()


def test_who_hangs_up_waits_no_more_though_nobody_said_that_he_left() -> None:
    live = after(event("Hangup", leg("a.1")), live=waiting("a.1", "b.2"))
    assert places(live) == [("operators", "b.2", 1)]


def test_who_waits_keeps_the_finer_time_unless_asterisk_says_another() -> None:
    item = shown(uniqueid="siaga-1.0")
    live = after(picture(item), event("QueueCallerJoin", joins("siaga-1.0", "1"), 90.25))
    finer = after(picture(item, entry("siaga-1.0", "1", wait="10")), live=live)
    other = after(picture(item, entry("siaga-1.0", "1", wait="50")), live=live)
    unsaid = after(picture(item, entry("siaga-1.0", "1"), at=None), live=live)
    assert [w.since for x in (finer, other, unsaid) for w in x.waiting or ()] == [90.25, 50.0, None]


def joins(uniqueid: str, position: str, queue: str = "operators") -> dict[str, str]:
    return leg(uniqueid, position=position, queue=queue)


def waiting(*uniqueids: str) -> Live:
    """Return a line where these wait in this order."""
    legs = [shown(uniqueid=u) for u in uniqueids]
    return after(picture(*legs, *(entry(u, str(n + 1)) for n, u in enumerate(uniqueids))))


def places(live: Live) -> list[tuple[str, str, int | None]]:
    return [(w.queue, w.callref, w.position) for w in live.waiting or ()]


def test_who_comes_in_front_moves_the_others_back_and_who_leaves_lets_them_up() -> None:
    live = after(event("Newchannel", leg("c.3")), live=waiting("a.1", "b.2"))
    live = after(event("QueueCallerJoin", joins("c.3", "2")), live=live)
    assert places(live) == [
        ("operators", "a.1", 1),
        ("operators", "c.3", 2),
        ("operators", "b.2", 3),
    ]
    live = after(event("QueueCallerLeave", joins("a.1", "1")), live=live)
    assert places(live) == [("operators", "c.3", 1), ("operators", "b.2", 2)]


def test_who_goes_on_to_the_backup_waits_there_alone() -> None:
    live = waiting("a.1", "b.2")
    live = after(event("QueueCallerJoin", joins("a.1", "1", "backup")), live=live)
    assert places(live) == [("backup", "a.1", 1), ("operators", "b.2", 1)]


def test_who_waits_already_does_not_join_again() -> None:
    live = waiting("a.1", "b.2")
    again = after(event("QueueCallerJoin", joins("a.1", "2"), 999.0), live=live)
    assert places(again) == places(live)


def test_a_place_that_is_none_is_not_known() -> None:
    live = after(event("Newchannel", leg("a.1")), live=after(picture()))
    live = after(event("QueueCallerJoin", joins("a.1", "0")), live=live)
    assert places(live) == [("operators", "a.1", None)]


# ------------------------------------------------------------------------- telephones


@pytest.mark.parametrize(
    ("status", "logged_in", "ready"),
    [
        *(("0", None, False), ("1", True, True), ("2", True, False), ("3", True, False)),
        *(("4", False, False), ("5", False, False), ("6", True, False), ("7", True, False)),
        ("8", True, False),
    ],
)
def test_a_device_state_says_whether_a_telephone_is_there(
    status: str, logged_in: bool | None, ready: bool
) -> None:
    live = after(picture(member(status)))
    (found,) = live.phones or ()
    assert (found.logged_in, found.ready, live.staffed) == (logged_in, ready, logged_in)


def test_a_telephone_that_takes_a_break_is_there_but_not_ready() -> None:
    paused = event("QueueMemberPause", {**member("1"), "paused": "1"})
    live = after(picture(member("1")), paused)
    assert phone(live) == {"logged_in": True, "paused": True}
    assert live.staffed


def test_the_backup_alone_is_no_operator() -> None:
    assert after(picture(member("1", queue="backup"), member("5"))).staffed is False
    assert after(picture(member("1"), member("0", "operator-2"))).staffed is True
    assert after(picture(member("5"), member("0", "operator-2"))).staffed is None
    assert after(picture()).staffed is False


def test_a_member_that_is_removed_is_gone_and_one_that_is_added_is_there() -> None:
    fields = member("1", "operator-9")
    live = after(picture(), event("QueueMemberAdded", fields))
    assert phone(live, "operator-9") == {"logged_in": True, "ready": True}
    live = after(event("QueueMemberRemoved", fields), live=live)
    assert live.phones == ()


def test_a_member_without_a_state_is_not_read() -> None:
    assert after(picture(), event("QueueMemberStatus", {"queue": "operators"})).phones == ()


# ------------------------------------------------------------------------- the dialplan's contexts

OF_LEGS = {
    "agency-accept",
    "has-sound",
    "joined",
    "operator-joined",
    "leg-left",
    "simulated-answer",
    "simulated",
    "reject",
    *("desk", "desk-order", "desk-leg", "desk-phone", "phone-allow", "desk-listen", "listening"),
    *("bring-in", "bring-in-over", "brought", "brought-over", "call-back", "may-order"),
}
"""Contexts in which no caller ever is: those of who is rung, of orders, of the simulation."""


def test_every_context_that_a_caller_comes_through_has_a_stage() -> None:
    assert set(STAGES) == (CONTEXTS | set(ENTRANCES)) - OF_LEGS


def test_an_order_of_the_console_is_no_call() -> None:
    ear = leg("siaga-1.1", "Local/ear@desk-00000000;1", "hotline-allow-20261125T215455Z-00")
    assert after(picture(), event("Newchannel", ear)).calls == ()


def test_the_simulation_is_no_call() -> None:
    far_end = leg("siaga-1.1", "PJSIP/far-end-1", "simulated-answer-20261125T215455Z-00")
    live = after(picture(), event("Newchannel", far_end))
    assert live.calls == ()


def test_a_call_that_rings_an_agency_and_talks_with_it() -> None:
    caller = leg("siaga-1795644693.0", context="walk-plan-20261125T215455Z-00")
    live = after(picture(), event("Newchannel", {**caller, "context": "from-trunk"}))
    live = after(event("DialBegin", caller), live=live)
    assert live.calls == (Call("siaga-1795644693.0", 1795644693.0, "ringing"),)
    live = after(event("BridgeEnter", caller), live=live)
    assert stages(live) == {"siaga-1795644693.0": "talking"}
    live = after(event("BridgeLeave", caller), live=live)
    assert stages(live) == {"siaga-1795644693.0": "ringing"}


def test_a_reference_of_another_form_has_no_beginning() -> None:
    live = after(picture(shown(uniqueid="other")))
    assert live.calls == (Call("other", None, "queue"),)


# ------------------------------------------------------------------------- whatever may be said

UNIQUEIDS = st.sampled_from(["siaga-1795644693.0", "siaga-1795644694.1", "b.2", "", "x\ny"])
NAMES = st.sampled_from(["PJSIP/from-trunk-1", "PJSIP/operator-1-2", "", "Local/1@x-1;1"])
SMALL = st.sampled_from(["0", "1", "2", "3", "5", "-1", "", "9" * 30, "²", "x"])
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "uniqueid": UNIQUEIDS,
        "linkedid": UNIQUEIDS,
        "channel": NAMES,
        "context": st.sampled_from([*STAGES, "simulated", "", "walk-plan-20261125T215455Z-00"]),
        "channelstate": SMALL,
        "bridgeid": st.sampled_from(["", "5ec87470"]),
        "queue": st.sampled_from(["operators", "backup", "", " "]),
        "position": SMALL,
        "priority": SMALL,
        "wait": SMALL,
        "status": SMALL,
        "paused": SMALL,
        "interface": st.sampled_from(["PJSIP/operator-1", "PJSIP/operator-2", "", "x y"]),
        "location": st.sampled_from(["PJSIP/operator-1", "PJSIP/operator-2", ""]),
        "membername": st.text(max_size=3),
    },
)
TIMES = st.none() | st.floats(0, 2e9)
EVENT = st.builds(
    Event,
    TIMES,
    st.sampled_from([*EVENTS, "", "VarSet"]),
    FIELDS | FIELDS.map(lambda fields: {**leg("b.2", queue="operators"), **fields}),
)
ITEM = st.builds(
    lambda fields, name: {**leg("b.2", queue="operators"), **fields, "event": name},
    FIELDS,
    st.sampled_from(["CoreShowChannel", "QueueMember", "QueueEntry", "QueueParams"]),
)
PICTURE = st.builds(Resynchronised, TIMES, st.lists(ITEM, max_size=6).map(tuple))
ANYTHING = st.lists(EVENT | PICTURE | st.builds(Gap, st.text(max_size=3)), max_size=20)


def sane(live: Live) -> None:
    """Hold what must be true of every state."""
    parts = (live.channels, live.entries, live.members)
    views = (live.calls, live.waiting, live.phones)
    if live.channels is None:
        assert parts == views == (None,) * 3
        assert live.staffed is None
        return
    assert None not in parts
    assert None not in views
    assert live.why == ""
    assert set(live.entries or {}) <= set(live.channels)
    assert all(w.position is None or w.position > 0 for w in live.waiting or ())
    callers = [call.callref for call in live.calls or ()]
    assert len(callers) == len(set(callers))
    assert all(
        p.ready <= bool(p.logged_in) and p.ringing + p.talking < 2 for p in live.phones or ()
    )


@settings(derandomize=True, deadline=None, max_examples=200)
@given(ANYTHING)
def test_whatever_is_heard_the_state_is_sane(heard: list[Heard]) -> None:
    live = UNKNOWN
    for each in heard:
        live = fold(live, each)
        sane(live)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(ANYTHING, PICTURE)
def test_a_picture_brings_the_line_to_what_asterisk_says(
    heard: list[Heard], last: Resynchronised
) -> None:
    live, fresh = after(*heard, last), after(last)
    assert (live.why, live.at) == (fresh.why, fresh.at)
    assert (live.channels, live.members) == (fresh.channels, fresh.members)
    for known, new in zip(live.waiting or (), fresh.waiting or (), strict=True):
        assert replace(known, since=new.since) == new
        assert known.since == new.since or abs((known.since or 0) - (new.since or 0)) <= 2


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.text(), st.binary(max_size=200))
def test_whatever_asterisk_sends_is_read(text: str, raw: bytes) -> None:
    Message.from_line(text)
    pieces = [raw[n : n + 7] for n in range(0, len(raw), 7)]
    greeting = b"Asterisk Call Manager/11.0.0\r\n"
    at_once = [m.fields for m in Stream().receive(greeting + raw)]
    stream = Stream()
    assert [m.fields for piece in (greeting, *pieces) for m in stream.receive(piece)] == at_once
