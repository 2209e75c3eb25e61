"""The sound of one phone call over UDP: sends 20 ms frames and keys on the beat, hears the rest.

Its laws:

1. The beat is the monotonic clock's: each frame is due 20 ms after the last was due, not sent.
2. Nothing is heard before the answer: what plays earlier is not yet our call.
3. What is not RTP with A-law or a key is ignored.
"""

import asyncio
import ipaddress
import math
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from ivr.phone import audio, rtp
from ivr.phone.audio import FRAME, FRAME_SECONDS
from ivr.phone.hearing import Event, Hearing, What

How: TypeAlias = Literal["rfc4733", "info"]

_KEY_GAP_SECONDS = 0.1  # between two keys, so that a far end hears two
_MOST_FRAMES_LATE = 10  # beyond that we skip: a burst of old sound helps nobody


@dataclass(frozen=True, slots=True)
class Key:
    """One key to press: `after_seconds` after the answer, or after the first sound of a prompt.

    `how` it goes: in the sound's stream (RFC 4733) or as a SIP INFO. Raises ValueError for a
    character no phone has.
    """

    key: str
    how: How = "rfc4733"
    after_seconds: float = 0.5
    since: Literal["prompt", "answer"] = "prompt"

    def __post_init__(self) -> None:
        if self.key not in rtp.KEYS:
            raise ValueError(f"no phone has the key {self.key!r}: use 0-9 * # A-D")


class MediaStream(asyncio.DatagramProtocol):
    """Our end of the sound. `tell` gets what is heard, `info` sends a key by SIP.

    `first_packet_at` and `first_sound_at` are raw monotonic seconds, None until there was one.
    """

    def __init__(
        self,
        keys: Sequence[Key],
        tone_hz: int | None,
        tell: Callable[[Event], None],
        info: Callable[[str], None],
    ) -> None:
        self._keys = deque(keys)
        self._frames = audio.silence() if tone_hz is None else audio.tone(tone_hz)
        self._tell, self._info = tell, info
        self.sent = self.received = 0
        self.first_packet_at: float | None = None
        self._hearing: Hearing | None = None
        self._partial = b""
        self._timer: asyncio.TimerHandle | None = None
        chance = random.SystemRandom()
        self._stream = rtp.Stream(*(chance.getrandbits(bits) for bits in (16, 32, 32)))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    @property
    def port(self) -> int:
        """The UDP port we listen at."""
        return int(self._transport.get_extra_info("sockname")[1])

    @property
    def longest_silence(self) -> float:
        """The longest time the caller heard nothing, in seconds."""
        return self._hearing.longest_silence if self._hearing else 0.0

    def settled(self) -> float:
        """Return the time before which nothing further is told, in the seconds of the events."""
        return self._hearing.settled() if self._hearing else math.inf

    @property
    def first_sound_at(self) -> float | None:
        """When the first frame with sound was heard."""
        heard = self._hearing.first_sound if self._hearing else None
        return None if heard is None else heard + self._origin

    def start(self, far_end: rtp.Media, dialled_ip: str, origin: float) -> None:
        """Send and hear from now on. Events count their seconds from `origin`, a monotonic time."""
        self._origin = origin
        self._due = time.monotonic()
        self._hearing = Hearing(self._due - origin)
        self._answered_at = self._key_free_at = self._due
        self.move(far_end, dialled_ip)
        self._send_frame()

    def move(self, far_end: rtp.Media, dialled_ip: str) -> None:
        """Send to where the far end's SDP says from now on."""
        self._far_end = far_end
        self._to = (_reachable(far_end.ip, dialled_ip), far_end.port)

    def stop(self) -> None:
        """Send nothing more and tell the end of what was heard."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._hearing:
            self._told(self._hearing.finish(time.monotonic() - self._origin))

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002  (asyncio's)
        """Hear a packet."""
        now = time.monotonic()
        packet = rtp.parse_packet(data)
        if packet is None or self._hearing is None or self._timer is None:
            return
        if packet.payload_type not in (rtp.PCMA, rtp.TELEPHONE_EVENT):
            return
        self.received += 1
        if self.first_packet_at is None:
            self.first_packet_at = now
        if packet.payload_type == rtp.PCMA:
            sound = self._partial + packet.payload
            whole = len(sound) - len(sound) % FRAME
            self._partial = sound[whole:]
            for start in range(0, whole, FRAME):
                heard = audio.classify(sound[start : start + FRAME])
                self._told(self._hearing.hear(now - self._origin, heard))

    def _send_frame(self) -> None:
        now = time.monotonic()
        late = int((now - self._due) / FRAME_SECONDS)
        if late > _MOST_FRAMES_LATE:
            self._stream.skip(late)
            self._due += late * FRAME_SECONDS
        self._press(now)
        sound = self._frames[self.sent % len(self._frames)]
        self._transport.sendto(self._stream.next(sound), self._to)
        self.sent += 1
        self._due += FRAME_SECONDS
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(0.0, self._due - now), self._send_frame)
        if self._hearing:
            self._told(self._hearing.pass_time(now - self._origin))

    def _press(self, now: float) -> None:
        if not self._keys or self._stream.pressing:
            return
        key = self._keys[0]
        since = self._answered_at if key.since == "answer" else self.first_sound_at
        if since is None or now < max(since + key.after_seconds, self._key_free_at):
            return
        self._keys.popleft()
        self._key_free_at = now + rtp.KEY_SECONDS + _KEY_GAP_SECONDS
        what = What.KEY_SENT
        if key.how == "info":
            self._info(key.key)
        elif self._far_end.telephone_event is None:
            what = What.KEY_LOST
        else:
            self._stream.press(key.key, self._far_end.telephone_event)
        self._tell(Event(now - self._origin, what, key.key))

    def _told(self, events: list[Event]) -> None:
        for event in events:
            self._tell(event)


def _reachable(ip: str, dialled_ip: str) -> str:
    """Choose where sound goes: `ip` of the SDP, unless only the address we dialled can be meant.

    A far end behind a published container port names an address that a loopback socket of ours
    cannot send to; one that holds the call names 0.0.0.0.
    """
    try:
        named, dialled = ipaddress.ip_address(ip), ipaddress.ip_address(dialled_ip)
    except ValueError:
        return dialled_ip
    beyond = dialled.is_loopback and not named.is_loopback
    return dialled_ip if beyond or named.is_unspecified else ip
