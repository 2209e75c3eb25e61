"""The figures as rows of one table: figure, group, value, unit. CSV and JSON are made from them.

Law: a value that does not exist is empty, never zero.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ivr.figures import MARKS, QUANTILES, AnswerRate, Figures, Handoff, Tally, Waits, share

Value = int | float | None


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of one group; a figure of all has the group `all`."""

    figure: str
    group: str
    value: Value
    unit: str


def rows(figures: Figures) -> Iterable[Row]:
    """Yield every figure. Shares go from 0 to 1."""
    calls = figures.calls
    yield Row("calls", "all", calls.calls, "calls")
    yield Row("test_calls", "all", figures.tests, "calls")
    yield from (Row("calls_by_ending", name, many, "calls") for name, many in calls.by.items())
    yield Row("abandoned", "all", calls.abandoned, "calls")
    yield Row("abandoned", "after 10 s", figures.late, "calls")
    yield Row("abandoned_share", "all", share(calls.abandoned, calls.ended), "share")
    yield Row("abandoned_share", "after 10 s", share(figures.late, calls.ended), "share")
    yield from _waits("time_to_human", figures.human, calls.ended)
    yield from _waits("queue_wait", figures.queue, figures.queued)
    yield from _rate("answer_rate", figures.rate)
    yield from _rate("queue_answer_rate", figures.queue_rate)
    yield from _tallies("service", figures.by_service)
    yield from _tallies("floor", figures.by_floor)
    yield from _tallies("hour", {f"{hour:02}": tally for hour, tally in figures.by_hour.items()})
    yield from _tallies("day", {day.isoformat(): tally for day, tally in figures.by_day.items()})
    for handoff in figures.handoffs:
        yield from _handoff(handoff)


def _waits(figure: str, waits: Waits, whole: int) -> Iterable[Row]:
    yield Row(figure, "count", waits.count, "calls")
    yield from (Row(figure, f"p{q}", waits.quantile(q), "s") for q in QUANTILES)
    for mark in MARKS:
        within = waits.within(mark)
        yield Row(f"{figure}_within", f"{mark} s", within, "calls")
        yield Row(f"{figure}_share_of_answered", f"{mark} s", share(within, waits.count), "share")
        yield Row(f"{figure}_share_of_all", f"{mark} s", share(within, whole), "share")


def _rate(figure: str, rate: AnswerRate) -> Iterable[Row]:
    yield Row(figure, "answered within 30 s", rate.in_time, "calls")
    yield Row(figure, "received", rate.received, "calls")
    yield Row(figure, "disconnected within 5 s", rate.early, "calls")
    yield Row(figure, "rate", rate.share, "share")


def _tallies(name: str, tallies: Mapping[str, Tally]) -> Iterable[Row]:
    for group, tally in tallies.items():
        yield Row(f"calls_by_{name}", group, tally.calls, "calls")
        for ending, many in tally.by.items():
            yield Row(f"calls_by_{name}_and_ending", f"{group}/{ending}", many, "calls")


def _handoff(handoff: Handoff) -> Iterable[Row]:
    agency, reached = handoff.agency, handoff.reached
    yield Row("handoff_attempts", agency, handoff.attempts, "attempts")
    yield Row("handoff_open", agency, handoff.open, "attempts")
    yield Row("handoff_reached", agency, reached.count, "attempts")
    yield Row("handoff_success", agency, share(reached.count, handoff.attempts), "share")
    yield from (Row(f"handoff_p{q}", agency, reached.quantile(q), "s") for q in QUANTILES)
    within = share(reached.within(30), reached.count)
    yield Row("handoff_share_within_30_s", agency, within, "share")
    yield Row("handoff_caller_left", agency, handoff.caller_left, "attempts")
    for reason, many in handoff.failed.items():
        yield Row("handoff_failed", f"{agency}/{reason}", many, "attempts")


def as_csv(figures: Figures) -> str:
    """Write one table: figure, group, value, unit."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("figure", "group", "value", "unit"))
    for row in rows(figures):
        value = "" if row.value is None else _rounded(row.value)
        writer.writerow((row.figure, row.group, value, row.unit))
    return out.getvalue()


def as_json(figures: Figures) -> str:
    """Write one object: the period, and for each figure its groups."""
    told: dict[str, Any] = {}
    for row in rows(figures):
        told.setdefault(row.figure, {})[row.group] = _rounded(row.value)
    period = figures.period
    head = {"name": period.name, "first": f"{period.first}", "last": f"{period.last}"}
    return json.dumps({"period": head | {"zone": "WIB"}, "figures": told}, indent=2)


def _rounded(value: Value) -> Value:
    return round(value, 4) if isinstance(value, float) else value
