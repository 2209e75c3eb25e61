"""The pages of the console, and for whom each is.

To add one: a function here or in a module beside, and a line in ROUTES. `require` says for whom;
without it a page is for everybody who is logged in.
"""

from math import ceil

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from ivr.desk.console import phone
from ivr.desk.console.board import Board
from ivr.desk.console.brief import brief
from ivr.desk.console.callbacks import callback
from ivr.desk.console.cookies import SESSION, give, take
from ivr.desk.console.door import Door, Held, In
from ivr.desk.console.guard import Guard
from ivr.desk.console.history import history, recording
from ivr.desk.console.orders import order
from ivr.desk.console.outcome import outcome
from ivr.desk.console.pages import FOLDER, explain, render
from ivr.desk.console.shell import feed, shell
from ivr.desk.console.watching import Looks
from ivr.records.errors import RecordsError


async def login(request: Request) -> Response:
    """Ask who it is, with the name that was typed."""
    if request.state.visitor is not None:
        return RedirectResponse("/", 303)
    return render(request, "login.html", name="", trouble="", wait_seconds=0)


async def log_in(request: Request) -> Response:
    """Let somebody in, or ask again."""
    door: Door = request.app.state.door
    form, here = request.state.form, address(request)
    name = form.get("name", "")[:100]
    came = await door.come_in(name, form.get("password", ""), here)
    if isinstance(came, In):
        if request.state.visitor is not None:
            await door.leave(request.state.session, here)
        response: Response = RedirectResponse("/", 303)
        give(response, request, SESSION, came.token)
        return response
    if isinstance(came, Held):
        seconds = ceil(came.seconds)
        told = {"trouble": "held", "wait_seconds": seconds}
        return render(request, "login.html", 429, {"Retry-After": str(seconds)}, name=name, **told)
    return render(request, "login.html", 403, name=name, trouble="refused", wait_seconds=0)


async def log_out(request: Request) -> Response:
    """End the session, here and in the browser."""
    door: Door = request.app.state.door
    await door.leave(request.state.session, address(request))
    response = RedirectResponse("/login", 303)
    take(response, request, SESSION)
    return response


async def to_the_console(_: Request) -> Response:
    """Lead to the one document, whatever a bookmark says."""
    return RedirectResponse("/", 307)


ROUTES: tuple[BaseRoute, ...] = (
    Route("/", shell),
    Route("/console", to_the_console),
    Route("/feed", feed),
    Route("/panel/caller", brief),
    Route("/panel/history", history),
    Route("/order", order, methods=["POST"]),
    Route("/outcome", outcome, methods=["POST"]),
    Route("/callback", callback, methods=["POST"]),
    Route("/recording/{callref}", recording),
    Route("/login", login),
    Route("/login", log_in, methods=["POST"]),
    Route("/logout", log_out, methods=["POST"]),
    Route("/phone", phone.page),
    Route("/phone/newcomer", phone.newcomer),
    Route("/phone/account", phone.account, methods=["POST"]),
    WebSocketRoute("/ws/newcomer", phone.newcomer_calls),
    WebSocketRoute("/ws/operator", phone.calls),
    Route("/static/jssip.js", phone.script),
    Mount("/static", StaticFiles(directory=FOLDER / "static")),
)


def console(door: Door, board: Board, phones: phone.Phones) -> ASGIApp:
    """Return the pages behind their guard."""
    handlers = {HTTPException: _refused, RecordsError: _no_records}
    app = Starlette(routes=list(ROUTES), exception_handlers=handlers)
    app.state.door, app.state.board, app.state.screens = door, board, board.screens
    app.state.phones = phones
    app.state.looks = Looks(door.records, board.screens.clock)
    return Guard(app, door)


def address(connection: HTTPConnection) -> str:
    """Return where the browser is, empty where that is not known."""
    return connection.client.host if connection.client else ""


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it was asked for
    return explain(request, error.status_code, error.detail)


async def _no_records(request: Request, error: Exception) -> Response:
    return explain(request, 503, str(error))
