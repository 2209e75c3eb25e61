"""The agencies that an operator brings into a call, and which to offer next: from its record.

Law: an agency is there when the journal says that it was joined, and never because it was ordered.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ivr.callrecord import CallRecord, Hop
from routing.agencies import WIB, Hotline
from routing.configuration import Configuration
from routing.plan import service_hotlines

OFFER_SECONDS = 30.0
"""So long may an agency be waited for before the next is offered (issue 5, point 4)."""

State = Literal["ringing", "talking", "busy", "no-answer", "failed", "left"]


@dataclass(frozen=True, slots=True)
class Joining:
    """A hotline that an operator has brought in, or tried to; `since` when it is in this state.

    `left`: it was there and is gone, or it was rung no longer because nobody wanted it any more.
    """

    hotline: str
    agency: str
    state: State
    since: float


def joinings(call: CallRecord) -> tuple[Joining, ...]:
    """Return the last attempt of each hotline that operators have ordered, the first one first."""
    last = {hop.hotline: hop for hop in call.hops if hop.by}
    return tuple(_joining(hop) for hop in last.values())


def _joining(hop: Hop) -> Joining:
    since = hop.at + (hop.ring_seconds or 0.0) + (hop.talk_seconds or 0.0)
    return Joining(hop.hotline, hop.agency, _state(hop), since)


def _state(hop: Hop) -> State:
    match hop.status:
        case "":
            return "ringing" if hop.ring_seconds is None else "talking"
        case "ANSWER" | "CANCEL":
            return "left"
        case "BUSY":
            return "busy"
        case "NOANSWER":
            return "no-answer"
    return "failed"


def offer(call: CallRecord, configuration: Configuration, now: float) -> str | None:
    """Return the hotline to offer next, None while there is nothing to offer.

    Something is offered when all that were ordered have failed, or nobody has picked up for
    OFFER_SECONDS: what the caller's service names, then other hotlines of the agencies that were
    ordered, then the last one of operators.yaml. None of them twice, none that is closed.
    """
    wanted = _wanted(call)
    if not wanted:
        return None
    rings = any(not hop.status for hop in wanted)
    if rings and now - wanted[-1].at < OFFER_SECONDS:
        return None
    tried = {hop.number for hop in call.hops}
    at = datetime.fromtimestamp(now, WIB)
    hotlines = _candidates(call, configuration)
    return next((h.name for h in hotlines if h.dialled not in tried and h.is_open(at)), None)


def _wanted(call: CallRecord) -> list[Hop]:
    """Return the attempts since an agency was last there; none while one is, or is not wanted."""
    wanted: list[Hop] = []
    for hop in (hop for hop in call.hops if hop.by):
        if hop.status == "ANSWER" or (not hop.status and hop.ring_seconds is not None):
            wanted = []
        elif hop.status != "CANCEL":
            wanted.append(hop)
    is_there = any(joining.state == "talking" for joining in joinings(call))
    return [] if is_there or call.ended_at is not None else wanted


def _candidates(call: CallRecord, configuration: Configuration) -> Iterator[Hotline]:
    if call.service in configuration.menu.services:
        yield from service_hotlines(configuration, call.service)
    agencies = configuration.agencies.agencies
    for name in dict.fromkeys(hop.agency for hop in call.hops if hop.by):
        yield from agencies[name].hotlines if name in agencies else ()
    last = configuration.operators.last_hotline
    yield from (h for h in configuration.agencies.hotlines() if h.name == last)
