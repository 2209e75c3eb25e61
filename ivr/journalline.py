"""One line of the journal, read: what Asterisk noted, as a frozen value. No I/O.

Law 1: a line that cannot be read is refused, never guessed at.
Law 2: what is read is text, and a time of this century: any database takes it.
"""

import json
from dataclasses import dataclass

MAX_LINE_BYTES = 16384
"""Longer than anything Asterisk writes for a call (a dialplan line has at most 8192 bytes)."""

MAX_REFERENCE = 150
"""Asterisk's own limit of a UniqueID (channel.h, AST_MAX_UNIQUEID)."""

FIRST_YEAR_NOT_OURS = 4102444800.0
"""2100-01-01, UTC."""


class BadLineError(ValueError):
    """A line that is cut, or that nobody wrote as one."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `leg` is the UniqueID of a channel; `at` seconds since the epoch.

    `call` is the reference of the call it counts for. `words` are the key=value pairs of a user
    event. A line that says that Asterisk starts has no call.
    """

    call: str
    leg: str
    at: float
    what: str
    words: tuple[tuple[str, str], ...] = ()

    def word(self, key: str) -> str:
        """Return the value of a key, empty when it is not there."""
        for name, value in self.words:
            if name == key:
                return value
        return ""


@dataclass(frozen=True, slots=True)
class Position:
    """How far the journal was read. `file` is a fingerprint, which outlives the name of a file."""

    file: str
    offset: int


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line set aside: where it began, its text as far as it is text, and what is wrong."""

    position: Position
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines read together, and where the next begins."""

    lines: tuple[Line, ...]
    bad: tuple[BadLine, ...]
    position: Position


_NEEDED = {"CHAN_START", "ANSWER", "HANGUP", "CHAN_END"}
_BEGINNINGS = {"CHAN_START", "ANSWER"}
JOINED = "JOINED"
ORDERED = {"BRING", "BROUGHT", "BRINGOVER", "HANDED", "LISTEN"}
NO_SOUND_CAUSE = 44
STARTS = "STARTS"
"""Written by `asterisk/start.sh`: whatever call is open at this place was cut off."""


def parse(raw: bytes) -> Line | None:
    """Return what a line says, or None for one that no record needs.

    Raises BadLineError for a line that is cut, that is not one object of text fields, or that holds
    what no database takes.
    """
    if len(raw) > MAX_LINE_BYTES:
        raise BadLineError(f"longer than {MAX_LINE_BYTES} bytes")
    try:
        text = raw.decode()
        line = _line(json.loads(text))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise BadLineError(f"{type(error).__name__}: {error}") from None
    # JSON can spell what is no text: NUL, or half of a surrogate pair. Asterisk never does.
    if line is not None and "\\u" in text and not _is_text(line):
        raise BadLineError("a character that is not text")
    return line


def _line(fields: object) -> Line | None:
    if not isinstance(fields, dict):
        raise BadLineError("not an object")
    what, user = _text(fields["eventtype"]), _text(fields.get("userdeftype", ""))
    at = _seconds(fields["eventtime"])
    if what == STARTS:
        return Line("", "", at, what)
    if not user and what not in _NEEDED:
        return None
    linked, leg = _reference(fields["linkedid"]), _reference(fields["uniqueid"])
    if not user and leg != linked and what in _BEGINNINGS:
        return None  # a channel that we rang
    extra = _text(fields.get("eventextra", ""))
    words = _words(extra) if user else _who_hung_up(extra) if what == "HANGUP" else ()
    # Every channel tells of the call that it is. Only who joins, or fails to, is on a channel of
    # its own, and the LinkedID says with whom. It is no name for a call: it changes when an
    # operator who was on another call joins the two (bridge_channel.c,
    # ast_bridge_channel_update_linkedids).
    is_of_another = user == JOINED or (user == "ALARM" and ("what", "no-sound") in words)
    call = linked if is_of_another else leg
    if user in ORDERED:  # by an operator, on a leg of its own, which names the call
        call = _reference(dict(words).get("call"))
    return Line(call, leg, at, user or what, words)


def _who_hung_up(extra: str) -> tuple[tuple[str, str], ...]:
    """Return by=asterisk for a channel that Asterisk ended without being told to.

    It does so when it stops, or when its console is told to. A far end that hangs up is named as
    the source, and so is the dialplan. One that sends no sound for an hour has no source, and a
    cause of its own (res_pjsip_sdp_rtp.c, rtp_check_timeout).
    """
    told = json.loads(extra) if extra else {}
    if not isinstance(told, dict):
        raise BadLineError("not an object")
    is_ours = told.get("hangupsource") == "" and told.get("hangupcause") != NO_SOUND_CAUSE
    return (("by", "asterisk"),) if is_ours else ()


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise BadLineError(f"{value!r:.40} is no text")
    return value


def _reference(value: object) -> str:
    text = _text(value)
    if not 0 < len(text) <= MAX_REFERENCE:
        raise BadLineError(f"a reference of {len(text)} characters")
    return text


def _seconds(text: object) -> float:
    at = float(_text(text))
    if not 0 <= at < FIRST_YEAR_NOT_OURS:  # nor is "nan" or "inf"
        raise BadLineError(f"{text} is no time of a call")
    return at


def _is_text(line: Line) -> bool:
    every = "".join((line.call, line.leg, line.what, *(x for word in line.words for x in word)))
    return storable(every) == every


def storable(text: str) -> str:
    """Return a text that every database takes: PostgreSQL has no NUL, UTF-8 no half of a pair."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def _words(extra: str) -> tuple[tuple[str, str], ...]:
    """Return the pairs of a user event, whose text Asterisk wraps in an object of its own."""
    text = _text(json.loads(extra)["extra"]) if extra else ""
    pairs = (word.partition("=") for word in text.split())
    return tuple((key, value) for key, _, value in pairs)
