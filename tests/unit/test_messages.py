"""What goes out for a change of a call is what `ivr/schemas` promises, whatever a record holds."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, cast, get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ivr import messages
from ivr.callrecord import CallRecord, Change, Hop, Kind, Outcome, Stage, Step, Talk
from ivr.dispositions import MAX_NOTE, Said
from ivr.messages import (
    Acknowledgement,
    HotlineState,
    QueueState,
    RefusedError,
    follow,
    said_of,
)
from routing.agencies import NAME
from routing.configuration import Configuration
from routing.dialplan import contexts

SCHEMAS = Path(messages.__file__).with_name("schemas")
SCHEMA: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text()) for path in sorted(SCHEMAS.glob("*.json"))
}
VALIDATOR = {name: Draft202012Validator(schema) for name, schema in SCHEMA.items()}

CALLER = "+628120112"
FIRE = CallRecord(
    "siaga-1.0", 100.25, CALLER, "112", "telkom", answered_at=100.5, service="fire", language="id"
)
RUNG = replace(FIRE, stage="ringing", hops=(Hop(104.0, "1", "damkar", "113", "telkom"),))
SERVED = replace(
    RUNG,
    stage="talking",
    hops=(replace(RUNG.hops[0], ring_seconds=6.0),),
    talks=(Talk(110.0, "agency", "damkar"),),
)
ENDED = replace(SERVED, stage="ended", ended_at=140.0, outcome="connected-agency")


def concerned(service: str) -> tuple[str, ...]:
    return {"fire": ("damkar",), "fallen-tree": ("bpbd", "damkar", "perkim")}.get(service, ())


def nobody(_: str) -> tuple[str, ...]:
    return ()


def valid(schema: str, body: str) -> dict[str, Any]:
    """Return a body. It is that of its schema and holds nothing that the schema does not name."""
    assert len(body.encode()) <= messages.MAX_BODY_BYTES
    fields = json.loads(body, parse_constant=lambda text: pytest.fail(f"{text} is not JSON"))
    VALIDATOR[schema].validate(fields)
    assert set(fields) == set(SCHEMA[schema]["properties"])
    return cast("dict[str, Any]", fields)


def report_to(agency: str, before: CallRecord | None, after: CallRecord) -> dict[str, Any]:
    (report,) = (r for r in follow(Change(before, after), concerned).reports if r.agency == agency)
    return valid("report", report.body)


# ------------------------------------------------------------------------------ any call at all

times = st.floats(allow_nan=False, allow_infinity=False)
seconds = st.none() | times
texts = st.text(max_size=100) | st.from_regex(NAME, fullmatch=True)
calls = st.builds(
    CallRecord,
    callref=texts,
    began_at=times,
    ani=texts,
    dnis=texts,
    trunk=texts,
    test=st.booleans(),
    answered_at=seconds,
    steps=st.lists(st.builds(Step, times, texts, texts), max_size=3).map(tuple),
    service=texts | st.sampled_from(["fire", "fallen-tree", "cannot-speak"]),
    language=texts,
    floor=texts,
    hops=st.lists(
        st.builds(Hop, times, texts, texts, texts, texts, texts, st.integers(), seconds, seconds),
        max_size=4,
    ).map(tuple),
    queued_at=seconds,
    talks=st.lists(
        st.builds(Talk, times, st.sampled_from(get_args(Kind)), texts, seconds, st.booleans()),
        max_size=3,
    ).map(tuple),
    recording=texts,
    alarms=st.lists(texts, max_size=3).map(tuple),
    stage=st.sampled_from(get_args(Stage)),
    ended_at=seconds,
    outcome=st.none() | st.sampled_from(get_args(Outcome)),
)
LONG = "\U0001f525" * 100
WORST = replace(
    ENDED,
    callref=LONG,
    ani=LONG,
    service=LONG,
    language=LONG,
    floor=LONG,
    began_at=-1e300,
    answered_at=1e300,
    ended_at=1e300,
    hops=(Hop(1e300, LONG, LONG, LONG, LONG, LONG, 10**99, 1e300, 1e300),) * 99,
)


@given(st.none() | calls, calls)
@example(None, WORST)
@example(None, replace(ENDED, callref="a/+/#/\0b"))
@example(None, replace(ENDED, callref=""))
def test_whatever_a_record_holds_its_messages_are_valid(
    before: CallRecord | None, after: CallRecord
) -> None:
    if before == after:
        assert follow(Change(before, after), concerned) == messages.Followed()
        return
    followed = follow(Change(before, after), concerned)
    call, *told = followed.messages
    assert re.fullmatch(r"siaga112/calls/[0-9A-Za-z._-]{1,64}", call.topic)
    valid("call", call.body)
    for message, report in zip(told, followed.reports, strict=True):
        body = valid("report", message.body)
        assert message.topic == f"siaga112/agencies/{report.agency}/reports"
        assert (body["id"], body["agency"], message.body) == (report.id, report.agency, report.body)
        assert report.callref == after.callref
        assert not message.retain
        assert re.fullmatch(NAME, report.agency)
    assert len({report.id for report in followed.reports}) == len(followed.reports)


def test_only_a_report_holds_the_caller_s_number_and_nothing_the_operator_s_name() -> None:
    call = replace(ENDED, talks=(*ENDED.talks, Talk(1.0, "operator", "operator-77")))
    told, *to_agencies = follow(Change(None, call), concerned).messages
    assert CALLER not in told.body
    assert [json.loads(message.body)["caller"] for message in to_agencies] == [CALLER]
    assert not any("operator-77" in message.body for message in (told, *to_agencies))


# ------------------------------------------------------------------------------------ one story


def test_an_agency_is_told_when_the_service_is_known_and_again_when_the_outcome_is() -> None:
    asked = replace(FIRE, service="")
    story = (None, asked, FIRE, RUNG, SERVED, ENDED)
    reports = [
        report
        for before, after in pairwise(story)
        if after is not None
        for report in follow(Change(before, after), concerned).reports
    ]
    first, last = (valid("report", report.body) for report in reports)
    assert first["id"] == last["id"] == "siaga-1.0-damkar"
    assert (first["revision"], last["revision"]) == (1, 2)
    assert first == {
        "version": 1,
        "id": "siaga-1.0-damkar",
        "revision": 1,
        "agency": "damkar",
        "call": "siaga-1.0",
        "test": False,
        "service": "fire",
        "language": "id",
        "began_at": "1970-01-01T00:01:40.250Z",
        "ended_at": None,
        "outcome": None,
        "caller": CALLER,
        "ring_back": True,
        "rung": False,
        "served": False,
        "disposition": None,
        "district": None,
        "note": None,
    }
    assert (last["rung"], last["served"], last["outcome"]) == (True, True, "connected-agency")
    assert last["ended_at"] == "1970-01-01T00:02:20.000Z"


def test_a_call_that_is_over_when_it_is_first_read_makes_one_report() -> None:
    assert report_to("damkar", None, ENDED)["revision"] == 2


def test_no_agency_is_told_of_a_drill() -> None:
    told = follow(Change(None, replace(FIRE, trunk="drill", test=True)), concerned)
    assert told.reports == ()
    assert len(told.messages) == 1, "the call itself, for who watches"


def test_who_only_needs_to_know_is_told_and_who_was_rung_is_told() -> None:
    last_resort = Hop(105.0, "last", "polresta", "110", "telkom")
    call = replace(FIRE, service="fallen-tree", hops=(last_resort,))
    reports = follow(Change(None, call), concerned).reports
    assert [report.agency for report in reports] == ["bpbd", "damkar", "perkim", "polresta"]
    rung = [json.loads(report.body)["rung"] for report in reports]
    assert rung == [False, False, False, True]


def test_what_an_operator_says_is_the_last_revision_whether_the_call_goes_on_or_not() -> None:
    said = Said(FIRE.callref, 130.0, "ayu", "prank", "kulim", "\U0001f525" * MAX_NOTE)
    for call in (FIRE, ENDED):
        (report,) = said_of(call, said, ["damkar"]).reports
        body = valid("report", report.body)
        assert (body["id"], body["revision"]) == ("siaga-1.0-damkar", 3)
        assert (body["disposition"], body["district"]) == ("prank", "kulim")
        assert "ayu" not in report.body


def test_an_agency_that_is_rung_later_is_told_then_and_nobody_twice() -> None:
    again = replace(RUNG, hops=(*RUNG.hops, Hop(120.0, "1", "polresta", "110", "telkom")))
    assert [r.agency for r in follow(Change(RUNG, again), concerned).reports] == ["polresta"]


def test_a_caller_who_asked_for_nobody_is_nobody_s_report() -> None:
    told = follow(Change(None, replace(ENDED, service="no-choice", hops=())), concerned)
    assert [message.topic for message in told.messages] == ["siaga112/calls/siaga-1.0"]


def test_who_cannot_speak_is_not_rung_back() -> None:
    hop = Hop(105.0, "last", "polresta", "110", "telkom")
    report = report_to("polresta", None, replace(FIRE, service="cannot-speak", hops=(hop,)))
    assert (report["caller"], report["ring_back"]) == (CALLER, False)


def test_a_withheld_number_is_null_and_cannot_be_rung_back() -> None:
    report = report_to("damkar", None, replace(FIRE, ani=""))
    assert (report["caller"], report["ring_back"]) == (None, False)


def test_an_agency_that_left_at_once_has_not_served() -> None:
    left = replace(ENDED, talks=(replace(ENDED.talks[0], served=False),))
    report = report_to("damkar", None, left)
    assert (report["rung"], report["served"]) == (True, False)


def test_an_agency_that_an_operator_brought_in_served_though_the_call_stayed_his() -> None:
    way = ("desk", "damkar", "113", "telkom", "ANSWER", 16, 5.0, 31.0, "damkar-113", "operator-1")
    talks = (Talk(102.0, "operator", "operator-1", 38.0),)
    call = replace(ENDED, hops=(Hop(104.0, *way),), talks=talks, outcome="connected-operator")
    assert report_to("damkar", None, call)["served"] is True
    body = valid("call", follow(Change(None, call), nobody).messages[0].body)
    assert body["hops"][0]["by_operator"] is True


def test_a_call_is_told_with_times_in_utc_and_units_in_names() -> None:
    body = valid("call", follow(Change(None, ENDED), nobody).messages[0].body)
    assert body["began_at"] == "1970-01-01T00:01:40.250Z"
    assert (body["human"], body["human_seconds"]) == ("agency", 9.75)
    assert body["hops"][0]["ring_seconds"] == 6.0


def test_an_unheard_of_name_of_an_agency_makes_no_topic() -> None:
    call = replace(FIRE, service="", hops=tuple(replace(RUNG.hops[0], agency=a) for a in "/+#A "))
    assert follow(Change(None, call), concerned).reports == ()


def test_the_service_of_a_caller_who_cannot_speak_has_the_name_of_the_dialplan(
    shipped: Configuration,
) -> None:
    written = (Path(__file__).parents[2] / "asterisk" / "dialplan.conf").read_text()
    assert f"PLAN_ID={messages.CANNOT_SPEAK}" in contexts(shipped, written, "v")


# ---------------------------------------------------------------------------------------- state


@given(
    st.builds(
        QueueState, texts, times, *(3 * [st.none() | st.integers(0)]), st.none() | st.integers(0)
    )
)
def test_the_state_of_a_queue_is_kept_for_who_comes_later(state: QueueState) -> None:
    told = messages.queue_state(state)
    body = valid("queue", told.body)
    assert told.retain
    assert told.topic == f"siaga112/queues/{body['queue']}"


@given(
    st.builds(
        HotlineState, texts, texts, times, *(2 * [st.none() | st.integers(0)]), seconds, texts
    )
)
def test_the_state_of_a_hotline_is_kept_for_who_comes_later(state: HotlineState) -> None:
    told = messages.hotline_state(state)
    body = valid("hotline", told.body)
    assert told.retain
    assert told.topic == f"siaga112/hotlines/{body['hotline']}"


@pytest.mark.parametrize("here", [True, False])
def test_whether_the_desk_is_there_is_kept_for_who_comes_later(here: bool) -> None:
    told = messages.desk_state(here=here, connected_at=100.0)
    assert (told.topic, told.retain) == ("siaga112/desk", True)
    assert valid("desk", told.body)["here"] is here


# ------------------------------------------------------------------------------ acknowledgements

TOPIC = "siaga112/agencies/damkar/reports/siaga-1.0-damkar/ack"


def word(**fields: object) -> bytes:
    return json.dumps({"version": 1, "by": "Regu 2", **fields}).encode()


def test_an_agency_says_who_has_read_a_report() -> None:
    heard = messages.acknowledgement(TOPIC, word())
    assert heard == Acknowledgement("siaga-1.0-damkar", "damkar", "Regu 2")


def test_what_an_agency_adds_for_itself_is_no_mistake() -> None:
    assert messages.acknowledgement(TOPIC, word(unit="2"))


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"null", b"[]", b'"ok"', b"1", b"NaN", b"\xff\xfe", b"[" * 4000),
        *(b"{}", b'{"version":1}', b'{"by":"x"}', b"\x00", b"9" * 4096),
        *(word(version=2), word(version="1"), word(version=True), word(version=None)),
        *(word(by=""), word(by=None), word(by=1), word(by=["x"]), word(by="x" * 81)),
        *(word(by="a\nb"), word(by="a\x00b"), word(by="\ud800"), word(more="x" * 4096)),
    ],
)
def test_what_is_no_acknowledgement_is_refused(body: bytes) -> None:
    with pytest.raises(RefusedError):
        messages.acknowledgement(TOPIC, body)


@pytest.mark.parametrize(
    "topic",
    [
        *("", "ack", "siaga112/desk", TOPIC + "/x", "x/" + TOPIC, TOPIC.replace("damkar/", "/")),
        "siaga112/agencies/damkar/reports/a/b/ack",
    ],
)
def test_what_is_said_elsewhere_is_refused(topic: str) -> None:
    with pytest.raises(RefusedError):
        messages.acknowledgement(topic, word())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=90),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(), inside, max_size=3),
    max_leaves=5,
)


@given(
    st.fixed_dictionaries(
        {}, optional={"version": st.just(1) | json_values, "by": st.text() | json_values}
    )
    | st.dictionaries(st.text(), json_values, max_size=3)
)
def test_what_is_taken_is_what_the_schema_describes(fields: Mapping[str, object]) -> None:
    body = json.dumps(fields).encode()
    described = VALIDATOR["acknowledgement"].is_valid(fields)
    printable = str(fields.get("by", "")).isprintable()
    assert taken(lambda: messages.acknowledgement(TOPIC, body)) == (described and printable)


def taken(read: Callable[[], object]) -> bool:
    try:
        read()
    except RefusedError:
        return False
    return True


@given(st.text(), st.binary(max_size=200))
def test_nothing_that_comes_in_is_more_than_refused(topic: str, body: bytes) -> None:
    taken(lambda: messages.acknowledgement(topic, body))
    taken(lambda: messages.acknowledgement(TOPIC, body))


def test_every_schema_is_one() -> None:
    assert set(SCHEMA) == {"acknowledgement", "call", "desk", "hotline", "queue", "report"}
    for schema in SCHEMA.values():
        Draft202012Validator.check_schema(schema)
        assert schema["required"] == list(schema["properties"])


def test_the_table_of_topics_names_every_schema() -> None:
    table = (SCHEMAS / "README.md").read_text()
    assert [name for name in SCHEMA if f"({name}.json)" not in table] == []
