"""A citizen's phone: one real SIP call with real sound, told as the caller hears it.

Its laws:

1. Whatever the network does, the call ends with a Report and not with an exception.
2. Everything goes to the address dialled, as to an outbound proxy (RFC 3261 section 8.1.2),
   whatever host a Contact names: so a call works through a published container port too.
3. Every wait has a limit: INVITE timers A and B, requests timers E and F (section 17.1), the whole
   call `max_seconds`. Leaving takes 4 s at most, or twice that before an answer.
4. What is not SIP, or not of this call, is ignored.
"""

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ivr.phone import rtp, sip
from ivr.phone.audio import OWN_TONE_HZ
from ivr.phone.hearing import Event, What
from ivr.phone.media import Key, MediaStream
from ivr.phone.timeline import Timeline
from ivr.phone.transactions import Transaction, Transactions, udp

EndedBy: TypeAlias = Literal["caller", "far end", "nobody"]

_OPEN_SECONDS = 5.0
_GOODBYE_SECONDS = 4.0  # less than timer F: whoever hangs up does not stand by the phone
_REACHED = (What.VOICE, What.OWN_VOICE)
_PLEASANTRIES = ("OPTIONS", "INFO", "NOTIFY", "MESSAGE")


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneCall:
    """Whom to call, and how the caller behaves. Times in seconds.

    The caller sends a tone of `tone_hz` (None: silence) from the ACK on, gives up an unanswered
    call after `ring_seconds`, and hangs up `hold_seconds` after a person was reached (None: stays)
    or `max_seconds` after the INVITE. `from_header` replaces the whole From header, verbatim.
    A call with the right `test_word` counts in no figure, and agencies are told that it is a test.
    Raises ValueError for keys that go both ways: an offer of telephone-events is all or nothing.
    """

    host: str = "127.0.0.1"
    port: int = 5060
    number: str = "112"
    caller: str = "0000"
    from_header: str | None = None
    test_word: str = ""
    local_ip: str = "127.0.0.1"
    keys: tuple[Key, ...] = ()
    tone_hz: int | None = OWN_TONE_HZ
    max_seconds: float = 30.0
    ring_seconds: float = math.inf
    hold_seconds: float | None = None
    t1_seconds: float = 0.5  # the round trip the timers are counted from; tests make it short

    def __post_init__(self) -> None:
        if len({key.how for key in self.keys}) > 1:
            raise ValueError("send all keys by rfc4733 or all by info")


@dataclass(frozen=True, slots=True)
class Marks:
    """Raw times of time.monotonic(), in seconds. None: it did not happen."""

    invited_at: float
    answered_at: float | None
    acked_at: float | None
    first_packet_at: float | None
    first_sound_at: float | None
    ended_at: float


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a call.

    `sip_status` is the final answer to the INVITE (None: there was none), `reason` why the call
    ended. `answered_seconds` runs from the INVITE, `first_audio_seconds` from the ACK to the first
    frame that is not silent. Events are in the order of their seconds from the INVITE.
    """

    sip_status: int | None
    ended_by: EndedBy
    reason: str
    answered_seconds: float | None
    first_audio_seconds: float | None
    longest_silence_seconds: float
    packets_sent: int
    packets_received: int
    events: tuple[Event, ...]
    marks: Marks

    def heard(self, what: What) -> tuple[Event, ...]:
        """Return the events of one kind."""
        return tuple(event for event in self.events if event.what is what)

    @property
    def reached(self) -> bool:
        """Whether the caller reached somebody: a voice after ringing, or our own voice back."""
        return any(event.what in _REACHED for event in self.events)


async def call(order: PhoneCall, on_event: Callable[[Event], None] = lambda _: None) -> Report:
    """Make a call and return what became of it. `on_event` gets the events in the order of time.

    Cancelled, it hangs up (one BYE or CANCEL, without waiting) and passes the cancellation on.
    """
    return await _Line(order, on_event).run()


class _Line:
    """One call in progress."""

    def __init__(self, order: PhoneCall, on_event: Callable[[Event], None]) -> None:
        self._order = order
        self._events: list[Event] = []
        self._sip = Transactions(order.t1_seconds, self._requested, self._invite_answered)
        self._media = MediaStream(order.keys, order.tone_hz, self._tell, self._press_by_info)
        self._timeline = Timeline(on_event, self._media.settled)
        self._sockets: list[asyncio.DatagramTransport] = []
        self._invite: Transaction | None = None
        self._infos: set[asyncio.Task[None]] = set()
        self._ack: sip.Request | None = None
        self._status: int | None = None
        self._ended: tuple[EndedBy, str] | None = None
        self._over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._hold: asyncio.TimerHandle | None = None
        self._invited_at = self._ended_at = time.monotonic()
        self._answered_at: float | None = None
        self._acked_at: float | None = None

    async def run(self) -> Report:
        try:
            await self._open()
            await self._converse()
        except (OSError, UnicodeError) as error:  # a time limit is an OSError; so is no such host
            self._end("nobody", str(error) or "no answer from the name service")
        finally:
            self._close()
        return self._report()

    async def _open(self) -> None:
        order = self._order
        async with asyncio.timeout(_OPEN_SECONDS):
            self._sockets.append(await udp(self._media, order.local_ip))
            far = (order.host, order.port)
            self._sockets.append(await udp(self._sip, order.local_ip, far))
        ip, port = self._sip.here
        caller = order.from_header or f"<sip:{order.caller}@{ip}>"
        to = f"sip:{order.number}@{order.host}:{order.port}"
        self._dialog = sip.Dialog(to, f"{ip}:{port}", caller)
        in_rtp = all(key.how == "rfc4733" for key in order.keys)
        self._sdp = rtp.offer(ip, self._media.port, telephone_event=in_rtp)

    async def _converse(self) -> None:
        """Live the call from the INVITE to its end."""
        test = [("X-Siaga-Test", self._order.test_word)] if self._order.test_word else []
        invite = self._sip.begin(self._dialog.request("INVITE", self._sdp, sip.SDP, *test))
        self._invite, self._invited_at = invite, time.monotonic()
        patience = min(self._order.ring_seconds, self._order.max_seconds)
        response = await self._sip.run(invite, patience)
        if response is None and invite.proceeding and not invite.final.done():
            response = await invite.settled(self._invited_at + patience - time.monotonic())
        if response is None:
            await self._give_up(invite)
        elif response.status >= 300:
            self._end("far end", f"{response.status} {response.reason}".strip())
        else:
            limit = self._invited_at + self._order.max_seconds - time.monotonic()
            await asyncio.wait({self._over}, timeout=max(0.0, limit))
            if self._ended is None:
                self._end("caller", self._over.result() if self._over.done() else "time was up")
                await self._sip.ask(self._dialog.request("BYE"), _GOODBYE_SECONDS)

    async def _give_up(self, invite: Transaction) -> None:
        """Leave a call that is not answered (RFC 3261 section 9.1)."""
        if not invite.proceeding or invite.final.done():
            self._end("nobody", self._sip.fault)
            return
        self._end("caller", "gave up before an answer")
        await self._sip.ask(sip.cancel(invite.request), _GOODBYE_SECONDS)
        final = await invite.settled(_GOODBYE_SECONDS)
        if final and final.status < 300:  # the answer and the CANCEL crossed
            await self._sip.ask(self._dialog.request("BYE"), _GOODBYE_SECONDS)

    def _close(self) -> None:
        if self._ended is None:  # cancelled in the middle: leave no call behind
            if self._ack:
                self._sip.send(self._dialog.request("BYE"))
            elif self._invite and self._invite.proceeding:
                self._sip.send(sip.cancel(self._invite.request))
            self._end("caller", "cancelled")
        for waiting in (self._hold, *self._infos):
            if waiting:
                waiting.cancel()
        for socket in self._sockets:
            socket.close()

    def _end(self, by: EndedBy, reason: str) -> None:
        if self._ended is None:
            self._media.stop()
            self._ended, self._ended_at = (by, reason), time.monotonic()
            self._tell(Event(self._ended_at - self._invited_at, What.ENDED, f"{by}: {reason}"))
            self._timeline.close()
            self._finish(reason)

    def _finish(self, reason: str) -> None:
        if not self._over.done():
            self._over.set_result(reason)

    def _invite_answered(self, invite: sip.Request, response: sip.Response) -> None:
        """Acknowledge each final answer, and at the first one that accepts begin to talk."""
        self._status = self._status or response.status
        if response.status >= 300:
            self._sip.send(sip.ack_failure(invite, response))
        elif self._ack is None:
            self._ack = self._dialog.accepted(invite, response)
            self._answered_at = time.monotonic()
            self._sip.send(self._ack)
            self._acked_at = time.monotonic()
            self._talk(response, self._answered_at)
        elif self._dialog.is_with(response):
            self._sip.send(self._ack)

    def _talk(self, response: sip.Response, answered_at: float) -> None:
        if self._ended is not None:
            return  # given up: the answer and our CANCEL crossed
        self._tell(Event(answered_at - self._invited_at, What.ANSWERED))
        if far_end := rtp.parse_sdp(response.body):
            self._media.start(far_end, self._sip.far_ip, self._invited_at)
        else:
            self._finish("the answer offers no A-law sound")

    def _requested(self, request: sip.Request) -> None:
        """Answer a request of the far end, if it is for this call."""
        if not self._invite or request.call_id != self._dialog.call_id or request.method == "ACK":
            return
        if request.method == "BYE" and self._ack:
            self._sip.send(self._dialog.answer(request, 200, "OK"))
            self._end("far end", f"BYE {request.get('reason')}".strip())
        elif request.method in ("INVITE", "UPDATE") and self._ack:
            self._renegotiated(request)
        elif request.method in _PLEASANTRIES:
            self._sip.send(self._dialog.answer(request, 200, "OK"))
        else:
            self._sip.send(self._dialog.answer(request, 481, "Call Does Not Exist"))

    def _renegotiated(self, request: sip.Request) -> None:
        """Keep our SDP, take theirs. Our 200 is sent again when they ask again, and not before."""
        if (far_end := rtp.parse_sdp(request.body)) and self._ended is None:
            self._media.move(far_end, self._sip.far_ip)
        sdp = self._sdp if request.method == "INVITE" or request.body else b""
        self._sip.send(self._dialog.answer(request, 200, "OK", sdp))

    def _press_by_info(self, key: str) -> None:
        task = asyncio.create_task(self._send_info(key))
        self._infos.add(task)
        task.add_done_callback(self._infos.discard)

    async def _send_info(self, key: str) -> None:
        body = f"Signal={key}\r\nDuration=160\r\n".encode()
        info = self._dialog.request("INFO", body, "application/dtmf-relay")
        response = await self._sip.ask(info, self._order.max_seconds)
        if self._ended is None and (response is None or response.status >= 300):
            self._tell(Event(time.monotonic() - self._invited_at, What.KEY_LOST, key))

    def _tell(self, event: Event) -> None:
        self._events.append(event)
        self._timeline.add(event)
        seconds = self._order.hold_seconds
        if seconds is not None and self._hold is None and event.what in _REACHED:
            loop = asyncio.get_running_loop()
            self._hold = loop.call_later(seconds, self._finish, "spoke long enough")

    def _report(self) -> Report:
        by, reason = self._ended or ("nobody", "")
        answered, sound = self._answered_at, self._media.first_sound_at
        return Report(
            sip_status=self._status,
            ended_by=by,
            reason=reason,
            answered_seconds=answered and answered - self._invited_at,
            first_audio_seconds=sound and self._acked_at and sound - self._acked_at,
            longest_silence_seconds=self._media.longest_silence,
            packets_sent=self._media.sent,
            packets_received=self._media.received,
            events=tuple(sorted(self._events, key=lambda event: event.seconds)),
            marks=Marks(
                invited_at=self._invited_at,
                answered_at=answered,
                acked_at=self._acked_at,
                first_packet_at=self._media.first_packet_at,
                first_sound_at=sound,
                ended_at=self._ended_at,
            ),
        )
