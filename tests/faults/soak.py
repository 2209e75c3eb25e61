"""Fifty thousand redials into a trunk that refuses: does Asterisk grow?

A few calls loop in the dialplan over a Dial that the far end answers with 503. Memory, threads and
descriptors are those of the real process, from /proc. SIP remembers each refusal for 32 s (RFC
3261, timer D), so the first round shows how much that is: what a second one adds is growth.
"""

import argparse
import asyncio
import logging
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import uvloop
from far_end import FarEnd, answer
from stage import Site, Stage

from ivr.phone import PhoneCall, call, sip

_LOOPS = 5
_LOOK_SECONDS = 5.0
_MOST_MIB, _MOST_THREADS, _MOST_DESCRIPTORS = 30.0, 8, 20
"""What the second round may add."""
_FORGOTTEN_SECONDS = 35.0

DIALPLAN = """
[from-trunk]
exten => 503,1,Answer()
 same => n,Set(LEFT={each})
 same => n(again),TryExec(Dial(PJSIP/113@carrier,5))
 same => n,Set(LEFT=$[${{LEFT}} - 1])
 same => n,GotoIf($[${{LEFT}} > 0]?again)
 same => n,Hangup()
"""


@dataclass(frozen=True, slots=True)
class Size:
    """What Asterisk holds."""

    mib: float
    threads: int
    descriptors: int

    def __str__(self) -> str:
        return f"{self.mib:.1f} MiB, {self.threads} threads, {self.descriptors} descriptors"


class Refusing(FarEnd):
    """A trunk that is full for ever, and keeps nothing of it."""

    def __init__(self) -> None:
        super().__init__(lambda _caller, _number: sys.exit("nobody is let in"))
        self.refused = 0

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = sip.parse(data)
        if isinstance(message, sip.Request) and message.method == "INVITE":
            self.refused += 1
            self.send(answer(message, 503, tag="full"), addr)


class FullStage(Stage):
    """A line whose trunk is full."""

    def make_agencies(self) -> FarEnd:
        self.trunk = Refusing()
        return self.trunk


def size(pid: int) -> Size:
    """Read what a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    resident, threads = (re.search(rf"{key}:\s+(\d+)", status) for key in ("VmRSS", "Threads"))
    assert resident
    assert threads
    descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Size(int(resident[1]) / 1024, int(threads[1]), descriptors)


def alive(pid: int) -> bool:
    """Say whether a process is there."""
    return Path(f"/proc/{pid}").exists()


def asterisk_of(ancestor: int) -> int:
    """Return the real Asterisk below the process that started it. Raises LookupError."""
    below = [ancestor]
    while below:
        pid = below.pop()
        if (Path(f"/proc/{pid}/comm")).read_text().strip() == "asterisk":
            return pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        below += [int(child) for child in children]
    raise LookupError("Asterisk is not running")


async def soak(redials: int) -> list[str]:
    """Run two rounds; return what grew too much."""
    stage = FullStage(Site(operators=1), 0)
    try:
        await stage.open()
        compiled = stage.folder / "current" / "pbx" / "extensions.conf"
        compiled.write_text(compiled.read_text() + DIALPLAN.format(each=-(-redials // _LOOPS)))
        await stage.asterisk("dialplan reload")
        pid = asterisk_of(stage.line._processes["asterisk"].pid)
        return await _watch(stage, stage.trunk, pid, redials)
    finally:
        await stage.close()


async def _watch(stage: Stage, trunk: Refusing, pid: int, redials: int) -> list[str]:
    sizes = []
    for n in (1, 2):
        if not await _round(stage, trunk, pid, n * redials):
            return [f"Asterisk died after {trunk.refused} redials"]
        await asyncio.sleep(_FORGOTTEN_SECONDS)
        sizes.append(size(pid))
        sys.stdout.write(f"round {n}, when forgotten: {sizes[-1]}\n")
    before, after = sizes
    found = [] if trunk.refused >= 2 * redials else [f"only {trunk.refused} redials"]
    grown = (
        ("MiB", after.mib - before.mib, _MOST_MIB),
        ("threads", after.threads - before.threads, _MOST_THREADS),
        ("descriptors", after.descriptors - before.descriptors, _MOST_DESCRIPTORS),
    )
    return [*found, *(f"{more:.0f} {what} more" for what, more, most in grown if more > most)]


async def _round(stage: Stage, trunk: Refusing, pid: int, until: int) -> bool:
    """Redial, telling of it, until all calls are over; return whether Asterisk lived through it."""
    order = PhoneCall(port=stage.line.sip_port, number="503", caller="0", max_seconds=7200.0)
    calls = asyncio.gather(*(call(order) for _ in range(_LOOPS)))
    began, had = time.monotonic(), trunk.refused
    while not calls.done():
        await asyncio.wait({calls}, timeout=_LOOK_SECONDS)
        if not alive(pid):
            calls.cancel()
            await asyncio.gather(calls, return_exceptions=True)
            return False
        rate = (trunk.refused - had) / (time.monotonic() - began)
        sys.stdout.write(f"{trunk.refused}/{until} redials, {rate:.0f} a second; {size(pid)}\n")
        sys.stdout.flush()
    return True


def main() -> None:
    """Run as long as it takes; end with 1 when Asterisk grew or fewer redials were made."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("-n", type=int, default=50_000)
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    if found := uvloop.run(soak(asked.parse_args().n)):
        sys.exit("; ".join(found))


if __name__ == "__main__":
    main()
