"""Measures a day's report over a million calls in SQLite: `.venv/bin/python tests/bench/report.py`.

The calls are made by dice that fall the same way each time; their shares are nobody's statistics.
"""

import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, insert
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, DropIndex

from ivr.period import a_day
from ivr.records.engine import FILE, open_engine
from ivr.records.figures import of_period
from ivr.records.schema import calls, hops
from ivr.settings import Settings

CALLS = 1_000_000
CHUNK = 10_000
SECOND_HOPS = 10
"""One call in so many tries a second agency."""
ROUNDS = 5
DAY = "2026-11-25"
MIDNIGHT = 1795539600.0
TOLD_BYTES = 700
"""As much as the record of a call with a menu, an agency and an operator."""

_OUTCOMES = (
    *["connected-agency"] * 8,
    *["connected-operator"] * 5,
    *["abandoned-menu"] * 4,
    *("abandoned-ringing", "abandoned-queue", "cut-off"),
)
_SERVICES = (
    *("fire", "medical", "disaster", "fallen-tree", "power", "rescue", "police"),
    *("operator", "cannot-speak", "no-choice"),
)
_FLOORS = (*["controller"] * 50, "stand-in", "static")
_AGENCIES = ("damkar", "psc-119", "bpbd", "pln", "basarnas", "polresta")
_FAILURES = (("BUSY", 17), ("NOANSWER", 19), ("CONGESTION", 34), ("CHANUNAVAIL", 3), ("ANSWER", 16))

COMMAND = """\
from ivr.report import report_command
from ivr.settings import Settings
report_command(obj=Settings())
"""


def a_call(n: int, dice: random.Random) -> dict[str, object]:
    """Return one row of `calls`, without what follows from nothing."""
    began = MIDNIGHT + n * 86400 / CALLS
    outcome = dice.choice(_OUTCOMES)
    human = round(dice.lognormvariate(2.3, 0.6), 6) if outcome.startswith("connected") else None
    queued = began + 9 if outcome in ("connected-operator", "abandoned-queue") else None
    ended = began + (human or 0) + dice.expovariate(1 / 60)
    return {
        "callref": f"siaga-{began:.0f}.{n}",
        "change": n,
        "began_at": began,
        "answered_at": began + 0.01,
        "queued_at": queued,
        "human_at": began + human if human else None,
        "ended_at": ended,
        "ani": "0000",
        "dnis": "112",
        "trunk": "from-trunk",
        "test": dice.random() < 0.001,
        "service": "" if outcome == "abandoned-menu" else dice.choice(_SERVICES),
        "language": "id",
        "floor": dice.choice(_FLOORS),
        "stage": "ended",
        "outcome": outcome,
        "human_kind": "agency",
        "human_who": "damkar",
        "human_seconds": human,
        "queue_seconds": min(dice.lognormvariate(1.5, 0.6), ended - queued) if queued else None,
        "talk_seconds": 60.0,
        "recording": "",
        "told": "x" * TOLD_BYTES,
    }


def hops_of(n: int, call: dict[str, object], dice: random.Random) -> Iterator[dict[str, object]]:
    """Yield the rows of `hops` of one call: one, or now and then two."""
    for place in range(1, 3 if n % SECOND_HOPS == 0 else 2):
        served = dice.random() < 0.8
        status, cause = ("ANSWER", 16) if served else dice.choice(_FAILURES)
        yield {
            "callref": call["callref"],
            "place": place,
            "at": call["began_at"],
            "agency": dice.choice(_AGENCIES),
            "number": "113",
            "trunk": "simulated",
            "status": status,
            "cause": cause,
            "ring_seconds": dice.lognormvariate(2, 0.6),
            "talk_seconds": 60.0,
            "served": served,
            "test": call["test"],
        }


def build(settings: Settings) -> Path:
    """Make the database as the desk makes it; the rows go in before the indexes."""
    open_engine(settings).dispose()
    path = settings.state / FILE
    dialect = sqlite.dialect(paramstyle="named")
    of_calls, of_hops = (str(insert(table).compile(dialect=dialect)) for table in (calls, hops))
    dice = random.Random(112)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for index in (*calls.indexes, *hops.indexes):
            connection.execute(str(DropIndex(index).compile(dialect=dialect)))
        for first in range(0, CALLS, CHUNK):
            some = [a_call(n, dice) for n in range(first, first + CHUNK)]
            connection.executemany(of_calls, some)
            attempts = (hops_of(first + n, one, dice) for n, one in enumerate(some))
            connection.executemany(of_hops, [hop for each in attempts for hop in each])
        for index in (*calls.indexes, *hops.indexes):
            connection.execute(str(CreateIndex(index).compile(dialect=dialect)))
    connection.close()
    return path


def seconds(what: Callable[[], object]) -> str:
    """Return the medians of ROUNDS rounds: on the clock, and of a core alone."""
    clock, core = [], []
    for _ in range(ROUNDS):
        began, busy = time.perf_counter(), sum(os.times()[:4])
        what()
        clock.append(time.perf_counter() - began)
        core.append(sum(os.times()[:4]) - busy)
    return f"{statistics.median(clock):5.2f} {statistics.median(core):5.2f}"


def command(settings: Settings, *options: str) -> None:
    """Run `siaga report` as a process of its own."""
    subprocess.run(
        [sys.executable, "-c", COMMAND, "--day", DAY, *options],
        env={**os.environ, "SIAGA_STATE": str(settings.state), "SIAGA_DATABASE_URL": ""},
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=60,
    )


def queries(engine: Engine) -> dict[str, str]:
    """Return the seconds of each query of a report, with the fetching of its rows."""
    asked: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, query: str, values: object, *_: object) -> None:
        asked.append((query, values))

    event.listen(engine, "before_cursor_execute", note)
    of_period(engine, a_day(DAY))
    event.remove(engine, "before_cursor_execute", note)
    with engine.connect() as connection:
        return {
            query: seconds(partial(fetch, connection, query, values))
            for query, values in asked
            if query.startswith("SELECT")
        }


def fetch(connection: Connection, query: str, values: Any) -> object:
    """Run one query and fetch its rows."""
    return connection.exec_driver_sql(query, values).all()


def main() -> None:
    """Build, measure, print. The command's own start is in its seconds."""
    say = sys.stdout.write
    with tempfile.TemporaryDirectory(prefix="siaga-bench-") as folder:
        settings = Settings(state=Path(folder), database_url="")
        began = time.perf_counter()
        size = build(settings).stat().st_size / 2**20
        say(f"{CALLS} calls, {size:.0f} MiB, built in {time.perf_counter() - began:.0f} s\n")
        engine = open_engine(settings)
        say("clock  core, seconds, median of 5\n")
        say(f"{seconds(partial(of_period, engine, a_day(DAY)))}  count and fold, of which\n")
        for query, took in queries(engine).items():
            say(f"{took}    {query[:84]}\n")
        engine.dispose()
        say(f"{seconds(partial(command, settings))}  siaga report\n")
        say(f"{seconds(partial(command, settings, '--html', '-'))}  siaga report --html -\n")
        say(f"{seconds(nothing)}  what every command loads\n")


def nothing() -> None:
    """Run a process that loads what every command loads, and ends."""
    subprocess.run([sys.executable, "-c", "import ivr.__main__"], check=True, timeout=60)


if __name__ == "__main__":
    main()
