"""Our phone over real UDP, against a far end that does what the test says and nothing else."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from ivr.phone import Event, Key, PhoneCall, Report, What, audio, call, rtp, sip
from ivr.phone.rtp import Packet
from ivr.phone.sip import Request, Response

LIMIT_SECONDS = 5
SHORT_T1 = 0.02
VOICE = audio.tone(1100)[0]  # no tone the phone knows
RING = audio.tone(425)[0]


class Socket(asyncio.DatagramProtocol):
    """A UDP socket whose datagrams wait in a queue."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes] = asyncio.Queue()
        self.peer: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.peer = addr
        self.queue.put_nowait(data)

    @property
    def port(self) -> int:
        return int(self.transport.get_extra_info("sockname")[1])

    def send(self, data: bytes) -> None:
        self.transport.sendto(data, self.peer)


class FarEnd:
    """The other side: reads requests in order, answers as told, sends and counts RTP."""

    def __init__(self, words: Socket, sound: Socket) -> None:
        self.words, self.sound = words, sound
        self.stream = rtp.Stream(1, 1, 1)
        self.cseq = 100
        self.invite: Request | None = None

    async def request(self, method: str) -> Request:
        """Wait for the next request, which must be this one."""
        message = sip.parse(await self.words.queue.get())
        assert isinstance(message, Request)
        assert message.method == method
        return message

    async def response(self) -> Response:
        message = sip.parse(await self.words.queue.get())
        assert isinstance(message, Response)
        return message

    def answer(
        self, request: Request, status: int, *headers: tuple[str, str], body: bytes = b""
    ) -> None:
        copied = [
            (name, value + (";tag=far" if name == "to" and "tag=" not in value else ""))
            for name, value in request.headers
            if name in ("via", "from", "to", "call-id", "cseq")
        ]
        self.words.send(Response((*copied, *headers), body, status, "As Told").encode())

    def accept(self, request: Request, *headers: tuple[str, str], events: bool = True) -> None:
        contact = ("Contact", f"<sip:agent@127.0.0.1:{self.words.port}>")
        body = rtp.offer("127.0.0.1", self.sound.port, telephone_event=events)
        self.answer(request, 200, *(headers or (contact,)), body=body)

    async def connect(self, *, events: bool = True) -> rtp.Media:
        """Take the call as far as its ACK. Return where the phone wants its sound."""
        self.invite = await self.request("INVITE")
        self.accept(self.invite, events=events)
        await self.request("ACK")
        media = rtp.parse_sdp(self.invite.body)
        assert media
        self.sound.peer = (media.ip, media.port)
        return media

    async def goodbye(self) -> Request:
        bye = await self.request("BYE")
        self.answer(bye, 200)
        return bye

    def ask(
        self, method: str, *headers: tuple[str, str], body: bytes = b"", call: str = ""
    ) -> None:
        """Send a request of our own in the call."""
        assert self.invite
        self.cseq += 1
        head = (
            ("Via", f"SIP/2.0/UDP 127.0.0.1:{self.words.port};branch=z9hG4bK{self.cseq}"),
            ("From", self.invite.get("to") + ";tag=far"),
            ("To", self.invite.get("from")),
            ("Call-ID", call or self.invite.call_id),
            ("CSeq", f"{self.cseq} {method}"),
        )
        self.words.send(Request((*head, *headers), body, method, "sip:phone").encode())

    async def packet(self) -> Packet:
        packet = rtp.parse_packet(await self.sound.queue.get())
        assert packet
        return packet

    def say(self, *frames: bytes) -> None:
        for frame in frames:
            self.sound.send(self.stream.next(frame))


Story = Callable[[FarEnd], Awaitable[object]]


@asynccontextmanager
async def far_end() -> AsyncIterator[FarEnd]:
    loop, here = asyncio.get_running_loop(), ("127.0.0.1", 0)
    words = await loop.create_datagram_endpoint(Socket, local_addr=here)
    sound = await loop.create_datagram_endpoint(Socket, local_addr=here)
    try:
        yield FarEnd(words[1], sound[1])
    finally:
        words[0].close()
        sound[0].close()


async def play(
    story: Story, *, on_event: Callable[[Event], None] = lambda _: None, **order: Any
) -> Report:
    """Let the phone call a far end that lives the story. Both must come to their end."""
    async with asyncio.timeout(LIMIT_SECONDS), far_end() as far, asyncio.TaskGroup() as group:
        dialled = PhoneCall(port=far.words.port, **order)
        report = group.create_task(call(dialled, on_event))
        group.create_task(cast("Any", story(far)))
    return report.result()


async def test_a_call_is_answered_and_ended_by_the_far_end() -> None:
    async def story(far: FarEnd) -> None:
        await far.connect()
        await far.packet()
        far.ask("BYE", ("Reason", 'Q.850;cause=16;text="Normal"'))
        assert (await far.response()).status == 200

    report = await play(story)
    assert (report.sip_status, report.ended_by) == (200, "far end")
    assert report.reason == 'BYE Q.850;cause=16;text="Normal"'
    assert [event.what for event in report.events] == [What.ANSWERED, What.ENDED]
    assert report.packets_sent >= 1
    assert not report.reached


async def test_the_ack_and_the_bye_go_to_the_contact_by_the_recorded_route() -> None:
    async def story(far: FarEnd) -> None:
        invite = await far.request("INVITE")
        far.accept(invite, ("Contact", "<sip:agent@9.9.9.9>"), ("Record-Route", "<sip:p;lr>"))
        ack = await far.request("ACK")
        bye = await far.goodbye()
        for message in (ack, bye):
            assert message.uri == "sip:agent@9.9.9.9"
            assert message.all("route") == ["<sip:p;lr>"]
            assert sip.tag(message.get("to")) == "far"
        assert (ack.cseq[0], bye.cseq[0]) == (1, 2)

    report = await play(story, max_seconds=0.1)
    assert (report.ended_by, report.reason) == ("caller", "time was up")


async def test_a_retransmitted_200_is_acknowledged_again() -> None:
    async def story(far: FarEnd) -> None:
        invite = await far.request("INVITE")
        far.accept(invite)
        first = await far.request("ACK")
        far.accept(invite)
        assert (await far.request("ACK")).encode() == first.encode()
        far.invite = invite
        far.ask("BYE")

    assert (await play(story)).sip_status == 200


async def test_an_invite_is_sent_again_until_anything_answers() -> None:
    async def story(far: FarEnd) -> None:
        copies = [await far.request("INVITE") for _ in range(3)]
        assert len({copy.encode() for copy in copies}) == 1
        far.answer(copies[0], 100)
        far.answer(copies[0], 180)
        far.answer(copies[0], 486)
        assert (await far.request("ACK")).branch == copies[0].branch

    report = await play(story, t1_seconds=SHORT_T1)
    assert (report.sip_status, report.ended_by, report.reason) == (486, "far end", "486 As Told")
    assert report.answered_seconds is None


async def test_a_far_end_that_says_nothing_is_given_up_after_timer_b() -> None:
    async def story(far: FarEnd) -> None:
        await far.request("INVITE")

    report = await play(story, t1_seconds=0.002)
    assert (report.sip_status, report.ended_by, report.reason) == (None, "nobody", "no answer")


async def test_an_address_where_nobody_listens_is_known_at_once() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    async with asyncio.timeout(LIMIT_SECONDS):
        report = await call(PhoneCall(port=port))
    assert (report.sip_status, report.ended_by) == (None, "nobody")
    assert "refused" in report.reason.lower()


async def test_an_address_we_do_not_have_is_a_report_and_no_exception() -> None:
    async with asyncio.timeout(LIMIT_SECONDS):
        report = await call(PhoneCall(local_ip="192.0.2.1"))
    assert (report.sip_status, report.ended_by, report.packets_sent) == (None, "nobody", 0)


async def test_a_call_that_only_rings_is_not_sent_again_but_cancelled() -> None:
    async def story(far: FarEnd) -> None:
        invite = await far.request("INVITE")
        far.answer(invite, 180)
        cancel = await far.request("CANCEL")
        assert cancel.branch == invite.branch
        far.answer(cancel, 200)
        far.answer(invite, 487)
        await far.request("ACK")

    report = await play(story, ring_seconds=0.4, t1_seconds=0.1)
    assert (report.sip_status, report.ended_by) == (487, "caller")


async def test_an_answer_that_crosses_the_cancel_is_hung_up() -> None:
    async def story(far: FarEnd) -> None:
        invite = await far.request("INVITE")
        far.answer(invite, 180)
        far.answer(await far.request("CANCEL"), 481)
        far.accept(invite)
        await far.request("ACK")
        await far.goodbye()

    report = await play(story, ring_seconds=0.1)
    assert (report.sip_status, report.ended_by, report.packets_sent) == (200, "caller", 0)


async def test_a_bye_is_sent_again_until_it_is_answered() -> None:
    async def story(far: FarEnd) -> None:
        await far.connect()
        copies = [await far.request("BYE") for _ in range(3)]
        assert len({copy.encode() for copy in copies}) == 1
        far.answer(copies[0], 200)

    assert (await play(story, t1_seconds=SHORT_T1, max_seconds=0.05)).ended_by == "caller"


async def test_a_cancelled_call_leaves_a_bye_behind() -> None:
    async with asyncio.timeout(LIMIT_SECONDS), far_end() as far:
        calling = asyncio.create_task(call(PhoneCall(port=far.words.port)))
        await far.connect()
        calling.cancel()
        await far.request("BYE")
        with pytest.raises(asyncio.CancelledError):
            await calling


async def test_sound_is_sent_from_the_ack_on_in_one_unbroken_row() -> None:
    async def story(far: FarEnd) -> None:
        await far.connect()
        packets = [await far.packet() for _ in range(5)]
        first = packets[0]
        assert [packet.marker for packet in packets] == [True, False, False, False, False]
        assert [(p.sequence - first.sequence) & 0xFFFF for p in packets] == list(range(5))
        assert [(p.timestamp - first.timestamp) & 0xFFFFFFFF for p in packets] == [
            0,
            160,
            320,
            480,
            640,
        ]
        assert {audio.classify(packet.payload) for packet in packets} == {audio.Sound.OWN_TONE}
        far.ask("BYE")

    report = await play(story)
    marks = report.marks
    assert marks.acked_at
    assert marks.answered_at
    assert marks.invited_at <= marks.answered_at <= marks.acked_at <= marks.ended_at


async def test_a_frame_is_sent_every_20_ms() -> None:
    async def story(far: FarEnd) -> None:
        await far.connect()
        await far.packet()
        began = time.monotonic()
        for _ in range(10):
            await far.packet()
        assert 0.15 < time.monotonic() - began < 0.6  # 0.2 s on a host with time
        far.ask("BYE")

    await play(story)


async def test_silence_can_be_sent_instead_of_a_tone() -> None:
    async def story(far: FarEnd) -> None:
        await far.connect()
        assert (await far.packet()).payload == audio.silence()[0]
        far.ask("BYE")

    await play(story, tone_hz=None)


async def test_a_key_goes_in_the_stream_after_the_first_sound_of_the_prompt() -> None:
    async def story(far: FarEnd) -> None:
        await far.connect()
        assert (await far.packet()).payload_type == rtp.PCMA
        far.say(*[VOICE] * 5)
        packets = [await far.packet()]
        while packets[-1].payload_type == rtp.PCMA:
            packets.append(await far.packet())
        key = [packets[-1], *[await far.packet() for _ in range(7)]]
        after = await far.packet()
        assert {packet.payload_type for packet in key} == {rtp.TELEPHONE_EVENT}
        assert {packet.payload[0] for packet in key} == {7}
        assert after.payload_type == rtp.PCMA
        assert (after.sequence - key[0].sequence) & 0xFFFF == 8
        far.ask("BYE")

    report = await play(story, keys=(Key("7", after_seconds=0.04),))
    prompt, sent = report.heard(What.PROMPT_STARTED)[0], report.heard(What.KEY_SENT)[0]
    assert str(sent) == "key 7 sent"
    assert sent.seconds - prompt.seconds >= 0.04


async def test_a_key_is_not_sent_to_a_far_end_that_takes_none() -> None:
    async def story(far: FarEnd) -> None:
        await far.connect(events=False)
        await lost.wait()
        far.ask("BYE")

    lost = asyncio.Event()
    keys = (Key("7", after_seconds=0, since="answer"),)
    report = await play(story, keys=keys, on_event=when(What.KEY_LOST, lost))
    assert [str(event) for event in report.heard(What.KEY_LOST)] == ["key 7 not sent"]


async def test_keys_by_info_offer_no_telephone_event_and_say_their_signal() -> None:
    async def story(far: FarEnd) -> None:
        media = await far.connect()
        assert media.telephone_event is None
        for key, number in (("1", 2), ("#", 3)):
            info = await far.request("INFO")
            assert info.get("content-type") == "application/dtmf-relay"
            assert info.body == f"Signal={key}\r\nDuration=160\r\n".encode()
            assert info.cseq[0] == number
            far.answer(info, 200)
        far.ask("BYE")

    keys = tuple(Key(key, "info", 0, since="answer") for key in "1#")
    report = await play(story, keys=keys)
    assert [event.detail for event in report.heard(What.KEY_SENT)] == ["1", "#"]
    assert report.heard(What.KEY_LOST) == ()


async def test_an_info_that_is_refused_is_a_key_that_was_not_sent() -> None:
    async def story(far: FarEnd) -> None:
        await far.connect()
        far.answer(await far.request("INFO"), 415)
        await lost.wait()
        far.ask("BYE")

    lost = asyncio.Event()
    keys = (Key("1", "info", 0, since="answer"),)
    report = await play(story, keys=keys, on_event=when(What.KEY_LOST, lost))
    assert len(report.heard(What.KEY_LOST)) == 1


async def test_a_new_offer_is_answered_with_the_same_sdp_and_moves_our_sound() -> None:
    async def story(far: FarEnd) -> None:
        await far.connect()
        async with far_end() as other:
            moved = rtp.offer("127.0.0.1", other.sound.port, telephone_event=True)
            far.ask("INVITE", body=moved)
            answer = await far.response()
            assert far.invite
            assert (answer.status, answer.body) == (200, far.invite.body)
            far.ask("ACK")
            await other.packet()
        far.ask("BYE")
        assert (await far.response()).status == 200

    await play(story)


async def test_options_are_answered_and_what_we_do_not_know_is_refused() -> None:
    async def story(far: FarEnd) -> None:
        await far.connect()
        far.ask("OPTIONS")
        assert (await far.response()).status == 200
        far.ask("REFER")
        assert (await far.response()).status == 481
        far.ask("BYE")

    assert (await play(story)).ended_by == "far end"


async def test_garbage_and_the_calls_of_others_are_ignored() -> None:
    async def story(far: FarEnd) -> None:
        media = await far.connect()
        far.words.send(b"\xff\x00 garbage \r\n\r\n")
        far.words.send(b"SIP/2.0 200 OK\r\n\r\n")
        far.ask("BYE", call="another")
        assert far.invite
        other = (("via", "SIP/2.0/UDP x;branch=other"), *far.invite.headers[1:])
        far.answer(Request(other, b"", "INVITE", "sip:x"), 503)
        strange = tuple((n, "strange" if n == "call-id" else v) for n, v in far.invite.headers)
        far.answer(Request(strange, b"", "INVITE", "sip:x"), 503)
        far.sound.transport.sendto(b"garbage", (media.ip, media.port))
        far.sound.transport.sendto(b"\x80\x00" + b"\0" * 170, (media.ip, media.port))  # mu-law
        far.say(VOICE)
        far.ask("OPTIONS")
        assert (await far.response()).status == 200
        far.ask("BYE")

    report = await play(story)
    assert (report.sip_status, report.packets_received) == (200, 1)


async def test_an_answer_without_a_law_is_hung_up_with_the_reason() -> None:
    async def story(far: FarEnd) -> None:
        far.answer(await far.request("INVITE"), 200)
        await far.request("ACK")
        await far.goodbye()

    report = await play(story)
    assert (report.reason, report.packets_sent) == ("the answer offers no A-law sound", 0)


async def test_a_voice_after_ringing_is_reached_and_held_as_long_as_asked() -> None:
    async def story(far: FarEnd) -> None:
        await far.connect()
        far.say(*[RING] * 40, *[audio.silence()[0]] * 5, *[VOICE] * 5)
        await far.goodbye()

    report = await play(story, hold_seconds=0.1)
    assert [event.what for event in report.events] == [
        What.ANSWERED,
        What.RINGING,
        What.VOICE,
        What.ENDED,
    ]
    assert report.reached
    assert report.marks.ended_at - report.marks.invited_at >= 0.1


async def test_our_own_voice_is_heard_back_through_an_echo() -> None:
    async def story(far: FarEnd) -> None:
        await far.connect()
        for _ in range(5):  # enough to be sure
            far.say((await far.packet()).payload)
        await far.goodbye()

    report = await play(story, hold_seconds=0)
    assert report.heard(What.OWN_VOICE)
    assert report.reached
    assert report.first_audio_seconds
    assert report.marks.first_packet_at


async def test_frames_of_any_length_are_heard() -> None:
    async def story(far: FarEnd) -> None:
        await far.connect()
        whole = VOICE * 6
        far.say(*(whole[at : at + 240] for at in range(0, len(whole), 240)))
        await heard.wait()
        far.ask("BYE")

    heard = asyncio.Event()
    await play(story, on_event=when(What.PROMPT_STARTED, heard))


async def test_the_from_header_goes_out_as_it_is_given() -> None:
    hostile = '"${SHELL(reboot)}\\" <sip:\'; DROP@x>'

    async def story(far: FarEnd) -> None:
        invite = await far.request("INVITE")
        assert invite.get("from").startswith(f"{hostile};tag=")
        far.answer(invite, 403)
        await far.request("ACK")

    assert (await play(story, from_header=hostile)).sip_status == 403


def test_keys_go_all_one_way() -> None:
    with pytest.raises(ValueError, match="all keys"):
        PhoneCall(keys=(Key("1", "info"), Key("2", "rfc4733")))


def test_a_key_that_no_phone_has_is_refused() -> None:
    with pytest.raises(ValueError, match="no phone has"):
        Key("x")


def when(what: What, then: asyncio.Event) -> Callable[[Event], None]:
    """Make a listener that sets an event when something is heard."""

    def listen(event: Event) -> None:
        if event.what is what:
            then.set()

    return listen
