"""The state of queues and hotlines, for who watches, from the records and from what AMI shows.

Law: what is not known is None. A state that is the same but for its time is not told again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ivr.callrecord import CallRecord, Change, Hop
from ivr.live import Live
from ivr.messages import HotlineState, Message, QueueState, hotline_state, queue_state
from routing.configuration import Configuration

QUEUES = ("operators", "backup")
AGAIN_SECONDS = 15.0
"""A state is told again after this long: who watches sees that it is not stale."""

State = QueueState | HotlineState


def queue_states(live: Live, at: float) -> tuple[QueueState, ...]:
    """Return the state of each queue at `at`, in seconds since the epoch."""
    return tuple(_queue_state(live, queue, at) for queue in QUEUES)


def _queue_state(live: Live, queue: str, at: float) -> QueueState:
    if live.waiting is None or live.phones is None:
        return QueueState(queue, at)
    waiting = [caller for caller in live.waiting if caller.queue == queue]
    since = [caller.since for caller in waiting if caller.since is not None]
    phones = [phone for phone in live.phones if phone.queue == queue]
    logged_in = [phone.logged_in for phone in phones]
    return QueueState(
        queue,
        at,
        waiting_calls=len(waiting),
        longest_wait_seconds=max(at - min(since), 0.0) if since else None,
        phones_logged_in=None if None in logged_in else logged_in.count(True),
        phones_free=sum(phone.ready for phone in phones),
    )


def is_news(before: State | None, now: State) -> bool:
    """Return whether to tell a state: it differs in more than its time, or was told long ago."""
    if before is None or now.at - before.at >= AGAIN_SECONDS:
        return True
    return _still(before) != _still(now)


def _still(state: State) -> State:
    if isinstance(state, QueueState):
        return replace(state, at=0.0, longest_wait_seconds=None)
    return replace(state, at=0.0)


def message(state: State) -> Message:
    """Return a state as it is told."""
    return queue_state(state) if isinstance(state, QueueState) else hotline_state(state)


@dataclass(frozen=True, slots=True)
class _Last:
    """The last attempt to reach a number that is over."""

    at: float
    status: str


class Hotlines:
    """What goes on at each hotline, from the records of calls as they change."""

    def __init__(self, open_calls: Iterable[CallRecord]) -> None:
        going = (call for call in open_calls if not call.is_drill)
        self._open: dict[str, tuple[Hop, ...]] = {x.callref: x.hops for x in going}
        self._last: dict[tuple[str, str], _Last] = {}

    def changed(self, change: Change) -> None:
        """Take a record that changed."""
        call = change.after
        if call.is_drill:
            return
        if call.outcome is None:
            self._open[call.callref] = call.hops
        else:
            self._open.pop(call.callref, None)
        for hop in call.hops:
            known = self._last.get((hop.agency, hop.number))
            if hop.status and (known is None or hop.at >= known.at):
                self._last[hop.agency, hop.number] = _Last(hop.at, hop.status)

    def states(self, configuration: Configuration, at: float) -> Mapping[str, HotlineState]:
        """Return the state of each hotline of the configuration, by its name."""
        going = [hop for hops in self._open.values() for hop in hops if not hop.status]
        found: dict[str, HotlineState] = {}
        for agency, one in configuration.agencies.agencies.items():
            for hotline in one.hotlines:
                here = [x for x in going if (x.agency, x.number) == (agency, hotline.dialled)]
                last = self._last.get((agency, hotline.dialled))
                tried_at = [hop.at for hop in here] + ([last.at] if last else [])
                found[hotline.name] = HotlineState(
                    hotline.name,
                    agency,
                    at,
                    ringing_calls=sum(hop.ring_seconds is None for hop in here),
                    talking_calls=sum(hop.ring_seconds is not None for hop in here),
                    last_tried_at=max(tried_at, default=None),
                    last_status=last.status if last else "",
                )
        return found
