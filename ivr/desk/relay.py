"""Carries the SIP of a browser to Asterisk and back, so that a page speaks to the desk alone.

Law 1: it reads none of it. Who may call is Asterisk's to say, by the secret of the account.
Law 2: what a browser sends comes from RELAYED, an address of no carrier, so that no call without a
secret is taken for a carrier's.
Law 3: sound never comes here, and a talk goes on without it.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

from ivr.desk.webphone import CODES, Close
from routing.endpoints import RELAYED

SIP = "sip"
"""The subprotocol (RFC 7118)."""
FRAME_BYTES = 1 << 16
"""A SIP message with its SDP has a tenth of that."""
BROWSERS = 100
OPEN_SECONDS = 5.0
PING_SECONDS = 10.0
"""A far end that is silent for twice that is gone."""
IDLE_SECONDS = 900.0
"""Without a word of SIP. A telephone that is logged in says one each minute."""
ASK_SECONDS = 30.0
"""Between two questions whether who began may still be here."""

Ask = Callable[[], Awaitable[bool]]

log = structlog.get_logger()


class Relay:
    """The way to one Asterisk; `bind` is where it takes SIP over WebSocket, as `address:port`."""

    def __init__(self, bind: str, limit: int = BROWSERS) -> None:
        self._url = f"ws://{bind}/ws"
        self._limit = limit
        self._open = 0

    async def carry(self, browser: WebSocket, still_in: Ask) -> None:
        """Carry what an accepted browser and Asterisk say until one of them leaves, and close.

        `still_in` is asked twice a minute.
        """
        if self._open >= self._limit:
            await close(browser, "crowded")
            return
        self._open += 1
        why: Close = "away"
        try:
            async with self._asterisk() as asterisk:
                why = await _both_ways(browser, asterisk, still_in)
        except (OSError, WebSocketException) as error:
            log.warning("relay.asterisk_away", why=str(error))
        finally:
            self._open -= 1
            await close(browser, why)

    def _asterisk(self) -> connect:
        return connect(
            self._url,
            subprotocols=[Subprotocol(SIP)],
            local_addr=(RELAYED, 0),
            proxy=None,
            compression=None,
            max_size=FRAME_BYTES,
            open_timeout=OPEN_SECONDS,
            ping_interval=PING_SECONDS,
            ping_timeout=PING_SECONDS,
            close_timeout=1,
        )


async def close(browser: WebSocket, why: Close, by: str = "") -> None:
    """Tell a browser why there is no connection, and who has its telephone if somebody does."""
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # it has left
        await browser.close(CODES[why], by[:30])


async def _both_ways(browser: WebSocket, asterisk: ClientConnection, still_in: Ask) -> Close:
    """Return why it ended, once it has."""
    ways = (
        asyncio.create_task(_to_asterisk(browser, asterisk)),
        asyncio.create_task(_to_browser(browser, asterisk)),
        asyncio.create_task(_sent_away(still_in)),
    )
    try:
        done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        return next(iter(done)).result()
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _to_asterisk(browser: WebSocket, asterisk: ClientConnection) -> Close:
    with contextlib.suppress(WebSocketDisconnect, ConnectionClosed, TimeoutError):
        while True:
            async with asyncio.timeout(IDLE_SECONDS):
                message = await browser.receive_text()
            await asterisk.send(message)
    return "away"


async def _to_browser(browser: WebSocket, asterisk: ClientConnection) -> Close:
    with contextlib.suppress(WebSocketDisconnect, ConnectionClosed):
        while True:
            message = await asterisk.recv(decode=False)
            await browser.send_text(bytes(message).decode(errors="replace"))
    return "away"


async def _sent_away(still_in: Ask) -> Close:
    while await still_in():  # noqa: ASYNC110 - a session that is over tells nobody
        await asyncio.sleep(ASK_SECONDS)
    return "logged-out"
