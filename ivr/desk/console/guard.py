"""Stands before every page of the console.

Law 1: what is not named OPEN is for those who are logged in, whatever its route says or forgets.
Law 2: what changes something comes from a page of ours: by its origin, and by a word that only our
pages know of this session (CSRF).
Law 3: every answer says what a browser may do with it.
"""

import asyncio
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import TypeVar
from urllib.parse import parse_qsl

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException, WebSocketException
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketClose

from ivr.accounts import Role, stands_in
from ivr.desk.console.cookies import SESSION, VISIT, cookie, csrf
from ivr.desk.console.door import Door
from ivr.desk.console.pages import explain, language, wants_a_page
from ivr.desk.console.visitor import Visitor, visitor
from ivr.records.errors import RecordsError

OPEN = frozenset({"/login", "/phone", "/phone/newcomer", "/ws/newcomer"})
"""What is there without a login. The telephone of newcomers is there in a simulation only."""
OPEN_FILES = "/static/"
"""How pages look and work: the same for everybody."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
FORM_BYTES = 1 << 16
FORM_SECONDS = 10.0
FORM = "application/x-www-form-urlencoded"

C = TypeVar("C", bound=HTTPConnection)
T = TypeVar("T")
Page = Callable[[C], Awaitable[T]]

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "font-src 'self'; media-src 'self'; connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: with that a browser names no origin when it sends a form.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=(), payment=(), usb=()",
}


class Guard:
    """The console behind its guard, as an ASGI application."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in the page's place, or let the page answer."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        send = _with_headers(send)
        try:
            receive, refused = await self._look(scope, receive)
        except (HTTPException, RecordsError) as error:
            refused = _explained(scope, error)
        if refused is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose(1008)(scope, receive, send)
        else:
            await refused(scope, receive, send)

    async def _look(self, scope: Scope, receive: Receive) -> tuple[Receive, Response | None]:
        """Find out who asks; return what to answer in the page's place, if anything.

        Raises HTTPException for what is refused, RecordsError when nobody can be known.
        """
        connection = HTTPConnection(scope)
        token, visit = cookie(connection, SESSION), cookie(connection, VISIT)
        state = connection.state
        state.visitor, state.session, state.form = None, token, {}
        state.visit, state.is_new = visit or secrets.token_urlsafe(32), visit is None
        if token is not None:
            state.visitor = await self._door.visitor(token, language(connection))
        if state.visitor is None and not _is_open(scope["path"]):
            return receive, _log_in_first(connection)
        if scope["type"] == "websocket" or scope["method"] not in SAFE:
            _check_origin(connection)
        if scope["type"] == "http" and scope["method"] not in SAFE:
            if connection.headers.get("content-type", "").partition(";")[0].strip() == FORM:
                receive, state.form = await _form(receive)
            _check_csrf(connection)
        return receive, None


async def still_in(connection: HTTPConnection) -> Visitor | None:
    """Return who asked for a page that stays open, None if they are not logged in any more.

    Whoever keeps a connection open asks this at least once a minute: so they are seen, and out when
    they are to be. Raises RecordsError.
    """
    door: Door = connection.app.state.door
    return await door.visitor(connection.state.session, language(connection))


def require(*roles: Role) -> Callable[[Page[C, T]], Page[C, T]]:
    """Let only these roles see a page, and those that may do all that one of them may.

    For a page, and for a function that takes a WebSocket.
    """

    def guarded(page: Page[C, T]) -> Page[C, T]:
        @wraps(page)
        async def checked(connection: C) -> T:
            role = visitor(connection).role
            if any(stands_in(role, wanted) for wanted in roles):
                return await page(connection)
            if isinstance(connection, WebSocket):
                raise WebSocketException(1008, "role")
            raise HTTPException(403, "role")

        return checked

    return guarded


def _explained(scope: Scope, error: HTTPException | RecordsError) -> Response:
    connection = HTTPConnection(scope)
    if isinstance(error, RecordsError):
        return explain(connection, 503, str(error))
    return explain(connection, error.status_code, error.detail)


def _is_open(path: str) -> bool:
    return path in OPEN or path.startswith(OPEN_FILES)


def _log_in_first(connection: HTTPConnection) -> Response:
    if wants_a_page(connection) and connection.scope.get("method") in SAFE:
        return RedirectResponse("/login", 303)
    return JSONResponse({"error": "log in first"}, 401)


def _check_origin(connection: HTTPConnection) -> None:
    """Raise HTTPException for what another site sends. Every browser names the origin of a form."""
    origin, host = connection.headers.get("origin"), connection.headers.get("host", "")
    ours = {f"https://{host}"}
    if connection.url.scheme in {"http", "ws"}:
        ours.add(f"http://{host}")  # or https, ended by a proxy that does not say so
    if connection.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise HTTPException(403, "cross-site")
    if origin not in ours:
        raise HTTPException(403, "origin")


def _check_csrf(connection: HTTPConnection) -> None:
    """Raise HTTPException for what does not come from a page of this session."""
    given = connection.headers.get("x-csrf-token") or connection.state.form.get("csrf", "")
    if not hmac.compare_digest(given.encode(errors="replace"), csrf(connection).encode()):
        raise HTTPException(403, "csrf")


async def _form(receive: Receive) -> tuple[Receive, Mapping[str, str]]:
    """Read a form; return it, and what reads it once more."""
    body = b""
    try:
        async with asyncio.timeout(FORM_SECONDS):
            more = True
            while more:
                message = await receive()
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > FORM_BYTES:
                    raise HTTPException(413, "the form is too large")
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=100))
    except TimeoutError:
        raise HTTPException(408, "the form did not come in time") from None
    except ValueError:
        raise HTTPException(400, "the form cannot be read") from None
    whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return whole.pop() if whole else await receive()

    return again, fields


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return sending
