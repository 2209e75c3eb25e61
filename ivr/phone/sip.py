"""The words of a SIP phone (RFC 3261): messages read and written, and one dialog of the caller.

Its laws:

1. No socket, no clock. Bytes in, values out; values in, bytes out.
2. Nothing that arrives raises. What is not SIP is None, and what SIP must have, a value has.
3. What we are given to say, we say verbatim: the caller's From may hold anything at all, because a
   hostile caller's would.
"""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE"
SDP = "application/sdp"
_AGENT = "siaga-call"
_COOKIE = "z9hG4bK"  # RFC 3261 section 8.1.1.7
_COMPACT = {
    "c": "content-type",
    "f": "from",
    "i": "call-id",
    "l": "content-length",
    "m": "contact",
    "t": "to",
    "v": "via",
}
_NEEDED = ("via", "from", "to", "call-id", "cseq")  # RFC 3261 section 8.1.1

# No stack sends longer, and patterns for quotes cost the square of a line without an end to one.
_LONGEST_LINE = 8192

_STATUS = re.compile(r"SIP/2\.0 ([1-6][0-9]{2})(?: (.*))?")
_REQUEST = re.compile(r"([A-Z]{1,32}) (\S+) SIP/2\.0")
_CSEQ = re.compile(r"([0-9]{1,10})\s+([A-Z]{1,32})")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_FOLD = re.compile(r"\r?\n[ \t]+")
_TAG = re.compile(r";\s*tag\s*=\s*([^\s;,>]+)", re.IGNORECASE)
_BRANCH = re.compile(r";\s*branch\s*=\s*([^\s;,]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Message:
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def get(self, name: str) -> str:
        """Return the first header of that name, or nothing."""
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> list[str]:
        """Return every header of that name, in order."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def call_id(self) -> str:
        """The call both ends mean."""
        return self.get("call-id")

    @property
    def cseq(self) -> tuple[int, str]:
        """The number and the method of the CSeq header."""
        match = _CSEQ.fullmatch(self.get("cseq"))
        return (int(match[1]), match[2]) if match else (0, "")

    @property
    def branch(self) -> str:
        """The transaction, as the top Via has it (RFC 3261 section 17.1.3)."""
        match = _BRANCH.search(self.get("via"))
        return match[1] if match else ""

    def _bytes(self, start: str) -> bytes:
        lines = [start, *(f"{name}: {value}" for name, value in self.headers)]
        lines += [f"Content-Length: {len(self.body)}", "", ""]
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + self.body


@dataclass(frozen=True, slots=True)
class Request(_Message):
    """A request: its method, where it goes, its headers in order, its body."""

    method: str
    uri: str

    def encode(self) -> bytes:
        """Write the request as it goes on the wire."""
        return self._bytes(f"{self.method} {self.uri} SIP/2.0")


@dataclass(frozen=True, slots=True)
class Response(_Message):
    """A response: its status code and reason phrase, its headers in order, its body."""

    status: int
    reason: str

    def encode(self) -> bytes:
        """Write the response as it goes on the wire."""
        return self._bytes(f"SIP/2.0 {self.status} {self.reason}")


def parse(data: bytes) -> Request | Response | None:
    """Read a datagram. None unless it is a SIP message with the headers each one must have."""
    head, blank, body = data.partition(b"\r\n\r\n")
    if not blank:
        head, _, body = data.partition(b"\n\n")
    text = head.decode("utf-8", "surrogateescape").lstrip("\r\n")
    start, *lines = _FOLD.sub(" ", text).split("\n")
    if any(len(line) > _LONGEST_LINE for line in lines):
        return None
    headers = tuple(_header(line) for line in lines if ":" in line)
    names = {name for name, value in headers if value}
    if not names.issuperset(_NEEDED):
        return None
    body = body[: _length(dict(headers).get("content-length", ""), len(body))]
    message: Request | Response
    if status := _STATUS.fullmatch(start.strip()):
        message = Response(headers, body, int(status[1]), status[2] or "")
    elif request := _REQUEST.fullmatch(start.strip()):
        message = Request(headers, body, request[1], request[2])
    else:
        return None
    return message if message.cseq[1] else None


def tag(header: str) -> str:
    """Return the tag of a From or To header, or nothing. One inside a name or URI is not it."""
    plain = _QUOTED.sub("", header)
    match = _TAG.search(plain.rpartition(">")[2] if ">" in plain else plain)
    return match[1] if match else ""


def uri(header: str) -> str:
    """Return the URI of a Contact, Route or To header (RFC 3261 section 20.10)."""
    plain = _QUOTED.sub("", header)
    if "<" in plain:
        return plain.partition("<")[2].partition(">")[0].strip()
    return plain.partition(";")[0].strip()


def values(headers: list[str]) -> list[str]:
    """Part headers that hold several values at their commas, not those in quotes or brackets."""
    parts: list[str] = []
    for header in headers:
        parts += re.findall(r'(?:[^,"<]|"(?:[^"\\]|\\.)*"|<[^>]*>)+', header)
    return [part.strip() for part in parts if part.strip()]


class Dialog:
    """The caller's end of one call: who we are, who they turn out to be, and the next CSeq.

    `to` is the URI dialled, `here` our "ip:port", `caller` the From header as it is (a tag is
    added). `token` makes the unique parts.
    """

    def __init__(
        self, to: str, here: str, caller: str, token: Callable[[], str] = secrets.token_hex
    ) -> None:
        self._here, self._token = here, token
        self.call_id = f"{token()}@{here.partition(':')[0]}"
        self._from = f"{caller};tag={token()}"
        self._to, self._target = f"<{to}>", to
        self._routes: list[str] = []
        self._cseq = 0

    def request(
        self, method: str, body: bytes = b"", content_type: str = "", *more: tuple[str, str]
    ) -> Request:
        """Write the next request of this dialog, a transaction of its own (section 12.2.1.1).

        `more` are further headers.
        """
        self._cseq += 1
        return self._request(method, self._cseq, body, content_type, *more)

    def accepted(self, invite: Request, response: Response) -> Request:
        """Take a 2xx: learn the far end, and return the ACK (sections 12.1.2 and 13.2.2.4)."""
        self._to = response.get("to")
        self._target = uri(next(iter(values(response.all("contact"))), "")) or self._target
        self._routes = values(response.all("record-route"))[::-1]
        return self._request("ACK", invite.cseq[0])

    def is_with(self, response: Response) -> bool:
        """Say whether a 2xx is of this dialog and not of another branch of a fork."""
        return tag(response.get("to")) == tag(self._to)

    def _request(
        self,
        method: str,
        cseq: int,
        body: bytes = b"",
        content_type: str = "",
        *more: tuple[str, str],
    ) -> Request:
        target, routes = self._target, self._routes
        if routes and ";lr" not in uri(routes[0]).lower():  # a strict router: section 12.2.1.1
            target, routes = uri(routes[0]), [*routes[1:], f"<{target}>"]
        via = f"SIP/2.0/UDP {self._here};rport;branch={_COOKIE}{self._token()}"
        headers = [
            ("Via", via),
            ("Max-Forwards", "70"),
            *(("Route", route) for route in routes),
            *more,
            ("From", self._from),
            ("To", self._to),
            ("Call-ID", self.call_id),
            ("CSeq", f"{cseq} {method}"),
            ("Contact", f"<sip:{self._here}>"),
            ("User-Agent", _AGENT),
            ("Allow", ALLOW),
        ]
        if body:
            headers.append(("Content-Type", content_type))
        return Request(tuple(headers), body, method, target)

    def answer(self, request: Request, status: int, reason: str, body: bytes = b"") -> Response:
        """Answer a request of the far end (sections 8.2.6 and 12.1.1). A body is SDP."""
        copied = ("via", "from", "to", "call-id", "cseq", "record-route")
        headers = [(name, value) for name, value in request.headers if name.lower() in copied]
        headers += [
            ("Contact", f"<sip:{self._here}>"),
            ("User-Agent", _AGENT),
            ("Allow", ALLOW),
        ]
        if body:
            headers.append(("Content-Type", SDP))
        return Response(tuple(headers), body, status, reason)


def ack_failure(invite: Request, response: Response) -> Request:
    """Acknowledge a final answer of 300 or more: part of the INVITE (section 17.1.1.3)."""
    return _echo(invite, "ACK", response.get("to"))


def cancel(invite: Request) -> Request:
    """Take an INVITE back before its final answer (section 9.1)."""
    return _echo(invite, "CANCEL", invite.get("to"))


def _echo(invite: Request, method: str, to: str) -> Request:
    copied = ("via", "max-forwards", "route", "from", "call-id", "user-agent")
    headers = [(name, value) for name, value in invite.headers if name.lower() in copied]
    headers += [("To", to), ("CSeq", f"{invite.cseq[0]} {method}")]
    return Request(tuple(headers), b"", method, invite.uri)


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    name = name.strip().lower()
    return _COMPACT.get(name, name), value.strip()


def _length(header: str, present: int) -> int:
    good = header.isascii() and header.isdigit() and len(header) <= 9
    return int(header) if good else present
