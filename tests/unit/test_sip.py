"""SIP messages read and written, and the caller's side of a dialog, by the sections of RFC 3261."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.phone import sip
from ivr.phone.sip import Dialog, Request, Response

HEAD = (
    "Via: SIP/2.0/UDP 1.2.3.4:5060;rport;branch=z9hG4bKa\r\n"
    'From: "A" <sip:a@b>;tag=x\r\nTo: <sip:c@d>;tag=y\r\nCall-ID: id@h\r\nCSeq: 7 INVITE\r\n'
)


def dialog(caller: str = "<sip:0811@10.0.0.1>") -> Dialog:
    numbers = count(1)
    return Dialog("sip:112@10.0.0.2:5060", "10.0.0.1:4000", caller, lambda: f"t{next(numbers)}")


def request(text: str) -> Request:
    message = sip.parse(text.encode())
    assert isinstance(message, Request)
    return message


def response(status: int, *headers: str, to: str = "<sip:112@10.0.0.2>;tag=far") -> Response:
    head = HEAD.replace("<sip:c@d>;tag=y", to)
    message = sip.parse(f"SIP/2.0 {status} Why\r\n{head}{''.join(headers)}\r\n".encode())
    assert isinstance(message, Response)
    return message


def accepted(*headers: str, caller: str = "<sip:0811@10.0.0.1>") -> tuple[Dialog, Request, Request]:
    ours = dialog(caller)
    invite = ours.request("INVITE", b"v=0", sip.SDP)
    return ours, invite, ours.accepted(invite, response(200, *headers))


@given(st.binary())
def test_garbage_is_no_message_and_no_error(data: bytes) -> None:
    sip.parse(data)
    sip.parse(b"SIP/2.0 200 OK\r\n" + HEAD.encode() + data)
    sip.parse(b"BYE sip:a SIP/2.0\r\n" + HEAD.encode() + data + b"\r\n\r\n")


@given(st.text())
def test_any_header_can_be_looked_into(text: str) -> None:
    assert isinstance(sip.tag(text), str)
    assert isinstance(sip.uri(text), str)
    assert isinstance(sip.values([text]), list)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\r\n\r\n",
        "HELLO\r\n" + HEAD + "\r\n",
        "SIP/2.0 999 No\r\n" + HEAD + "\r\n",
        "SIP/2.0 200 OK\r\n\r\n",
        "SIP/2.0 200 OK\r\n" + HEAD.replace("Call-ID: id@h\r\n", "") + "\r\n",
        "SIP/2.0 200 OK\r\n" + HEAD.replace("7 INVITE", "seven INVITE") + "\r\n",
        "SIP/2.0 200 OK\r\n" + HEAD + "X: " + "<" * 9000 + "\r\n\r\n",
    ],
)
def test_what_lacks_what_sip_must_have_is_none(text: str) -> None:
    assert sip.parse(text.encode()) is None


def test_compact_names_and_folded_lines_are_the_same_headers() -> None:
    message = request(
        "BYE sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9\r\nf: <sip:a>\r\nt: <sip:b>\r\n"
        "i: one\r\nCSEQ: 2 BYE\r\nSubject: two\r\n  lines\r\nl: 2\r\n\r\nhello"
    )
    assert (message.call_id, message.cseq, message.branch) == ("one", (2, "BYE"), "z9")
    assert message.get("subject") == "two lines"
    assert message.body == b"he"


def test_lines_without_carriage_returns_are_read() -> None:
    text = ("BYE sip:a SIP/2.0\r\n" + HEAD + "\r\nbody").replace("\r\n", "\n")
    assert request(text).body == b"body"


def test_a_message_survives_the_round_trip() -> None:
    invite = dialog().request("INVITE", b"v=0\r\n", sip.SDP)
    back = sip.parse(invite.encode())
    assert isinstance(back, Request)
    assert (back.method, back.uri, back.body) == (invite.method, invite.uri, invite.body)
    assert back.get("content-length") == "5"


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        ("<sip:a@b>;tag=x", "x"),
        ("sip:a@b;tag=x", "x"),
        ('"<;tag=no>" <sip:a@b;tag=no> ; TAG = x;y=z', "x"),
        ("<sip:a@b>", ""),
        ('"unterminated;tag=x', "x"),
    ],
)
def test_a_tag_is_the_headers_and_not_the_uris(header: str, tag: str) -> None:
    assert sip.tag(header) == tag


@pytest.mark.parametrize(
    ("header", "uri"),
    [
        ("<sip:a@b;lr>;x=y", "sip:a@b;lr"),
        ('"a <b> c" <sip:a@b>', "sip:a@b"),
        ("sip:a@b;expires=5", "sip:a@b"),
        ("", ""),
    ],
)
def test_a_uri_is_what_stands_in_brackets(header: str, uri: str) -> None:
    assert sip.uri(header) == uri


def test_values_part_at_commas_outside_quotes_and_brackets() -> None:
    assert sip.values(['"a, b" <sip:x,y>;z, <sip:w>', "<sip:v>"]) == [
        '"a, b" <sip:x,y>;z',
        "<sip:w>",
        "<sip:v>",
    ]


def test_an_invite_has_no_to_tag_and_a_from_tag() -> None:
    invite = dialog().request("INVITE")
    assert sip.tag(invite.get("to")) == ""
    assert invite.get("from") == "<sip:0811@10.0.0.1>;tag=t2"
    assert invite.uri == "sip:112@10.0.0.2:5060"
    assert invite.branch.startswith("z9hG4bK")


@pytest.mark.parametrize(
    "caller", ['"a\\"b" <sip:x@y>', "'; DROP TABLE calls;--", '"${SHELL(id)}" <sip:1@\'`id`>', "é"]
)
def test_a_hostile_caller_is_written_verbatim(caller: str) -> None:
    invite = dialog(caller).request("INVITE")
    assert f"\r\nFrom: {caller};tag=t2\r\n".encode() in invite.encode()
    assert f"\r\nFrom: {caller};tag=t2\r\n".encode() in sip.cancel(invite).encode()


def test_the_ack_of_an_answer_is_a_transaction_of_its_own_to_the_contact() -> None:
    _, invite, ack = accepted("Contact: <sip:agent@10.9.9.9:7000>\r\n")
    assert (ack.method, ack.uri, ack.cseq) == ("ACK", "sip:agent@10.9.9.9:7000", (1, "ACK"))
    assert ack.branch != invite.branch
    assert sip.tag(ack.get("to")) == "far"


def test_requests_follow_the_recorded_route_backwards() -> None:
    ours, _, ack = accepted(
        "Contact: <sip:agent@9.9.9.9>\r\n",
        "Record-Route: <sip:p2;lr>, <sip:p1;lr>\r\nRecord-Route: <sip:p0;lr>\r\n",
    )
    for message in (ack, ours.request("BYE")):
        assert message.all("route") == ["<sip:p0;lr>", "<sip:p1;lr>", "<sip:p2;lr>"]
        assert message.uri == "sip:agent@9.9.9.9"


def test_a_strict_router_becomes_the_target() -> None:
    _, _, ack = accepted("Contact: <sip:agent@9.9.9.9>\r\n", "Record-Route: <sip:old>\r\n")
    assert (ack.uri, ack.all("route")) == ("sip:old", ["<sip:agent@9.9.9.9>"])


def test_each_request_has_the_next_number() -> None:
    ours, _, _ = accepted()
    assert [ours.request(method).cseq for method in ("INFO", "INFO", "BYE")] == [
        (2, "INFO"),
        (3, "INFO"),
        (4, "BYE"),
    ]


def test_the_ack_of_a_refusal_and_a_cancel_are_part_of_the_invite() -> None:
    invite = dialog().request("INVITE", b"v=0", sip.SDP)
    ack, cancel = sip.ack_failure(invite, response(486)), sip.cancel(invite)
    assert ack.branch == cancel.branch == invite.branch
    assert (ack.cseq, cancel.cseq) == ((1, "ACK"), (1, "CANCEL"))
    assert ack.uri == cancel.uri == invite.uri
    assert (sip.tag(ack.get("to")), sip.tag(cancel.get("to"))) == ("far", "")
    assert ack.body == b""


def test_an_answer_of_another_branch_is_not_ours() -> None:
    ours, _, _ = accepted()
    assert ours.is_with(response(200))
    assert not ours.is_with(response(200, to="<sip:112@10.0.0.2>;tag=other"))


def test_a_request_is_answered_with_what_it_must_have_back() -> None:
    asked = request("OPTIONS sip:us SIP/2.0\r\nVia: SIP/2.0/UDP p;branch=1\r\n" + HEAD + "\r\n")
    answer = dialog().answer(asked, 200, "OK", b"v=0")
    assert answer.all("via") == asked.all("via")
    assert [answer.get(name) for name in ("from", "to", "call-id", "cseq")] == [
        asked.get(name) for name in ("from", "to", "call-id", "cseq")
    ]
    assert answer.get("content-type") == sip.SDP
    assert answer.encode().startswith(b"SIP/2.0 200 OK\r\n")
