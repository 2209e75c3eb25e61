"""Measures how far the records are behind the calls, at CALLS_PER_SECOND, as the desk reads them.

    .venv/bin/python tests/bench/lag.py [--seconds 60]

A thread writes the lines of calls when they are due, each as Asterisk does: the file is opened,
written and closed. The lag of a line is from its time to when its record was committed.
"""

import argparse
import random
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parent))

from ingest import CALLS_PER_SECOND, call, say

from ivr.desk.ingest import BEHIND_SECONDS
from ivr.desk.service import LOOK_SECONDS
from ivr.records.engine import open_engine
from ivr.records.store import Store
from ivr.settings import Settings
from ivr.tail import LIVE, Tail

WARM_SECONDS = 130
"""A call's length: only then is the journal as full as it stays."""
PREPARE_SECONDS = 20.0
"""Until what was written before is read."""
BAR_SECONDS = 1.0


def write(live: Path, lines: list[tuple[float, str]]) -> None:
    """Write each line when it is due, as Asterisk does."""
    for at, line in lines:
        time.sleep(max(at - time.time(), 0.0))
        with live.open("a") as file:
            file.write(f"{line}\n")


def measure(state: Path, seconds: float) -> list[float]:
    """Return the lag of every line, in seconds."""
    (state / "journal").mkdir()
    begins_at = time.time() + PREPARE_SECONDS
    dice, began = random.Random(112), begins_at - WARM_SECONDS
    calls = int((WARM_SECONDS + seconds) * CALLS_PER_SECOND)
    every = sorted(
        line for n in range(calls) for line in call(n, began + n / CALLS_PER_SECOND, dice)
    )
    past = [line for at, line in every if at < begins_at]
    due = [(at, line) for at, line in every if begins_at <= at < begins_at + seconds]
    live = state / "journal" / LIVE
    live.write_text("".join(f"{line}\n" for line in past))
    store, tail = Store(open_engine(Settings(state=state, database_url=""))), Tail(live.parent)
    offsets = store.offsets()
    lags: list[float] = []
    writing = threading.Thread(target=write, args=(live, due))
    writing.start()
    while writing.is_alive():
        look = tail.read(offsets)
        if look.batch is None:
            time.sleep(LOOK_SECONDS)
            continue
        store.ingest(look.batch, look.name)
        offsets[look.batch.position.file] = look.batch.position.offset
        committed_at = time.time()
        ages = [committed_at - line.at for line in look.batch.lines]
        lags += [age for age in ages if age <= committed_at - begins_at]
        if ages and min(ages) <= BEHIND_SECONDS:
            time.sleep(LOOK_SECONDS)
    return lags


def main() -> int:
    """Measure, and say whether the bar is met."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=60)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(dir="var") as folder:
        lags = sorted(measure(Path(folder), given.seconds))
    p50, p99 = statistics.median(lags), lags[int(len(lags) * 0.99)]
    say(f"{len(lags)} lines at {CALLS_PER_SECOND} calls/s for {given.seconds:.0f} s")
    say(f"lag: p50 {p50:.2f} s, p99 {p99:.2f} s, worst {lags[-1]:.2f} s")
    return 0 if lags[-1] < BAR_SECONDS else 1


if __name__ == "__main__":
    raise SystemExit(main())
