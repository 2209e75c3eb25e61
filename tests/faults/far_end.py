"""The telephones of agencies, carriers and operators: one SIP and one RTP socket for all of them.

Its laws:

1. Each INVITE is played the script that `choose` returns for its caller and number.
2. What came of it is kept in `attempts`: times of time.monotonic(), None until it happened.
3. Calls are told apart by Call-ID, and their sound by the port that Asterisk sends it from.
"""

import asyncio
import contextlib
import functools
import re
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

from scripts import Die, Echo, HangUp, Hold, Pause, Press, Reply, Script, Speak, Step

from ivr.phone import audio, rtp, sip

_RESEND_SECONDS = (0.5, 1.0, 2.0, 4.0)  # a 200 that no ACK came for (RFC 3261 section 13.3.1.4)
_BUFFER = 4 << 20


@dataclass(slots=True)
class Attempt:
    """One INVITE that reached us."""

    caller: str
    number: str
    script: Script
    invited_at: float
    answered_at: float | None = None
    heard_at: float | None = None
    """When the first sound arrived."""
    ended_at: float | None = None
    ended_by: str = ""
    """CANCEL or BYE when Asterisk ended it, "us" when the script did."""


Choose = Callable[[str, str], Script]
"""Caller and number dialled in, script out."""


class FarEnd(asyncio.DatagramProtocol):
    """All telephones at one address."""

    def __init__(self, choose: Choose) -> None:
        self.choose = choose
        self.attempts: list[Attempt] = []
        self._legs: dict[str, _Leg] = {}
        self.echo = _Sound()

    async def open(self, ip: str, port: int) -> None:
        """Take calls at `ip`:`port`, and sound at a free port of `ip`."""
        loop = asyncio.get_running_loop()
        for protocol, at in ((self, port), (self.echo, 0)):
            ours = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            ours.setblocking(False)
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            ours.bind((ip, at))
            await loop.create_datagram_endpoint(functools.partial(_same, protocol), sock=ours)
        self.address = f"{ip}:{port}"

    def close(self) -> None:
        """Take no more calls."""
        for leg in self._legs.values():
            leg.task.cancel()
        self._transport.close()
        self.echo.close()

    def of(self, caller: str) -> list[Attempt]:
        """Return every attempt to connect one caller, in order."""
        return [attempt for attempt in self.attempts if attempt.caller == caller]

    # -- what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = sip.parse(data)
        if isinstance(message, sip.Response):
            self.answered(message)
            leg = self._legs.get(message.call_id)
            if leg is not None and message.cseq[1] == "INVITE" and message.status >= 200:
                leg.acknowledge(message)
        elif message is not None:
            leg = self._legs.get(message.call_id)
            if leg is not None:
                leg.requested(message)
            elif message.method == "INVITE":
                self._invited(message, addr)
            elif message.method != "ACK":
                known = message.method == "OPTIONS"
                self.send(answer(message, 200 if known else 481), addr)

    # -- inside

    def answered(self, response: sip.Response) -> None:
        """Hear an answer to a request of ours. Nothing waits for one here."""

    def send(self, message: sip.Request | sip.Response, addr: tuple[str, int]) -> None:
        """Send a message once."""
        if not self._transport.is_closing():
            self._transport.sendto(message.encode(), addr)

    def _invited(self, invite: sip.Request, addr: tuple[str, int]) -> None:
        caller = _user(invite.get("from"))
        number = invite.uri.partition(":")[2].partition("@")[0]
        script = self.choose(caller, number)
        attempt = Attempt(caller, number, script, time.monotonic())
        self.attempts.append(attempt)
        self._legs[invite.call_id] = _Leg(self, invite, addr, attempt)


class _Leg:
    """One call at the far end."""

    def __init__(
        self, end: FarEnd, invite: sip.Request, addr: tuple[str, int], attempt: Attempt
    ) -> None:
        self._end, self._invite, self._addr, self._attempt = end, invite, addr, attempt
        self._tag, self._cseq = secrets.token_hex(6), 0
        self._dead = False
        self._last: sip.Response | None = None
        self._acked = asyncio.Event()
        media = rtp.parse_sdp(invite.body)
        self._ear = end.echo.ear(media.port if media else 0, attempt)
        self.task = asyncio.create_task(self._play())

    def requested(self, request: sip.Request) -> None:
        """Hear a request of this call: again, taken back, acknowledged, or ended."""
        if self._dead:
            return
        method = request.method
        if method == "INVITE":
            if self._last and request.cseq == self._invite.cseq:
                self._end.send(self._last, self._addr)
            elif request.cseq != self._invite.cseq:
                self._end.send(self._answer(request, 200, sdp=True), self._addr)
        elif method == "ACK":
            self._acked.set()
        else:
            self._end.send(self._answer(request, 200), self._addr)
            if method in ("BYE", "CANCEL"):
                self._over(method)
                if method == "CANCEL" and self._attempt.answered_at is None:
                    self._end.send(self._answer(self._invite, 487), self._addr)

    async def _play(self) -> None:
        for step in self._attempt.script.steps:
            await self._take(step)
            if self._attempt.ended_at:
                return

    async def _take(self, step: Step) -> None:
        match step:
            case Reply():
                await self._reply(step)
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case HangUp():
                self._end.send(self._request("BYE"), self._addr)
                self._over("us")
            case Press(key):
                body = f"Signal={key}\r\nDuration=160\r\n".encode()
                self._end.send(self._request("INFO", body, "application/dtmf-relay"), self._addr)
            case Echo():
                self._ear.echoes = True
            case Speak(hz):
                self._ear.voice = audio.tone(hz)
            case Hold():
                self._ear.hush()
                offer = self._offer().replace(b"a=sendrecv", b"a=sendonly")
                self._end.send(self._request("INVITE", offer, sip.SDP), self._addr)
            case Die():
                self._dead = True
                self._ear.hush()

    async def _reply(self, reply: Reply) -> None:
        self._last = self._answer(self._invite, reply.status, sdp=reply.sdp, extra=reply.headers)
        self._end.send(self._last, self._addr)
        if reply.status >= 300:
            self._over("us")
        elif reply.status >= 200:
            self._attempt.answered_at = time.monotonic()
            for seconds in _RESEND_SECONDS:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._acked.wait(), seconds)
                    return
                self._end.send(self._last, self._addr)

    def _over(self, by: str) -> None:
        if self._attempt.ended_at is None:
            self._attempt.ended_at, self._attempt.ended_by = time.monotonic(), by
            self._ear.hush()
            if asyncio.current_task() is not self.task:
                self.task.cancel()

    def _answer(
        self,
        request: sip.Request,
        status: int,
        *,
        sdp: bool = False,
        extra: tuple[tuple[str, str], ...] = (),
    ) -> sip.Response:
        body = self._offer() if sdp else b""
        tag = self._tag if status > 100 else ""
        here = () if extra else (("Contact", f"<sip:{self._end.address}>"),)
        return answer(request, status, (*here, *extra), body, tag)

    def acknowledge(self, response: sip.Response) -> None:
        """End our own INVITE in this call (RFC 3261 section 13.2.2.4)."""
        ack = self._request("ACK")
        headers = tuple(
            (name, f"{response.cseq[0]} ACK" if name == "CSeq" else value)
            for name, value in ack.headers
        )
        self._end.send(sip.Request(headers, b"", "ACK", ack.uri), self._addr)

    def _offer(self) -> bytes:
        ip = self._end.address.partition(":")[0]
        return rtp.offer(ip, self._end.echo.port, telephone_event=False)

    def _request(self, method: str, body: bytes = b"", content_type: str = "") -> sip.Request:
        self._cseq += 1
        to = self._invite.get("to")
        headers = [
            ("Via", f"SIP/2.0/UDP {self._end.address};branch=z9hG4bK{secrets.token_hex(8)}"),
            ("Max-Forwards", "70"),
            ("From", to if sip.tag(to) else f"{to};tag={self._tag}"),
            ("To", self._invite.get("from")),
            ("Call-ID", self._invite.call_id),
            ("CSeq", f"{self._cseq} {method}"),
        ]
        if method == "INVITE":
            headers.append(("Contact", f"<sip:{self._end.address}>"))
        if body:
            headers.append(("Content-Type", content_type))
        return sip.Request(tuple(headers), body, method, sip.uri(self._invite.get("contact")))


def answer(
    request: sip.Request,
    status: int,
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
    tag: str = "",
) -> sip.Response:
    """Write the answer to a request (RFC 3261 section 8.2.6). A body is SDP."""
    copied = ("via", "from", "to", "call-id", "cseq", "record-route")
    kept = [
        (name, f"{value};tag={tag}" if name == "to" and tag and not sip.tag(value) else value)
        for name, value in request.headers
        if name in copied
    ]
    kept += headers
    if body:
        kept.append(("Content-Type", sip.SDP))
    return sip.Response(tuple(kept), body, status, "Scripted")


@dataclass(slots=True)
class _Ear:
    """The sound of one call."""

    attempt: Attempt
    echoes: bool = False
    voice: tuple[bytes, ...] = ()
    spoken: int = 0

    def reply(self, data: bytes) -> bytes | None:
        """Return what goes back for a packet of sound."""
        if self.voice and (packet := rtp.parse_packet(data)):
            self.spoken += 1
            sound = self.voice[self.spoken % len(self.voice)]
            return replace(packet, payload=sound, payload_type=rtp.PCMA).encode()
        return data if self.echoes else None

    def hush(self) -> None:
        """Say nothing more."""
        self.echoes, self.voice = False, ()


class _Sound(asyncio.DatagramProtocol):
    """The sound of all calls on one socket: each goes back to where it came from, or nowhere."""

    def __init__(self) -> None:
        self._ears: dict[int, _Ear] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.port = int(transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        ear = self._ears.get(addr[1])
        if ear is not None:
            if ear.attempt.heard_at is None:
                ear.attempt.heard_at = time.monotonic()
            if reply := ear.reply(data):
                self._transport.sendto(reply, addr)

    def ear(self, port: int, attempt: Attempt) -> _Ear:
        """Begin to hear what Asterisk sends from `port`."""
        self._ears[port] = _Ear(attempt)
        return self._ears[port]

    def close(self) -> None:
        self._transport.close()


def _same(protocol: asyncio.DatagramProtocol) -> asyncio.DatagramProtocol:
    return protocol


def _user(header: str) -> str:
    found = re.search(r"sip:([^@;>]*)@", header)
    return found[1] if found else ""
