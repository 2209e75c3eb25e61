"""A record is the same after it was written as JSON and read again."""

import dataclasses
import json
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivr.callrecord import CallRecord, Hop, Kind, Outcome, Stage, Step, Talk, from_json, to_json

numbers = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]))
some = st.none() | numbers


def kinds(literal: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(get_args(literal))


hops = st.builds(
    Hop, numbers, *[texts] * 5, cause=st.integers(0, 999), ring_seconds=some, talk_seconds=some
)
records = st.builds(
    CallRecord,
    callref=texts,
    began_at=numbers,
    ani=texts,
    dnis=texts,
    trunk=texts,
    test=st.booleans(),
    answered_at=some,
    steps=st.lists(st.builds(Step, numbers, texts, texts)).map(tuple),
    service=texts,
    language=texts,
    floor=texts,
    hops=st.lists(hops).map(tuple),
    queued_at=some,
    talks=st.lists(st.builds(Talk, numbers, kinds(Kind), texts, some, st.booleans())).map(tuple),
    recording=texts,
    alarms=st.lists(texts).map(tuple),
    stage=kinds(Stage),
    ended_at=some,
    outcome=st.none() | kinds(Outcome),
)


@settings(derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(records)
def test_a_record_is_the_same_after_json(record: CallRecord) -> None:
    assert from_json(to_json(record)) == record


def test_json_names_every_field() -> None:
    told = CallRecord("1.0", 1.5, "0812", "112", "telkom", hops=(Hop(2.0, "1", "", "", ""),))
    fields = json.loads(to_json(told))
    assert list(fields) == [field.name for field in dataclasses.fields(CallRecord)]
    assert list(fields["hops"][0]) == [field.name for field in dataclasses.fields(Hop)]


def test_a_field_that_is_new_has_its_default_in_a_record_that_is_old() -> None:
    told = CallRecord("1.0", 1.5, "0812", "112", "telkom")
    fields = json.loads(to_json(told))
    del fields["queued_at"]
    assert from_json(json.dumps(fields)) == told


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"steps":[{}]}'])
def test_what_is_no_record_is_refused(text: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        from_json(text)


def test_a_hop_served_when_somebody_whom_it_reached_stayed() -> None:
    first = Hop(10.0, "1", "bpbd", "117", "telkom", "ANSWER", 16, 2.0, 3.0)
    second = Hop(20.0, "2", "damkar", "113", "telkom", "ANSWER", 16, 2.0, 60.0)
    busy = Hop(90.0, "3", "pln", "123", "telkom", "BUSY", 17, 0.5)
    talks = (
        Talk(12.0, "agency", "bpbd", 3.0, served=False),
        Talk(22.0, "agency", "damkar", 60.0),
        Talk(95.0, "operator", "operator-1", 30.0),
    )
    record = CallRecord("1.0", 1.5, "", "112", "", hops=(first, second, busy), talks=talks)
    assert [record.served(hop) for hop in record.hops] == [False, True, False]
