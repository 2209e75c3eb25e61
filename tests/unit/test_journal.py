"""The journal's lines become one record a call."""

import json
import random
from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivr.callrecord import Hop, Step, Talk
from ivr.journal import BadLineError, Line, continued, cut, order, parse, record, records
from ivr.journalline import storable

CALL = "siaga-1795497172.0"
LEG = "siaga-1795497172.1"
OTHER = "siaga-1795497000.7"

HARD = settings(
    derandomize=True,
    max_examples=300,
    deadline=None,  # the machine may be busy
    suppress_health_check=[HealthCheck.too_slow],
)


def said(at: float, what: str, leg: str = CALL, /, **words: str) -> Line:
    return Line(CALL, leg, at, what, tuple(words.items()))


BEGUN = (
    said(100.0, "CHAN_START", context="from-trunk"),
    said(100.25, "CALL", ani="0812", dnis="112", trunk="from-trunk"),
    said(100.5, "ANSWER"),
)
CHOSEN = (
    said(103.0, "ASKED", prompt="menu", key="1"),
    said(103.125, "PLAN", plan="fire", floor="controller", language="id"),
)
RUNG = said(103.25, "RING", step="1", agency="damkar", number="113", trunk="telkom")
JOINED = said(110.25, "JOINED", LEG, by="telkom")
GONE = said(130.0, "HANGUP")


def test_a_caller_put_through_to_an_agency() -> None:
    told = record((*BEGUN, *CHOSEN, RUNG, JOINED, GONE))
    assert told
    assert (told.began_at, told.answered_at, told.ended_at) == (100.0, 100.5, 130.0)
    assert (told.ani, told.dnis, told.trunk) == ("0812", "112", "from-trunk")
    assert told.steps == (Step(103.0, "menu", "1"),)
    assert (told.service, told.floor, told.language) == ("fire", "controller", "id")
    assert told.hops == (Hop(103.25, "1", "damkar", "113", "telkom", "ANSWER", 0, 7.0, 19.75),)
    assert told.talks == (Talk(110.25, "agency", "damkar", 19.75),)
    assert told.outcome == "connected-agency"
    assert told.human_seconds == 10.25


def test_an_agency_that_leaves_at_once_has_not_served() -> None:
    left = said(115.0, "HOP", step="1", status="ANSWER", cause="16")
    told = record((*BEGUN, *CHOSEN, RUNG, JOINED, left, said(116.0, "QUEUE"), GONE))
    assert told
    assert told.talks == (Talk(110.25, "agency", "damkar", 4.75, served=False),)
    assert told.human_seconds is None
    assert told.outcome == "abandoned-queue"
    assert told.queue_seconds == 14.0


@pytest.mark.parametrize(("seconds", "talk", "served"), [(9.5, "10", True), (10.125, "9", False)])
def test_the_dialplan_says_who_has_served(seconds: float, talk: str, served: bool) -> None:
    """It counts whole seconds, and by them the caller went on."""
    at = JOINED.at + seconds
    left = said(at, "HOP", step="1", status="ANSWER", cause="16", talk=talk)
    told = record((*BEGUN, *CHOSEN, RUNG, JOINED, left, said(at, "QUEUE")))
    assert told
    assert told.talks == (Talk(JOINED.at, "agency", "damkar", seconds, served=served),)
    gone = said(at, "LEFT", talk=talk, cause="16")
    told = record((*BEGUN, said(104.0, "QUEUE"), JOINED, gone))
    assert told
    assert told.talks == (Talk(JOINED.at, "operator", "telkom", seconds, served=served),)


def test_an_operator_is_whoever_joins_without_a_hop() -> None:
    lines = (*BEGUN, *CHOSEN, said(104.0, "QUEUE"), said(106.0, "JOINED", LEG, by="operator-1"))
    told = record((*lines, GONE))
    assert told
    assert told.talks == (Talk(106.0, "operator", "operator-1", 24.0),)
    assert told.outcome == "connected-operator"
    assert told.queue_seconds == 2.0


def test_an_agency_whose_caller_pressed_0_is_not_who_answered() -> None:
    lines = (*BEGUN, *CHOSEN, RUNG, said(104.25, "QUEUE"))
    told = record((*lines, said(106.25, "JOINED", LEG, by="operator-1"), GONE))
    assert told
    assert told.hops == (Hop(103.25, "1", "damkar", "113", "telkom", "CANCEL", 0, 1.0),)
    assert told.talks == (Talk(106.25, "operator", "operator-1", 23.75),)
    assert told.outcome == "connected-operator"


@pytest.mark.parametrize(
    ("lines", "outcome"),
    [
        (BEGUN, "abandoned-menu"),
        ((*BEGUN, *CHOSEN, RUNG), "abandoned-ringing"),
        ((*BEGUN, *CHOSEN, said(104.0, "QUEUE")), "abandoned-queue"),
    ],
)
def test_a_caller_whom_only_the_menu_answered_was_abandoned(
    lines: tuple[Line, ...], outcome: str
) -> None:
    told = record((*lines, GONE))
    assert told
    assert told.outcome == outcome
    assert told.human_seconds is None


def starts(at: float) -> Line:
    return Line("", "", at, "STARTS")


@pytest.mark.parametrize("at", [120.0, 120.0 + 7 * 3600, 0.0], ids=["right", "ahead", "behind"])
def test_a_call_that_was_open_when_asterisk_started_was_cut_off_whatever_the_clock_says(
    at: float,
) -> None:
    told = records((*BEGUN, *CHOSEN, RUNG, JOINED, starts(at)))[CALL]
    assert told.outcome == "cut-off"
    assert told.talks[0].served


@pytest.mark.parametrize("at", [90.0, 120.0, 99.0 + 7 * 3600])
def test_a_call_that_begins_after_a_start_is_not_cut_off_by_it(at: float) -> None:
    lines = (*BEGUN, *CHOSEN, RUNG, JOINED)
    assert records((starts(at), *lines))[CALL].stage == "talking"
    assert records((starts(at), *lines, GONE))[CALL].outcome == "connected-agency"


def test_a_start_that_is_read_again_cuts_off_nobody() -> None:
    told = records((starts(90.0), *BEGUN, starts(90.0)))[CALL]
    assert told.outcome is None


def test_a_call_that_had_ended_before_asterisk_started_keeps_its_outcome() -> None:
    told = records((*BEGUN, GONE, starts(140.0)))[CALL]
    assert told.outcome == "abandoned-menu"


def test_what_nobody_noted_is_in_no_duration() -> None:
    """Asterisk was down for eight hours: nobody talked in them."""
    told = records((*BEGUN, *CHOSEN, RUNG, JOINED, starts(120.0 + 8 * 3600)))[CALL]
    assert (told.ended_at, told.talk_seconds, told.hops[0].talk_seconds) == (110.25, 0.0, 0.0)


@pytest.mark.parametrize("steps_at", range(1, 8))
@pytest.mark.parametrize("back", [0.5, 5.0, 3600.0])
def test_a_clock_that_is_set_back_in_a_call_loses_no_person(steps_at: int, back: float) -> None:
    lines = (*BEGUN, *CHOSEN, RUNG, JOINED, GONE)
    told = record((*lines[:steps_at], *(replace(x, at=x.at - back) for x in lines[steps_at:])))
    assert told
    assert told.stage == "ended"
    assert told.human
    assert told.outcome
    assert told.outcome.startswith("connected-")


def test_neither_order_nor_repetition_changes_a_record() -> None:
    lines = [*BEGUN, *CHOSEN, RUNG, JOINED, GONE]
    whole = record(lines)
    for some in list(permutations(lines))[:: len(lines) * 97]:
        assert record([*some, *random.choices(lines, k=5)]) == whole


times = st.integers(640, 1200).map(lambda eighths: eighths / 8)
stories = st.lists(
    st.builds(
        lambda at, what, leg, by: said(at, what, leg, by=by, status="BUSY", agency=by),
        times,
        st.sampled_from(
            [
                *("ANSWER", "ASKED", "PLAN", "RING", "JOINED", "HOP", "QUEUE", "LEFT", "ALARM"),
                *("BRING", "BROUGHT", "BRINGOVER", "HANDED", "HANGUP"),
            ]
        ),
        st.sampled_from([CALL, LEG]),
        st.sampled_from(["damkar", "operator-1"]),
    ),
    max_size=12,
).map(lambda lines: [*BEGUN, *lines])


@HARD
@given(stories, st.randoms(use_true_random=False), st.lists(times, max_size=2))
def test_any_order_and_any_repetition_make_the_same_record(
    lines: list[Line], dice: random.Random, cut_at: list[float]
) -> None:
    lines += [cut(CALL, at) for at in cut_at]
    again = [*lines, *dice.choices(lines, k=5)]
    dice.shuffle(again)
    assert record(again) == record(lines)


@HARD
@given(stories, st.integers(0, 12))
def test_a_record_goes_on_as_if_it_were_made_of_all_lines(lines: list[Line], cut: int) -> None:
    in_order = sorted(set(lines), key=order)
    cut += 1 + in_order.index(BEGUN[1])
    told = record(in_order[:cut])
    assert told
    assert continued(told, in_order[cut:]) == record(lines)


@HARD
@given(stories)
def test_no_duration_is_negative(lines: list[Line]) -> None:
    told = record(lines)
    assert told
    found = [told.human_seconds, told.queue_seconds, told.talk_seconds]
    found += [x.ring_seconds for x in told.hops] + [x.talk_seconds for x in told.hops]
    found += [talk.seconds for talk in told.talks]
    found += [told.ended_at - told.began_at] if told.ended_at is not None else []
    assert [x for x in found if x is not None and x < 0] == []


def test_what_is_no_call_to_112_has_no_record() -> None:
    assert record((said(1.0, "CHAN_START", context="simulated"), GONE)) is None


@pytest.mark.parametrize(
    ("cause", "read"), [("17", 17), ("", 0), ("x", 0), ("9" * 5000, 0), ("\u00b2", 0), ("-1", 0)]
)
def test_a_cause_is_a_number_of_three_digits_or_none(cause: str, read: int) -> None:
    busy = said(104.0, "HOP", step="1", status="BUSY", cause=cause)
    told = record((*BEGUN, *CHOSEN, RUNG, busy))
    assert told
    assert told.hops[0].cause == read


def test_what_is_searched_for_fits_into_an_index() -> None:
    call = said(100.25, "CALL", ani="1" * 5000)
    told = record((call, said(101.0, "PLAN", plan="p" * 5000)))
    assert told
    assert (len(told.ani), len(told.service)) == (64, 64)


def event(**fields: object) -> bytes:
    every = {"eventtime": "12.5", "linkedid": CALL, "uniqueid": CALL, "userdeftype": ""}
    return json.dumps({**every, **fields}).encode()


def test_a_user_event_is_read_with_its_words() -> None:
    extra = json.dumps({"extra": "ani=0812 trunk=from-trunk"})
    raw = event(eventtype="CALL", userdeftype="CALL", eventextra=extra)
    assert parse(raw) == Line(CALL, CALL, 12.5, "CALL", (("ani", "0812"), ("trunk", "from-trunk")))


def test_what_a_channel_tells_is_of_its_call_whatever_it_is_linked_to() -> None:
    """An operator who was on another call has joined the two."""
    assert parse(event(eventtype="HANGUP", linkedid=OTHER)) == Line(CALL, CALL, 12.5, "HANGUP")


def test_who_joins_is_of_the_call_that_rang() -> None:
    joined = event(eventtype="JOINED", userdeftype="JOINED", linkedid=CALL, uniqueid=LEG)
    assert parse(joined) == Line(CALL, LEG, 12.5, "JOINED")


def test_what_an_order_does_is_of_the_call_that_it_names() -> None:
    extra = json.dumps({"extra": f"call={CALL}"})
    told = parse(
        event(uniqueid=LEG, eventtype="USER_DEFINED", userdeftype="BRING", eventextra=extra)
    )
    assert told
    assert (told.call, told.leg) == (CALL, LEG)
    with pytest.raises(BadLineError):
        parse(
            event(
                eventtype="USER_DEFINED",
                userdeftype="HANDED",
                eventextra='{"extra":"by=operator-1"}',
            )
        )


def alarm(words: str) -> bytes:
    extra = json.dumps({"extra": words})
    return event(eventtype="ALARM", userdeftype="ALARM", uniqueid=LEG, eventextra=extra)


def test_a_telephone_without_sound_is_an_alarm_of_the_call_that_rang_it() -> None:
    line = parse(alarm("what=no-sound phone=operator-1"))
    assert line
    told = record((*BEGUN, line))
    assert (line.call, line.leg) == (CALL, LEG)
    assert told
    assert told.alarms == ("no-sound operator-1",)


def test_any_other_alarm_is_of_the_call_that_tells_it() -> None:
    line = parse(alarm("what=no-operator"))
    assert line
    assert line.call == LEG


def hung_up(source: str, cause: int) -> Line:
    extra = {"hangupcause": cause, "hangupsource": source, "dialstatus": ""}
    line = parse(event(eventtype="HANGUP", eventtime="130.0", eventextra=json.dumps(extra)))
    assert line
    return line


@pytest.mark.parametrize(
    ("source", "cause", "outcomes"),
    [
        ("PJSIP/from-trunk-00000004", 16, ["abandoned-menu", "connected-agency"]),
        ("dialplan/builtin", 16, ["abandoned-menu", "connected-agency"]),
        ("", 44, ["abandoned-menu", "connected-agency"]),
        ("", 0, ["cut-off", "cut-off"]),
        ("", 16, ["cut-off", "cut-off"]),
    ],
)
def test_whom_asterisk_hung_up_on_was_cut_off(source: str, cause: int, outcomes: list[str]) -> None:
    """A stop by SIGTERM ends every channel, and nobody is the source of it."""
    gone = hung_up(source, cause)
    told = [record(lines) for lines in ((*BEGUN, gone), (*BEGUN, *CHOSEN, RUNG, JOINED, gone))]
    assert [each and each.outcome for each in told] == outcomes


@pytest.mark.parametrize("what", ["CHAN_START", "ANSWER"])
def test_no_call_begins_on_a_channel_that_we_rang(what: str) -> None:
    assert parse(event(eventtype=what, uniqueid=LEG)) is None


def test_an_event_that_no_record_needs_is_none() -> None:
    assert parse(event(eventtype="BRIDGE_ENTER")) is None


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"{", b"[]", b"null", b'{"eventtype":"ANSWER"}', b"\xff\xfe", b"[" * 9999),
        event(eventtype="ANSWER")[:-9],
        event(eventtype="ANSWER", eventtime="soon"),
        *(event(eventtype="ANSWER", eventtime=at) for at in ("nan", "1e999", "-1", "4102444800")),
        event(eventtype="HANGUP", uniqueid="9" * 151),
        event(eventtype="HANGUP", uniqueid=""),
        event(eventtype="HANGUP", uniqueid="a\0b"),
        event(eventtype="HANGUP", uniqueid="\ud800"),
        event(eventtype="ANSWER").replace(CALL.encode(), b"\xed\xa0\x80"),
        event(eventtype="CALL", userdeftype="CALL", eventextra=json.dumps({"extra": "ani=\0"})),
        event(eventtype="ANSWER").replace(b'"12.5"', b"12.5"),
        event(eventtype="CALL", userdeftype="CALL", eventextra=json.dumps({"extra": 112})),
        b"x" * 20000,
    ],
)
def test_a_bad_line_is_refused(raw: bytes) -> None:
    with pytest.raises(BadLineError):
        parse(raw)


fields = st.sampled_from(
    ["eventtime", "eventtype", "userdeftype", "linkedid", "uniqueid", "eventextra"]
)
values = st.one_of(
    st.text(),
    st.integers(),
    st.sampled_from(
        ["CALL", "HANGUP", "12.5", "STARTS", CALL, '{"extra":"ani=\\u0000 b=\\ud800"}']
    ),
)


@HARD
@given(st.one_of(st.binary(), st.dictionaries(fields, values).map(lambda x: event(**x))))
def test_whatever_a_line_holds_it_is_refused_or_every_database_takes_it(raw: bytes) -> None:
    try:
        line = parse(raw)
    except BadLineError:
        return
    if line is not None:
        assert 0 <= line.at < 4102444800
        for text in (line.call, line.leg, line.what, *(x for word in line.words for x in word)):
            assert storable(text) == text
