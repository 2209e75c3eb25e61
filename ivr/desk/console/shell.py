"""The one document of the console, and the feed that keeps its live screens as the line is.

Law: the document stays: screens change in it, so that the telephone in it is never unloaded.
"""

import asyncio
from collections.abc import AsyncIterator

import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ivr.desk.console import at_hand
from ivr.desk.console.guard import still_in
from ivr.desk.console.pages import render
from ivr.desk.console.panels import PANELS, panels
from ivr.desk.console.phone import mine
from ivr.desk.console.pieces import event
from ivr.desk.console.visitor import Visitor, visitor
from ivr.records.errors import RecordsError

STILL_SECONDS = 30.0

log = structlog.get_logger()


async def shell(request: Request) -> Response:
    """Return the document, with the screens of who asks."""
    who = visitor(request)
    shown = [(panel, *PANELS[panel][1:]) for panel in panels(who.role)]
    return render(request, "shell.html", panels=shown, browser_phone=mine(request, who))


async def feed(request: Request) -> Response:
    """Tell a page what changes, for as long as its reader is logged in."""
    who = visitor(request)
    if who.may("see-calls"):
        await at_hand.looks(request).note(who.name, "watch-calls", ["live"])
    return StreamingResponse(
        _told(request, who), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
    )


async def _told(request: Request, who: Visitor) -> AsyncIterator[bytes]:
    source = at_hand.board(request).feed
    screens = {*panels(who.role), "beat"} | ({"phones"} if who.may("take-calls") else set())
    checked = asyncio.get_running_loop().time()
    async for told in source.follow(who.language, screens):
        yield told
        if asyncio.get_running_loop().time() - checked < STILL_SECONDS:
            continue
        checked = asyncio.get_running_loop().time()
        try:
            if await still_in(request) is None:
                yield event("out", "")
                return
        except RecordsError as error:
            # Nobody is sent away from the calls because a database is.
            log.warning("feed.not_asked", why=str(error))
