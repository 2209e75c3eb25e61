"""Measures our FastAGI server beside its peers, in one run, and writes the table of README.md.

    .venv/bin/python tests/bench/agi.py [--rounds 5] [--seconds 4]

Server on one core, load on the other, a call after the other on each of 50 and of 500 connections:
22 opening lines, 11 commands, each answered at once. The rounds are interleaved, so that whatever
else the machine does meets all servers. The load is raw sockets: it costs less than any server.
Besides, what Asterisk does to a server on a bad day: three columns, each passed or not.
"""

import argparse
import json
import os
import resource
import select
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from agi_servers import SHIFTED
from page import write

SERVERS = ("ours", "panoramisk", "panoramisk + uvloop", "pystrix", "pyst2")
NAMES = (*SERVERS, "no server: a bare loop")
PORT = 39473
SERVER_CORE, LOAD_CORE = 0, 1
AT_ONCE = (50, 500)
COMMANDS = 11
SILENT = 700
PATIENCE_SECONDS = 3.0
FEW_SECONDS = 1.0

OPENING = "".join(
    f"agi_{name}: {value}\n"
    for name, value in (
        ("network", "yes"),
        ("network_script", "menu"),
        ("request", f"agi://127.0.0.1:{PORT}/menu"),
        ("channel", "PJSIP/from-trunk-00000007"),
        ("language", "id"),
        ("type", "PJSIP"),
        ("uniqueid", "siaga-1795600000.7"),
        ("version", "22.10.1"),
        ("callerid", "081200000007"),
        ("calleridname", "unknown"),
        ("callingpres", "0"),
        ("callingani2", "0"),
        ("callington", "0"),
        ("callingtns", "0"),
        ("dnid", "112"),
        ("rdnis", "unknown"),
        ("context", "ask-controller"),
        ("extension", "s"),
        ("priority", "4"),
        ("enhanced", "0.0"),
        ("accountcode", ""),
        ("threadid", "140000000000000"),
    )
)
ARGUMENTS = "agi_arg_1: siaga-1795600000.7\nagi_arg_2: ask\n"
"""Ours takes the call's reference from them, as Asterisk sends it; all servers read them."""
BLOCK = f"{OPENING}{ARGUMENTS}\n".encode()


@dataclass
class Call:
    """One call as Asterisk has it: what was asked so far, and what was said of it."""

    wire: socket.socket
    began: float
    commands: int = 0
    keys: int = 0
    shifted: bool = False
    gone_after: int = -1
    buffer: bytes = b""

    def take(self, data: bytes) -> bytes:
        """Return the answers to what the server said."""
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        return b"".join(self._answer(line) for line in lines)

    def _answer(self, line: bytes) -> bytes:
        self.commands += 1
        gone = b"HANGUP\n" if self.commands == self.gone_after else b""
        if line.startswith(b"GET"):
            self.keys += 1
            return gone + b"200 result=1 (%d)\n" % self.keys
        self.shifted = self.shifted or SHIFTED.encode() in line
        return gone + b"200 result=0\n"


@dataclass
class Round:
    """What one server did in one round. Times in seconds."""

    calls_per_second: float
    cpu_milliseconds_a_call: float
    resident_mebibytes: float
    took: list[float] = field(repr=False)

    @property
    def p99(self) -> float:
        """The 99th percentile of a whole call, in ms."""
        return statistics.quantiles(self.took, n=100)[98] * 1000 if len(self.took) > 1 else 0.0


class Load:
    """As many calls at once as asked, each followed by another."""

    def __init__(self, at_once: int) -> None:
        self._poll = select.epoll()
        self._calls: dict[int, Call] = {}
        self._at_once = at_once
        self.took: list[float] = []
        self.failed = 0

    def run(self, seconds: float) -> float:
        """Call for that long; return how long it was."""
        began = time.perf_counter()
        for _ in range(self._at_once):
            self._begin()
        while (now := time.perf_counter()) < began + seconds:
            for number, _ in self._poll.poll(0.1):
                self._move(self._calls[number])
        for call in list(self._calls.values()):
            self._end(call)
        return now - began

    def _begin(self) -> None:
        wire = socket.socket()
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # no TIME_WAIT
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            wire.connect(("127.0.0.1", PORT))
            wire.send(BLOCK)
        except OSError:
            self.failed += 1
        wire.setblocking(False)
        self._calls[wire.fileno()] = Call(wire, time.perf_counter())
        self._poll.register(wire, select.EPOLLIN)

    def _move(self, call: Call) -> None:
        try:
            data = call.wire.recv(4096)
            if data:
                call.wire.send(call.take(data))
                return
        except OSError:
            data = b""
        if call.commands == COMMANDS and not call.shifted:
            self.took.append(time.perf_counter() - call.began)
        else:
            self.failed += 1
        self._end(call)
        self._begin()

    def _end(self, call: Call) -> None:
        self._poll.unregister(call.wire)
        del self._calls[call.wire.fileno()]
        call.wire.close()


@contextmanager
def serving(name: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until it is no more needed."""
    script = Path(__file__).with_name("agi_servers.py")
    words = (sys.executable, script, name, str(PORT), str(SERVER_CORE))
    with subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as server:
        try:
            end = time.monotonic() + 10
            while not answers(PATIENCE_SECONDS):
                assert time.monotonic() < end, f"{name} does not begin to serve"
            yield server
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, 9)
            server.wait()


def answers(seconds: float, gone_after: int = -1) -> Call | None:
    """Make one call; return it if it ended as calls do, None after that many seconds."""
    end = time.monotonic() + seconds
    with socket.socket() as wire:
        wire.settimeout(seconds)
        try:
            wire.connect(("127.0.0.1", PORT))
            call = Call(wire, 0.0, gone_after=gone_after)
            wire.send(BLOCK)
            while time.monotonic() < end and (data := wire.recv(4096)):
                wire.send(call.take(data))
        except OSError:
            return None
        whole = call.commands == COMMANDS or gone_after > 0
        return call if whole and time.monotonic() < end else None


def measure(name: str, at_once: int, seconds: float) -> Round:
    """Measure one server for one round."""
    with serving(name) as server:
        Load(at_once).run(FEW_SECONDS)
        before, load = _cpu_seconds(server.pid), Load(at_once)
        lasted = load.run(seconds)
        spent = _cpu_seconds(server.pid) - before
        calls = max(1, len(load.took))
        if load.failed:
            sys.stderr.write(f"{name}, {at_once} at once: {load.failed} calls failed\n")
        took = load.took or [float("inf")] * 2
        return Round(len(load.took) / lasted, spent / calls * 1000, _resident(server.pid), took)


def _cpu_seconds(pid: int) -> float:
    """Return what a process and its ended children have used (proc(5), stat)."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, words[11:15])) / os.sysconf("SC_CLK_TCK")


def _resident(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return next(int(x.split()[1]) for x in text.splitlines() if x.startswith("VmRSS")) / 1024


def survives_a_bare_connection(name: str) -> bool:
    """Connect and close, as a port scan does; then call."""
    with serving(name):
        for _ in range(3):
            socket.create_connection(("127.0.0.1", PORT), 1).close()
        return answers(PATIENCE_SECONDS) is not None


def stays_in_step(name: str) -> bool:
    """Say HANGUP between two answers (res_agi.c, the caller left): is each answer still its own?"""
    with serving(name):
        call = answers(PATIENCE_SECONDS, gone_after=4)
        return call is not None and not call.shifted


def survives_silence(name: str) -> bool:
    """Hold SILENT connections that say nothing; then call."""
    with serving(name):
        held: list[socket.socket] = []
        try:
            with suppress(OSError):
                held.extend(socket.create_connection(("127.0.0.1", PORT), 1) for _ in range(SILENT))
            return answers(PATIENCE_SECONDS) is not None
        finally:
            for one in held:
                one.close()


TRIALS = (survives_a_bare_connection, stays_in_step, survives_silence)


def table(rounds: dict[tuple[str, int], list[Round]], passed: dict[str, list[bool]]) -> str:
    """Return the figures as Markdown."""
    named = ("server", "calls/s, 50 at once", "ratio", "500 at once", "ratio", "CPU ms a call")
    trials = ("connect and close", "HANGUP in line", f"{SILENT} silent")
    heads = (*named, "p99 ms, 50 at once", "MiB", *trials)
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]

    def middle(name: str, at_once: int, what: str) -> float:
        return float(statistics.median(getattr(one, what) for one in rounds[name, at_once]))

    for name in NAMES:
        few, many = (middle(name, n, "calls_per_second") for n in AT_ONCE)
        base = [middle("panoramisk", n, "calls_per_second") for n in AT_ONCE]
        ratios = [f"{one / all_:.2f}" for one, all_ in zip((few, many), base, strict=True)]
        cpu, p99 = (middle(name, AT_ONCE[0], x) for x in ("cpu_milliseconds_a_call", "p99"))
        marks = " | ".join("passed" if x else "**failed**" for x in passed.get(name, ())) or "| |"
        lines.append(
            f"| {name} | {few:,.0f} | {ratios[0]} | {many:,.0f} | {ratios[1]} | {cpu:.2f} | "
            f"{p99:.0f} | {middle(name, AT_ONCE[1], 'resident_mebibytes'):.0f} | {marks} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure all, interleaved, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    asked = parser.parse_args()
    os.sched_setaffinity(0, {LOAD_CORE})
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    rounds: dict[tuple[str, int], list[Round]] = {}
    for number in range(asked.rounds):
        for at_once in AT_ONCE:
            for name in NAMES:
                one = measure(name, at_once, asked.seconds)
                rounds.setdefault((name, at_once), []).append(one)
                sys.stderr.write(f"round {number + 1}, {at_once} at once, {name}: {one}\n")
    passed = {name: [trial(name) for trial in TRIALS] for name in SERVERS}
    raw = {
        f"{name}, {n} at once": [round(one.calls_per_second) for one in some]
        for (name, n), some in rounds.items()
    }
    text = f"{table(rounds, passed)}\n\nEach round, calls/s:\n\n"
    write("agi", text + "\n".join(f"* {what}: {json.dumps(some)}" for what, some in raw.items()))


if __name__ == "__main__":
    main()
