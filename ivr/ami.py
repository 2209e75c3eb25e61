"""What Asterisk's manager interface (AMI) says and is told: panoramisk's words, made safe. No I/O.

Law 1: what we send is one action of ours. A value with CR, LF or NUL would begin another.
Law 2: the first occurrence of a header counts. A message that has one twice, or that begins as none
of Asterisk's does, holds what a caller wrote into his number, which no dialplan has FILTERed when
his channel is first told of (manager_channels.c): it is `suspect`, and is nowhere believed.
Law 3: what Asterisk sends is limited, and read in time that grows with its length alone.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from panoramisk.actions import Action as BareAction
from panoramisk.message import Message as BareMessage

MAX_MESSAGE_BYTES = 1024 * 1024
"""Far longer than anything Asterisk says at once; what is longer is thrown away as it comes."""
MAX_LIST = 20_000
"""Messages in one list: more than every channel, caller and telephone of a full line."""
MAX_LINE_BYTES = 1000
"""Asterisk discards an action with a line of over 1024 (manager.h, inbuf)."""
MAX_GREETING_BYTES = 1024
GREETING = b"Asterisk Call Manager/"

_EOL = "\r\n"
_END = b"\r\n\r\n"
_HEADER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FORBIDDEN = re.compile(r"[\r\n\0]")
_MANY = "output"
"""The one header that Asterisk itself repeats: a line of what a console command printed."""


class AmiError(Exception):
    """Something asked of Asterisk did not come about."""


class NotSentError(AmiError):
    """Nothing was sent: it may be tried again."""


class UnansweredError(AmiError):
    """It was sent and not answered: whether it was done is not known, so it is never sent again."""


class RefusedError(AmiError):
    """Asterisk said no."""


class NotAmiError(AmiError):
    """Whoever answers there is not Asterisk."""


class Message(BareMessage):  # type: ignore[misc]
    """An answer or an event: headers by name, in any case, and as attributes in small letters."""

    def __init__(self, headers: Mapping[str, str], *, suspect: bool = False) -> None:
        super().__init__(headers)
        self.suspect = suspect

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - panoramisk's own attributes too
        """Return a header. Raises AttributeError for one that is not there, however it is spelt."""
        if name.startswith("_") or name not in self:
            raise AttributeError(f"no header {name}")
        return self[name]

    @property
    def fields(self) -> dict[str, str]:
        """The headers, by their names in small letters."""
        return {name: value for name, (_, value) in self._store.items() if name != "content"}

    @classmethod
    def from_line(cls, line: str) -> "Message":
        """Read one message, without the empty line that ends it."""
        headers: dict[str, str] = {}
        suspect = not line.startswith(("Event: ", "Response: "))
        for text in line.split(_EOL):
            name, colon, value = text.partition(":")
            name = name.lower()
            if name not in headers:
                headers.update({name: value.removeprefix(" ")} if colon else {})
            elif name != _MANY:
                suspect = True
        return cls(headers, suspect=suspect)


class Action(BareAction):  # type: ignore[misc]
    """One action, checked before anything is sent, and its answer as it comes in."""

    def __init__(self, headers: Mapping[str, object]) -> None:
        for name, value in headers.items():
            for each in value if isinstance(value, list | tuple) else (value,):
                _check(name, str(each))
        super().__init__(headers)

    @property
    def multi(self) -> bool:
        """Whether the answer is a list: Asterisk says so, whatever else its first message says."""
        return bool(_list_mark(self.responses[0]) == "start")

    @property
    def completed(self) -> bool:
        """Whether the answer is all there. A list ends by its mark, not by an event's name."""
        return not self.multi or _list_mark(self.responses[-1]) in {"complete", "cancelled"}

    def add_message(self, message: Message) -> bool:
        """Take what came with our ActionID; return whether the answer is all there."""
        if self.future.done() or ("response" in message) == bool(self.responses):
            return False  # an event before the answer, or a second answer: not part of it
        if len(self.responses) >= MAX_LIST:
            self.fail(UnansweredError(f"a list of more than {MAX_LIST}"))
            return True
        return bool(super().add_message(message))

    def fail(self, error: AmiError) -> None:
        """End the wait for an answer, unless it has ended."""
        if not self.future.done():
            self.future.set_exception(error)
            self.future.exception()  # who asked may have gone: that is no fault of its own


def _list_mark(message: Message) -> str:
    return str(message.get("eventlist", "")).lower()


def _check(name: str, value: str) -> None:
    if not _HEADER.fullmatch(name):
        raise NotSentError(f"{name!r} is not the name of a header")
    if _FORBIDDEN.search(value):
        raise NotSentError(f"{name} holds CR, LF or NUL, which would begin another action")
    try:
        length = len(f"{name}: {value}".encode())
    except UnicodeEncodeError as error:
        raise NotSentError(f"{name} is not text: {error}") from None
    if length > MAX_LINE_BYTES:
        raise NotSentError(f"{name} is longer than {MAX_LINE_BYTES} bytes")


class Stream:
    """Bytes into messages: nothing is searched twice, and characters may be cut anywhere."""

    def __init__(self) -> None:
        self.version = ""
        self._buffer = bytearray()
        self._searched = 0
        self._dropping = False

    def receive(self, data: bytes) -> Iterator[Message]:
        """Yield each message that is now complete.

        One that was too long is an empty one that is `suspect`. Raises NotAmiError.
        """
        self._buffer += data
        if not self.version and not self._greeted():
            return
        while (end := self._buffer.find(_END, self._searched)) >= 0:
            raw = bytes(self._buffer[:end])
            del self._buffer[: end + len(_END)]
            dropped, self._searched, self._dropping = self._dropping, 0, False
            if dropped or len(raw) > MAX_MESSAGE_BYTES:
                yield Message({}, suspect=True)
            elif raw := raw.strip(b"\r\n"):
                yield Message.from_line(raw.decode("utf-8", "replace"))
        if len(self._buffer) > MAX_MESSAGE_BYTES:
            self._dropping = True
            del self._buffer[: 1 - len(_END)]
        self._searched = max(0, len(self._buffer) + 1 - len(_END))

    def _greeted(self) -> bool:
        line, ended, _ = bytes(self._buffer[:MAX_GREETING_BYTES]).partition(b"\r\n")
        if not line.startswith(GREETING[: len(line)]):
            raise NotAmiError("whoever answers there is not Asterisk's manager")
        if not ended and len(line) == MAX_GREETING_BYTES:
            raise NotAmiError(f"a greeting longer than {MAX_GREETING_BYTES} bytes")
        if ended:
            del self._buffer[: len(line) + 2]
            self.version = line[len(GREETING) :].decode("ascii", "replace") or "unknown"
        return bool(ended)
