"""The telephone in a browser: its page, its secret, and its way to Asterisk.

Law 1: a secret is told to who may use it, when it is used, and is kept by nobody on the way.
Law 2: without a login there is one telephone, the newcomer's, and only while nothing real can ring.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.websockets import WebSocket

from ivr.desk import relay
from ivr.desk.console.guard import require, still_in
from ivr.desk.console.pages import FOLDER, render
from ivr.desk.console.visitor import Visitor, visitor
from ivr.desk.relay import Relay
from ivr.desk.webphone import Refused, Seat, Seats
from ivr.records.errors import RecordsError
from routing.agencies import Spoken
from routing.configuration import Configuration
from routing.endpoints import NEWCOMER, in_browsers

SCRIPT = FOLDER / "web/node_modules/jssip/dist/jssip.min.js"
"""JsSIP, as npm puts it there by web/package-lock.json (asterisk/root.sh web)."""
NEWCOMERS = 20
"""Newcomers who call at once."""
TAB_LETTERS = 40


class Phones:
    """The telephones in browsers of one desk.

    `configuration` gives what is in force; `secret` the password of an account, and raises OSError
    where there is none; `ws_bind` is where Asterisk takes the SIP of browsers.
    """

    def __init__(
        self,
        configuration: Callable[[], Configuration],
        secret: Callable[[str], str],
        ws_bind: str,
        script: Path = SCRIPT,
    ) -> None:
        self._configuration, self._secret, self.script = configuration, secret, script
        self._seats, self._sockets = Seats(), dict[str, WebSocket]()
        self._relay, self._newcomers = Relay(ws_bind), Relay(ws_bind, NEWCOMERS)

    def is_in_browser(self, account: str | None) -> bool:
        """Return whether this telephone is one in a browser."""
        return account in in_browsers(self._configuration())

    def asked(self) -> Mapping[str, Spoken | None]:
        """Return what each key of the menu asks for, as it is spoken."""
        menu = self._configuration().menu
        services = {one.key: one.spoken for one in menu.services.values()}
        return {**services, menu.operator.key: menu.operator.spoken}

    async def told(self, account: str) -> Response:
        """Return what a page needs to be this telephone. Raises HTTPException."""
        if not self.is_in_browser(account):
            raise HTTPException(404)
        try:
            password = await run_in_threadpool(self._secret, account)
        except OSError:
            raise HTTPException(503, "this telephone has no secret yet: siaga apply") from None
        return JSONResponse({"account": account, "password": password})

    async def newcomer(self, browser: WebSocket) -> None:
        """Carry the calls of a newcomer."""
        if not self.is_in_browser(NEWCOMER):
            await relay.close(browser, "no-phone")
            return

        async def allowed() -> bool:
            return self.is_in_browser(NEWCOMER)

        await self._newcomers.carry(browser, allowed)

    async def sit(self, browser: WebSocket, seat: Seat, *, insists: bool) -> None:
        """Let a browser be an operator's telephone for as long as it is connected."""
        phones = in_browsers(self._configuration())
        came = self._seats.sit(seat, phones, insists=insists)
        if isinstance(came, Refused):
            await relay.close(browser, came.why, came.by)
            return
        if displaced := self._sockets.get(seat.account):
            await relay.close(displaced, "displaced", seat.shown)
        self._seats, self._sockets[seat.account] = came.seats, browser
        try:
            await self._relay.carry(browser, lambda: _is_in(browser))
        finally:
            self._seats = self._seats.leave(seat)
            if self._sockets.get(seat.account) is browser:
                del self._sockets[seat.account]


def phones(connection: HTTPConnection) -> Phones:
    """Return the telephones in browsers."""
    found: Phones = connection.app.state.phones
    return found


def mine(connection: HTTPConnection, who: Visitor) -> str:
    """Return the account of the telephone that is theirs in the browser, empty if none is."""
    there = who.may("take-calls") and phones(connection).is_in_browser(who.phone)
    return who.phone or "" if there else ""


async def page(request: Request) -> Response:
    """Show a newcomer the keys of a telephone."""
    if not phones(request).is_in_browser(NEWCOMER):
        raise HTTPException(404)
    return render(request, "phone.html", asked=phones(request).asked())


async def script(request: Request) -> Response:
    """Return JsSIP."""
    path = phones(request).script
    if not path.is_file():
        raise HTTPException(404, "the telephone's program is not there: make web")
    return FileResponse(path, media_type="text/javascript")


async def newcomer(request: Request) -> Response:
    """Tell a newcomer's page its secret of today."""
    return await phones(request).told(NEWCOMER)


@require("operator")
async def account(request: Request) -> Response:
    """Tell a console the secret of the telephone that is theirs."""
    return await phones(request).told(mine(request, visitor(request)))


async def newcomer_calls(browser: WebSocket) -> None:
    """Take the calls of a newcomer's page."""
    await browser.accept(relay.SIP)
    await phones(browser).newcomer(browser)


@require("operator")
async def calls(browser: WebSocket) -> None:
    """Take the calls of a console. The page names itself, so that it may come back."""
    who, asked = visitor(browser), browser.query_params
    await browser.accept(relay.SIP)
    seat = Seat(mine(browser, who), who.shown, asked.get("tab", "")[:TAB_LETTERS])
    await phones(browser).sit(browser, seat, insists="insists" in asked)


async def _is_in(browser: WebSocket) -> bool:
    try:
        found = await still_in(browser)
    except RecordsError:  # nobody is sent away from a caller because a database is
        return True
    return found is not None and found.phone == visitor(browser).phone
