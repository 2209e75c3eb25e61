"""Measures how fast the journal is read, and what a look costs when nothing happens.

    PYTHONPATH=. python tests/bench/tail.py

One process, one core; the figures are of the core's own time.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

from ivr.tail import LIVE, Tail, lines

CALLS = 20_000
ROTATED_FILES = 90
LOOKS = 1000
CALL = (
    ("CHAN_START", "", ""),
    ("CALL", "CELGenUserEvent", "ani=0812345678 dnis=112 trunk=from-trunk"),
    ("ANSWER", "Answer", ""),
    ("RECORDING", "CELGenUserEvent", "file=2026/11/26/siaga-1795643327.0.wav"),
    ("ASKED", "CELGenUserEvent", "prompt=menu key=1"),
    ("PLAN", "CELGenUserEvent", "plan=fire floor=controller language=id hops=1"),
    ("RING", "CELGenUserEvent", "step=1 agency=damkar number=113 trunk=carrier"),
    ("APP_START", "Dial", ""),
    ("CHAN_START", "", ""),
    ("ANSWER", "AppDial", ""),
    ("JOINED", "CELGenUserEvent", "by=carrier"),
    ("BRIDGE_ENTER", "AppDial", ""),
    ("BRIDGE_ENTER", "Dial", ""),
    ("BRIDGE_EXIT", "Dial", ""),
    ("ENDED", "CELGenUserEvent", "floor=controller plan=fire status=ANSWER queue="),
    ("BRIDGE_EXIT", "AppDial", ""),
    ("HANGUP", "AppDial", ""),
    ("CHAN_END", "AppDial", ""),
    ("HANGUP", "", ""),
    ("CHAN_END", "", ""),
)
"""A call that reaches an agency, as asterisk/etc/cel_custom.conf has it noted."""


def noted(call: int) -> bytes:
    """Return the lines of one call."""
    return b"".join(_line(call, place, *event) for place, event in enumerate(CALL))


def _line(call: int, place: int, what: str, app: str, extra: str) -> bytes:
    name = f"siaga-{1795643327 + call}.{call}"
    fields = {
        "eventtime": f"{1795643327 + call}.{place:06}",
        "eventtype": what,
        "userdeftype": what if extra else "",
        "linkedid": name,
        "uniqueid": name,
        "context": "emergency-20261125T214846Z-00",
        "appname": app,
        "appdata": f"{what},{extra}" if extra else "",
        "eventextra": json.dumps({"extra": extra}, separators=(",", ":")) if extra else "",
    }
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def per_second(folder: Path) -> float:
    """Read all there is; return lines a second."""
    tail, offsets = Tail(folder), dict[str, int]()
    began = time.process_time()
    while (batch := tail.read(offsets).batch) is not None:
        offsets[batch.position.file] = batch.position.offset
        assert batch.bad == ()
    return CALLS * len(CALL) / (time.process_time() - began)


def idle_look_seconds(folder: Path) -> float:
    """Return what one look costs, once all is read and `ROTATED_FILES` more lie beside it."""
    for number in range(ROTATED_FILES):
        (folder / f"calls-{number}.jsonl").write_bytes(noted(-1 - number))
    now = 0.0
    tail, offsets = Tail(folder, lambda: now), dict[str, int]()
    for _ in range(2):
        while (batch := tail.read(offsets).batch) is not None:
            offsets[batch.position.file] = batch.position.offset
        now += 60.0
    began = time.process_time()
    for _ in range(LOOKS):
        tail.read(offsets)
    return (time.process_time() - began) / LOOKS


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(dir="var") as name:
        folder = Path(name)
        (folder / LIVE).write_bytes(b"".join(map(noted, range(CALLS))))
        count = CALLS * len(CALL)
        say(f"{count} lines of {(folder / LIVE).stat().st_size / count:.0f} bytes")
        say(f"read, split and parsed: {per_second(folder):,.0f} lines/s")
        with mock.patch.object(lines, "parse", nothing):
            say(f"read and split only: {per_second(folder):,.0f} lines/s")
        seconds = idle_look_seconds(folder)
        say(f"a look at {ROTATED_FILES + 1} files without news: {seconds * 1e6:.0f} microseconds")


def nothing(_: bytes) -> None:
    """Read nothing in a line."""


def say(text: str) -> None:
    """Print."""
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main()
