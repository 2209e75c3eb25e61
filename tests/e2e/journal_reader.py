"""Who reads a journal in tests: keeps what was read and how far, as the database does."""

import json
from pathlib import Path

from ivr.journalline import MAX_LINE_BYTES, BadLine, Line
from ivr.tail import Look, Tail, Trouble

OVERLONG = b"\0" * (MAX_LINE_BYTES + 1)


def noted(number: int) -> bytes:
    """Return a line as Asterisk writes it, without its line break."""
    call = f"siaga-1795497172.{number}"
    fields = {
        "eventtime": f"1795497172.{number:06}",
        "eventtype": "QUEUE",
        "userdeftype": "QUEUE",
        "linkedid": call,
        "uniqueid": call,
        "eventextra": json.dumps({"extra": f"number={number}"}, separators=(",", ":")),
    }
    return json.dumps(fields, separators=(",", ":")).encode()


class Desk:
    """What reads the journal: it keeps what it read, and how far, as the database does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = 0.0
        self.lines: list[Line] = []
        self.bad: list[BadLine] = []
        self.offsets: dict[str, int] = {}
        self.names: list[str] = []
        self.restart()

    def restart(self) -> None:
        self.tail = Tail(self.folder, lambda: self.now)

    def look(self, most_bytes: int = 1 << 20) -> Look:
        """Look once and save what came."""
        look = self.tail.read(self.offsets, most_bytes)
        if look.batch:
            self.lines += look.batch.lines
            self.bad += look.batch.bad
            self.offsets[look.batch.position.file] = look.batch.position.offset
            self.names.append(look.name)
        return look

    def read(self) -> tuple[Trouble, ...]:
        """Look until there is nothing new; return what is wrong then."""
        while (look := self.look()).batch:
            pass
        return look.troubles

    def whats(self) -> list[tuple[str, str]]:
        """Read all, twice, and return what is wrong with which file."""
        self.read()
        return [(trouble.what, trouble.file) for trouble in self.read()]

    @property
    def numbers(self) -> list[int]:
        """The numbers of the `noted` lines, as they were read."""
        return [int(line.word("number")) for line in self.lines if line.word("number")]


def write(path: Path, *numbers: int, end: bytes = b"\n") -> Path:
    """Append lines, as Asterisk does."""
    with path.open("ab") as file:
        file.write(b"".join(noted(number) + end for number in numbers))
    return path
