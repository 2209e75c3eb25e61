"""*Panggilan*: the calls of this moment, as Asterisk shows them and the journal tells. No I/O.

Law 1: a call is here as soon as Asterisk has a channel for it; its number and keys follow from the
journal. While Asterisk is not seen, the journal's calls are shown.
Law 2: who waits comes first, in the order in which they will be served.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ivr.callrecord import CallRecord, Stage
from ivr.live import Call, Live, Phone, Waiting

STAGES: tuple[Stage | None, ...] = ("queue", "ringing", "menu", None, "talking")
"""In the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class With:
    """Somebody in a call: an agency or a telephone of ours, and whether it rings, talks or left."""

    kind: str
    name: str
    state: str


@dataclass(frozen=True, slots=True)
class Row:
    """A call as it is shown. `ani` is None while nobody knows; `keys` are those pressed so far.

    `since` is when it came into its stage, `began_at` when it came in: seconds UTC. `failed` counts
    the attempts to reach an agency that failed. `offer` is the hotline to bring in next.
    """

    callref: str
    stage: Stage | None
    began_at: float
    since: float
    ani: str | None = None
    service: str = ""
    language: str = ""
    keys: str = ""
    test: bool = False
    position: int | None = None
    failed: int = 0
    offer: str | None = None
    people: tuple[With, ...] = ()


Joined = Callable[[str], Iterable[tuple[str, str]]]
"""Gives the agencies that were asked into a call, each with its state."""
Named = Callable[[str, str], str]
"""Gives what somebody is called, by kind (agency or operator) and name."""


def rows(
    live: Live, records: Mapping[str, CallRecord], joined: Joined, named: Named
) -> tuple[Row, ...]:
    """Return the calls of this moment, those who wait first."""
    waiting = {one.callref: one for one in live.waiting or ()}
    calls = live.calls
    if calls is None:
        calls = tuple(Call(x.callref, x.began_at, x.stage) for x in records.values())
    found = [
        _row(call, records.get(call.callref), waiting.get(call.callref), live, joined)
        for call in calls
    ]
    found = [
        replace(row, people=tuple(replace(x, name=named(x.kind, x.name)) for x in row.people))
        for row in found
    ]
    return tuple(sorted(found, key=_place))


def _place(row: Row) -> tuple[int, int, float, str]:
    return STAGES.index(row.stage), row.position or 0, row.since, row.callref


def _row(
    call: Call, record: CallRecord | None, waiting: Waiting | None, live: Live, joined: Joined
) -> Row:
    began = record.began_at if record else call.began_at or live.at or 0.0
    phones = [phone for phone in live.phones or () if phone.callref == call.callref]
    people = dict.fromkeys((*_people(record, call.stage), *_asked(joined, call), *_phones(phones)))
    row = Row(
        callref=call.callref,
        stage=call.stage,
        began_at=began,
        since=waiting.since if waiting and waiting.since is not None else began,
        position=waiting.position if waiting else None,
        people=tuple(people),
    )
    return _told(row, record) if record else row


def _told(row: Row, record: CallRecord) -> Row:
    """Return a call with what the journal tells of it."""
    return replace(
        row,
        since=_since(record, row),
        ani=record.ani,
        service=record.service,
        language=record.language,
        keys="".join(step.key for step in record.steps),
        test=record.test,
        failed=sum(
            hop.status not in ("", "CANCEL") and not record.served(hop) for hop in record.hops
        ),
    )


def _since(record: CallRecord, row: Row) -> float:
    """Return since when the caller is where they are; in the queue, since operators were asked."""
    if row.stage == "queue":
        return record.queued_at or row.since
    if row.stage == "ringing" and record.hops:
        return record.hops[-1].at
    if row.stage == "talking" and record.talks:
        return record.talks[-1].at
    return record.began_at


def _people(record: CallRecord | None, stage: Stage | None) -> Iterator[With]:
    """Yield the agency that rings, or the one who talks, as the journal knows them."""
    if record is None:
        return
    last = record.hops[-1] if record.hops else None
    if stage == "ringing" and last and not last.status:
        yield With("agency", last.agency, "ringing")
    if stage == "talking" and record.talks and record.talks[-1].seconds is None:
        yield With(record.talks[-1].kind, record.talks[-1].who, "talking")


def _asked(joined: Joined, call: Call) -> Iterator[With]:
    for agency, state in joined(call.callref):
        yield With("agency", agency, state)


def _phones(phones: Iterable[Phone]) -> Iterator[With]:
    """Yield our telephones that ring for the call or talk in it: each once, whatever its queues."""
    for phone in phones:
        if phone.ringing or phone.talking:
            yield With("operator", phone.account, "ringing" if phone.ringing else "talking")
