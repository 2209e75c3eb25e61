"""A call's events in the order of time, though some are known later than what came after them.

Law: an event is held back only while one from before it may still come, and 5 s at most.
"""

import asyncio
from bisect import insort
from collections.abc import Callable

from ivr.phone.audio import FRAME_SECONDS
from ivr.phone.hearing import Event

_MOST_FRAMES = 250


class Timeline:
    """Takes events as they become known; `on_event` gets them in order.

    `settled` says up to when everything is known, in the seconds of the events.
    """

    def __init__(self, on_event: Callable[[Event], None], settled: Callable[[], float]) -> None:
        self._on_event, self._settled = on_event, settled
        self._held: list[Event] = []
        self._frames = 0  # since the last was told
        self._timer: asyncio.TimerHandle | None = None

    def add(self, event: Event) -> None:
        """Take an event, and tell what can be told."""
        insort(self._held, event, key=lambda held: held.seconds)
        if self._timer is None:
            self._tell()

    def close(self) -> None:
        """Tell the rest: nothing more will come."""
        if self._timer:
            self._timer.cancel()
        while self._held:
            self._on_event(self._held.pop(0))

    def _tell(self) -> None:
        self._timer = None
        self._frames += 1
        while self._held and (
            self._held[0].seconds <= self._settled() or self._frames > _MOST_FRAMES
        ):
            self._frames = 0
            self._on_event(self._held.pop(0))
        if self._held:
            self._timer = asyncio.get_running_loop().call_later(FRAME_SECONDS, self._tell)
