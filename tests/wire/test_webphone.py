"""The telephone in a browser: its secret, its seat, and its way to an Asterisk that is scripted."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import uvicorn
from browsing import CONFIGURATION, Browser, Desk
from sqlalchemy import Engine
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from ivr.desk import relay
from ivr.desk.console.pages import FOLDER
from ivr.desk.webphone import CODES
from ivr.records import users
from ivr.records.engine import open_engine, writing
from ivr.settings import Settings
from routing.endpoints import RELAYED
from routing.site import Trunk

SECONDS = 10.0
LOCK = FOLDER / "web/package-lock.json"
_PHONES = CONFIGURATION.operators.operators
BROWSERS = replace(
    CONFIGURATION,
    operators=CONFIGURATION.operators.model_copy(
        update={"operators": tuple(x.model_copy(update={"browser": True}) for x in _PHONES)}
    ),
)
LIVE = replace(
    BROWSERS,
    site=BROWSERS.site.model_copy(
        update={"trunks": {"telkom": Trunk(gateway="203.0.113.5:5060")}, "outgoing": ("telkom",)}
    ),
)


@dataclass
class Asterisk:
    """Says back what it is told, and keeps who came from where."""

    came: list[tuple[str, str | None]] = field(default_factory=list)
    server: Server | None = None

    async def take(self, browser: ServerConnection) -> None:
        self.came.append((browser.remote_address[0], browser.subprotocol))
        async for message in browser:
            await browser.send(f"SIP/2.0 200 {message!s}")

    @property
    def bind(self) -> str:
        assert self.server is not None
        host, port = next(iter(self.server.sockets)).getsockname()[:2]
        return f"{host}:{port}"


@pytest.fixture
async def asterisk() -> AsyncIterator[Asterisk]:
    script = Asterisk()
    async with serve(script.take, "127.0.0.1", 0, subprotocols=[Subprotocol("sip")]) as server:
        script.server = server
        yield script


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(Settings(state=tmp_path, database_url=""))
    yield engine
    engine.dispose()


@pytest.fixture
def desk(engine: Engine, asterisk: Asterisk) -> Desk:
    """A desk with two operators who telephone in the browser, and a supervisor who does not."""
    desk = Desk(engine, configuration=BROWSERS, ws_bind=asterisk.bind)
    desk.add(phone="operator-1")
    desk.add("citra", phone="operator-1", shown="Citra")
    desk.add("budi", "supervisor", shown="Budi", phone="pengawas-1")
    return desk


class Served:
    """A console over a real socket, and browsers at it."""

    def __init__(self, desk: Desk, host: str) -> None:
        self._desk, self._host = desk, host

    async def cookies(self, name: str) -> str:
        async with Browser(self._desk.app, f"http://{self._host}") as browser:
            await browser.log_in(name)
            return "; ".join(f"{key}={value}" for key, value in browser.cookies.items())

    @asynccontextmanager
    async def socket(
        self, path: str, name: str = "", origin: str = ""
    ) -> AsyncIterator[ClientConnection]:
        headers = {"Cookie": await self.cookies(name)} if name else {}
        async with connect(
            f"ws://{self._host}{path}",
            origin=Origin(origin or f"http://{self._host}"),
            additional_headers=headers,
            subprotocols=[Subprotocol("sip")],
            proxy=None,
        ) as browser:
            yield browser


@asynccontextmanager
async def served(desk: Desk) -> AsyncIterator[Served]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        desk.app,
        lifespan="off",
        log_config=None,
        access_log=False,
        ws="websockets-sansio",
        ws_max_size=relay.FRAME_BYTES,
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server._serve(sockets=[listener]))
    try:
        yield Served(desk, f"127.0.0.1:{listener.getsockname()[1]}")
    finally:
        server.should_exit = True
        await running
        listener.close()


async def heard(browser: ClientConnection) -> str:
    async with asyncio.timeout(SECONDS):
        return str(await browser.recv())


async def closed(browser: ClientConnection) -> tuple[int, str]:
    """Return the code and the reason with which a connection is closed."""
    async with asyncio.timeout(SECONDS):
        with pytest.raises(ConnectionClosed) as found:
            await browser.recv()
    assert found.value.rcvd is not None
    return found.value.rcvd.code, found.value.rcvd.reason


OPERATOR = "/ws/operator?tab=a"


async def test_what_an_operators_browser_says_reaches_asterisk_from_an_address_of_no_carrier(
    desk: Desk, asterisk: Asterisk
) -> None:
    async with served(desk) as console, console.socket(OPERATOR, "ayu") as browser:
        assert browser.subprotocol == "sip"
        await browser.send("REGISTER")
        assert await heard(browser) == "SIP/2.0 200 REGISTER"
    assert asterisk.came == [(RELAYED, "sip")]
    assert RELAYED not in CONFIGURATION.site.incoming


async def test_a_newcomer_telephones_without_a_login_while_the_line_is_a_simulation(
    desk: Desk,
) -> None:
    async with Browser(desk.app) as browser:
        assert "Coba 112" in (await browser.get("/phone")).text
        assert "Try 112" in (await browser.get("/phone?language=en")).text
        told = await browser.get("/phone/newcomer")
        assert told.json() == {"account": "newcomer", "password": "word-of-newcomer"}
        assert told.headers["cache-control"] == "no-store"
    async with served(desk) as console, console.socket("/ws/newcomer") as newcomer:
        await newcomer.send("INVITE")
        assert await heard(newcomer) == "SIP/2.0 200 INVITE"


async def test_there_is_no_newcomer_on_a_live_line(desk: Desk, asterisk: Asterisk) -> None:
    desk.configuration = LIVE
    async with Browser(desk.app) as browser:
        await browser.log_in()
        assert (await browser.get("/phone")).status_code == 404
        assert (await browser.get("/phone/newcomer")).status_code == 404
    async with served(desk) as console, console.socket("/ws/newcomer") as newcomer:
        assert await closed(newcomer) == (CODES["no-phone"], "")
    assert asterisk.came == []


async def test_a_line_that_goes_live_leaves_its_newcomers(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "ASK_SECONDS", 0.05)
    async with served(desk) as console, console.socket("/ws/newcomer") as newcomer:
        await newcomer.send("INVITE")
        assert await heard(newcomer) == "SIP/2.0 200 INVITE"
        desk.configuration = LIVE
        assert (await closed(newcomer))[0] == CODES["logged-out"]


async def test_the_secret_of_a_telephone_is_told_to_who_sits_at_it_and_kept_nowhere(
    desk: Desk,
) -> None:
    async with Browser(desk.app) as browser:
        assert (await browser.post("/phone/account")).status_code in {303, 401}
        await browser.log_in("ayu")
        assert (await browser.post("/phone/account")).status_code == 403  # no word of our page
        told = await browser.give("/phone/account")
        assert told.json() == {"account": "operator-1", "password": "word-of-operator-1"}
        assert told.headers["cache-control"] == "no-store"
        assert "word-of" not in (await browser.get("/")).text


async def test_who_has_a_telephone_on_the_desk_is_told_no_secret_and_has_no_bar(
    desk: Desk,
) -> None:
    async with Browser(desk.app) as browser:
        await browser.log_in("budi")
        assert (await browser.give("/phone/account")).status_code == 404
        assert "data-phone" not in (await browser.get("/")).text
    async with served(desk) as console, console.socket(OPERATOR, "budi") as budi:
        assert await closed(budi) == (CODES["no-phone"], "")


async def test_a_second_browser_is_told_who_has_the_telephone_and_takes_it_when_it_insists(
    desk: Desk,
) -> None:
    async with served(desk) as console, console.socket(OPERATOR, "ayu") as first:
        await first.send("REGISTER")
        await heard(first)
        async with console.socket("/ws/operator?tab=b", "citra") as second:
            assert await closed(second) == (CODES["taken"], "Ayu")
        async with console.socket("/ws/operator?tab=b&insists", "citra") as second:
            assert await closed(first) == (CODES["displaced"], "Citra")
            await second.send("REGISTER")
            assert await heard(second) == "SIP/2.0 200 REGISTER"


async def test_a_page_that_comes_back_before_its_old_connection_is_gone_has_its_telephone(
    desk: Desk,
) -> None:
    async with served(desk) as console, console.socket(OPERATOR, "ayu") as first:
        await first.send("REGISTER")
        await heard(first)
        async with console.socket(OPERATOR, "ayu") as again:
            await again.send("REGISTER")
            assert await heard(again) == "SIP/2.0 200 REGISTER"


async def test_a_telephone_that_was_left_is_free(desk: Desk) -> None:
    async with served(desk) as console:
        async with console.socket(OPERATOR, "ayu") as first:
            await first.send("REGISTER")
            await heard(first)
        async with asyncio.timeout(SECONDS):
            while desk.phones._seats.taken:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)


@pytest.mark.parametrize(("name", "origin"), [("", ""), ("ayu", "http://elsewhere.example")])
async def test_who_is_not_in_or_comes_from_another_site_gets_no_connection(
    desk: Desk, asterisk: Asterisk, name: str, origin: str
) -> None:
    async with served(desk) as console:
        with pytest.raises(InvalidStatus) as refused:
            async with console.socket(OPERATOR, name, origin):
                pass
        assert refused.value.response.status_code == 403
        with pytest.raises(InvalidStatus):
            async with console.socket("/ws/newcomer", origin="http://elsewhere.example"):
                pass
    assert asterisk.came == []


async def test_who_is_disabled_is_out_of_the_telephone_too(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "ASK_SECONDS", 0.05)
    async with served(desk) as console, console.socket(OPERATOR, "ayu") as browser:
        await browser.send("REGISTER")
        await heard(browser)
        with writing(desk.engine) as connection:
            users.disable(connection, "ayu", desk.now, "budi")
        assert (await closed(browser))[0] == CODES["logged-out"]


async def test_an_asterisk_that_is_away_is_said(desk: Desk, asterisk: Asterisk) -> None:
    assert asterisk.server is not None
    asterisk.server.close()
    await asterisk.server.wait_closed()
    async with served(desk) as console, console.socket("/ws/newcomer") as newcomer:
        assert (await closed(newcomer))[0] == CODES["away"]


async def test_an_asterisk_that_leaves_is_said(desk: Desk, asterisk: Asterisk) -> None:
    async with served(desk) as console, console.socket("/ws/newcomer") as newcomer:
        await newcomer.send("INVITE")
        await heard(newcomer)
        assert asterisk.server is not None
        asterisk.server.close()
        assert (await closed(newcomer))[0] == CODES["away"]


async def test_a_message_that_is_no_sip_by_its_size_ends_the_connection(desk: Desk) -> None:
    async with served(desk) as console, console.socket("/ws/newcomer") as newcomer:
        await newcomer.send("x" * (relay.FRAME_BYTES + 1))
        assert (await closed(newcomer))[0] == 1009  # RFC 6455 section 7.4.1


async def test_a_crowd_of_newcomers_has_a_limit(desk: Desk) -> None:
    desk.phones._newcomers._limit = 1
    async with served(desk) as console, console.socket("/ws/newcomer") as first:
        await first.send("INVITE")
        await heard(first)
        async with console.socket("/ws/newcomer") as second:
            assert (await closed(second))[0] == CODES["crowded"]
        await first.send("BYE")
        assert await heard(first) == "SIP/2.0 200 BYE"


async def test_a_browser_that_says_nothing_for_long_is_left(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "IDLE_SECONDS", 0.05)
    async with served(desk) as console, console.socket("/ws/newcomer") as newcomer:
        assert (await closed(newcomer))[0] == CODES["away"]


# ----------------------------------------------------------------------------- the script of others


def test_the_lock_names_a_version_and_its_hash_and_no_registry() -> None:
    text = LOCK.read_text()
    assert "://" not in text
    packages = json.loads(text)["packages"]
    assert packages["node_modules/jssip"]["version"] == packages[""]["dependencies"]["jssip"]
    assert all(one["integrity"].startswith("sha512-") for name, one in packages.items() if name)
