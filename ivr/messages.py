"""What goes out over MQTT, and what may come in: `schemas/` says it for those at the other end.

Law 1: a message holds no more of a person than its reader needs. An agency gets the number of its
caller, because it must be able to ring back. Nobody else does.
Law 2: whatever the journal holds, a message is valid, fits into `MAX_BODY_BYTES`, and its topic
has the levels that were meant.
Law 3: one report a call and agency, with one id. Its revision tells the end of the call from what
came before, and the operator's word from both; of two alike the later counts.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ivr.callrecord import CallRecord, Change, Hop
from ivr.dispositions import Said
from routing.agencies import NAME

VERSION = 1
"""Of every body. It grows when a reader of the old one would misread the new."""
MAX_BODY_BYTES = 32768
"""Half of what the broker takes (asterisk/mosquitto.conf, max_packet_size)."""
MAX_TEXT = 64
MAX_HOPS = 32
"""A call that goes round and round may have any number. The last ones are told."""
MAX_ACKNOWLEDGEMENT_BYTES = 4096
MAX_BY = 80

ROOT = "siaga112"
DESK = f"{ROOT}/desk"
ACKNOWLEDGEMENTS = f"{ROOT}/agencies/+/reports/+/ack"
_ACKNOWLEDGEMENT = re.compile(f"{ROOT}/agencies/([^/]+)/reports/([^/]+)/ack")

CANNOT_SPEAK = "cannot-speak"
"""The caller may be in danger if heard: nobody rings back (config/menu.yaml, cannot_speak)."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `body` is JSON text; the broker keeps one with `retain` for who comes later."""

    topic: str
    body: str
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What an agency is told of a call, to be acknowledged by its `id`. `body` is JSON text."""

    id: str
    callref: str
    agency: str
    body: str


@dataclass(frozen=True, slots=True)
class Followed:
    """What follows from a change, in the order in which it goes out."""

    messages: tuple[Message, ...] = ()
    reports: tuple[Report, ...] = ()


# ----------------------------------------------------------------------------------- of a call


def follow(change: Change, concerned: Callable[[str], Sequence[str]]) -> Followed:
    """Return what follows from a change of a call.

    `concerned` gives the agencies that a service concerns: those to ring and those to tell.
    """
    before, after = change.before, change.after
    if after == before:
        return Followed()
    told = _agencies(after, concerned)
    if after.outcome == (before.outcome if before else None):
        known = set(_agencies(before, concerned)) if before else set()
        told = tuple(agency for agency in told if agency not in known)
    reports = tuple(_report(after, agency) for agency in told)
    return Followed((_call(after), *(_to_agency(report) for report in reports)), reports)


def _agencies(call: CallRecord, concerned: Callable[[str], Sequence[str]]) -> tuple[str, ...]:
    """Return whom a call concerns: by its service, and whoever was rung. No drill does."""
    if call.is_drill:
        return ()
    rung = (hop.agency for hop in call.hops)
    named = (*(concerned(call.service) if call.service else ()), *rung)
    return tuple(name for name in dict.fromkeys(named) if re.fullmatch(NAME, name))


def _call(call: CallRecord) -> Message:
    human = call.human
    body = {
        **_common(call),
        "answered_at": _time(call.answered_at),
        "floor": _text(call.floor),
        "stage": call.stage,
        "hops": [_hop(hop) for hop in call.hops[-MAX_HOPS:]],
        "queued_at": _time(call.queued_at),
        "queue_seconds": _seconds(call.queue_seconds),
        "human": human.kind if human else None,
        "human_at": _time(human.at if human else None),
        "human_seconds": _seconds(call.human_seconds),
        "talk_seconds": _seconds(call.talk_seconds),
    }
    return Message(f"{ROOT}/calls/{_level(call.callref)}", _json(body))


def _common(call: CallRecord) -> dict[str, object]:
    """Return what every reader of a call needs to know it by."""
    return {
        "call": _level(call.callref),
        "test": call.test,
        "service": _text(call.service),
        "language": _text(call.language),
        "began_at": _time(call.began_at),
        "ended_at": _time(call.ended_at),
        "outcome": call.outcome,
    }


def _hop(hop: Hop) -> dict[str, object]:
    return {
        "at": _time(hop.at),
        "agency": _text(hop.agency),
        "trunk": _text(hop.trunk),
        "status": _text(hop.status),
        "cause": min(max(hop.cause, 0), 127),
        "ring_seconds": _seconds(hop.ring_seconds),
        "talk_seconds": _seconds(hop.talk_seconds),
        "by_operator": bool(hop.by),
    }


def said_of(call: CallRecord, said: Said, agencies: Sequence[str]) -> Followed:
    """Return what agencies are told when an operator has said what a call was."""
    reports = tuple(_report(call, agency, said) for agency in agencies)
    return Followed(tuple(_to_agency(report) for report in reports), reports)


def _report(call: CallRecord, agency: str, said: Said | None = None) -> Report:
    callref = _level(call.callref)
    talks = [talk for talk in call.talks if talk.kind == "agency" and talk.who == agency]
    brought = [hop for hop in call.hops if hop.by and hop.agency == agency]
    body = {
        "id": f"{callref}-{agency}",
        "revision": 3 if said else 2 if call.outcome else 1,
        "agency": agency,
        **_common(call),
        "caller": _text(call.ani) or None,
        "ring_back": bool(call.ani) and call.service != CANNOT_SPEAK,
        "rung": any(hop.agency == agency for hop in call.hops),
        "served": any(talk.served for talk in talks) or any(map(call.served, brought)),
        **{word: getattr(said, word, None) or None for word in ("disposition", "district", "note")},
    }
    return Report(f"{callref}-{agency}", call.callref, agency, _json(body))


def _to_agency(report: Report) -> Message:
    return Message(f"{ROOT}/agencies/{report.agency}/reports", report.body)


# ------------------------------------------------------------------------------ state: kept by the
# broker for who comes later. None in a figure: the desk does not see Asterisk now.


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue at `at`: callers who wait in it, and the phones that could take them."""

    queue: str
    at: float
    waiting_calls: int | None = None
    longest_wait_seconds: float | None = None
    phones_logged_in: int | None = None
    phones_free: int | None = None


@dataclass(frozen=True, slots=True)
class HotlineState:
    """A hotline at `at`: what goes on there, and how the last attempt to reach it ended."""

    hotline: str
    agency: str
    at: float
    ringing_calls: int | None = None
    talking_calls: int | None = None
    last_tried_at: float | None = None
    last_status: str = ""


def queue_state(state: QueueState) -> Message:
    """Return the state of a queue, for whoever watches."""
    return _state(
        f"{ROOT}/queues/{_level(state.queue)}",
        queue=_level(state.queue),
        at=_time(state.at),
        waiting_calls=state.waiting_calls,
        longest_wait_seconds=_seconds(state.longest_wait_seconds),
        phones_logged_in=state.phones_logged_in,
        phones_free=state.phones_free,
    )


def hotline_state(state: HotlineState) -> Message:
    """Return the state of a hotline, for whoever watches."""
    return _state(
        f"{ROOT}/hotlines/{_level(state.hotline)}",
        hotline=_level(state.hotline),
        agency=_text(state.agency),
        at=_time(state.at),
        ringing_calls=state.ringing_calls,
        talking_calls=state.talking_calls,
        last_tried_at=_time(state.last_tried_at),
        last_status=_text(state.last_status),
    )


def desk_state(*, here: bool, connected_at: float) -> Message:
    """Return whether the desk is there. `connected_at` is when it last came to the broker."""
    return _state(DESK, here=here, connected_at=_time(connected_at))


def _state(topic: str, **fields: object) -> Message:
    return Message(topic, _json(fields), retain=True)


# --------------------------------------------------------------------------------- what comes in


class RefusedError(ValueError):
    """A message to us that is not one. Says why."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The word of an agency that it knows of a report. `by` is who there has read it."""

    report: str
    agency: str
    by: str


def acknowledgement(topic: str, body: bytes) -> Acknowledgement:
    """Return what an agency says; the broker holds that it is the agency of the topic.

    Raises RefusedError for anything that `schemas/acknowledgement.json` does not describe.
    """
    found = _ACKNOWLEDGEMENT.fullmatch(topic)
    if found is None:
        raise RefusedError("not the topic of an acknowledgement")
    if len(body) > MAX_ACKNOWLEDGEMENT_BYTES:
        raise RefusedError(f"longer than {MAX_ACKNOWLEDGEMENT_BYTES} bytes")
    try:
        fields = json.loads(body.decode())
    except (ValueError, RecursionError):
        raise RefusedError("not JSON") from None
    if not isinstance(fields, dict):
        raise RefusedError("not an object")
    if fields.get("version") != VERSION or isinstance(fields["version"], bool):
        raise RefusedError(f"not version {VERSION}")
    by = fields.get("by")
    if not isinstance(by, str) or not 0 < len(by) <= MAX_BY or not by.isprintable():
        raise RefusedError("`by` does not say who")
    return Acknowledgement(found[2], found[1], by)


# ------------------------------------------------------------------------------------- its parts


def _json(fields: Mapping[str, object]) -> str:
    return json.dumps({"version": VERSION, **fields}, separators=(",", ":"), allow_nan=False)


def _time(at: float | None) -> str | None:
    """Return a time as ISO 8601, UTC. One beyond the calendar becomes its first or last year."""
    if at is None:
        return None
    at = min(max(at, 0.0), 253402300799.0)  # 9999-12-31T23:59:59Z
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _seconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(min(max(seconds, 0.0), 1e9), 3)


def _text(text: str) -> str:
    """Return a name or number. None of ours has more than plain ASCII."""
    return re.sub(r"[^!-~]", "_", text)[:MAX_TEXT]


def _level(text: str) -> str:
    """Return a text as one level of a topic: no `/`, and nothing that means several topics."""
    return re.sub(r"[^0-9A-Za-z.\-]", "_", text)[:MAX_TEXT] or "_"
