"""What the screens show and take over HTTP: a real database, a made-up line, orders kept."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from browsing import Browser, Desk
from sqlalchemy import Engine, select

from ivr.callrecord import CallRecord, Step
from ivr.desk.console import feed as feed_module
from ivr.desk.console.feed import WAITING, Feed
from ivr.desk.console.panels import PANELS
from ivr.heard import Channel, Member
from ivr.joining import Joining
from ivr.journal import Batch, Line, Position
from ivr.live import Live
from ivr.orders import BringIn, CallBack, Leave, Listen, Order, Pause, Person, Transfer
from ivr.records import schema
from ivr.records.engine import open_engine, reading
from ivr.records.errors import GoneError
from ivr.records.store import Store
from ivr.settings import Settings

REF = "siaga-1795582700.0"
HTML_ANI = '<img src=x onerror="alert(1)">'
FIRE = CallRecord(
    REF,
    1_795_582_700.0,
    "0812",
    "112",
    "telkom",
    steps=(Step(1_795_582_702.0, "menu", "1"),),
    service="fire",
    floor="controller",
    language="id",
)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(Settings(state=tmp_path, database_url=""))
    yield engine
    engine.dispose()


@pytest.fixture
def desk(engine: Engine) -> Desk:
    """A desk with an operator Ayu, a colleague Citra, and a supervisor Budi."""
    desk = Desk(engine)
    desk.add(phone="operator-1")
    desk.add("citra", phone="operator-2", shown="Citra")
    desk.add("budi", "supervisor", shown="Budi", phone="pengawas-1")
    return desk


@pytest.fixture
async def ayu(desk: Desk) -> AsyncIterator[Browser]:
    async with Browser(desk.app) as browser:
        await browser.log_in()
        yield browser


@asynccontextmanager
async def as_user(desk: Desk, name: str) -> AsyncIterator[Browser]:
    """Give the browser of somebody else who is logged in."""
    async with Browser(desk.app) as browser:
        await browser.log_in(name)
        yield browser


def told(engine: Engine, ani: str = "0812", *, at: float = FIRE.began_at, over: bool = True) -> str:
    """Write a call to fire that reached nobody; return its reference."""
    ref = f"siaga-{at:.0f}.0"

    def said(later: float, what: str, **words: str) -> Line:
        return Line(ref, ref, at + later, what, tuple(words.items()))

    lines = [
        said(0, "CHAN_START"),
        said(0.1, "CALL", ani=ani, dnis="112", trunk="telkom"),
        said(2, "ASKED", prompt="menu", key="1"),
        said(2.1, "PLAN", plan="fire", floor="controller", language="id"),
        said(2.2, "RING", step="1", agency="damkar", number="113", trunk="telkom"),
        said(8.2, "HOP", step="1", status="BUSY", cause="17"),
        *([said(9, "HANGUP")] if over else []),
    ]
    store = Store(engine)
    offset = sum(store.offsets().values()) + len(lines)
    store.ingest(Batch(tuple(lines), (), Position("file", offset)), "calls.jsonl")
    return ref


def line(*channels: Channel) -> Live:
    members = [
        Member("operators", f"operator-{n}", f"Operator {n}", device=1, paused=False)
        for n in (1, 2)
    ]
    return Live(
        why="",
        at=FIRE.began_at,
        channels={one.uniqueid: one for one in channels},
        entries={},
        members={(one.queue, one.account): one for one in members},
    )


CALLER = Channel(REF, REF, "PJSIP/telkom-1", "ops", ringing=False, bridged=True)
AYUS_PHONE = Channel("leg", REF, "PJSIP/operator-1-1", "", ringing=False, bridged=True)


class Page:
    """The live screens of a page: what the feed has told, put together as the page does."""

    def __init__(self) -> None:
        self.screens: dict[str, dict[str, str]] = {}
        self.order: dict[str, list[str]] = {}

    def take(self, told: bytes) -> str:
        """Take one event; return its name."""
        name, data = (line.split(": ", 1)[1] for line in told.decode().strip().split("\n"))
        if name not in {"beat", "out"}:
            change = json.loads(data)
            self.screens.setdefault(name, {}).update(change["html"])
            self.order[name] = change.get("order", self.order.get(name))
        return name

    def text(self, name: str) -> str:
        return "".join(self.screens[name][key] for key in self.order[name])


async def opened(desk: Desk, *screens: str) -> tuple[Page, AsyncIterator[bytes]]:
    """Open the feed; return the page with all that is there now."""
    page, stream = Page(), desk.board.feed.follow("id", {*screens, "beat"})
    while page.take(await anext(stream)) != "beat":
        pass
    return page, stream


async def after(page: Page, stream: AsyncIterator[bytes], name: str) -> str:
    """Return a screen after its next change."""
    async with asyncio.timeout(5):
        while page.take(await anext(stream)) != name:
            pass
    return page.text(name)


# ------------------------------------------------------------------------------------ the document


@pytest.mark.parametrize(
    ("name", "screens"),
    [("ayu", "calls caller callbacks history"), ("budi", "calls caller callbacks history wall")],
)
async def test_the_document_has_the_screens_of_the_role_and_a_key_for_each(
    desk: Desk, name: str, screens: str
) -> None:
    async with as_user(desk, name) as browser:
        page = (await browser.get("/")).text
        assert (await browser.get("/console")).headers["location"] == "/"
    assert [screen for screen in PANELS if f'id="{screen}"' in page] == screens.split()
    assert page.count("data-hot") >= len(screens.split())


async def test_who_mends_the_line_sees_no_caller_nowhere(desk: Desk) -> None:
    ref = told(desk.engine)
    desk.add("dewi", "telecom", phone="")
    async with as_user(desk, "dewi") as browser:
        assert 'id="wall"' in (page := (await browser.get("/")).text)
        assert 'id="calls"' not in page
        for path in (f"/panel/caller?call={ref}", "/panel/history", f"/recording/{ref}"):
            assert (await browser.get(path)).status_code == 403
        for path in ("/order", "/outcome", "/callback"):
            form = {"what": "leave", "call": ref, "number": "0812", "disposition": "prank"}
            assert (await browser.give(path, **form)).status_code == 403
    assert desk.actions.given == []


# ---------------------------------------------------------------------------------------- the feed


async def test_a_call_is_on_the_screen_when_it_arrives_and_its_number_and_keys_follow(
    desk: Desk,
) -> None:
    running = asyncio.create_task(desk.board.feed.run())
    desk.live = line()
    page, stream = await opened(desk, "calls")
    assert "Tidak ada panggilan" in page.text("calls")
    desk.live = line(replace(CALLER, context="ask-controller", bridged=False))
    desk.board.wake()
    assert "DI MENU" in await after(page, stream, "calls")
    desk.calls = {REF: FIRE}
    desk.board.wake()
    shown = await after(page, stream, "calls")
    assert "0812" in shown
    assert "<kbd>1</kbd>" in shown
    desk.live = line()
    desk.board.wake()
    assert "0812" not in await after(page, stream, "calls")
    running.cancel()


async def test_fifty_consoles_get_the_same_bytes_drawn_once() -> None:
    drawn: list[str] = []

    def draw(language: str) -> dict[str, dict[str, str]]:
        drawn.append(language)
        return {"calls": {"x": str(len(drawn))}}

    feed = Feed(draw, lambda: 0.0)
    running = asyncio.create_task(feed.run())
    streams = [feed.follow("id", {"calls"}) for _ in range(50)]
    for stream in streams:
        await anext(stream)
        await anext(stream)
    assert drawn == ["id"]
    feed.wake()
    got = [await anext(stream) for stream in streams]
    assert drawn == ["id", "id"]
    assert len({id(told) for told in got}) == 1
    running.cancel()


async def test_a_burst_of_changes_is_told_in_two_tellings() -> None:
    count = 0

    def draw(_: str) -> dict[str, dict[str, str]]:
        return {"calls": {"x": str(count)}}

    feed = Feed(draw, lambda: 0.0)
    running = asyncio.create_task(feed.run())
    stream = feed.follow("id", {"calls"})
    await anext(stream)
    await anext(stream)
    for count in range(1, 100):  # noqa: B007 - draw reads it
        feed.wake()
        await asyncio.sleep(0)
    first, second = await anext(stream), await anext(stream)
    assert b'"x":"1"' in first or b'"x":"2"' in first
    assert b'"x":"99"' in second
    running.cancel()


async def test_a_console_that_is_too_slow_is_let_go(desk: Desk) -> None:
    feed, beat = desk.board.feed, b"event: beat\ndata: 0\n\n"
    stream = feed.follow("id", {"calls"})
    await anext(stream)
    (reader,) = feed._readers
    for _ in range(2 * WAITING):
        reader.give(beat)
    assert len([one async for one in stream]) <= WAITING + 1
    assert feed.readers == 0


async def test_a_page_hears_a_beat_while_nothing_happens(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "BEAT_SECONDS", 0.01)
    running = asyncio.create_task(desk.board.feed.run())
    page, stream = await opened(desk, "calls")
    async with asyncio.timeout(5):
        assert page.take(await anext(stream)) == "beat"
    running.cancel()


async def test_an_agency_that_nobody_answers_is_told_of_though_nothing_happens(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "BEAT_SECONDS", 0.01)
    desk.live, desk.calls = line(CALLER), {REF: FIRE}
    running = asyncio.create_task(desk.board.feed.run())
    page, stream = await opened(desk, "calls")
    desk.actions.offers[REF] = "polisi-110"
    async with asyncio.timeout(5):
        while "belum ada orang" not in page.text("calls"):
            page.take(await anext(stream))
    running.cancel()


async def test_the_feed_is_for_who_is_logged_in(desk: Desk) -> None:
    async with Browser(desk.app) as stranger:
        assert (await stranger.get("/feed")).headers["location"] == "/login"


# --------------------------------------------------------------------------------------- the brief


async def test_the_brief_tells_who_calls_what_was_tried_and_what_the_number_was(
    desk: Desk, ayu: Browser
) -> None:
    told(desk.engine, at=FIRE.began_at - 600)
    await ayu.give(
        "/outcome", call=f"siaga-{FIRE.began_at - 600:.0f}.0", disposition="prank", district="kulim"
    )
    ref = told(desk.engine, over=False)
    page = (await ayu.get(f"/panel/caller?call={ref}")).text
    for shown in ("0812", "kebakaran", "<kbd>1</kbd>", "pengendali", "sibuk", "DAMKAR", "Kulim"):
        assert shown in page
    assert "<b>1</b> sejam" in page
    assert "<b>Iseng</b>" in page
    assert ("ayu", "view-call", ref) in desk.audit()


async def test_a_look_at_a_caller_is_noted_once_an_hour(desk: Desk, ayu: Browser) -> None:
    ref = told(desk.engine)
    for later in (0, 60, 1800, 1800):
        desk.now += later
        await ayu.get(f"/panel/caller?call={ref}")
    assert [row for row in desk.audit() if row[1] == "view-call"] == [("ayu", "view-call", ref)] * 2


async def test_without_asking_for_one_it_is_the_call_on_the_operator_s_telephone(
    desk: Desk, ayu: Browser
) -> None:
    told(desk.engine, over=False)
    assert "Tidak ada panggilan di telepon" in (await ayu.get("/panel/caller")).text
    desk.live = line(CALLER, AYUS_PHONE)
    assert f'data-call="{REF}"' in (await ayu.get("/panel/caller")).text
    async with as_user(desk, "citra") as citra:
        assert "Tidak ada panggilan di telepon" in (await citra.get("/panel/caller")).text


async def test_the_brief_of_a_call_is_there_though_the_records_are_not(
    desk: Desk, ayu: Browser
) -> None:
    desk.calls, desk.live = {REF: FIRE}, line(CALLER)

    def gone() -> Engine:
        raise GoneError("the server is away", "start it")

    word = await ayu.word("/")
    desk.door.records._engine = gone
    page = await ayu.get("/panel/caller", params={"call": REF})
    assert (page.status_code, "0812" in page.text) == (200, True)
    order = {"what": "bring-in", "call": REF, "hotline": "damkar-113", "csrf": word}
    assert (await ayu.post("/order", data=order)).json() == {"refused": "", "said": ""}
    assert desk.actions.given[-1][1] == BringIn(REF, "damkar-113")
    history = await ayu.get("/panel/history")
    assert (history.status_code, "the server is away: start it" in history.text) == (503, True)


async def test_a_screen_that_cannot_be_drawn_says_so_and_darkens_no_other(desk: Desk) -> None:
    desk.calls, desk.live = {REF: FIRE}, line(CALLER)
    drawn = desk.board.drawing.draw("id")
    desk.board.screens.counted = lambda: None  # type: ignore[assignment, return-value]
    broken = desk.board.drawing.draw("id")
    assert broken["calls"] == drawn["calls"]
    assert broken["phones"] == drawn["phones"]
    assert "tidak bisa digambar" in broken["callbacks"]["broken"]
    assert list(broken["callbacks"]) == ["broken", *drawn["callbacks"]]
    assert "tidak bisa digambar" in broken["wall"]["broken"]


async def test_a_hotline_in_the_call_shows_its_state_and_after_thirty_seconds_another_is_offered(
    desk: Desk, ayu: Browser
) -> None:
    ref, desk.live = told(desk.engine, over=False), line(CALLER)
    desk.actions.asked[ref] = (Joining("damkar-113", "damkar", "ringing", 0.0),)
    desk.actions.offers[ref] = "polisi-110"
    page = (await ayu.get(f"/panel/caller?call={ref}")).text
    assert 'data-order="drop" data-hotline="damkar-113"' in page
    assert "30 detik belum ada orang" in page
    assert 'data-hotline="polisi-110" data-hot="ENTER"' in page


async def test_a_number_that_is_html_is_text_on_every_screen(desk: Desk, ayu: Browser) -> None:
    ref = told(desk.engine, HTML_ANI)
    desk.live = line(CALLER)
    desk.calls = {REF: replace(FIRE, ani=HTML_ANI, service="<b>x", language="<i>")}
    await desk.board.count()
    page, _ = await opened(desk, "calls", "callbacks")
    for text in (
        page.text("calls"),
        page.text("callbacks"),
        (await ayu.get(f"/panel/caller?call={ref}")).text,
        (await ayu.get("/panel/history", params={"digits": '"><img src=y>'})).text,
        (await ayu.get("/panel/history")).text,
    ):
        assert "<img" not in text
    assert "&lt;img" in page.text("calls")
    assert "&lt;img" in page.text("callbacks")


# -------------------------------------------------------------------------------------- the orders


@pytest.mark.parametrize(
    ("form", "order"),
    [
        ({"what": "bring-in", "call": REF, "hotline": "damkar-113"}, BringIn(REF, "damkar-113")),
        ({"what": "transfer", "call": REF, "hotline": "damkar-113"}, Transfer(REF, "damkar-113")),
        ({"what": "leave", "call": REF}, Leave(REF)),
        ({"what": "pause", "account": "operator-1", "reason": "rest"}, Pause("operator-1", "rest")),
    ],
)
async def test_an_order_is_handed_on_with_who_gave_it_and_where_he_sits(
    desk: Desk, ayu: Browser, form: dict[str, str], order: Order
) -> None:
    answer = await ayu.give("/order", **form)
    assert answer.json() == {"refused": "", "said": ""}
    assert desk.actions.given == [(Person("ayu", "operator-1"), order)]


async def test_a_refusal_is_said_in_the_reader_s_language(desk: Desk, ayu: Browser) -> None:
    desk.actions.refusal = "asterisk-away"
    answer = (await ayu.give("/order", what="leave", call=REF)).json()
    assert answer["refused"] == "asterisk-away"
    assert answer["said"].startswith("Asterisk tidak menjawab")


async def test_who_may_not_listen_in_or_pause_another_is_refused_and_a_supervisor_is_not(
    desk: Desk, ayu: Browser
) -> None:
    for form in ({"what": "listen", "call": REF}, {"what": "pause", "account": "operator-2"}):
        assert (await ayu.give("/order", **form)).status_code == 403
    assert desk.actions.given == []
    async with as_user(desk, "budi") as budi:
        await budi.give("/order", what="whisper", call=REF)
    assert desk.actions.given == [
        (Person("budi", "pengawas-1", supervises=True), Listen(REF, "whisper"))
    ]


@pytest.mark.parametrize("form", [{}, {"what": "dance"}, {"what": "leave"}, {"what": "dial"}])
async def test_what_is_no_order_is_none(desk: Desk, ayu: Browser, form: dict[str, str]) -> None:
    assert (await ayu.give("/order", **form)).status_code == 400
    assert desk.actions.given == []


# ------------------------------------------------------------------------------------- the outcome


async def test_what_a_call_was_is_stored_and_told_in_one_go(desk: Desk, ayu: Browser) -> None:
    ref = told(desk.engine)
    note = "  dua\nlantai\0 "
    form = {"call": ref, "disposition": "normal", "district": "sail", "note": note}
    answer = (await ayu.give("/outcome", **form, agencies="pmi nobody")).json()
    assert answer == {"disposition": "normal", "told": ["pmi"]}
    with reading(desk.engine) as connection:
        body = connection.scalar(
            select(schema.outbox.c.body).where(schema.outbox.c.topic.like("%/pmi/reports"))
        )
    assert body
    assert json.loads(body)["note"] == "dua lantai\ufffd"
    assert ("ayu", "disposition", ref) in desk.audit()
    page = (await ayu.get(f"/panel/caller?call={ref}")).text
    assert 'value="sail" selected' in page
    assert 'value="pmi" checked disabled' in page


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"disposition": "joke"}, 400),
        ({"disposition": "prank", "district": "atlantis"}, 400),
        ({"disposition": "prank", "call": "nobody's"}, 404),
    ],
)
async def test_what_no_call_can_be_is_refused(
    desk: Desk, ayu: Browser, form: dict[str, str], status: int
) -> None:
    ref = told(desk.engine)
    assert (await ayu.give("/outcome", **{"call": ref, **form})).status_code == status


# ---------------------------------------------------------------------------------- the call-backs


async def test_of_two_who_take_one_number_one_gets_it_and_both_screens_say_who(
    desk: Desk, ayu: Browser
) -> None:
    told(desk.engine)
    async with as_user(desk, "citra") as citra:
        got = await asyncio.gather(
            ayu.give("/callback", what="claim", number="0812"),
            citra.give("/callback", what="claim", number="0812"),
        )
    refused = [answer.json()["refused"] for answer in got]
    assert sorted(refused) == ["", "claimed"]
    await desk.board.count()
    page, _ = await opened(desk, "callbacks")
    assert f"diambil {'ayu' if refused[0] == '' else 'citra'}" in page.text("callbacks")


async def test_one_key_rings_the_number_and_one_says_that_it_was_reached(
    desk: Desk, ayu: Browser
) -> None:
    ref = told(desk.engine)
    assert (await ayu.give("/callback", what="dial", number="0812")).json()["refused"] == ""
    assert desk.actions.given == [(Person("ayu", "operator-1"), CallBack(ref, "0812"))]
    await ayu.give("/callback", what="reached", number="0812")
    await desk.board.count()
    page, _ = await opened(desk, "callbacks")
    assert "Tidak ada yang harus ditelepon balik" in page.text("callbacks")
    noted = [row[1] for row in desk.audit() if row[1].startswith("callback-")]
    assert noted == ["callback-claim", "callback-claim", "callback-reached"]


async def test_a_number_that_could_not_be_dialled_was_not_tried(desk: Desk, ayu: Browser) -> None:
    told(desk.engine)
    desk.actions.refusal = "no-trunk"
    answer = await ayu.give("/callback", what="dial", number="0812")
    assert answer.json()["refused"] == "no-trunk"
    with reading(desk.engine) as connection:
        assert connection.execute(select(schema.callback_attempts)).all() == []


@pytest.mark.parametrize(
    ("form", "refused"),
    [({"number": "0899"}, "not-listed"), ({"number": "0812", "what": "dial"}, "claimed")],
)
async def test_a_number_that_is_not_listed_or_is_a_colleague_s_is_not_rung(
    desk: Desk, ayu: Browser, form: dict[str, str], refused: str
) -> None:
    told(desk.engine)
    async with as_user(desk, "citra") as citra:
        await citra.give("/callback", what="claim", number="0812")
    answer = await ayu.give("/callback", **{"what": "dial", **form})
    assert answer.json()["refused"] == refused
    assert desk.actions.given == []


# ----------------------------------------------------------------------------- history and figures


async def test_history_is_found_by_digits_and_paged_and_each_number_seen_is_noted(
    desk: Desk, ayu: Browser
) -> None:
    for n in range(23):
        told(desk.engine, f"0812{n:02}", at=FIRE.began_at - n * 60)
    first = (await ayu.get("/panel/history")).text
    second = (await ayu.get("/panel/history", params={"page": "2"})).text
    assert (first.count("data-row"), second.count("data-row")) == (20, 3)
    assert 'data-page="2"' in first
    assert 'data-page="1"' in second
    found = (await ayu.get("/panel/history", params={"digits": "1222"})).text
    assert found.count("data-row") == 1
    seen = [row for row in desk.audit() if row[1] == "view-number"]
    assert len(seen) == len(set(seen)) == 23


@pytest.mark.parametrize("asked", [{"since": "yesterday"}, {"until": "2026-13-01"}])
async def test_a_day_that_is_none_is_said(ayu: Browser, asked: dict[str, str]) -> None:
    page = await ayu.get("/panel/history", params=asked)
    assert (page.status_code, "is not a day" in page.text) == (200, True)


@pytest.mark.parametrize("page", ["0", "-1", "x", "9999999999", "²"])
async def test_a_page_that_is_none_is_the_nearest(ayu: Browser, page: str) -> None:
    assert (await ayu.get("/panel/history", params={"page": page})).status_code == 200


async def test_the_wall_counts_and_names_no_caller(desk: Desk) -> None:
    told(desk.engine)
    desk.calls, desk.live = {REF: FIRE}, line(CALLER, AYUS_PHONE)
    await desk.board.count()
    page, _ = await opened(desk, "wall")
    wall = page.text("wall")
    assert "0812" not in wall
    assert "Operator 1" in wall
    assert "<b>1</b>berbicara" in wall
    assert "DAMKAR 113" in wall
    assert "<svg" in wall


async def test_only_a_supervisor_hears_a_recording_and_is_noted_before(
    desk: Desk, ayu: Browser, tmp_path: Path
) -> None:
    ref = told(desk.engine)
    desk.board.screens.recordings = tmp_path
    assert (await ayu.get(f"/recording/{ref}")).status_code == 403
    async with as_user(desk, "budi") as budi:
        assert (await budi.get(f"/recording/{ref}")).status_code == 404
        store = Store(desk.engine)
        lines = (
            Line("siaga-5.0", "siaga-5.0", 5.0, "CHAN_START"),
            Line("siaga-5.0", "siaga-5.0", 5.1, "CALL", (("ani", "0812"),)),
            Line("siaga-5.0", "siaga-5.0", 5.2, "RECORDING", (("file", "5.wav"),)),
            Line("siaga-5.0", "siaga-5.0", 9.0, "HANGUP"),
        )
        store.ingest(Batch(lines, (), Position("another", 4)), "calls.jsonl")
        (tmp_path / "5.wav").write_bytes(b"RIFF" + bytes(100))
        heard: Any = await budi.get("/recording/siaga-5.0")
    assert (heard.status_code, heard.headers["content-type"]) == (200, "audio/wav")
    assert ("budi", "recording-play", "siaga-5.0") in desk.audit()


async def test_counting_goes_on_showing_what_it_knew_while_the_records_are_away(desk: Desk) -> None:
    told(desk.engine)
    await desk.board.count()
    known = desk.board.screens.counted()

    def gone() -> Engine:
        raise GoneError("the server is away", "start it")

    desk.door.records._engine = gone
    await desk.board.count()
    assert desk.board.screens.counted() is known
    assert len(known.callbacks) == 1
