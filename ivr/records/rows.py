"""What of a call goes into which table: records into rows, and lines into text and back. No I/O."""

import json
from collections.abc import Iterable, Mapping
from itertools import zip_longest
from typing import Any

from ivr.callrecord import CallRecord, Change, to_json
from ivr.journal import Line

DAY_SECONDS = 86400
Row = Mapping[str, Any]

_SAME_NAME = (
    *("callref", "began_at", "answered_at", "queued_at", "ended_at", "ani", "dnis", "trunk"),
    *("test", "service", "language", "floor", "stage", "outcome", "human_seconds"),
    *("queue_seconds", "talk_seconds", "recording"),
)
_HOP = ("at", "agency", "number", "trunk", "status", "cause", "ring_seconds", "talk_seconds")


def call_row(record: CallRecord, change: int) -> Row:
    """Return the row of `calls`. `change` is the number of this change."""
    human = record.human
    return {
        **{name: getattr(record, name) for name in _SAME_NAME},
        "change": change,
        "human_at": human.at if human else None,
        "human_kind": human.kind if human else None,
        "human_who": human.who if human else None,
        "told": to_json(record),
    }


def hop_rows(change: Change) -> list[Row]:
    """Return the rows of `hops` that are new or no longer what they were."""
    before = _hop_rows(change.before) if change.before else []
    after = _hop_rows(change.after)
    return [row for row, was in zip_longest(after, before) if row and row != was]


def _hop_rows(record: CallRecord) -> list[Row]:
    return [
        {
            **{name: getattr(hop, name) for name in _HOP},
            "callref": record.callref,
            "place": place,
            "served": record.served(hop),
            "test": record.test,
        }
        for place, hop in enumerate(record.hops, 1)
    ]


def callback_row(record: CallRecord) -> Row | None:
    """Return the row of `callbacks`, None for a call that leaves nobody to be called back.

    A caller who was cut off is called back even if somebody had served: nobody knows how it ended.
    """
    if record.ended_at is None or not record.ani or record.outcome is None:
        return None
    if record.outcome != "cut-off" and not record.outcome.startswith("abandoned-"):
        return None
    return {
        "callref": record.callref,
        "ani": record.ani,
        "since": record.ended_at,
        "why": record.outcome,
        "service": record.service,
    }


def recording_rows(change: Change, days: int) -> list[Row]:
    """Return what `recordings` must know anew of a sound that is kept for so many days."""
    before = _recording_row(change.before, days) if change.before else None
    after = _recording_row(change.after, days)
    return [after] if after and after != before else []


def _recording_row(record: CallRecord, days: int) -> Row | None:
    if not record.recording:
        return None
    last_at = record.began_at if record.ended_at is None else record.ended_at
    return {
        "callref": record.callref,
        "file": record.recording,
        "kept_until": last_at + days * DAY_SECONDS,
    }


def alarm_row(line: Line) -> Row:
    """Return the row of `alarms` for an ALARM of the dialplan."""
    words = {key: value for key, value in line.words if key != "what"}
    return {
        "at": line.at,
        "what": line.word("what"),
        "words": json.dumps(words, ensure_ascii=False, sort_keys=True),
        "callref": line.call,
    }


def lines_to_text(lines: Iterable[Line]) -> str:
    """Return lines of one call as text. Which call it is, the text does not say."""
    return json.dumps(
        [(line.leg, line.at, line.what, line.words) for line in lines],
        ensure_ascii=False,
        separators=(",", ":"),
    )


def lines_from_text(call: str, text: str) -> list[Line]:
    """Return the lines of a call that `lines_to_text` wrote."""
    return [
        Line(call, leg, at, what, tuple((key, value) for key, value in words))
        for leg, at, what, words in json.loads(text)
    ]
