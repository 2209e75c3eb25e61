"""Orders as they are handed in at Asterisk's socket, with a console that follows a script."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine

from ivr.desk import actions
from ivr.desk.actions import CONSOLE, Actions, Known
from ivr.desk.console.records import Records
from ivr.heard import Channel, Member
from ivr.live import Live
from ivr.orders import Finish, Listen, Pause, Person
from ivr.records.engine import open_engine
from ivr.records.errors import GoneError
from ivr.settings import Settings
from routing.loading import load

CONFIG = Path(__file__).parents[2] / "config"
CALL = "siaga-1795497172.0"
AYU = Person("ayu", "operator-1")
BUDI = Person("budi", "operator-2", supervises=True)


def channel(uniqueid: str, name: str, context: str = "") -> Channel:
    return Channel(uniqueid, CALL, name, context, ringing=False, bridged=True)


MEMBERS = [
    Member("operators", f"operator-{n}", "", device, paused=False) for n, device in ((1, 2), (2, 1))
]
LIVE = Live(
    why="",
    channels={
        CALL: channel(CALL, "PJSIP/from-trunk-00000001", "ops"),
        "siaga-1795497172.4": channel("siaga-1795497172.4", "PJSIP/operator-1-00000002"),
    },
    entries={},
    members={(m.queue, m.account): m for m in MEMBERS},
)


class Console:
    """Asterisk's console socket: greets, hears one command, answers as it was told to."""

    def __init__(self, answer: str, greeting: str = "siaga/1/Asterisk 22.10.1\n") -> None:
        self.heard: list[str] = []
        self._answer, self._greeting = answer, greeting

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self._greeting.encode())
        if self._greeting:
            self.heard.append((await reader.readuntil(b"\0")).decode().rstrip("\0"))
            writer.write(self._answer.encode())
        writer.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / CONSOLE).parent.mkdir(parents=True)
    return Settings(state=tmp_path, config=CONFIG)


@asynccontextmanager
async def console(settings: Settings, answer: str = "", **more: str) -> AsyncIterator[Console]:
    own = Console(answer, **more)
    async with await asyncio.start_unix_server(own.serve, settings.state / CONSOLE):
        yield own


def desk(settings: Settings, engine: Callable[[], Engine] | None = None) -> Actions:
    return Actions(
        settings,
        Known(lambda: LIVE, dict, lambda: load(CONFIG)),
        Records(engine or (lambda: open_engine(settings))),
    )


def gone() -> Engine:
    raise GoneError("the records are not open yet", "try again")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "DONE_SECONDS", 0.1)
    monkeypatch.setattr(actions, "SAY_SECONDS", 0.3)


async def test_an_order_is_one_command_with_words_of_ours(settings: Settings) -> None:
    async with console(settings) as heard:
        await desk(settings).perform(AYU, Finish(CALL))
    command = "cli quit after channel originate Local/ear@desk/n extension"
    assert heard.heard == [f"{command} finish.siaga-1795497172.4@desk"]


async def test_what_was_said_and_did_not_happen_is_not_done(settings: Settings) -> None:
    async with console(settings):
        assert await desk(settings).perform(AYU, Finish(CALL)) == "not-done"


async def test_an_asterisk_that_is_away_or_refuses_or_hangs_up_is_told_of(
    settings: Settings,
) -> None:
    assert await desk(settings).perform(AYU, Finish(CALL)) == "asterisk-away"
    async with console(settings, "You don't have permissions to run this command\n"):
        assert await desk(settings).perform(AYU, Finish(CALL)) == "asterisk-away"
    async with console(settings, greeting=""):
        assert await desk(settings).perform(AYU, Finish(CALL)) == "asterisk-away"


async def test_nobody_listens_in_when_it_cannot_be_noted(settings: Settings) -> None:
    async with console(settings) as heard:
        order = Listen(CALL, "listen")
        assert await desk(settings, gone).perform(BUDI, order) == "records-away"
        assert heard.heard == []


async def test_any_other_order_goes_out_when_it_cannot_be_noted(settings: Settings) -> None:
    async with console(settings) as heard:
        await desk(settings, gone).perform(AYU, Pause("operator-1", "break"))
        assert len(heard.heard) == 1
