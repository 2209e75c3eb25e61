"""The recordings: are calls recorded, is there room, and what is due is erased."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import Never

import structlog
from sqlalchemy import Engine

from ivr import retention
from ivr.records.errors import RecordsError
from ivr.retention.watch import Look
from ivr.settings import Settings

LOOK_SECONDS = 5.0
ERASE_SECONDS = 3600.0

log = structlog.get_logger()


async def keep_recordings(
    engine: Engine,
    settings: Settings,
    believed_at: Callable[[], float],
    tell: Callable[[str], None],
) -> Never:
    """Look for ever whether calls are recorded and whether there is room; erase what is due.

    `believed_at` gives the time by a clock that is believed, 0 while none is; `tell` takes what is
    wrong, nothing for nothing.
    """
    watch = retention.Watch(engine, settings.state)
    keeper = retention.Keeper(engine, settings.state / "recordings", days=settings.recording_days)
    loop = asyncio.get_running_loop()
    next_erasure = loop.time()
    while True:
        try:
            trouble = _no_room(await asyncio.to_thread(watch.look))
            if loop.time() >= next_erasure:
                next_erasure = loop.time() + ERASE_SECONDS
                # What staff have ordered goes now; what is old, by a clock that is believed.
                erased = await asyncio.to_thread(keeper.erase_due, believed_at())
                log.info("recordings.erased", **{k: len(v) for k, v in asdict(erased).items()})
        except (RecordsError, OSError) as error:
            trouble = str(error)
        tell(trouble)
        await asyncio.sleep(LOOK_SECONDS)


def _no_room(look: Look) -> str:
    room = look.room
    if room.level == "enough":
        return ""
    left = f"{room.free_bytes >> 20} MiB are left for recordings, {room.hours:.0f} h at this pace"
    return left if room.level == "low" else f"{left}: no further call is recorded; make room"
