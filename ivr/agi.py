"""The AGI wire format, without I/O: bytes in, events out; commands in, bytes out.

Law 1: one command in flight. Asterisk stalls on a second one (stdio buffer, res_agi.c:4415).
Law 2: four things mean that the channel is gone: the line HANGUP, the code 511, result -1 and the
end of the stream. They are one event, `ChannelGone`, told once.
Law 3: what Asterisk sends is limited (64 lines, 16 KiB) and decoded with replacement; what we send
is one line of at most 2000 bytes, and never holds CR, LF or NUL.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

MAX_HEADER_LINES = 64
MAX_BUFFER_BYTES = 16 * 1024
MAX_LINE_BYTES = 2000
MAX_WORDS = 32

PROBE = "ready"
"""The call reference of one who only asks whether we answer."""

_REPLY = re.compile(r"(\d{3})(?:[ -](?:result=(\S*))?(.*))?$")
_FORBIDDEN = re.compile(r"[\r\n\0]")


class ProtocolError(Exception):
    """Somebody broke the rules of AGI."""


class LocalProtocolError(ProtocolError):
    """We did: a command out of turn, or with a character that cannot be sent."""


class RemoteProtocolError(ProtocolError):
    """The other side did: it is not Asterisk, or not in step."""


@dataclass(frozen=True, slots=True)
class Environment:
    """The `agi_*` lines that open a session, without the prefix."""

    values: Mapping[str, str]

    @property
    def callref(self) -> str:
        """Our own name for the call: the first argument of AGI() in the dialplan."""
        return self.values.get("arg_1", "")

    @property
    def ask(self) -> str:
        """The dialplan's context that asks: the second argument."""
        return self.values.get("arg_2", "ask")

    @property
    def is_probe(self) -> bool:
        """Whether this is `siaga ready` asking if we answer, and no call."""
        return self.callref == PROBE

    @property
    def ani(self) -> str:
        """The caller's number as the dialplan FILTERed it; empty when hidden."""
        number = self.values.get("callerid", "")
        return "" if number == "unknown" else number


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one command, and the value in brackets after it."""

    code: int
    result: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class ChannelGone:
    """The channel hung up, or Asterisk closed the session."""


Event = Environment | Reply | ChannelGone


def command(*words: str) -> bytes:
    """Return the line that makes Asterisk perform a command.

    The first word stands bare, the others are quoted (res_agi.c:4166). Raises LocalProtocolError
    for CR, LF or NUL, for which AGI has no escape, and for a line that Asterisk would split.
    """
    quoted = ('"' + w.replace("\\", "\\\\").replace('"', '\\"') + '"' for w in words[1:])
    text = " ".join((words[0], *quoted))
    if _FORBIDDEN.search(text):
        raise LocalProtocolError("CR, LF and NUL cannot be sent")
    line = f"{text}\n".encode()
    if len(line) > MAX_LINE_BYTES or len(words) > MAX_WORDS:
        raise LocalProtocolError(f"command too long: {len(line)} bytes, {len(words)} words")
    return line


class Connection:
    """One AGI session as we see it: feed it bytes, take its events, ask it to encode commands."""

    def __init__(self) -> None:
        self._buffer = b""
        self._environment: dict[str, str] | None = {}
        self._header_lines = self._header_size = 0
        self._usage = False
        self._awaiting = False
        self._gone = False

    @property
    def gone(self) -> bool:
        """Whether the channel hung up or the session ended."""
        return self._gone

    @property
    def is_midway(self) -> bool:
        """Whether something has begun that must go on to come: the opening, or an answer."""
        return self._environment is not None or self._awaiting

    def send(self, *words: str) -> bytes:
        """Return the bytes of a command; raise LocalProtocolError when it is out of turn."""
        if self._environment is not None:
            raise LocalProtocolError("the session has not begun")
        if self._awaiting:
            raise LocalProtocolError("the last command has no answer yet")
        if self._gone:
            raise LocalProtocolError("the channel is gone")
        line = command(*words)
        self._awaiting = True
        return line

    def receive(self, data: bytes) -> list[Event]:
        """Take bytes from Asterisk, empty at the end of the stream; return what they say.

        Raises RemoteProtocolError when they are not AGI; the session is then of no more use.
        """
        if not data:
            return self._hang_up()
        self._buffer += data
        *lines, self._buffer = self._buffer.split(b"\n")
        events: list[Event] = []
        if max(map(len, (*lines, self._buffer))) > MAX_BUFFER_BYTES:
            raise RemoteProtocolError(f"a line longer than {MAX_BUFFER_BYTES} bytes")
        for raw in lines:
            events += self._line(raw.decode("utf-8", "replace").rstrip("\r"))
        return events

    def _line(self, line: str) -> list[Event]:
        if self._environment is not None:
            return self._header(line, self._environment)
        if line == "HANGUP":
            return self._hang_up()
        if self._usage:
            if not line.startswith("520 "):
                return []
            self._usage = False
            return self._answer(Reply(520, ""))
        return self._reply(line)

    def _header(self, line: str, environment: dict[str, str]) -> list[Event]:
        if not line:
            self._environment = None
            if not environment:
                raise RemoteProtocolError("no agi_ lines before the first command")
            return [Environment(environment)]
        self._header_lines += 1
        key, colon, value = line.partition(":")
        self._header_size += len(line)
        if self._header_lines > MAX_HEADER_LINES or self._header_size > MAX_BUFFER_BYTES:
            raise RemoteProtocolError("the opening lines never end")
        if not colon or not key.startswith("agi_"):
            raise RemoteProtocolError(f"not an agi_ line: {line[:60]!r}")
        # The last of two wins: the dialplan's arguments close the block (res_agi.c:2525), so what a
        # caller smuggled in before them cannot pass for one.
        environment[key.removeprefix("agi_")] = value.strip()
        return []

    def _reply(self, line: str) -> list[Event]:
        found = _REPLY.match(line)
        if not found:
            raise RemoteProtocolError(f"not a reply: {line[:60]!r}")
        code, result, rest = int(found[1]), found[2] or "", found[3] or ""
        if code == 100:  # "100 Trying...": the answer is still to come
            return []
        if line.startswith("520-"):
            self._usage = True
            return []
        if code == 511 or (code == 200 and result == "-1"):
            self._awaiting = False
            return self._hang_up()
        opened, closed = rest.find("("), rest.rfind(")")
        value = rest[opened + 1 : closed] if 0 <= opened < closed else None
        return self._answer(Reply(code, result, value))

    def _answer(self, reply: Reply) -> list[Event]:
        if not self._awaiting:
            raise RemoteProtocolError(f"an answer to no command: {reply}")
        self._awaiting = False
        return [reply]

    def _hang_up(self) -> list[Event]:
        if self._gone:
            return []
        self._gone = True
        return [ChannelGone()]
