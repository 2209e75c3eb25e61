"""A telephone for calls of three and more: each has a tone of its own, and can say whose it hears.

It dials 112 or waits to be rung; both with the messages of `ivr.phone`. On real UDP.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal, cast

from ivr.alaw import decode
from ivr.phone import audio, rtp, sip

How = Literal["answers", "rings", "is busy"]
EAR_FRAMES = 25
"""What it has heard in the last half second."""
HEARD_SHARE = 0.1
"""Of the energy of what it hears, at one frequency: three tones have a third each."""


class Ear(asyncio.DatagramProtocol):
    """The sound: sends a tone, keeps the last of what comes, and every key."""

    def __init__(self, hz: int) -> None:
        self.frames: deque[bytes] = deque(maxlen=EAR_FRAMES)
        self.pressed: list[str] = []
        self._last_key = -1
        self._tone = audio.tone(hz)
        self._stream = rtp.Stream(*(secrets.randbits(bits) for bits in (16, 32, 32)))
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, _: object) -> None:
        packet = rtp.parse_packet(data)
        if packet and packet.payload_type == rtp.PCMA:
            self.frames.append(packet.payload)
        elif packet and packet.payload_type == rtp.TELEPHONE_EVENT:
            # Each packet of one key has the time at which it began (RFC 4733 section 2.5.1.2).
            if packet.timestamp != self._last_key:
                self.pressed.append("0123456789*#ABCD"[packet.payload[0]])
            self._last_key = packet.timestamp

    def hears(self, hz: int) -> bool:
        """Say whether a tone has been there in most of the last half second."""
        loud = [frame for frame in self.frames if not audio.is_silent(frame)]
        there = [audio.share(decode(frame), hz) > HEARD_SHARE for frame in loud]
        return len(self.frames) == EAR_FRAMES and sum(there) > 0.7 * EAR_FRAMES

    def press(self, key: str) -> None:
        self._stream.press(key)

    def start(self, to: rtp.Media) -> None:
        self.stop()
        self._task = asyncio.create_task(self._talk((to.ip, to.port)))

    def stop(self) -> None:
        self.frames.clear()
        if self._task:
            self._task.cancel()
        self._task = None

    async def _talk(self, to: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        due, sent = loop.time(), 0
        while True:
            self.transport.sendto(self._stream.next(self._tone[sent % len(self._tone)]), to)
            sent, due = sent + 1, due + audio.FRAME_SECONDS
            await asyncio.sleep(max(0.0, due - loop.time()))


class Telephone(asyncio.DatagramProtocol):
    """One telephone, with one call at a time. `rung` counts how often it was."""

    def __init__(self, hz: int, how: How) -> None:
        self.hz, self.how, self.state, self.rung = hz, how, "idle", 0
        self.shown = ""
        self.ear: Ear
        self._here = ""
        self._far: tuple[str, int] = ("", 0)
        self._dialog: sip.Dialog | None = None
        self._invite: sip.Request | None = None
        self._tag = secrets.token_hex(4)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)
        ip, port = transport.get_extra_info("sockname")[:2]
        self._here = f"{ip}:{port}"

    def hears(self, *others: "Telephone") -> bool:
        """Say whether it hears each of the others."""
        return self.state == "talking" and all(self.ear.hears(other.hz) for other in others)

    # -- calling

    def dial_112(self, port: int, number: str) -> None:
        self._far = ("127.0.0.1", port)
        self._dialog = sip.Dialog(
            f"sip:112@127.0.0.1:{port}", self._here, f"<sip:{number}@{self._here}>"
        )
        self._invite = self._dialog.request("INVITE", self._sdp(), sip.SDP)
        self.state = "calling"
        self._send(self._invite)

    def hang_up(self) -> None:
        """End the call, whoever began it."""
        self.ear.stop()
        if self.state == "talking" and self._invite:
            self._send(self._dialog.request("BYE") if self._dialog else self._bye(self._invite))
        self.state = "over"

    def die(self) -> None:
        """Make no sound any more, and say nothing to anybody."""
        self.ear.stop()
        self.state = "dead"

    # -- what comes

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = sip.parse(data)
        if self.state == "dead" or message is None:
            return
        if isinstance(message, sip.Response):
            self._answered(message)
            return
        self._far = addr
        match message.method:
            case "INVITE" if self.state == "talking":
                self._send(self._reply(message, 200, "OK", self._sdp()))
            case "INVITE":
                self._ring(message)
            case "CANCEL" if self._invite and self.state == "ringing":
                self._send(self._reply(message, 200, "OK"))
                self._send(self._reply(self._invite, 487, "Request Terminated"))
                self.state = "over"
            case "BYE" if not self._invite or message.call_id != self._invite.call_id:
                # Of one who was plugged in here before, and died: it is said for 32 s (RFC 3261).
                self._send(self._reply(message, 481, "Call/Transaction Does Not Exist"))
            case "BYE":
                self._send(self._reply(message, 200, "OK"))
                self.ear.stop()
                self.state = "over"
            case "ACK":
                pass
            case _:
                self._send(self._reply(message, 200, "OK"))

    def _answered(self, response: sip.Response) -> None:
        if self._dialog is None or self._invite is None or response.cseq[1] != "INVITE":
            return
        if response.status >= 200:
            self._send(self._dialog.accepted(self._invite, response))
        if response.status == 200 and self.state == "calling":
            self._talk(response.body)

    def _ring(self, invite: sip.Request) -> None:
        if self._invite and invite.call_id == self._invite.call_id:
            return  # the same one again
        self.rung += 1
        self._dialog, self._invite, self._tag = None, invite, secrets.token_hex(4)
        self.shown = invite.get("from")
        if self.how == "is busy":
            self._send(self._reply(invite, 486, "Busy Here"))
            return
        self.state = "ringing"
        self._send(self._reply(invite, 180, "Ringing"))
        if self.how == "answers":
            asyncio.get_running_loop().call_later(0.3, self.pick_up)

    def pick_up(self) -> None:
        if self.state == "ringing" and self._invite:
            self._send(self._reply(self._invite, 200, "OK", self._sdp()))
            self._talk(self._invite.body)

    def _talk(self, sdp: bytes) -> None:
        media = rtp.parse_sdp(sdp)
        assert media, sdp
        self.state = "talking"
        self.ear.start(media)

    # -- what goes

    def _sdp(self) -> bytes:
        ip, port = self.ear.transport.get_extra_info("sockname")[:2]
        return rtp.offer(ip, port, telephone_event=True)

    def _reply(
        self, request: sip.Request, status: int, reason: str, body: bytes = b""
    ) -> sip.Response:
        kept = ("via", "from", "to", "call-id", "cseq", "record-route")
        headers = [(name, value) for name, value in request.headers if name.lower() in kept]
        headers = [
            (n, f"{v};tag={self._tag}" if n == "to" and not sip.tag(v) else v) for n, v in headers
        ]
        headers.append(("Contact", f"<sip:{self._here}>"))
        if body:
            headers.append(("Content-Type", sip.SDP))
        return sip.Response(tuple(headers), body, status, reason)

    def _bye(self, invite: sip.Request) -> sip.Request:
        headers = (
            ("Via", f"SIP/2.0/UDP {self._here};rport;branch=z9hG4bK{secrets.token_hex(8)}"),
            ("Max-Forwards", "70"),
            ("From", f"{invite.get('to')};tag={self._tag}"),
            ("To", invite.get("from")),
            ("Call-ID", invite.call_id),
            ("CSeq", "1 BYE"),
        )
        return sip.Request(headers, b"", "BYE", sip.uri(invite.get("contact")))

    def _send(self, message: sip.Request | sip.Response) -> None:
        self.transport.sendto(message.encode(), self._far)


@asynccontextmanager
async def telephone(at: str, hz: int, how: How = "answers") -> AsyncIterator[Telephone]:
    """Plug a telephone in at an address, for a while."""
    host, _, port = at.partition(":")
    loop = asyncio.get_running_loop()
    own = Telephone(hz, how)
    _, own.ear = await loop.create_datagram_endpoint(lambda: Ear(hz), local_addr=(host, 0))
    await loop.create_datagram_endpoint(lambda: own, local_addr=(host, int(port)))
    try:
        yield own
    finally:
        own.hang_up()
        own.transport.close()
        own.ear.transport.close()
