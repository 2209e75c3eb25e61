"""The SIP transactions of one phone call over UDP (RFC 3261 section 17.1): send, send again, match.

Its laws:

1. The socket is connected: only the address dialled is heard, and the host's refusal is an answer.
2. What is not SIP, or answers nothing we asked, is ignored.
3. Every request ends: with its final response, or with None.
"""

import asyncio
import math
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from ivr.phone import sip

_T2_SECONDS = 4.0  # section 17.1.2.1
_TIMERS_B_AND_F = 64  # times T1


async def udp(
    protocol: asyncio.DatagramProtocol, local_ip: str, far: tuple[str, int] | None = None
) -> asyncio.DatagramTransport:
    """Open a UDP socket at a free port of `local_ip`, connected to `far` if given.

    Raises OSError. The socket is made here because uvloop does not close one that it cannot bind.
    """
    loop = asyncio.get_running_loop()
    ours = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        ours.setblocking(False)
        ours.bind((local_ip, 0))
        if far:
            found = await loop.getaddrinfo(*far, family=ours.family, type=ours.type)
            ours.connect(found[0][4])
        transport, _ = await loop.create_datagram_endpoint(lambda: protocol, sock=ours)
    except BaseException:
        ours.close()
        raise
    return transport


@dataclass(slots=True)
class Transaction:
    """One request on its way. `final` is its last response, or None when the network refused."""

    request: sip.Request
    final: "asyncio.Future[sip.Response | None]"
    proceeding: bool = False

    async def settled(self, limit_seconds: float) -> sip.Response | None:
        """Wait for the final response. None if the limit passes first."""
        await asyncio.wait({self.final}, timeout=max(0.0, limit_seconds))
        return self.final.result() if self.final.done() else None


class Transactions(asyncio.DatagramProtocol):
    """Our SIP socket. `on_request` gets each request of the far end.

    `on_final` gets an INVITE and each final response to it, retransmitted ones too: each one wants
    an ACK. `t1_seconds` is the round trip that the timers are counted from.
    """

    def __init__(
        self,
        t1_seconds: float,
        on_request: Callable[[sip.Request], None],
        on_final: Callable[[sip.Request, sip.Response], None],
    ) -> None:
        self._t1, self._on_request, self._on_final = t1_seconds, on_request, on_final
        self._running: dict[tuple[str, str], Transaction] = {}
        self.fault = "no answer"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    @property
    def here(self) -> tuple[str, int]:
        """Our own address."""
        ip, port, *_ = self._transport.get_extra_info("sockname")
        return str(ip), int(port)

    @property
    def far_ip(self) -> str:
        """The IP address we dialled."""
        return str(self._transport.get_extra_info("peername")[0])

    def send(self, message: sip.Request | sip.Response) -> None:
        """Send a message once: an ACK, or an answer to the far end."""
        self._transport.sendto(message.encode())

    def begin(self, request: sip.Request) -> Transaction:
        """Make the transaction of a request. Nothing is sent yet."""
        transaction = Transaction(request, asyncio.get_running_loop().create_future())
        self._running[request.branch, request.method] = transaction
        return transaction

    async def run(self, transaction: Transaction, limit_seconds: float) -> sip.Response | None:
        """Send until the final response, which is returned. None after 64 T1 or the limit.

        An INVITE is sent again after T1, 2 T1, 4 T1 ... until anything answers (timer A); another
        request so with at most T2 between, until the final response (timer E).
        """
        invite = transaction.request.method == "INVITE"
        interval, slowest = self._t1, math.inf if invite else _T2_SECONDS
        end = time.monotonic() + min(limit_seconds, _TIMERS_B_AND_F * self._t1)
        while not transaction.final.done() and (left := end - time.monotonic()) > 0:
            if not (invite and transaction.proceeding):
                self.send(transaction.request)
            await transaction.settled(min(interval, left))
            interval = min(2 * interval, slowest)
        return await transaction.settled(0)

    async def ask(self, request: sip.Request, limit_seconds: float) -> sip.Response | None:
        """Begin and run a transaction."""
        return await self.run(self.begin(request), limit_seconds)

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002  (asyncio's)
        """Sort a datagram: a request of theirs, a response to ours, or nothing."""
        message = sip.parse(data)
        if isinstance(message, sip.Request):
            self._on_request(message)
        elif isinstance(message, sip.Response):
            self._response(message)

    def error_received(self, exc: Exception) -> None:
        """Take the host's word that nobody listens there: whatever we asked stays unanswered."""
        self.fault = (isinstance(exc, OSError) and exc.strerror) or str(exc)
        for transaction in self._running.values():
            if not transaction.final.done():
                transaction.final.set_result(None)

    def _response(self, response: sip.Response) -> None:
        transaction = self._running.get((response.branch, response.cseq[1]))
        if transaction is None or response.call_id != transaction.request.call_id:
            return
        if response.status < 200:
            transaction.proceeding = True
            return
        if transaction.request.method == "INVITE":
            self._on_final(transaction.request, response)
        if not transaction.final.done():
            transaction.final.set_result(response)
