"""Changing what runs while callers are inside: nobody is moved, and nobody is cut off."""

import asyncio
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from line import Line, until
from test_call import dialled, order, told

from ivr import applied
from ivr.phone import Key, Report, call


@pytest.fixture
def shifted(line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A dialplan in which every step has moved down by three, as an edit above it would do."""
    written = applied.DIALPLAN.read_text()
    pushed = " same => n,NoOp()\n" * 3
    moved = re.sub(r"^exten => (\S+?),1,(.*\n)", rf"exten => \1,1,NoOp()\n{pushed} same => n,\2",
                   written, flags=re.MULTILINE)  # fmt: skip
    edited = tmp_path / "dialplan.conf"
    edited.write_text(moved)
    with monkeypatch.context() as patch:
        patch.setattr(applied, "DIALPLAN", edited)
        yield
    applied.apply(line.settings)
    line.asterisk("dialplan reload")


def test_who_came_in_with_a_version_that_was_taken_back_stays(line: Line) -> None:
    since = len(line.journal())
    earlier = applied.version(line.settings)
    inside = order(line, Key("1", after_seconds=6.0))
    after = order(line, Key("6", after_seconds=1.0))

    async def story() -> list[Report]:
        applied.apply(line.settings)
        await asyncio.to_thread(line.asterisk, "dialplan reload")
        callers = [asyncio.create_task(call(inside))]
        asked = functools.partial(told, line, "CALL", since)
        await asyncio.to_thread(until, asked, "the caller is in the menu")
        applied.again(line.settings, earlier)
        await asyncio.to_thread(line.asterisk, "dialplan reload")
        callers.append(asyncio.create_task(call(after)))
        return await asyncio.gather(*callers)

    reports = asyncio.run(story())
    assert [r.reached for r in reports] == [True] * 2
    assert [dialled(line, since, x.caller) for x in (inside, after)] == [
        ["113@simulated"],
        ["115@simulated"],
    ]


@pytest.mark.usefixtures("shifted")
def test_a_reload_of_another_dialplan_moves_no_caller(line: Line) -> None:
    since = len(line.journal())
    before = [
        order(line, Key("1", after_seconds=1.0)),  # talks by then
        order(line, Key("2", after_seconds=3.0)),  # it rings
        order(line, Key("3", after_seconds=6.0)),  # in the menu
        order(line),  # says nothing at all
    ]
    after = order(line, Key("6", after_seconds=1.0))

    async def story() -> list[Report]:
        callers = [asyncio.create_task(call(each)) for each in before]
        ringing = functools.partial(dialled, line, since, before[1].caller)
        await asyncio.to_thread(until, ringing, "the second caller's agency rings")
        applied.apply(line.settings)
        await asyncio.to_thread(line.asterisk, "dialplan reload")
        callers.append(asyncio.create_task(call(after)))
        return await asyncio.gather(*callers)

    reports = asyncio.run(story())
    assert [r.reached for r in reports] == [True] * 5
    assert max(r.longest_silence_seconds for r in reports) <= 3.0
    assert {r.ended_by for r in reports} == {"caller"}
    numbers = [dialled(line, since, each.caller) for each in (*before, after)]
    assert numbers == [[f"{n}@simulated"] for n in ("113", "119", "117", "operator", "115")]
