"""Who comes into the console, who is in, and what is refused: over HTTP, with a real database."""

import asyncio
import os
import re
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from browsing import PASSWORD, PASSWORDS, Browser, Desk
from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Message
from starlette.websockets import WebSocket

from ivr.accounts import FREE_BY_NAME, IDLE_SECONDS, SESSION_SECONDS, Role
from ivr.desk.console import door, guard
from ivr.desk.console.door import BUSY_SECONDS, GUESTS, LOWEST_PRIORITY, Door, Held, In, Refused
from ivr.desk.console.guard import FORM_BYTES, Guard, require, still_in
from ivr.desk.console.routes import ROUTES
from ivr.desk.console.visitor import visitor
from ivr.passwords import Passwords
from ivr.records import users
from ivr.records.engine import open_engine, reading, writing
from ivr.records.errors import GoneError
from ivr.settings import Settings


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(Settings(state=tmp_path, database_url=""))
    yield engine
    engine.dispose()


@pytest.fixture
def desk(engine: Engine) -> Desk:
    """A desk that knows one operator, Ayu."""
    desk = Desk(engine)
    desk.add()
    return desk


@pytest.fixture
async def browser(desk: Desk) -> AsyncIterator[Browser]:
    async with Browser(desk.app) as browser:
        yield browser


# ------------------------------------------------------------------------------------- coming in


async def test_who_knows_the_password_is_in_and_it_is_noted(desk: Desk, browser: Browser) -> None:
    assert not await browser.is_in()
    done = await browser.log_in(" AYU ")
    assert (done.status_code, done.headers["location"]) == (303, "/")
    page = await browser.get("/")
    assert "Ayu" in page.text
    assert "op-1" in page.text
    assert desk.audit() == [("ayu", "login", "192.0.2.7")]


async def test_who_is_in_is_not_asked_again(browser: Browser) -> None:
    await browser.log_in()
    assert (await browser.get("/login")).headers["location"] == "/"


async def test_a_wrong_password_and_a_name_that_nobody_has_are_told_alike(
    desk: Desk, browser: Browser
) -> None:
    wrong = await browser.log_in(password="tiga kata salah")
    unknown = await browser.log_in("nobody")
    assert wrong.status_code == unknown.status_code == 403
    assert "Nama atau kata sandi salah" in wrong.text
    assert wrong.text.replace("ayu", "nobody") == unknown.text
    assert not await browser.is_in()
    assert desk.audit() == [
        ("ayu", "login-failed", "192.0.2.7"),
        ("", "login-failed", "192.0.2.7"),
    ]


@pytest.mark.parametrize("name", ["ayu\0", "", "\udcff", "a" * 5000, "' OR 1=1 --"])
async def test_whatever_is_typed_as_a_name_is_a_wrong_name(browser: Browser, name: str) -> None:
    form = {"name": name.encode(errors="surrogatepass"), "password": PASSWORD}
    done = await browser.post("/login", data={**form, "csrf": await browser.word()})
    assert done.status_code == 403
    assert "Nama atau kata sandi salah" in done.text


async def test_a_name_that_is_html_is_shown_as_text(desk: Desk, browser: Browser) -> None:
    typed = '"><script>alert(1)</script>'
    page = (await browser.log_in(typed)).text
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    desk.add("citra", shown="<b onload=x>Citra")
    await browser.log_in("citra")
    page = (await browser.get("/")).text
    assert "<b " not in page
    assert "&lt;b onload=x&gt;Citra" in page


async def test_who_fails_often_waits_and_is_told_how_long(desk: Desk, browser: Browser) -> None:
    for _ in range(FREE_BY_NAME):
        assert (await browser.log_in(password="x")).status_code == 403
    held = await browser.log_in()
    assert (held.status_code, held.headers["retry-after"]) == (429, "2")
    assert "dalam 2 detik" in held.text
    assert len(desk.audit()) == FREE_BY_NAME
    desk.now += 2
    assert (await browser.log_in()).status_code == 303


async def test_a_desk_that_is_restarted_remembers_who_has_to_wait(desk: Desk) -> None:
    async with Browser(desk.app) as browser:
        for _ in range(FREE_BY_NAME):
            await browser.log_in(password="x")
    again = Desk(desk.engine, desk.now)
    async with Browser(again.app) as browser:
        assert (await browser.log_in()).status_code == 429


async def test_no_stranger_keeps_an_operator_out(desk: Desk, browser: Browser) -> None:
    await browser.log_in()
    async with Browser(desk.app, client="198.51.100.9") as stranger:
        while (await stranger.log_in(password="x")).status_code != 429:
            pass
    async with Browser(desk.app) as second:
        assert (await second.log_in()).status_code == 303


async def test_who_is_disabled_does_not_come_in(desk: Desk, browser: Browser) -> None:
    with writing(desk.engine) as connection:
        users.disable(connection, "ayu", desk.now, "budi")
    assert (await browser.log_in()).status_code == 403


async def test_a_password_that_changes_while_it_is_compared_lets_nobody_in(engine: Engine) -> None:
    comparing, changed = threading.Event(), threading.Event()

    class Slow(Passwords):
        def fits(self, kept: str | None, password: str) -> bool:
            comparing.set()
            assert changed.wait(10)
            return super().fits(kept, password)

    desk = Desk(engine, passwords=Slow(PASSWORDS._hasher))
    desk.add()
    coming = asyncio.create_task(desk.door.come_in("ayu", PASSWORD, ""))
    assert await asyncio.to_thread(comparing.wait, 10)
    with writing(engine) as connection:
        users.set_password(connection, "ayu", PASSWORDS.hash("another"), desk.now, "budi")
    changed.set()
    assert await coming == Refused()


async def test_a_hash_of_an_old_price_is_renewed(engine: Engine) -> None:
    dearer = Passwords(PasswordHasher(time_cost=2, memory_cost=8, parallelism=1))
    desk = Desk(engine, passwords=dearer)
    desk.add()
    for _ in range(2):
        assert isinstance(await desk.door.come_in("ayu", PASSWORD, ""), In)
    with reading(engine) as connection:
        assert not dearer.is_old(users.known(connection, "ayu").hash)


async def test_while_passwords_are_compared_others_are_answered_and_not_too_many_wait(
    engine: Engine,
) -> None:
    comparing, go = threading.Event(), threading.Event()
    threads: set[tuple[int, int]] = set()

    class Slow(Passwords):
        def fits(self, kept: str | None, password: str) -> bool:
            thread = threading.get_native_id()
            threads.add((thread, os.getpriority(os.PRIO_PROCESS, thread)))
            comparing.set()
            assert go.wait(20)
            return super().fits(kept, password)

    desk = Desk(engine, passwords=Slow(PASSWORDS._hasher))
    coming = [
        asyncio.create_task(desk.door.come_in(f"user{n}", "x", f"192.0.2.{n}"))
        for n in range(GUESTS)
    ]
    assert await asyncio.to_thread(comparing.wait, 10)
    async with Browser(desk.app) as browser:
        assert (await browser.get("/login")).status_code == 200
        assert await desk.door.come_in("ayu", PASSWORD, "") == Held(BUSY_SECONDS)
    go.set()
    assert await asyncio.gather(*coming) == [Refused()] * GUESTS
    ((_, priority),) = threads
    assert priority == LOWEST_PRIORITY


# ------------------------------------------------------------------------------------- being in


async def test_who_is_idle_for_too_long_is_out(desk: Desk, browser: Browser) -> None:
    await browser.log_in()
    for _ in range(3):
        desk.now += IDLE_SECONDS - 1
        assert await browser.is_in()
    desk.now += IDLE_SECONDS
    assert not await browser.is_in()


async def test_after_a_shift_everybody_is_out_however_busy(desk: Desk, browser: Browser) -> None:
    await browser.log_in()
    for _ in range(SESSION_SECONDS // 1800 - 1):
        desk.now += 1800
        assert await browser.is_in()
    desk.now += 1800
    assert not await browser.is_in()


async def test_who_logs_out_is_out_on_the_server_too(desk: Desk, browser: Browser) -> None:
    await browser.log_in()
    held = dict(browser.cookies)
    done = await browser.post("/logout", data={"csrf": await browser.word("/")})
    assert (done.status_code, done.headers["location"]) == (303, "/login")
    assert "siaga" not in browser.cookies
    browser.cookies.update(held)
    assert not await browser.is_in()
    assert desk.audit()[-1] == ("ayu", "logout", "192.0.2.7")


async def test_who_is_disabled_is_out_at_once(desk: Desk, browser: Browser) -> None:
    await browser.log_in()
    with writing(desk.engine) as connection:
        users.disable(connection, "ayu", desk.now, "budi")
    assert not await browser.is_in()
    with writing(desk.engine) as connection:
        users.enable(connection, "ayu", desk.now, "budi")
    assert not await browser.is_in()


async def test_who_logs_in_as_somebody_else_leaves_as_before(desk: Desk, browser: Browser) -> None:
    desk.add("citra", shown="Citra")
    await browser.log_in()
    before = browser.cookies["siaga"]
    form = {"name": "citra", "password": PASSWORD, "csrf": await browser.word("/")}
    assert (await browser.post("/login", data=form)).status_code == 303
    assert "Citra" in (await browser.get("/")).text
    assert await desk.door.visitor(before, "id") is None


async def test_a_session_that_somebody_made_up_is_none(browser: Browser) -> None:
    page = await browser.get("/", headers={"Cookie": f"siaga={'x' * 43}"})
    assert (page.status_code, page.headers["location"]) == (303, "/login")


def away(desk: Desk) -> None:
    def gone() -> Engine:
        raise GoneError("the server is away", "start it")

    desk.door.records._engine = gone


async def test_while_the_database_is_away_who_is_in_stays_in_and_nobody_comes_in(
    desk: Desk, browser: Browser
) -> None:
    await browser.log_in()
    assert await browser.is_in()
    away(desk)
    assert await browser.is_in()
    async with Browser(desk.app) as stranger:
        page = await stranger.log_in()
        assert (page.status_code, "the server is away: start it" in page.text) == (503, True)
        made_up = {"Cookie": f"siaga={'x' * 43}"}
        assert (await stranger.get("/", headers=made_up)).status_code == 503
    desk.now += 13 * 3600
    assert (await browser.get("/")).status_code == 503, "a session that is over is over"


async def test_who_is_disabled_while_the_database_is_away_is_out_when_it_is_back(
    desk: Desk, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "AWAY_SECONDS", 0.0)
    await browser.log_in()
    assert await browser.is_in()
    engine = desk.door.records._engine
    away(desk)
    with writing(desk.engine) as connection:
        users.disable(connection, "ayu", desk.now, "budi")
    assert await browser.is_in()
    desk.door.records._engine = engine
    assert not await browser.is_in()


async def test_a_database_that_hangs_holds_nobody_who_is_in(
    desk: Desk, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "ASK_SECONDS", 0.05)
    await browser.log_in()
    assert await browser.is_in()
    free = threading.Event()

    def hangs() -> Engine:
        free.wait(10)
        return desk.engine

    desk.door.records._engine = hangs
    try:
        async with asyncio.timeout(5):
            for _ in range(3):
                assert all(await asyncio.gather(*(browser.is_in() for _ in range(5))))
    finally:
        free.set()


async def test_a_database_that_is_not_open_yet_is_said_to_who_logs_in(
    desk: Desk, browser: Browser
) -> None:
    def not_yet() -> Engine:
        raise GoneError("the records are not open yet", "try again")

    desk.door.records._engine = not_yet
    page = await browser.log_in()
    assert (page.status_code, "the records are not open yet: try again" in page.text) == (503, True)


# ------------------------------------------------------------------------- what is not from us


@pytest.mark.parametrize("csrf", [None, "", "0" * 64, "é"])
async def test_a_form_without_the_word_of_its_session_changes_nothing(
    browser: Browser, csrf: str | None
) -> None:
    await browser.log_in()
    form = {} if csrf is None else {"csrf": csrf}
    refused = await browser.post("/logout", data=form)
    assert refused.status_code == 403
    assert "terlalu lama terbuka" in refused.text
    assert await browser.is_in()


async def test_the_word_of_another_session_is_none(desk: Desk, browser: Browser) -> None:
    desk.add("citra")
    await browser.log_in()
    async with Browser(desk.app) as other:
        await other.log_in("citra")
        foreign = await other.word("/")
    visit = await browser.word("/")
    assert foreign != visit
    assert (await browser.post("/logout", data={"csrf": foreign})).status_code == 403
    assert await browser.is_in()


async def test_the_word_from_before_a_login_is_none_after_it(browser: Browser) -> None:
    before = await browser.word()
    await browser.log_in()
    assert (await browser.post("/logout", data={"csrf": before})).status_code == 403
    assert await browser.is_in()


async def test_nobody_is_logged_in_by_a_page_of_somebody_else(browser: Browser) -> None:
    form = {"name": "ayu", "password": PASSWORD}
    assert (await browser.post("/login", data=form)).status_code == 403
    assert not await browser.is_in()


async def test_a_script_sends_the_word_as_a_header(browser: Browser) -> None:
    await browser.log_in()
    word = await browser.word("/")
    assert f'<meta name="csrf" content="{word}">' in (await browser.get("/")).text
    done = await browser.post("/logout", headers={"X-CSRF-Token": word})
    assert done.status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "http://desk:81"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_form_of_another_origin_changes_nothing_whatever_it_knows(
    browser: Browser, headers: dict[str, str]
) -> None:
    await browser.log_in()
    form = {"csrf": await browser.word("/")}
    assert (await browser.post("/logout", data=form, headers=headers)).status_code == 403
    assert await browser.is_in()


async def test_where_a_proxy_changes_the_host_the_page_says_so(browser: Browser) -> None:
    form = {"csrf": await browser.word()}
    refused = await browser.post("/login", data=form, headers={"Origin": "https://112.example"})
    assert "https://112.example tidak boleh mengirim ke desk" in refused.text


async def test_behind_tls_a_page_without_it_is_foreign(desk: Desk) -> None:
    async with Browser(desk.app, "https://desk") as browser:
        form = {"csrf": await browser.word()}
        for origin, status in (("http://desk", 403), ("https://desk", 403)):
            refused = await browser.post("/login", data=form, headers={"Origin": origin})
            assert refused.status_code == status
            assert ("Host" in refused.text) == (origin == "http://desk")
        assert (await browser.log_in()).status_code == 303


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"a=" + b"x" * FORM_BYTES, 413), (b"&a=b" * 200, 400), (b"\xff=\xff", 400)],
)
async def test_a_form_that_is_none_is_refused(browser: Browser, body: bytes, status: int) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await browser.post("/login", content=body, headers=form)).status_code == status


async def test_a_form_that_does_not_come_is_not_waited_for(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "FORM_SECONDS", 0.05)

    async def never() -> AsyncIterator[bytes]:
        yield b"name=ayu"
        await asyncio.Event().wait()

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await browser.post("/login", content=never(), headers=form)).status_code == 408


# ------------------------------------------------------------------- what a browser is told


async def test_no_script_and_no_other_site_reads_the_session(browser: Browser) -> None:
    done = await browser.log_in()
    (cookie,) = done.headers.get_list("set-cookie")
    name, _, rest = cookie.partition("=")
    said = {part.strip().lower() for part in rest.split(";")[1:]}
    assert name == "siaga"
    assert said == {"httponly", "samesite=strict", "path=/"}


async def test_over_tls_the_session_is_sent_over_tls_alone(desk: Desk) -> None:
    async with Browser(desk.app, "https://desk") as browser:
        done = await browser.log_in()
        (cookie,) = done.headers.get_list("set-cookie")
        assert cookie.startswith("__Host-siaga=")
        assert "; Secure" in cookie
        assert "Domain" not in cookie
        assert await browser.is_in()


@pytest.mark.parametrize("path", ["/", "/login", "/nowhere", "/static/console.css"])
async def test_every_answer_says_what_a_browser_may_do_with_it(browser: Browser, path: str) -> None:
    for answer in (await browser.get(path), await browser.post(path)):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"


async def test_a_page_needs_nothing_that_its_policy_forbids(browser: Browser) -> None:
    await browser.log_in()
    for path in ("/", "/nowhere"):
        page = (await browser.get(path)).text
        page = re.sub(r'<script( type="module")? src="/static/\w+\.js"></script>', "", page)
        assert not re.search(r"<script|<style| style=| on\w+=|javascript:|https?://", page)


async def test_a_page_is_in_indonesian_until_english_is_asked_for(browser: Browser) -> None:
    page = (await browser.get("/login")).text
    assert '<html lang="id">' in page
    assert 'href="?language=en"' in page
    english = await browser.get("/login?language=en")
    assert "Password" in english.text
    assert "Password" in (await browser.get("/login")).text
    await browser.log_in()
    assert "Log out" in (await browser.get("/")).text
    assert "Keluar" in (await browser.get("/?language=id")).text
    assert "Keluar" in (await browser.get("/?language=xx")).text


# ---------------------------------------------------------------------------- pages and roles


async def a_page(request: Request) -> Response:
    who = visitor(request)
    return PlainTextResponse("with sound" if who.may("hear-recordings") else "without")


def with_pages(door: Door) -> ASGIApp:
    """Return a console with pages for some roles, as other modules add them."""

    @require("operator")
    async def calls(request: Request) -> Response:
        return await a_page(request)

    @require("supervisor", "telecom")
    async def figures(request: Request) -> Response:
        return await a_page(request)

    async def forgotten(request: Request) -> Response:
        return await a_page(request)

    @require("operator")
    async def live(socket: WebSocket) -> None:
        await socket.accept()
        while who := await still_in(socket):
            await socket.send_text(who.name)
            await socket.receive_text()
        await socket.close(1000)

    pages = [Route(f"/{page.__name__}", page) for page in (calls, figures, forgotten)]
    app = Starlette(routes=[*ROUTES, *pages, WebSocketRoute("/live", live)])
    app.state.door = door
    return Guard(app, door)


@pytest.mark.parametrize(
    ("role", "open_to_them"),
    [
        ("operator", {"calls", "forgotten"}),
        ("supervisor", {"calls", "figures", "forgotten"}),
        ("telecom", {"figures", "forgotten"}),
        (None, set()),
    ],
)
async def test_a_page_is_for_its_roles_and_one_that_says_nothing_is_for_who_is_in(
    desk: Desk, role: Role | None, open_to_them: set[str]
) -> None:
    async with Browser(with_pages(desk.door)) as browser:
        if role is not None:
            desk.add("dewi", role)
            await browser.log_in("dewi")
        pages = ("calls", "figures", "forgotten")
        answers = {page: (await browser.get(f"/{page}")).status_code for page in pages}
        sound = (await browser.get("/forgotten")).text == "with sound"
    assert {page for page, status in answers.items() if status == 200} == open_to_them
    assert sound == (role == "supervisor")
    assert set(answers.values()) <= {200, 403 if role else 303}


async def test_a_script_is_told_to_log_in_and_not_led_to_a_page(browser: Browser) -> None:
    for method in ("GET", "POST"):
        answer = await browser.request(method, "/", headers={"Accept": "*/*"})
        assert (answer.status_code, answer.json()) == (401, {"error": "log in first"})


@pytest.mark.parametrize("path", ["//login", "/login/", "/static", "/LOGIN", "/static/%2e%2e/"])
async def test_what_only_looks_like_an_open_page_is_none(browser: Browser, path: str) -> None:
    assert (await browser.get(path)).status_code in {303, 404}


async def test_only_its_own_pages_are_open_to_everybody(browser: Browser) -> None:
    # JsSIP is there where it was fetched (test_webphone.py).
    paths = [r.path for r in ROUTES if isinstance(r, Route) and r.path != "/static/jssip.js"]
    answers = {path: (await browser.get(path)).status_code for path in set(paths)}
    open_to_all = {"/login", "/phone", "/phone/newcomer"}
    assert {path for path, status in answers.items() if status == 200} == open_to_all
    for file in ("console.css", "icon.svg"):
        assert (await browser.get(f"/static/{file}")).status_code == 200


class Socket:
    """A browser's WebSocket: what is put in arrives, and `out` is what was sent."""

    def __init__(self, app: ASGIApp, cookies: httpx.Cookies, origin: str = "http://desk") -> None:
        held = "; ".join(f"{name}={value}" for name, value in cookies.items())
        headers = {"host": "desk", "origin": origin, "cookie": held}
        self._scope: dict[str, Any] = {
            "type": "websocket",
            "scheme": "ws",
            "path": "/live",
            "query_string": b"",
            "client": ("192.0.2.7", 40000),
            "subprotocols": [],
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        self._app = app
        self.inward: asyncio.Queue[Message] = asyncio.Queue()
        self.out: asyncio.Queue[Message] = asyncio.Queue()
        self.inward.put_nowait({"type": "websocket.connect"})

    async def run(self) -> None:
        async with asyncio.timeout(10):
            await self._app(self._scope, self.inward.get, self.out.put)

    async def next(self) -> Message:
        async with asyncio.timeout(10):
            return await self.out.get()


async def test_a_page_that_stays_open_closes_when_its_visitor_is_disabled(desk: Desk) -> None:
    app = with_pages(desk.door)
    async with Browser(app) as browser:
        await browser.log_in()
        socket = Socket(app, browser.cookies)
    running = asyncio.create_task(socket.run())
    assert (await socket.next())["type"] == "websocket.accept"
    assert (await socket.next())["text"] == "ayu"
    with writing(desk.engine) as connection:
        users.disable(connection, "ayu", desk.now, "budi")
    socket.inward.put_nowait({"type": "websocket.receive", "text": "more"})
    assert (await socket.next())["type"] == "websocket.close"
    await running


@pytest.mark.parametrize(
    ("role", "origin"), [(None, "http://desk"), ("telecom", "http://desk"), ("operator", "null")]
)
async def test_a_socket_of_another_role_or_site_is_closed_at_once(
    desk: Desk, role: Role | None, origin: str
) -> None:
    app = with_pages(desk.door)
    async with Browser(app) as browser:
        if role is not None:
            desk.add("dewi", role)
            await browser.log_in("dewi")
        socket = Socket(app, browser.cookies, origin)
    await socket.run()
    closed = socket.out.get_nowait()
    assert (closed["type"], closed["code"]) == ("websocket.close", 1008)
    assert socket.out.empty()
