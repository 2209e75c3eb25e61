"""Scenes of the network: garbage, hostile callers, and more calls than the machine carries."""

import asyncio
import contextlib
import itertools
import socket
from dataclasses import dataclass
from typing import cast

from crowd import Caller, Crowd
from test_call import HOSTILE
from verdict import Outcome, Result, Verdict

from ivr.phone import rtp, sip

_CUT_SIP = (
    b"INVITE sip:112@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1",
    b"INVITE sip:112@127.0.0.1 SIP/2.0\r\n\r\n",
    b"INVITE sip:112@127.0.0.1 SIP/2.0\r\nCSeq: 99999999999999 INVITE\r\nl: -1\r\n\r\n",
    b"OPTIONS sip:%00%ff SIP/2.0\r\nVia: SIP/2.0/UDP [::1;branch=\r\nFrom: <sip:\r\n\r\n",
    b"SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\nCall-ID: x\r\nVia: SIP/2.0/UDP 127.0.0.1:9\r\n\r\n",
    b"BYE sip:112@127.0.0.1 SIP/2.0\r\n" + b"Via: SIP/2.0/UDP 127.0.0.1:9\r\n" * 200 + b"\r\n",
)


async def garbage(crowd: Crowd) -> None:
    """Throw a handful of broken datagrams at the SIP port and at the ports of the sound."""
    settings, chance = crowd.stage.line.settings, crowd.chance
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as thrower:
        for _ in range(20):
            thrower.sendto(chance.choice(_CUT_SIP), ("127.0.0.1", crowd.stage.line.sip_port))
            noise = chance.randbytes(chance.randint(1, 1400))
            sound = chance.randint(settings.rtp_first, settings.rtp_last)
            for port in (crowd.stage.line.sip_port, sound):
                with contextlib.suppress(OSError):  # nobody hears at most ports of the sound
                    thrower.sendto(noise, ("127.0.0.1", port))


@dataclass(frozen=True, slots=True)
class HostileFrom:
    """Each caller's From header tries to be something else than a number."""

    headers: tuple[str, ...] = tuple(HOSTILE.values())

    async def play(self, crowd: Crowd) -> Result:
        for caller, header in zip(crowd.callers, itertools.cycle(self.headers), strict=False):
            caller.claims(header)
        return Result(await crowd.dial(), len(crowd.callers))


@dataclass(frozen=True, slots=True)
class Overload:
    """Calls flood in, each rate for `seconds`, while the callers try; who is refused redials."""

    per_second: tuple[float, ...]
    seconds: float = 5.0
    most_redials: int = 12

    async def play(self, crowd: Crowd) -> Result:
        flood = _Flood(crowd.stage.line.sip_port)
        flooding = asyncio.create_task(flood.run(self.per_second, self.seconds))
        outcomes, redials = list[Outcome](), 0

        async def one(caller: Caller, after_seconds: float) -> None:
            nonlocal redials
            await asyncio.sleep(after_seconds)
            for _ in range(self.most_redials):
                outcome = await caller.dial()
                if outcome.verdict is not Verdict.LOST or not _refused(caller):
                    break
                redials += 1
                caller = Caller(crowd.stage, crowd.behaviour, number=caller.number)
                await asyncio.sleep(2.0)
            outcomes.append(outcome)

        spread = len(self.per_second) * self.seconds / len(crowd.callers)
        await asyncio.gather(*(one(c, n * spread) for n, c in enumerate(crowd.callers)))
        await flooding
        await crowd.stage.empty()  # calls that are answered late must be left too
        flood.close()
        rates = "/".join(f"{rate:.0f}" for rate in self.per_second)
        note = (
            f"{flood.placed} calls at {rates} a second, {flood.answered} answered, "
            f"{flood.refused} refused; {redials} redials"
        )
        met = len(crowd.callers) if flood.placed else 0
        return Result(tuple(outcomes), met, note=note)


def _refused(caller: Caller) -> bool:
    report = caller.report
    return report is not None and report.marks.answered_at is None


class _Flood(asyncio.DatagramProtocol):
    """Calls without sound: invited, answered, left after 2 s."""

    def __init__(self, port: int) -> None:
        self._to = ("127.0.0.1", port)
        self._open: dict[str, tuple[sip.Dialog, sip.Request]] = {}
        self._answered: set[str] = set()
        self.placed = self.refused = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = sip.parse(data)
        if isinstance(message, sip.Request):
            return
        known = self._open.get(message.call_id) if message else None
        if message is None or known is None or message.cseq[1] != "INVITE" or message.status < 200:
            return
        dialog, invite = known
        if message.status >= 300:
            self.refused += 1
            self._transport.sendto(sip.ack_failure(invite, message).encode(), addr)
            return
        self._transport.sendto(dialog.accepted(invite, message).encode(), addr)
        if message.call_id not in self._answered:
            self._answered.add(message.call_id)
            bye = dialog.request("BYE").encode()
            for later in (2.0, 4.0, 8.0, 16.0):  # under a flood a datagram may be lost
                asyncio.get_running_loop().call_later(later, self._say, bye, addr)

    def _say(self, message: bytes, addr: tuple[str, int]) -> None:
        if not self._transport.is_closing():
            self._transport.sendto(message, addr)

    @property
    def answered(self) -> int:
        """How many calls were answered."""
        return len(self._answered)

    async def run(self, rates: tuple[float, ...], seconds: float) -> None:
        """Place calls at each rate in turn, and wait until the last one is over."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0)
        )
        host, port = transport.get_extra_info("sockname")
        sdp = rtp.offer("127.0.0.1", port, telephone_event=False)
        for rate in rates:
            began, before, placed = loop.time(), self.placed, 0
            while (passed := loop.time() - began) < seconds:
                while placed < passed * rate:
                    self._place(f"{host}:{port}", sdp)
                    placed += 1
                self.placed = before + placed
                await asyncio.sleep(0.01)

    def close(self) -> None:
        """Leave what is left to its fate."""
        self._transport.close()

    def _place(self, here: str, sdp: bytes) -> None:
        dialog = sip.Dialog(f"sip:112@127.0.0.1:{self._to[1]}", here, f"<sip:0000@{here}>")
        invite = dialog.request("INVITE", sdp, sip.SDP)
        self._open[invite.call_id] = (dialog, invite)
        self._transport.sendto(invite.encode(), self._to)
