"""The lines of a call in the order of time, each as soon as none before it can come."""

import asyncio

from ivr.phone.hearing import Event, What
from ivr.phone.timeline import Timeline

KEY = Event(1.94, What.KEY_SENT, "1")
STOPPED = Event(1.89, What.PROMPT_STOPPED)


async def test_what_is_known_later_but_came_before_is_told_before() -> None:
    told: list[Event] = []
    both = asyncio.Event()
    settled = 1.8

    def tell(event: Event) -> None:
        told.append(event)
        if len(told) == 2:
            both.set()

    timeline = Timeline(tell, lambda: settled)
    timeline.add(KEY)
    assert told == []
    timeline.add(STOPPED)
    settled = 5.0
    async with asyncio.timeout(2):
        await both.wait()
    assert told == [STOPPED, KEY]


async def test_what_nothing_can_come_before_is_told_at_once() -> None:
    told: list[Event] = []
    Timeline(told.append, lambda: 2.0).add(KEY)
    assert told == [KEY]


async def test_the_end_tells_what_was_held_back() -> None:
    told: list[Event] = []
    timeline = Timeline(told.append, lambda: 0.0)
    timeline.add(KEY)
    timeline.add(STOPPED)
    timeline.close()
    assert told == [STOPPED, KEY]
