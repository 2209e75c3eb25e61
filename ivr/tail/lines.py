"""Bytes of the journal into lines: what is whole is read, what is not is set aside.

Law 1: every byte taken is in a line, in a line set aside, or blank.
Law 2: the place of a bad line is exact: whoever looks into it finds it in the file.
Law 3: a bad line takes no good one with it. A full disk cuts a line off, and Asterisk writes the
next straight after it (res/cdrel_custom/writers.c, write_record_to_file).
"""

import json
from collections.abc import Iterator

from ivr.journalline import (
    MAX_LINE_BYTES,
    BadLine,
    BadLineError,
    Batch,
    Line,
    Position,
    parse,
    storable,
)

BEGINS = b'{"eventtime":'
"""How a line begins (asterisk/etc/cel_custom.conf). Within a field, Asterisk escapes its quotes."""

_WHY_LETTERS = 200
_JSON = json.JSONDecoder()


def read(data: bytes, start: Position, *, ended: bool = False) -> Batch:
    """Return the lines in `data`, which stands at `start`, and where the next begins.

    The last line waits until its line break is there, unless it is a whole object, or longer than
    any line, or the file has `ended`: nothing more will come after `data`.
    """
    taken = len(data) if ended else _taken(data)
    lines: list[Line] = []
    bad: list[BadLine] = []
    at = start.offset
    for raw in data[:taken].split(b"\n"):
        try:
            line = _line(raw)
        except BadLineError:
            _read_bad(raw, Position(start.file, at), lines, bad)
        else:
            if line is not None:
                lines.append(line)
        at += len(raw) + 1
    return Batch(tuple(lines), tuple(bad), Position(start.file, start.offset + taken))


def _taken(data: bytes) -> int:
    """Return how many bytes can be judged already."""
    whole = data.rfind(b"\n") + 1
    rest = data[whole:]
    if len(rest) > MAX_LINE_BYTES:
        return whole + _overlong(rest)
    return whole + _whole(rest)


def _whole(rest: bytes) -> int:
    """Return where the last whole line ends: the disk may lack room for its line break."""
    ends, at = 0, rest.find(BEGINS)
    while at >= 0:
        if length := object_bytes(rest[at:]):
            ends = at + length
        at = rest.find(BEGINS, at + 1)
    return ends


def _overlong(rest: bytes) -> int:
    """Return how much of a line without an end to set aside: up to where another may begin."""
    begins = rest.rfind(BEGINS, 1)
    if begins > 0 and len(rest) - begins <= MAX_LINE_BYTES:
        return begins
    parts = (BEGINS[:n] for n in range(len(BEGINS) - 1, 0, -1))
    return len(rest) - next((len(part) for part in parts if rest.endswith(part)), 0)


def _line(raw: bytes) -> Line | None:
    """Return what one line says, None for a blank one. Raises BadLineError."""
    return None if not raw or raw.isspace() else parse(raw)


def _read_bad(raw: bytes, start: Position, lines: list[Line], bad: list[BadLine]) -> None:
    """Part a bad line where others begin and end in it, and sort the good from the bad."""
    for at, piece in _pieces(raw):
        try:
            line = _line(piece)
        except BadLineError as error:
            text = storable(piece[:MAX_LINE_BYTES].decode(errors="replace"))
            why = storable(str(error)[:_WHY_LETTERS])
            bad.append(BadLine(Position(start.file, start.offset + at), text, why))
        else:
            if line is not None:
                lines.append(line)


def _pieces(raw: bytes) -> Iterator[tuple[int, bytes]]:
    begins = 0
    while begins < len(raw):
        ends = raw.find(BEGINS, begins + 1)
        ends = ends if ends > 0 else len(raw)
        if 0 < (length := object_bytes(raw[begins:ends])) < ends - begins:
            yield begins, raw[begins : begins + length]
            begins += length
        yield begins, raw[begins:ends]
        begins = ends


def object_bytes(piece: bytes) -> int:
    """Return the length of the whole object that a piece begins with, 0 if it does not."""
    if not piece.startswith(b"{"):
        return 0
    try:
        return _JSON.raw_decode(piece[:MAX_LINE_BYTES].decode("latin-1"))[1]  # a letter a byte
    except (ValueError, RecursionError):
        return 0
