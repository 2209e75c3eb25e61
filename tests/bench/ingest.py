"""Measures how fast the journal becomes records: lines a second on one core, SQLite on this disk.

    .venv/bin/python tests/bench/ingest.py [--profile]

The journal is made as Asterisk writes it for CALLS_PER_SECOND: every kind of line, in its length
and order, the calls interleaved. A round reads all of it into an empty database, in batches. The
process holds one core; lines a second of its own time is what a machine without other work would do
but for the disk.
"""

import argparse
import cProfile
import json
import os
import pstats
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from ivr.journal import Batch, Position, parse
from ivr.records.engine import open_engine
from ivr.records.store import Store
from ivr.settings import Settings

CALLS = 4000
CALLS_PER_SECOND = 50
LINES_A_BATCH = 1000
ROUNDS = 5
BAR = 20_000
FIRST = 1795643360.0
VERSION = "20261125T214840Z-00"
AGENCIES = (("damkar", "113"), ("bpbd", "117"), ("psc-119", "119"), ("polisi", "110"))


class Channel:
    """A channel, and the lines that Asterisk writes of it."""

    def __init__(self, linked: str, number: int, at: float, name: str) -> None:
        self.unique = f"siaga-{int(at)}.{number}"
        self.linked = linked or self.unique
        self.name = f"PJSIP/{name}-{number:08x}"

    def line(self, at: float, what: str, context: str, *, app: str = "", extra: str = "") -> str:
        """Return one of Asterisk's own lines."""
        name, _, data = app.partition(" ")
        return self._line(at, what, "", context, name, data, extra)

    def user(self, at: float, what: str, context: str, words: str) -> str:
        """Return a line that the dialplan writes."""
        data = f"{what},{words}"
        return self._line(at, what, what, context, "CELGenUserEvent", data, json_text(extra=words))

    def _line(self, at: float, what: str, user: str, context: str, *rest: str) -> str:
        app, data, extra = rest
        return json_text(
            eventtime=f"{at:.6f}",
            eventtype=what,
            userdeftype=user,
            linkedid=self.linked,
            uniqueid=self.unique,
            context=context if context == "reject" else f"{context}-{VERSION}",
            appname=app,
            appdata=data,
            eventextra=extra,
        )


def json_text(**fields: str) -> str:
    """Return an object as Asterisk spells it: without a space."""
    return json.dumps(fields, separators=(",", ":"))


def call(number: int, at: float, dice: random.Random) -> Iterator[tuple[float, str]]:
    """Yield the lines of one call: a wrong key, agencies that are busy, then one or an operator."""
    caller = Channel("", number * 10, at, "from-trunk")
    yield at, caller.line(at, "CHAN_START", "from-trunk")
    ani = f"0761{dice.randrange(10**6):06d}"
    words = f"ani={ani} dnis=112 trunk=from-trunk"
    yield at + 0.0007, caller.user(at + 0.0007, "CALL", "emergency", words)
    yield at + 0.0008, caller.line(at + 0.0008, "ANSWER", "emergency", app="Answer")
    file = f"file=2026/11/26/{caller.unique}.wav"
    yield at + 0.003, caller.user(at + 0.003, "RECORDING", "emergency", file)
    at += dice.uniform(1, 8)
    yield at, caller.user(at, "ASKED", "ask", "prompt=menu key=#")
    at += dice.uniform(1, 8)
    yield at, caller.user(at, "ASKED", "ask", "prompt=wrong key=1")
    plan = "plan=fire floor=controller language=id hops=2"
    yield at + 0.002, caller.user(at + 0.002, "PLAN", "plan-known", plan)
    for step in (1, 2):
        rung, at = attempt(caller, number * 10 + step, at + 0.01, step, dice)
        yield from rung
    talks, at = operator(caller, number * 10 + 3, at + 0.01, dice)
    yield from talks
    words = "floor=controller plan=fire status=BUSY queue="
    yield at, caller.user(at, "ENDED", "emergency-end", words)
    yield from over(caller, at + 0.001, "ops", "")


def attempt(
    caller: Channel, number: int, at: float, step: int, dice: random.Random
) -> tuple[list[tuple[float, str]], float]:
    """Return the lines of an agency that is busy, and when it was."""
    agency, number_there = dice.choice(AGENCIES)
    leg = Channel(caller.linked, number, at, "telkom")
    words = f"step={step} agency={agency} number={number_there} trunk=telkom"
    app = f"Dial PJSIP/{number_there}@telkom,20^10,gidHrU(agency-accept-{VERSION}^0)"
    lines = [
        (at, caller.user(at, "RING", "hop-begins", words)),
        (at + 0.0001, caller.line(at + 0.0001, "APP_START", "walk-plan", app=app)),
        (at + 0.001, leg.line(at + 0.001, "CHAN_START", "reject")),
    ]
    at += dice.uniform(0.1, 6)
    lines += over(leg, at, "reject", "AppDial (Outgoing Line)")
    lines += [
        (
            at + 0.0002,
            caller.user(at + 0.0002, "HOP", "hop-over", f"step={step} status=BUSY cause=17 talk=0"),
        ),
    ]
    return lines, at


def operator(
    caller: Channel, number: int, at: float, dice: random.Random
) -> tuple[list[tuple[float, str]], float]:
    """Return the lines of a talk with an operator, and when it ended."""
    leg = Channel(caller.linked, number, at, "operator-1")
    app = f"Queue operators,cCr,,,40,,joined-{VERSION},,"
    bridge = json_text(
        bridge_id="626f6888-3025-4c69-a104-5c0a42f41c87", bridge_technology="simple_bridge"
    )
    lines = [
        (at, caller.user(at, "QUEUE", "ops", "priority=06 front=")),
        (at + 0.0001, caller.line(at + 0.0001, "APP_START", "ops", app=app)),
        (at + 0.001, leg.line(at + 0.001, "CHAN_START", "reject")),
    ]
    at += dice.uniform(1, 10)
    outgoing = "AppQueue (Outgoing Line)"
    lines += [
        (at, leg.line(at, "ANSWER", "reject", app=outgoing)),
        (at + 0.1, leg.user(at + 0.1, "JOINED", "joined", "by=operator-1")),
        (at + 0.11, leg.line(at + 0.11, "BRIDGE_ENTER", "reject", app=outgoing, extra=bridge)),
        (at + 0.12, caller.line(at + 0.12, "BRIDGE_ENTER", "ops", app=app, extra=bridge)),
    ]
    at += dice.uniform(15, 90)
    lines += [
        (at, caller.line(at, "BRIDGE_EXIT", "ops", app=app, extra=bridge)),
        (at + 0.0002, leg.line(at + 0.0002, "BRIDGE_EXIT", "reject", app=outgoing, extra=bridge)),
        *over(leg, at + 0.0003, "reject", outgoing),
    ]
    return lines, at + 0.001


def over(channel: Channel, at: float, context: str, app: str) -> list[tuple[float, str]]:
    """Return the lines of a channel that ends."""
    extra = json_text(hangupcause="16", hangupsource=channel.name, dialstatus="")
    return [
        (at, channel.line(at, "HANGUP", context, app=app, extra=extra)),
        (at, channel.line(at, "CHAN_END", context, app=app)),
    ]


def journal() -> list[bytes]:
    """Return every line, in the order in which they were written."""
    dice = random.Random(112)
    lines = [
        line
        for number in range(CALLS)
        for line in call(number, FIRST + number / CALLS_PER_SECOND, dice)
    ]
    return [text.encode() for _, text in sorted(lines, key=lambda line: line[0])]


def ingest(lines: list[bytes], folder: Path) -> tuple[float, float]:
    """Read the journal into an empty database; return the seconds, and the core's."""
    engine = open_engine(Settings(state=folder, database_url=""))
    store = Store(engine)
    began, began_core = time.perf_counter(), time.process_time()
    for first in range(0, len(lines), LINES_A_BATCH):
        some = tuple(line for raw in lines[first : first + LINES_A_BATCH] if (line := parse(raw)))
        store.ingest(Batch(some, (), Position("bench", first)), "calls.jsonl")
    took = time.perf_counter() - began, time.process_time() - began_core
    engine.dispose()
    return took


def main() -> int:
    """Measure, and say whether the bar is met."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--profile", action="store_true", help="say where the time goes")
    profiled = options.parse_args().profile
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    lines = journal()
    needed = sum(parse(line) is not None for line in lines)
    say(f"{CALLS} calls, {len(lines)} lines, of which records need {needed}")
    took = []
    for _ in range(1 if profiled else ROUNDS):
        with tempfile.TemporaryDirectory(dir="var") as folder:
            if profiled:
                with cProfile.Profile() as profile:
                    ingest(lines, Path(folder))
                pstats.Stats(profile).sort_stats("tottime").print_stats(35)
                return 0
            took.append(ingest(lines, Path(folder)))
    speed, of_core = (sorted(len(lines) / one for one in each) for each in zip(*took, strict=True))
    say(f"{told(speed)} lines/s, of the core's own time {told(of_core)}")
    return 0 if statistics.median(speed) >= BAR else 1


def told(speeds: list[float]) -> str:
    """Return the median of some speeds, and their range."""
    return f"{statistics.median(speeds):,.0f} ({speeds[0]:,.0f} to {speeds[-1]:,.0f})"


def say(text: str) -> None:
    """Print."""
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    raise SystemExit(main())
