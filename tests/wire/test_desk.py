"""The desk goes on, whatever fails in it."""

import asyncio
import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ivr import applied
from ivr.callrecord import Change
from ivr.desk import noting, probes, process, service
from ivr.desk.ingest import Ingest
from ivr.desk.service import Desk
from ivr.desk.states import Hotlines
from ivr.live import Live
from ivr.messages import Followed
from ivr.records import engine as records_engine
from ivr.records import schema
from ivr.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a line whose configuration is in force."""
    config, state = tmp_path / "config", tmp_path / "state"
    shutil.copytree(ROOT / "config", config)
    (state / "journal").mkdir(parents=True)
    found = Settings(
        config=config, state=state, sounds=ROOT / "asterisk" / "sounds", database_url=""
    )
    applied.apply(found)
    return found


@pytest.fixture
def desk(settings: Settings) -> Iterator[Desk]:
    desk = Desk(settings)
    yield desk
    desk.ingest.engine.dispose()


async def test_a_mistake_in_reading_opens_neither_database_nor_broker_anew(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(process, "RETRY_SECONDS", 0.0)
    seen: asyncio.Queue[tuple[Any, Any]] = asyncio.Queue()

    def take(_: object) -> None:
        seen.put_nowait((desk.bus, desk.ingest.engine))
        raise ZeroDivisionError

    monkeypatch.setattr(desk, "_take", take)
    reading = asyncio.create_task(process._for_ever(desk.read_journal))
    async with asyncio.timeout(20):
        told = {await seen.get() for _ in range(3)}
    reading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reading
    assert len(told) == 1


async def test_a_journal_that_cannot_be_put_in_order_is_a_warning(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = asyncio.Event()
    why = "calls-1.jsonl: cannot be deleted"
    monkeypatch.setattr(Ingest, "keep_house", lambda _: why)
    monkeypatch.setattr(desk, "_take", lambda _: taken.set())
    reading = asyncio.create_task(desk.read_journal())
    async with asyncio.timeout(20):
        await taken.wait()
    warnings = {trouble.part: trouble.why for trouble in desk.sources().warnings()}
    assert warnings["house"] == why
    reading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reading


def test_a_database_made_anew_tells_nobody_again_of_what_is_long_over(settings: Settings) -> None:
    told: list[str] = []

    def follow(change: Change) -> Followed:
        told.append(change.after.callref)
        return Followed()

    now = time.time()
    for age, call in ((86400, "siaga-1.0"), (60, "siaga-2.0")):
        begun = {"eventtype": "CALL", "userdeftype": "CALL", "eventextra": '{"extra":"ani=0812"}'}
        line = {"eventtime": f"{now - age}", **begun, "linkedid": call, "uniqueid": call}
        with (settings.state / "journal" / "calls.jsonl").open("a") as journal:
            journal.write(json.dumps(line) + "\n")
    ingest = Ingest(settings, follow)
    assert {x.after.callref for x in ingest.look().changes} == {"siaga-1.0", "siaga-2.0"}
    assert told == ["siaga-2.0"]
    ingest.engine.dispose()


async def test_a_call_whose_end_nobody_noted_is_ended_with_an_alarm(
    desk: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk took its HANGUP, and Asterisk has its channel no more."""
    monkeypatch.setattr(noting, "ENDED_SECONDS", 0.0)
    call = "siaga-1795497172.0"
    line = {"eventtime": "100.0", "linkedid": call, "uniqueid": call}
    begun = {"eventtype": "CALL", "userdeftype": "CALL", "eventextra": '{"extra":"ani=0812"}'}
    (settings.state / "journal" / "calls.jsonl").write_text(json.dumps({**line, **begun}) + "\n")
    desk.live = Live("", channels={})
    ended = asyncio.Event()

    def changed(_: object, change: Change) -> None:
        if change.after.outcome:
            ended.set()

    monkeypatch.setattr(Hotlines, "changed", changed)
    reading = asyncio.create_task(desk.read_journal())
    async with asyncio.timeout(20):
        await ended.wait()
    with records_engine.reading(desk.ingest.engine) as connection:
        assert connection.execute(select(schema.alarms.c.what)).all() == [("end-not-noted",)]
        assert connection.execute(select(schema.calls.c.outcome)).all() == [("cut-off",)]
    assert desk.metrics.going == set()
    reading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reading


def test_a_file_whose_name_is_no_text_is_trouble_that_can_be_told(
    desk: Desk, settings: Settings
) -> None:
    name = os.fsdecode(b"calls-20261126T000000Z-\xff.jsonl")
    (settings.state / "journal" / name).mkdir()
    looked = desk.ingest.look()
    assert "not a plain file" in looked.trouble
    assert looked.trouble.encode()


async def test_the_room_on_the_disk_is_a_figure_once_it_was_asked(desk: Desk) -> None:
    assert "siaga112_free_bytes" not in {name for name, _, _ in desk.gauges()}
    await probes.disk(desk.ingest.settings.state, seen=desk.see_free)()
    found = {name: values for name, _, values in desk.gauges()}
    assert found["siaga112_free_bytes"][()] > 0
