"""The bytes of a call's sound: RTP, keys as telephone-events, and the SDP that agrees on both.

Its laws:

1. No socket, no clock: values and bytes in, values and bytes out.
2. Nothing that arrives raises. What cannot be read is None.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

PCMA = 8  # the static payload type of A-law (RFC 3551 section 6)
TELEPHONE_EVENT = 101  # the dynamic payload type we offer for keys
KEYS: Mapping[str, int] = {key: code for code, key in enumerate("0123456789*#ABCD")}

_VERSION = 2
_HEAD = struct.Struct("!BBHII")
_STEP = 160  # timestamp units in 20 ms
_EVENT_UPDATES, _EVENT_ENDS = 5, 3
_EVENT_PACKETS = _EVENT_UPDATES + _EVENT_ENDS
KEY_SECONDS = _EVENT_PACKETS * _STEP / 8000
_VOLUME = 10  # dBm0 below nought


@dataclass(frozen=True, slots=True)
class Packet:
    """An RTP packet without what we do not use (RFC 3550 section 5.1)."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False

    def encode(self) -> bytes:
        """Write the packet as it goes on the wire."""
        kind = self.payload_type | (0x80 if self.marker else 0)
        return (
            _HEAD.pack(_VERSION << 6, kind, self.sequence, self.timestamp, self.ssrc) + self.payload
        )


def parse_packet(data: bytes) -> Packet | None:
    """Read a datagram as RTP (RFC 3550 section 5.1). None if it is not RTP."""
    if len(data) < _HEAD.size or data[0] >> 6 != _VERSION:
        return None
    flags, kind, sequence, timestamp, ssrc = _HEAD.unpack_from(data)
    start, end = _HEAD.size + 4 * (flags & 15), len(data)
    if flags & 0x10:  # a header extension: its length in words follows two bytes
        if end < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4])
    if flags & 0x20:  # padding: the last byte counts it, itself included
        end -= data[-1]
    if start > end:
        return None
    return Packet(kind & 0x7F, sequence, timestamp, ssrc, data[start:end], bool(kind & 0x80))


class Stream:
    """The packets we send, one each 20 ms: sound, and keys instead of sound while they last."""

    def __init__(self, sequence: int, timestamp: int, ssrc: int) -> None:
        self._sequence, self._timestamp, self._ssrc = sequence & 0xFFFF, timestamp, ssrc
        self._key: Iterator[tuple[bytes, bool]] | None = None
        self._event_type = TELEPHONE_EVENT
        self._first = True

    @property
    def pressing(self) -> bool:
        """Whether a key is still going out."""
        return self._key is not None

    def press(self, key: str, payload_type: int = TELEPHONE_EVENT) -> None:
        """Let the next 160 ms carry `key` in RFC 4733 packets of `payload_type`."""
        self._key, self._event_type = _telephone_event(key), payload_type

    def skip(self, frames: int) -> None:
        """Say nothing for some frames that the host was too busy to send."""
        self._timestamp += frames * _STEP

    def next(self, sound: bytes) -> bytes:
        """Return the packet for the next 20 ms: `sound`, 160 bytes of A-law, or part of a key."""
        event = next(self._key, None) if self._key else None
        if event is None:
            if self._key is not None:  # the event took its time: RFC 4733 section 2.2
                self._key = None
                self._timestamp += _EVENT_PACKETS * _STEP
            packet = self._packet(PCMA, sound, self._first)
            self._timestamp += _STEP
        else:
            packet = self._packet(self._event_type, *event)
        self._first = False
        return packet

    def _packet(self, payload_type: int, payload: bytes, marker: bool) -> bytes:
        sequence, timestamp = self._sequence, self._timestamp & 0xFFFFFFFF
        self._sequence = (sequence + 1) & 0xFFFF
        return Packet(payload_type, sequence, timestamp, self._ssrc, payload, marker).encode()


def _telephone_event(key: str) -> Iterator[tuple[bytes, bool]]:
    """Write a key as RFC 4733 section 2.3 payloads with the marker bit of each.

    Eight of them at 20 ms, the last three the same end: any one of the three may arrive.
    """
    for number in range(1, _EVENT_PACKETS + 1):
        over = number > _EVENT_UPDATES
        duration = (_EVENT_PACKETS if over else number) * _STEP
        flags = _VOLUME | (0x80 if over else 0)
        yield struct.pack("!BBH", KEYS[key], flags, duration), number == 1


@dataclass(frozen=True, slots=True)
class Media:
    """Where the far end wants its sound, and as which payload type it takes keys (None: not)."""

    ip: str
    port: int
    telephone_event: int | None


def offer(ip: str, port: int, *, telephone_event: bool) -> bytes:
    """Write the SDP of our end: A-law at `ip`:`port`, and keys in RTP if asked (RFC 4566)."""
    lines = [
        "v=0",
        f"o=siaga {port} 1 IN IP4 {ip}",
        "s=-",
        f"c=IN IP4 {ip}",
        "t=0 0",
        f"m=audio {port} RTP/AVP {PCMA}" + (f" {TELEPHONE_EVENT}" if telephone_event else ""),
        f"a=rtpmap:{PCMA} PCMA/8000",
        "a=ptime:20",
        "a=sendrecv",
    ]
    if telephone_event:
        lines += [
            f"a=rtpmap:{TELEPHONE_EVENT} telephone-event/8000",
            f"a=fmtp:{TELEPHONE_EVENT} 0-16",
        ]
    return "".join(f"{line}\r\n" for line in lines).encode()


def parse_sdp(body: bytes) -> Media | None:
    """Read the far end's SDP (RFC 4566). None if it takes no A-law sound."""
    ip, port, event = "", 0, None
    types: list[str] = []
    section = "session"
    for line in body.decode("utf-8", "replace").splitlines():
        kind, _, value = line.strip().partition("=")
        words = value.split()
        if kind == "m":
            section = "audio" if words[:1] == ["audio"] and not types else "other"
            if section == "audio" and len(words) > 3:
                port, types = _number(words[1].partition("/")[0], 65535) or 0, words[3:]
        elif kind == "c" and section != "other" and len(words) == 3:
            ip = words[2].partition("/")[0]
        elif section == "audio" and "telephone-event/8000" in value.lower():
            event = _number(value.partition(":")[2].partition(" ")[0], 127)
    return Media(ip, port, event) if ip and port and str(PCMA) in types else None


def _number(text: str, most: int) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        return None
    return int(text) if int(text) <= most else None
