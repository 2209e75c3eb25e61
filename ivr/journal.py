"""Lines of the journal into one record a call: a pure fold.

Law 1: a record follows from the set of its lines. Neither their order, nor a restart, nor a line
that is read twice changes it.
Law 2: Asterisk's start cuts off the calls whose lines stand before it in the journal. Its time says
nothing: a clock may be hours ahead until the network has set it.
Law 3: a line that cannot be read is set aside and counted, never guessed at (ivr/journalline.py).
Law 4: a figure never comes from a clock of ours: all times are those that Asterisk wrote.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from ivr.callrecord import SERVED_SECONDS, CallRecord, Hop, Outcome, Stage, Step, Talk
from ivr.journalline import STARTS, BadLine, BadLineError, Batch, Line, Position, parse

__all__ = [
    "CUT",
    "STARTS",
    "BadLine",
    "BadLineError",
    "Batch",
    "Line",
    "Position",
    "continued",
    "cut",
    "order",
    "parse",
    "record",
    "records",
]

MAX_INDEXED = 64
"""What is searched for is cut to this: a caller may send a number of any length, and an index of
PostgreSQL refuses a row of 2704 bytes. A telephone number has 15 digits (E.164)."""


CUT = "CUT"
"""No line of Asterisk's: it stands for what came after a call and ended it unnoted (`cut`)."""


def records(lines: Iterable[Line]) -> dict[str, CallRecord]:
    """Return the record of each 112 call in a journal, by its reference. The lines are in order."""
    calls: dict[str, set[Line]] = {}
    starts: set[Line] = set()
    for line in lines:
        if line.what != STARTS:
            calls.setdefault(line.call, set()).add(line)
        elif line not in starts:
            starts.add(line)
            for call, of_call in calls.items():
                of_call.add(cut(call, line.at))
    told = {call: record(of_call) for call, of_call in calls.items()}
    return {call: one for call, one in told.items() if one is not None}


def cut(call: str, at: float) -> Line:
    """Return the line that ends a call whose end nobody has noted; if somebody has, it is void.

    `at` is when it was found out. The call ended earlier: nobody knows when.
    """
    return Line(call, call, at, CUT)


def record(lines: Iterable[Line]) -> CallRecord | None:
    """Return the record of one call, None when its lines are not those of a call to 112."""
    in_order = sorted(set(lines), key=order)
    call = next((line for line in in_order if line.what == "CALL"), None)
    if call is None:
        return None
    began = min((x.at for x in in_order if x.what == "CHAN_START" and x.leg == call.leg), default=0)
    told = CallRecord(
        callref=call.call,
        began_at=began or call.at,
        ani=call.word("ani")[:MAX_INDEXED],
        dnis=call.word("dnis"),
        trunk=call.word("trunk"),
        test=call.word("test") == "1",
    )
    return _continued(told, in_order)


def continued(told: CallRecord, lines: Iterable[Line]) -> CallRecord:
    """Return the record of a call that goes on, after more lines of it.

    Each must come after (`order`) all those of which it was made: then it is what `record` makes of
    all of them.
    """
    return _continued(told, sorted(set(lines), key=order))


Order = tuple[int, float, int, str, tuple[tuple[str, str], ...], str]


def order(line: Line) -> Order:
    """Return what lines of one call are sorted by: no two of them have the same.

    By time, but for the first and the last of the caller's own channel: a clock may step back.
    """
    place = _PLACES.get(line.what, 0) if line.leg == line.call else 0
    return place, line.at, line.what != "CALL", line.what, line.words, line.leg


_PLACES = {"CHAN_START": -1, "HANGUP": 1, "CHAN_END": 2, CUT: 3}


def _continued(told: CallRecord, in_order: Iterable[Line]) -> CallRecord:
    for line in in_order:
        if told.ended_at is not None:
            break
        told = _told(told, line, own=line.leg == told.callref)
    return told


def _told(told: CallRecord, line: Line, *, own: bool) -> CallRecord:
    """Return what is known of the call after one more line. `own`: of the caller's own channel."""
    match line.what:
        case "ANSWER" if own:
            return replace(told, answered_at=told.answered_at or line.at)
        case "HANGUP" if own and line.word("by") == "asterisk":
            return _ended(told, line.at, "cut-off")
        case "HANGUP" | "CHAN_END" if own:
            return _ended(told, line.at)
        case "CUT" if own:
            return _ended(told, _last_known_at(told), "cut-off")
        case "RECORDING":
            return replace(told, recording=line.word("file"))
        case "ASKED":
            step = Step(line.at, line.word("prompt"), line.word("key"))
            return replace(told, steps=(*told.steps, step))
        case "ALARM":
            return replace(told, alarms=(*told.alarms, _sentence(line)))
    return _routed(told, line)


def _routed(told: CallRecord, line: Line) -> CallRecord:
    """Return what is known after one more line about the way to a person."""
    word = line.word
    match line.what:
        case "PLAN":
            service = word("plan")[:MAX_INDEXED]
            return replace(told, service=service, floor=word("floor"), language=word("language"))
        case "RING":
            hop = Hop(line.at, word("step"), word("agency"), word("number"), word("trunk"))
            return replace(told, stage="ringing", hops=(*told.hops, hop))
        case "QUEUE":
            told = _rung_out(told, line.at)  # the caller pressed 0: no HOP says so (ring-escape)
            return replace(told, stage="queue", queued_at=told.queued_at or line.at)
        case "JOINED":
            return _joined(told, line)
        case "HOP" | "LEFT":
            return _left(told, line)
    return _beside(told, line)


def _beside(told: CallRecord, line: Line) -> CallRecord:
    """Return what is known after one more line about an agency that an operator brings in."""
    word = line.word
    match line.what:
        case "BRING":
            way = word("agency"), word("number"), word("trunk")
            begun = Hop(line.at, "desk", *way, hotline=word("hotline"), by=word("by"))
            return replace(told, hops=(*told.hops, begun))
        case "BROUGHT" if hop := _brought(told, word("hotline")):
            return _with_hop(told, hop, replace(hop, ring_seconds=_between(hop.at, line.at)))
        case "BRINGOVER" if hop := _brought(told, word("hotline")):
            over = replace(hop, status=word("status"), cause=_cause(word("cause")))
            return _with_hop(told, hop, _over(over, line.at))
        case "HANDED":
            return _handed(told, line.at)
    return told


def _brought(told: CallRecord, hotline: str) -> Hop | None:
    """Return the attempt of an operator to bring in a hotline that goes on, if one does."""
    return next((h for h in told.hops if h.by and h.hotline == hotline and not h.status), None)


def _handed(told: CallRecord, at: float) -> CallRecord:
    """Return the call whose operator has left it to the agency that came in last.

    He has served, however short it was: domain.md 2.6 has him leave once the agency has it. So the
    caller is with the agency now, and if that serves the call counts as put through to it. While
    both are there the call is the operator's: it counts as his.
    """
    there = [h for h in told.hops if h.by and h.ring_seconds is not None and not h.status]
    if told.stage != "talking" or not there:
        return told
    told = _talk_over(told, at, left_after=None)
    return replace(told, talks=(*told.talks, Talk(at, "agency", there[-1].agency)))


def _last_known_at(told: CallRecord) -> float:
    """Return when something last happened in a call."""
    times = [told.began_at, told.answered_at, told.queued_at, *(step.at for step in told.steps)]
    times += [hop.at + (hop.ring_seconds or 0) + (hop.talk_seconds or 0) for hop in told.hops]
    times += [talk.at + (talk.seconds or 0) for talk in told.talks]
    return max(at for at in times if at is not None)


def _ringing(told: CallRecord) -> Hop | None:
    """Return the attempt of the plan that goes on, if one does."""
    planned = [hop for hop in told.hops if not hop.by]
    return planned[-1] if planned and not planned[-1].status else None


def _joined(told: CallRecord, line: Line) -> CallRecord:
    """Somebody is on the line: the agency that was rung, or else one of our own."""
    told = replace(told, stage="talking")
    if hop := _ringing(told):
        told = _with_hop(told, hop, replace(hop, ring_seconds=_between(hop.at, line.at)))
        talk = Talk(line.at, "agency", hop.agency)
    else:
        talk = Talk(line.at, "operator", line.word("by"))
    return replace(told, talks=(*told.talks, talk))


def _left(told: CallRecord, line: Line) -> CallRecord:
    """Whoever was rung is gone, and the caller is still there."""
    told = _talk_over(told, line.at, left_after=line.word("talk"))
    if line.what == "HOP" and (hop := _ringing(told)):
        over = replace(hop, status=line.word("status"), cause=_cause(line.word("cause")))
        told = _with_hop(told, hop, _over(over, line.at))
    return replace(told, stage="queue" if told.queued_at else "ringing")


def _cause(text: str) -> int:
    """Return a cause of Q.850, which has at most three digits; 0 for anything else."""
    return int(text) if re.fullmatch("[0-9]{1,3}", text) else 0


def _over(hop: Hop, at: float) -> Hop:
    if hop.ring_seconds is None:
        return replace(hop, ring_seconds=_between(hop.at, at))
    return replace(hop, talk_seconds=_between(hop.at + hop.ring_seconds, at))


def _between(since: float, until: float) -> float:
    """Return the seconds between two times: none where the clock was set back in between."""
    return max(until - since, 0.0)


def _with_hop(told: CallRecord, was: Hop, now: Hop) -> CallRecord:
    return replace(told, hops=tuple(now if hop is was else hop for hop in told.hops))


def _talk_over(told: CallRecord, at: float, *, left_after: str | None) -> CallRecord:
    """Return the call after a talk.

    `left_after` is the dialplan's word of the whole seconds after which the other side left, by
    which it went on. None when the caller left: whoever stayed to the end has served.
    """
    if told.stage != "talking" or not told.talks:
        return told
    talk = told.talks[-1]
    seconds = _between(talk.at, at)
    counted = int(left_after) if left_after and re.fullmatch("[0-9]{1,9}", left_after) else seconds
    served = left_after is None or counted >= SERVED_SECONDS
    talk = replace(talk, seconds=seconds, served=served)
    return replace(told, talks=(*told.talks[:-1], talk))


def _ended(told: CallRecord, at: float, outcome: Outcome | None = None) -> CallRecord:
    """Return the record of a call that is over."""
    stage = told.stage
    told = _talk_over(told, at, left_after=None)
    told = replace(told, hops=tuple(h if h.status else _cut_short(h, at) for h in told.hops))
    if told.test:
        outcome = "test"
    if outcome is None:
        outcome = _outcome(told, stage)
    return replace(told, stage="ended", ended_at=max(at, told.began_at), outcome=outcome)


def _rung_out(told: CallRecord, at: float) -> CallRecord:
    """Return the call with its last attempt over, if that went on: the caller waited no longer."""
    if (hop := _ringing(told)) is None:
        return told
    return _with_hop(told, hop, _cut_short(hop, at))


def _cut_short(hop: Hop, at: float) -> Hop:
    status = "CANCEL" if hop.ring_seconds is None else "ANSWER"
    return _over(replace(hop, status=status), at)


def _outcome(told: CallRecord, stage: Stage) -> Outcome:
    served = [talk.kind for talk in told.talks if talk.served]
    if served:
        return "connected-agency" if served[-1] == "agency" else "connected-operator"
    if stage == "menu":
        return "abandoned-menu"
    return "abandoned-queue" if stage == "queue" else "abandoned-ringing"


def _sentence(line: Line) -> str:
    return " ".join(value for _, value in line.words)
