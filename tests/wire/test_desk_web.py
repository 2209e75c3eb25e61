"""What the desk answers over HTTP, and how it asks the parts of the line."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from browsing import CONFIGURATION
from prometheus_client import CollectorRegistry, Counter
from sqlalchemy import Engine

from ivr.desk import probes
from ivr.desk.console.board import Board
from ivr.desk.console.door import Door
from ivr.desk.console.phone import Phones
from ivr.desk.console.records import Records
from ivr.desk.console.screens import Screens
from ivr.desk.health import Trouble
from ivr.desk.web import Sources, application
from ivr.records.errors import GoneError


@pytest.fixture
def red() -> list[Trouble]:
    return []


def nothing_open_yet() -> Engine:
    raise GoneError("the records are not open yet", "try again")


@pytest.fixture
async def browser(red: list[Trouble]) -> AsyncIterator[httpx.AsyncClient]:
    registry = CollectorRegistry()
    Counter("siaga112_calls", "Calls.", registry=registry).inc(3)
    records = Records(nothing_open_yet)
    board = Board(Screens(configuration=lambda: CONFIGURATION), records)
    warned = [Trouble("broker", "away", 2.0)]
    phones = Phones(lambda: CONFIGURATION, str, "127.0.0.1:9")
    sources = Sources(lambda: red, lambda: warned, registry, Door(records), board, phones)
    app = application(sources)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://desk") as browser:
        yield browser


async def test_a_line_that_is_well_is_green_and_still_tells_its_warnings(
    browser: httpx.AsyncClient,
) -> None:
    answer = await browser.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {
        "ok": True,
        "trouble": [],
        "warnings": [{"part": "broker", "why": "away", "seconds": 2.0}],
    }


async def test_trouble_is_red_and_named(browser: httpx.AsyncClient, red: list[Trouble]) -> None:
    red.append(Trouble("journal", "cannot be read", 1.5))
    answer = await browser.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["trouble"] == [
        {"part": "journal", "why": "cannot be read", "seconds": 1.5}
    ]


async def test_metrics_are_what_prometheus_reads(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "siaga112_calls_total 3.0" in answer.text


async def asked(ask: probes.Ask) -> str:
    """Return what the first question told."""
    told: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
    asking = asyncio.create_task(
        probes.keep_asking("part", ask, lambda part, why: told.put_nowait((part, why)))
    )
    async with asyncio.timeout(5):
        part, why = await told.get()
    asking.cancel()
    assert part == "part"
    return why


async def test_a_part_that_does_not_answer_in_time_is_in_trouble(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(probes, "ANSWER_SECONDS", 0.05)

    async def never() -> str:
        await asyncio.Event().wait()
        raise AssertionError

    assert await asked(never) == "no answer within 0 s"


async def test_a_part_that_cannot_be_asked_is_in_trouble() -> None:
    async def broken() -> str:
        raise OSError("no such file")

    assert await asked(broken) == "no such file"


async def test_a_disk_with_too_little_room_says_how_much_there_is(tmp_path: Path) -> None:
    assert await asked(probes.disk(tmp_path, 0)) == ""
    why = await asked(probes.disk(tmp_path, 1 << 60))
    assert "MiB are free" in why
    assert "make room" in why
