"""The line at this moment, folded from what Asterisk's manager says: (state, message) -> state.

Law 1: what is not known is None, never zero and never empty. A gap makes all of it unknown.
Law 2: an event is a hint. Events change what a picture has shown, and the next picture counts for
all of them: whatever was forged, lost, or told twice is gone with it.
Law 3: times are Asterisk's own, in seconds since the epoch, UTC.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ivr.callrecord import Stage
from ivr.heard import (
    Channel,
    Event,
    Fields,
    Gap,
    Heard,
    Member,
    Resynchronised,
    channel_of,
    member_of,
    number,
)

OPERATORS = "operators"
"""The queue whose telephones are those of operators (routing/endpoints.py)."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A caller in a queue. `position` counts from 1; `since` is when he came into this queue."""

    callref: str
    queue: str
    position: int | None
    priority: int | None
    since: float | None


@dataclass(frozen=True, slots=True)
class Phone:
    """An operator's telephone. `ready`: it would be rung (its rest after a call is not seen).

    `callref` is the call it is rung for or talks in. `logged_in` is None where Asterisk has not
    found out.
    """

    account: str
    name: str
    queue: str
    logged_in: bool | None
    ready: bool
    ringing: bool
    talking: bool
    paused: bool
    callref: str | None


@dataclass(frozen=True, slots=True)
class Call:
    """A live call to 112. `began_at` is exact to the second; `stage` is None between two steps."""

    callref: str
    began_at: float | None
    stage: Stage | None


@dataclass(frozen=True, slots=True)
class Live:
    """What is known now. While it is nothing, `why` says why, and all else is None."""

    why: str = "Asterisk was not asked yet"
    at: float | None = None
    channels: Mapping[str, Channel] | None = None
    entries: Mapping[str, Waiting] | None = None
    members: Mapping[tuple[str, str], Member] | None = None

    @property
    def calls(self) -> tuple[Call, ...] | None:
        """The live calls to 112, oldest first."""
        if self.channels is None:
            return None
        own = [c for c in self.channels.values() if c.is_callers and c.context in STAGES]
        told = (Call(c.callref, c.began_at, self._stage(c)) for c in own)
        return tuple(sorted(told, key=lambda call: (call.began_at or 0.0, call.callref)))

    @property
    def waiting(self) -> tuple[Waiting, ...] | None:
        """The callers in queues, in the order in which they will be served."""
        if self.entries is None:
            return None
        return tuple(sorted(self.entries.values(), key=lambda w: (w.queue, w.position or 0)))

    @property
    def phones(self) -> tuple[Phone, ...] | None:
        """The telephones of operators and backup, by queue and account."""
        if self.members is None:
            return None
        return tuple(self._phone(member) for _, member in sorted(self.members.items()))

    @property
    def staffed(self) -> bool | None:
        """Whether an operator is logged in: callers reach nobody of ours otherwise (UNSTAFFED)."""
        if self.phones is None:
            return None
        there = [phone.logged_in for phone in self.phones if phone.queue == OPERATORS]
        return True if True in there else None if None in there else False

    def _stage(self, channel: Channel) -> Stage | None:
        if channel.bridged:
            return "talking"
        if self.entries and channel.uniqueid in self.entries:
            return "queue"
        return STAGES[channel.context]

    def _phone(self, member: Member) -> Phone:
        channels = self.channels or {}
        own = [c for c in channels.values() if c.account == member.account]
        talking = any(c.bridged for c in own)
        logged_in = None if member.device == 0 else member.device not in _AWAY
        return Phone(
            account=member.account,
            name=member.name,
            queue=member.queue,
            logged_in=logged_in,
            ready=member.device == _NOT_IN_USE and not own and not member.paused,
            ringing=not talking and any(c.ringing for c in own),
            talking=talking,
            paused=member.paused,
            callref=own[-1].callref if own else None,
        )


UNKNOWN = Live()

_AWAY = (4, 5)
_NOT_IN_USE = 1
_RINGING = "5"

STAGES: Mapping[str, Stage | None] = {
    **dict.fromkeys(("from-trunk", "from-operators", "drill", "emergency"), "menu"),
    "record-call": "menu",
    **dict.fromkeys(("ask-controller", "ask-stand-in", "wait-for-floor", "ask"), "menu"),
    **dict.fromkeys(("judge", "static-menu", "static-keys", "static-hop"), "menu"),
    **dict.fromkeys(("walk-plan", "hop-begins", "hop-over", "failed-hop"), "ringing"),
    **dict.fromkeys(("hotline-allow", "trunk-allow", "ring-escape", "last-hotline"), "ringing"),
    "ops": "queue",
    "transferred": "ringing",
    **dict.fromkeys(("nobody-yet", "nothing-runs", "plan-known", "emergency-end"), None),
    **dict.fromkeys(("finished", "desk-hotlines", "stop-ringing"), None),
    **dict.fromkeys(("end-agencies", "end-legs"), None),
}
"""What a caller in a context of the dialplan lives through; None where it is on the way."""


def fold(live: Live, heard: Heard) -> Live:
    """Return the line after one more message."""
    match heard:
        case Gap(why):
            return Live(why)
        case Resynchronised():
            return _pictured(live, heard)
        case Event() if live.channels is not None:
            return replace(_happened(live, heard), at=heard.at or live.at)
    return live


# ------------------------------------------------------------------------------------- a picture


def _pictured(live: Live, picture: Resynchronised) -> Live:
    """Return what a picture shows. Of what was known before, only a finer time is kept."""
    shown = [channel_of(item) for item in _of(picture, "CoreShowChannel")]
    channels = {c.uniqueid: c for c in shown if c is not None}
    members = [member_of(item) for item in _of(picture, "QueueMember")]
    entries: dict[str, Waiting] = {}
    for item in _of(picture, "QueueEntry"):
        # Who is in no channel any more has hung up between the two answers.
        if channel := channels.get(item.get("uniqueid", "")):
            waited = number(item.get("wait", ""))
            since = picture.at - waited if picture.at is not None and waited is not None else None
            entries[channel.uniqueid] = Waiting(
                channel.callref,
                item.get("queue", ""),
                _place(item),
                number(item.get("priority", "")),
                _finer(live, channel.uniqueid, since),
            )
    return Live(
        why="",
        at=picture.at,
        channels=channels,
        entries=entries,
        members={(m.queue, m.account): m for m in members if m is not None},
    )


def _of(picture: Resynchronised, name: str) -> Iterable[Fields]:
    return (item for item in picture.items if item.get("event") == name)


def _place(fields: Fields) -> int | None:
    return number(fields.get("position", "")) or None  # they count from 1


def _finer(live: Live, uniqueid: str, since: float | None) -> float | None:
    """Return since when a caller waits: a picture counts whole seconds, an event is exact."""
    known = (live.entries or {}).get(uniqueid)
    if known and known.since is not None and since is not None and abs(known.since - since) <= 2:
        return known.since
    return since


# ------------------------------------------------------------------------------------- an event


def _happened(live: Live, event: Event) -> Live:
    if event.name.startswith("QueueMember"):
        return _member_changed(live, event)
    told = channel_of(event.fields)
    channels = live.channels or {}
    if told is None or (event.name != "Newchannel" and told.uniqueid not in channels):
        return live
    if event.name == "Hangup":
        rest = {key: c for key, c in channels.items() if key != told.uniqueid}
        return replace(_left(live, told.uniqueid), channels=rest)
    known = channels.get(told.uniqueid)
    joins, leaves = event.name == "BridgeEnter", event.name == "BridgeLeave"
    bridged = joins or (known is not None and known.bridged and not leaves)
    live = replace(live, channels={**channels, told.uniqueid: replace(told, bridged=bridged)})
    if event.name == "QueueCallerJoin":
        return _joined(live, told, event)
    return _left(live, told.uniqueid) if event.name == "QueueCallerLeave" else live


def _joined(live: Live, channel: Channel, event: Event) -> Live:
    """Put a caller into a queue: whoever is behind moves back by one."""
    queue, position = event.fields.get("queue", ""), _place(event.fields)
    known = (live.entries or {}).get(channel.uniqueid)
    if known and known.queue == queue:
        return live  # told before, by a picture
    live = _left(live, channel.uniqueid)
    moved = _moved(live, queue, position, by=1, first=0)
    entry = Waiting(channel.callref, queue, position, None, event.at)
    return replace(live, entries={**moved, channel.uniqueid: entry})


def _left(live: Live, uniqueid: str) -> Live:
    """Take a caller out of his queue: whoever was behind moves up by one."""
    gone = (live.entries or {}).get(uniqueid)
    if gone is None:
        return live
    moved = _moved(live, gone.queue, gone.position, by=-1, first=1)
    return replace(live, entries={key: w for key, w in moved.items() if key != uniqueid})


def _moved(
    live: Live, queue: str, position: int | None, *, by: int, first: int
) -> dict[str, Waiting]:
    """Return the callers, with those of a queue from `position + first` on moved by some places."""

    def moved(w: Waiting) -> Waiting:
        if w.queue != queue or w.position is None or position is None:
            return w
        return replace(w, position=w.position + by) if w.position >= position + first else w

    return {key: moved(w) for key, w in (live.entries or {}).items()}


def _member_changed(live: Live, event: Event) -> Live:
    member = member_of(event.fields)
    if member is None:
        return live
    key = (member.queue, member.account)
    others = {k: m for k, m in (live.members or {}).items() if k != key}
    gone = event.name == "QueueMemberRemoved"
    return replace(live, members=others if gone else {**others, key: member})
