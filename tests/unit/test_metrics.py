"""What Prometheus reads says what the records say."""

from dataclasses import replace

import pytest

from ivr.callrecord import CallRecord, Change, Hop, Talk
from ivr.desk.metrics import Metrics

OPEN = CallRecord(
    "siaga-1.0",
    100.0,
    "0812",
    "112",
    "from-trunk",
    service="fire",
    floor="controller",
    stage="ringing",
    hops=(Hop(104.0, "1", "damkar", "113", "telkom"),),
)
SERVED = replace(
    OPEN,
    hops=(Hop(104.0, "1", "damkar", "113", "telkom", "ANSWER", 0, 7.0, 60.0),),
    talks=(Talk(111.0, "agency", "damkar", 60.0),),
    stage="ended",
    ended_at=171.0,
    outcome="connected-agency",
)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_a_call_that_ended_counts_once(metrics: Metrics) -> None:
    metrics.changed(Change(None, OPEN))
    metrics.changed(Change(OPEN, SERVED))
    metrics.changed(Change(SERVED, replace(SERVED, recording="a.wav")))
    labels = {"outcome": "connected-agency", "service": "fire", "floor": "controller"}
    assert value(metrics, "siaga112_calls_total", **labels) == 1
    assert value(metrics, "siaga112_human_seconds_sum", kind="agency") == 11
    assert value(metrics, "siaga112_hops_total", agency="damkar", result="served") == 1
    assert value(metrics, "siaga112_ring_seconds_bucket", agency="damkar", le="10.0") == 1


def test_open_calls_are_counted_by_stage_also_those_from_before_the_start() -> None:
    metrics = Metrics()
    metrics.open_at_start({"siaga-0.0": "queue"})
    metrics.changed(Change(None, OPEN))
    assert metrics.open_calls == {"queue": 1, "ringing": 1}
    metrics.changed(Change(OPEN, SERVED))
    assert metrics.open_calls == {"queue": 1}


def test_a_caller_who_left_while_it_rang_is_no_failure_of_the_agency(metrics: Metrics) -> None:
    left = replace(OPEN.hops[0], status="CANCEL", ring_seconds=3.0)
    gone = replace(OPEN, hops=(left,), stage="ended", ended_at=107.0, outcome="abandoned-ringing")
    metrics.changed(Change(OPEN, gone))
    assert value(metrics, "siaga112_hops_total", agency="damkar", result="caller-left") == 1
    assert value(metrics, "siaga112_human_seconds_count", kind="agency") is None


def test_a_busy_agency_is_counted_as_busy(metrics: Metrics) -> None:
    busy = replace(OPEN.hops[0], status="BUSY", cause=17, ring_seconds=0.1)
    ended = replace(OPEN, hops=(busy,), stage="ended", ended_at=9.0, outcome="abandoned-queue")
    metrics.changed(Change(None, ended))
    assert value(metrics, "siaga112_hops_total", agency="damkar", result="busy") == 1


def test_a_test_call_is_counted_as_one_and_nowhere_else(metrics: Metrics) -> None:
    metrics.changed(Change(None, replace(SERVED, test=True, outcome="test")))
    assert value(metrics, "siaga112_test_calls_total") == 1
    assert value(metrics, "siaga112_hops_total", agency="damkar", result="served") is None


def test_an_alarm_counts_once_by_what_it_is(metrics: Metrics) -> None:
    alarmed = replace(OPEN, alarms=("wrong-number 113 telkom",))
    metrics.changed(Change(OPEN, alarmed))
    metrics.changed(Change(alarmed, replace(alarmed, stage="queue")))
    assert value(metrics, "siaga112_alarms_total", what="wrong-number") == 1


def test_gauges_are_asked_for_when_prometheus_looks(metrics: Metrics) -> None:
    waiting = iter((3.0, 1.0))
    where = (("queue", "operators"),)
    metrics.show(lambda: [("siaga112_waiting", "Callers who wait.", {where: next(waiting)})])
    assert value(metrics, "siaga112_waiting", queue="operators") == 3
    assert value(metrics, "siaga112_waiting", queue="operators") == 1
