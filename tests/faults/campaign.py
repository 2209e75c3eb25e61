"""Runs the faults against the real Asterisk and writes the table to README.md beside this file."""

import argparse
import asyncio
import contextlib
import itertools
import logging
import os
import platform
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import uvloop
from crowd import Crowd, Limits
from fault import Fault
from faults import FAULTS
from stage import MOST_SLOTS, Stage
from verdict import Result, Verdict, faults_of

AT_ONCE = 60
SLOTS = 3
_LAG_SECONDS = 0.1
Told = dict[Fault, tuple[Result, list[str]]]

HEAD = """\
# Faults

Written by `make faults`; do not edit. Each row is one fault against the real Asterisk, with real
SIP and RTP. The promise: each caller talks to a human, or is still being offered one, or hung up
himself; and silence on his line never lasts over 3 s.
"""
COLUMNS = (
    "fault",
    "times",
    *(verdict.value for verdict in Verdict),
    "worst silence, s",
    "worst time to a human, s",
    "note",
)


class Slots:
    """Places for stages that run together; a fault that needs the machine alone takes them all."""

    def __init__(self, number: int) -> None:
        self._free: asyncio.Queue[int] = asyncio.Queue()
        self._number = number
        self._door = asyncio.Lock()
        for slot in range(number):
            self._free.put_nowait(slot)

    @contextlib.asynccontextmanager
    async def take(self, *, alone: bool) -> AsyncIterator[int]:
        """Wait for a place, or for all of them."""
        async with self._door:
            slots = [await self._free.get() for _ in range(self._number if alone else 1)]
        try:
            yield slots[0]
        finally:
            for slot in slots:
                self._free.put_nowait(slot)


class Lag:
    """How late this process is: what it hears as silence may be its own."""

    def __init__(self) -> None:
        self.worst_seconds = 0.0

    async def watch(self) -> None:
        """Measure until cancelled."""
        while True:
            due = time.monotonic() + _LAG_SECONDS
            await asyncio.sleep(_LAG_SECONDS)
            self.worst_seconds = max(self.worst_seconds, time.monotonic() - due)


async def run_batch(batch: Sequence[Fault], number: int, limits: Limits, slot: int) -> Told:
    """Let the faults of one batch strike on a fresh stage; return what came of each."""
    stage = Stage(batch[0].site, slot)
    try:
        await stage.open()
        crowds = [
            Crowd(stage, f.callers, min(number, f.most_callers), limits, f.name) for f in batch
        ]
        played = await asyncio.gather(
            *(fault.scene.play(crowd) for fault, crowd in zip(batch, crowds, strict=True))
        )
        left = await stage.empty()
    finally:
        await stage.close()
    return {
        fault: (result, [*faults_of(result, fault.expect), *([left] if left else [])])
        for fault, result in zip(batch, played, strict=True)
    }


async def run(
    faults: Iterable[Fault],
    number: int,
    seed: int,
    slots: int = SLOTS,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[Told, Lag]:
    """Run the campaign; return each fault's result and why it failed, in their order."""
    limits, places, lag = Limits(AT_ONCE, seed), Slots(min(slots, MOST_SLOTS)), Lag()
    wanted = sorted(faults, key=lambda fault: fault.batch)
    batches = [list(group) for _, group in itertools.groupby(wanted, key=lambda f: f.batch)]
    batches.sort(key=_turn)
    told: Told = {}

    async def one(batch: list[Fault]) -> None:
        async with places.take(alone=any(fault.alone for fault in batch)) as slot:
            try:
                told.update(await run_batch(batch, number, limits, slot))
            except Exception as error:  # noqa: BLE001 - a stage that broke is a row that failed
                why = f"the stage broke: {type(error).__name__}: {error}"
                told.update({fault: (Result((), 0), [why]) for fault in batch})
            for fault in batch:
                say(row(fault, *told[fault]))

    logging.getLogger("asyncio").setLevel(logging.ERROR)  # a phone may talk to a dead Asterisk
    watching = asyncio.create_task(lag.watch())
    await asyncio.gather(*(one(batch) for batch in batches))
    watching.cancel()
    return told, lag


def _turn(batch: Sequence[Fault]) -> tuple[bool, float]:
    """Return when a batch has its turn: those of patient callers first, those alone last."""
    patience = max(fault.callers.patience_seconds for fault in batch)
    return any(fault.alone for fault in batch), -patience


def row(fault: Fault, result: Result, failed: list[str]) -> str:
    """Return one row of the table."""
    worst = result.human_seconds
    met = "" if result.met >= len(result.outcomes) else f"{result.met} callers met it"
    found = "KNOWN" if fault.hole else "FAILED"
    notes = [*(f"{found}: {why}" for why in failed), met, result.note]
    if failed and fault.hole:
        notes.append(fault.hole)
    if fault.expect.why_silent:
        notes.append(
            f"{fault.expect.silence_seconds:g} s of silence may be: {fault.expect.why_silent}"
        )
    cells = (
        fault.name,
        str(len(result.outcomes)),
        *(str(result.count(verdict)) for verdict in Verdict),
        f"{result.silence_seconds:.1f}",
        "" if worst is None else f"{worst:.1f}",
        "; ".join(note for note in notes if note).replace("|", "/"),
    )
    return f"| {' | '.join(cells)} |"


def page(told: Told, lag: Lag, number: int, seed: int) -> str:
    """Return the whole README."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}"
    facts = f"{datetime.now(UTC):%Y-%m-%d}, commit {commit or 'unknown'}, N={number}, SEED={seed}"
    late = f"The measuring process itself was late by at most {lag.worst_seconds:.1f} s."
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    lines += [row(fault, *told[fault]) for fault in FAULTS if fault in told]
    return f"{HEAD}\nMachine: {machine}. {facts}. {late}\n\n" + "\n".join(lines) + "\n"


def main() -> None:
    """Run what is asked for, write the page; end with 1 when a row failed that is not known to."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("-n", type=int, default=50)
    asked.add_argument("--seed", type=int, default=112)
    asked.add_argument("--only", default="", help="parts of names, with commas")
    asked.add_argument("--slots", type=int, default=SLOTS)
    given = asked.parse_args()
    asked_for = given.only.split(",")
    faults = [fault for fault in FAULTS if any(part in fault.name for part in asked_for)]
    sys.stdout.write(f"{len(faults)} faults, N={given.n}, SEED={given.seed}\n")

    def say(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    told, lag = uvloop.run(run(faults, given.n, given.seed, slots=given.slots, say=say))
    text = page(told, lag, given.n, given.seed)
    if not given.only:
        Path(__file__).with_name("README.md").write_text(text)
    known = sum(bool(why and fault.hole) for fault, (_, why) in told.items())
    failed = sum(bool(why) for _, why in told.values()) - known
    rows = f"{len(told)} rows, {failed} failed and {known} that are known to"
    say(f"{rows}; late by at most {lag.worst_seconds:.2f} s")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
