"""RTP packets, keys as telephone-events, and SDP: the bytes, and what garbage does (nothing)."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.phone import rtp
from ivr.phone.rtp import Media, Packet, Stream

SOUND = b"\xd5" * 160

packets = st.builds(
    Packet,
    st.integers(0, 127),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.binary(),
    st.booleans(),
)


def sent(stream: Stream, count: int) -> list[Packet]:
    read = [rtp.parse_packet(stream.next(SOUND)) for _ in range(count)]
    return [packet for packet in read if packet]


@given(packets)
def test_a_packet_survives_the_round_trip(packet: Packet) -> None:
    assert rtp.parse_packet(packet.encode()) == packet


@given(st.binary())
def test_garbage_is_no_packet_and_no_error(data: bytes) -> None:
    rtp.parse_packet(data)
    rtp.parse_packet(b"\x80" + data)
    rtp.parse_packet(b"\xbf" + data)


def test_sources_extension_and_padding_are_not_sound() -> None:
    head = struct.pack("!BBHII", 0x80 | 0x20 | 0x10 | 1, 8, 1, 2, 3)
    extension = struct.pack("!HHI", 0xBEDE, 1, 0)
    packet = rtp.parse_packet(head + b"srce" + extension + b"sound" + b"\0\0\x03")
    assert packet == Packet(8, 1, 2, 3, b"sound")


@pytest.mark.parametrize(
    "data", [b"", b"\x80" * 11, b"\x90" + b"\0" * 11, b"\xa0" + b"\0" * 10 + b"\xff", b"\0" * 12]
)
def test_a_packet_that_lies_about_its_parts_is_none(data: bytes) -> None:
    assert rtp.parse_packet(data) is None


def test_a_key_is_eight_packets_of_one_event_instead_of_sound() -> None:
    stream = Stream(65533, 1000, 7)
    stream.press("#")
    *key, after = sent(stream, 9)
    assert [packet.sequence for packet in [*key, after]] == [65533, 65534, 65535, *range(6)]
    assert {packet.payload_type for packet in key} == {101}
    assert {packet.timestamp for packet in key} == {1000}
    assert [packet.marker for packet in key] == [True] + [False] * 7
    events = [struct.unpack("!BBH", packet.payload) for packet in key]
    assert {code for code, _, _ in events} == {11}
    assert [flags for _, flags, _ in events] == [10] * 5 + [0x80 | 10] * 3
    assert [duration for *_, duration in events] == [160, 320, 480, 640, 800, 1280, 1280, 1280]
    assert (after.payload_type, after.timestamp, after.payload) == (8, 1000 + 1280, SOUND)


def test_a_stream_counts_on_and_marks_its_first_packet() -> None:
    first, second = sent(Stream(1, 0xFFFFFFFF, 7), 2)
    assert (first.marker, second.marker) == (True, False)
    assert (first.sequence, second.sequence) == (1, 2)
    assert (first.timestamp, second.timestamp) == (0xFFFFFFFF, 159)


def test_frames_that_were_not_sent_leave_a_hole_in_time_and_none_in_sequence() -> None:
    stream = Stream(1, 0, 7)
    stream.next(SOUND)
    stream.skip(10)
    (packet,) = sent(stream, 1)
    assert (packet.sequence, packet.timestamp) == (2, 160 * 11)


def test_a_key_is_being_pressed_until_sound_follows() -> None:
    stream = Stream(1, 0, 7)
    assert not stream.pressing
    stream.press("1")
    sent(stream, 8)
    assert stream.pressing
    sent(stream, 1)
    assert not stream.pressing


def test_we_read_the_sdp_we_write() -> None:
    assert rtp.parse_sdp(rtp.offer("10.0.0.1", 4000, telephone_event=True)) == Media(
        "10.0.0.1", 4000, 101
    )
    assert rtp.parse_sdp(rtp.offer("10.0.0.1", 4000, telephone_event=False)) == Media(
        "10.0.0.1", 4000, None
    )


def test_a_medias_own_address_goes_before_the_sessions() -> None:
    body = b"v=0\nc=IN IP4 1.1.1.1\nm=audio 4/1 RTP/AVP 0 8 96\nc=IN IP4 2.2.2.2\n"
    body += b"a=rtpmap:96 Telephone-Event/8000\nm=video 9 RTP/AVP 8\nc=IN IP4 3.3.3.3\n"
    assert rtp.parse_sdp(body) == Media("2.2.2.2", 4, 96)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"m=",
        b"c=IN IP4 1.1.1.1\r\nm=audio 4000 RTP/AVP 0\r\n",
        b"c=IN IP4 1.1.1.1\r\nm=audio 0 RTP/AVP 8\r\n",
        b"c=IN IP4 1.1.1.1\r\nm=audio 65536 RTP/AVP 8\r\n",
        b"c=IN IP4 1.1.1.1\r\nm=audio 99999999999 RTP/AVP 8\r\n",
        b"c=IN IP4 1.1.1.1\r\nm=video 4000 RTP/AVP 8\r\n",
        b"m=audio 4000 RTP/AVP 8\r\n",
    ],
)
def test_sdp_without_a_law_at_an_address_is_none(body: bytes) -> None:
    assert rtp.parse_sdp(body) is None


@given(st.binary())
def test_garbage_is_no_sdp_and_no_error(body: bytes) -> None:
    rtp.parse_sdp(body)
    rtp.parse_sdp(b"m=audio 1 RTP/AVP 8\na=rtpmap:" + body + b" telephone-event/8000\nc=" + body)
