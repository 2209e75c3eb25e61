"""Asks each part of the line again and again whether it is well.

Law: every question has a limit, shorter than the time after which silence is trouble.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from ivr.ready import asterisk_answers, controller_answers
from ivr.settings import Settings

EVERY_SECONDS = 2.0
ANSWER_SECONDS = 3.0
MIN_FREE_BYTES = 1 << 30
"""A gibibyte: sound of about 18 hours of one call, and the journal of some million calls."""

Ask = Callable[[], Awaitable[str]]
Tell = Callable[[str, str], None]
"""Takes the name of a part and what is wrong with it; empty: nothing."""


async def keep_asking(
    part: str, ask: Ask, tell: Tell, every_seconds: float = EVERY_SECONDS
) -> None:
    """Ask one part until cancelled. No answer in time, or no way to ask, is trouble too."""
    while True:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                trouble = await ask()
        except TimeoutError:
            trouble = f"no answer within {ANSWER_SECONDS:.0f} s"
        except OSError as error:
            trouble = str(error)
        tell(part, trouble)
        await asyncio.sleep(every_seconds)


def asterisk(settings: Settings) -> Ask:
    """Return the question whether a call to 112 would come in."""

    async def ask() -> str:
        well = await asterisk_answers(settings)
        return "" if well else f"does not answer for 112 on {settings.sip_bind}"

    return ask


def controller(settings: Settings) -> Ask:
    """Return the question whether a caller would be asked by the first floor."""

    async def ask() -> str:
        well = await controller_answers(settings)
        return "" if well else f"does not answer on {settings.agi_bind}: callers get the stand-in"

    return ask


def disk(
    folder: Path, min_free_bytes: int = MIN_FREE_BYTES, seen: Callable[[int], None] | None = None
) -> Ask:
    """Return the question whether there is room for journal and recordings.

    `seen` takes how many bytes are free.
    """

    async def ask() -> str:
        free = await asyncio.to_thread(free_bytes, folder)
        if seen is not None:
            seen(free)
        if free >= min_free_bytes:
            return ""
        return (
            f"{free >> 20} MiB are free for {folder}, less than {min_free_bytes >> 20}: make room"
        )

    return ask


def free_bytes(folder: Path) -> int:
    """Return the bytes that a user who is not root can still write there."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
