"""The console in a real browser, beside a real line: what operators see, and what their keys do."""

import asyncio
import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import test_watch
from hosted import SIAGA
from line import Line, until
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from test_call import order
from test_desk import rows
from test_watch import ANSWERING, STARTER, telephone

from ivr.phone import Key, PhoneCall, call

PASSWORD = "tiga kata biasa"
CHROMIUM = [
    *("--no-sandbox", "--headless", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
SEEN_SECONDS = 1.0
"""On a machine that does other things too. Alone it is a third of that (tests/bench/console.py)."""
SCREENSHOTS = os.environ.get("SIAGA_TEST_SCREENSHOTS", "")
"""A folder for pictures of every screen, in the light and in the dark."""

STOP_SECONDS = 10.0
"""Then it would be killed (stop_grace_period of docker-compose.yml)."""

expect.set_options(timeout=15_000)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """A line with a desk, three who may log in to it, and one operator's telephone."""
    line = Line(tmp_path_factory.mktemp("screens"), 46060)
    line.settings.state.chmod(0o755)
    line.configure(simulated_operator=False)
    line.start("asterisk", "ivr", "broker", "desk")
    for name, role, phone in (
        ("ayu", "operator", "operator-1"),
        ("citra", "operator", "operator-2"),
        ("budi", "supervisor", "pengawas-1"),
    ):
        words = ("user", "add", name, "--role", role, "--phone", phone, "--password-stdin")
        environment = line._environment()
        subprocess.run([SIAGA, *words], env=environment, input=PASSWORD, check=True, text=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(test_watch.TELEPHONES, "operator-1", "127.0.0.6")
        yield line
    line.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def pages(watched: Line, browser: Browser) -> dict[str, Page]:
    """The consoles of who is at work, each logged in by hand."""
    return {name: console(watched, browser, name) for name in ("ayu", "citra", "budi")}


def console(line: Line, browser: Browser, name: str) -> Page:
    page = browser.new_page(viewport={"width": 1600, "height": 900})
    page.goto(f"http://{line.settings.desk_bind}/")
    page.get_by_label("Nama").fill(name)
    page.get_by_label("Kata sandi").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#calls .counts")).to_be_visible()
    return page


@contextmanager
def calling(line: Line, *keys: Key, **changes: Any) -> Iterator[PhoneCall]:
    """Let somebody dial 112 meanwhile, and hang up in the end."""
    wanted = order(line, *keys, hold_seconds=None, **changes)
    loop = asyncio.new_event_loop()
    task = loop.create_task(call(wanted))

    def live() -> None:
        loop.run_until_complete(asyncio.wait({task}))
        loop.close()

    thread = threading.Thread(target=live)
    thread.start()
    try:
        yield wanted
    finally:
        if thread.is_alive():
            loop.call_soon_threadsafe(task.cancel)
        thread.join(20)


def row_of(page: Page, caller: str, screen: str = "calls") -> Locator:
    """Return where a caller stands on a screen."""
    return page.locator(f"#{screen} [data-row]").filter(has_text=caller)


def picture(page: Page, name: str) -> None:
    """Take a picture of a screen in both themes, if somebody wants to see them."""
    if not SCREENSHOTS:
        return
    for theme in ("light", "dark"):
        page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
        page.screenshot(path=Path(SCREENSHOTS) / f"{name}-{theme}.png", full_page=True)


WHEN_SEEN = """() => {
  window.seen = {};
  const look = () => {
    for (const row of document.querySelectorAll("[data-live=calls] .call")) {
      const text = (part) => row.querySelector(part)?.textContent || "";
      const key = [row.dataset.key, row.className, text(".ani"), text("kbd")].join(" ");
      if (!(key in window.seen)) window.seen[key] = Date.now() / 1000;
    }
  };
  const list = document.querySelector("[data-live=calls]");
  new MutationObserver(look).observe(list, { childList: true, subtree: true });
}"""
"""Notes when each state of each call is first on the page, by the clock that Asterisk has too."""


def late(line: Line, page: Page, caller: str) -> dict[str, float]:
    """Return how many seconds after it happened each step of a call was on the page."""
    events = line.journal()
    ref = next(e["linkedid"] for e in events if f"ani={caller} " in e["eventextra"])
    own = [e for e in events if e["linkedid"] == ref]
    at = {e["eventtype"]: float(e["eventtime"]) for e in reversed(own)}
    seen = {k: v for k, v in page.evaluate("window.seen").items() if k.startswith(ref)}

    def first(part: str) -> float:
        return min((t for k, t in seen.items() if re.search(part, k)), default=1e12)

    return {
        "arrived": first("call") - at["CHAN_START"],
        "number": first(caller) - at["CALL"],
        "key": first("[0-9]$") - at["ASKED"],
        "waits": first("call queue") - at["QUEUE"],
    }


def test_a_call_is_seen_in_the_menu_with_its_keys_then_waiting_then_talking_and_with_whom(
    watched: Line, pages: dict[str, Page]
) -> None:
    ayu = pages["ayu"]
    ayu.evaluate(WHEN_SEEN)
    phone = telephone(watched, ANSWERING, "operator-1")
    with calling(watched, Key("1")) as fire, calling(watched, Key("0", after_seconds=3)) as first:
        expect(row_of(ayu, first.caller)).to_contain_text("DI MENU")
        expect(row_of(ayu, fire.caller)).to_contain_text("DAMKAR berbicara")
        picture(ayu, "calls-menu")
        # The telephone rings, and the screen turns to who is calling.
        expect(ayu.locator(".brief .ani")).to_have_text(first.caller)
        expect(ayu.locator(".brief .stage")).to_have_text("BERBICARA")
        ayu.keyboard.press("p")
        expect(row_of(ayu, first.caller)).to_contain_text("Operator 1 berbicara")
        with calling(watched, Key("0", after_seconds=1)) as second:
            expect(row_of(ayu, second.caller)).to_contain_text("MENUNGGU")
            expect(row_of(ayu, second.caller).locator("kbd")).to_have_text("0")
            expect(row_of(ayu, second.caller).locator(".seconds")).to_have_text(
                re.compile(r"^0:0[2-9]")
            )
            expect(ayu.locator("#calls .call").first).to_contain_text(second.caller)
            picture(ayu, "calls")
            ayu.keyboard.press("c")
            picture(ayu, "caller")
            pages["budi"].keyboard.press("w")
            expect(pages["budi"].locator("[data-key=now] .alert b")).to_have_text("1")
            expect(pages["budi"].locator("[data-key=seats]")).to_contain_text("berbicara")
            picture(pages["budi"], "wall")
            ayu.keyboard.press("p")
            lags = late(watched, ayu, second.caller)
    print(json.dumps({name: round(seconds, 3) for name, seconds in lags.items()}))  # noqa: T201
    assert max(lags.values()) < SEEN_SECONDS
    expect(row_of(ayu, first.caller)).to_have_count(0)
    phone.close()


def test_one_key_brings_the_agency_in_and_another_hands_the_caller_over(
    watched: Line, pages: dict[str, Page]
) -> None:
    ayu = pages["ayu"]
    phone = telephone(watched, ANSWERING, "operator-1")
    with calling(watched, Key("0", after_seconds=1)) as caller:
        expect(ayu.locator(".brief .ani")).to_have_text(caller.caller)
        expect(ayu.locator(".brief .stage")).to_have_text("BERBICARA")
        ayu.keyboard.press("s")
        expect(ayu.locator("[data-toast]")).to_have_class(re.compile("trouble"))
        ayu.keyboard.press("t")
        expect(ayu.locator("body")).to_have_class("armed")
        ayu.keyboard.press("Escape")
        expect(ayu.locator("body")).not_to_have_class("armed")
        ayu.keyboard.down("1")
        ayu.keyboard.down("1")  # a key that is held orders once
        ayu.keyboard.up("1")
        damkar = ayu.locator(".brief [data-agency=damkar]")
        expect(damkar).to_contain_text("berdering")
        expect(ayu.locator("body")).to_have_attribute("data-tone", "ringing")
        expect(damkar).to_contain_text("berbicara")
        expect(ayu.locator("body")).to_have_attribute("data-tone", "")
        picture(ayu, "caller-with-agency")
        expect(ayu.locator("[data-toast]")).to_have_text("Sudah.")
        expect(ayu.get_by_role("button", name="Lepas DAMKAR")).to_have_count(1)
        ayu.keyboard.press("s")
        expect(ayu.locator("[data-my-state]")).to_have_text("siap")
        expect(row_of(ayu, caller.caller)).to_contain_text("DAMKAR berbicara")
    ended = "SELECT outcome FROM calls WHERE ani = ? AND outcome IS NOT NULL"
    until(lambda: rows(watched, ended, caller.caller), "the call is over")
    assert rows(watched, ended, caller.caller) == [("connected-agency",)]
    ordered = "SELECT what FROM audit WHERE who = 'ayu' AND what LIKE 'order.%'"
    assert rows(watched, ordered) == [("order.bringin",), ("order.leave",)]
    phone.close()


def test_an_operator_pauses_with_one_key_and_is_ready_with_another(pages: dict[str, Page]) -> None:
    ayu = pages["ayu"]
    ayu.keyboard.press("Escape")
    ayu.keyboard.press("p")
    ayu.keyboard.press("u")
    expect(ayu.locator("[data-my-state]")).to_have_text("jeda")
    ayu.keyboard.press("y")
    expect(ayu.locator("[data-my-state]")).to_have_text("siap")


def test_what_a_call_was_is_one_key_is_stored_and_is_sent_to_the_agency(
    watched: Line, pages: dict[str, Page]
) -> None:
    ayu = pages["ayu"]
    with calling(watched, Key("1")) as fire:
        row = ayu.locator("#calls .call").filter(has_text=fire.caller)
        expect(row).to_contain_text("DAMKAR berbicara")
        row.click()
        expect(ayu.locator(".brief .ani")).to_have_text(fire.caller)
        ayu.keyboard.press("k")
        ayu.locator("[name=district]").select_option("rumbai-barat")
        ayu.keyboard.press("Escape")
        ayu.keyboard.press("/")
        ayu.keyboard.type("rumah dua lantai, dekat pasar")
        ayu.keyboard.press("Enter")
        ayu.get_by_label("PMI").check()
        ayu.keyboard.press("n")
        expect(ayu.locator("[data-toast]")).to_have_text("Tersimpan; diberi tahu: DAMKAR, PMI")
        expect(ayu.locator(".facts")).to_contain_text("Rumbai Barat")
        picture(ayu, "caller-said")
    said = 'SELECT disposition, district, "by" FROM dispositions JOIN calls USING (callref)'
    stored = rows(watched, f"{said} WHERE ani = ?", fire.caller)
    assert stored == [("normal", "rumbai-barat", "ayu")]
    until(lambda: not rows(watched, "SELECT 1 FROM outbox"), "the broker has all reports")
    told = "SELECT agency, body FROM reports JOIN calls USING (callref) WHERE ani = ?"
    for agency, body in rows(watched, told, fire.caller):
        report = json.loads(body)
        assert report["note"] == "rumah dua lantai, dekat pasar", agency
        assert report["revision"] == 3


def test_of_two_operators_who_take_one_call_back_one_gets_it(
    watched: Line, pages: dict[str, Page]
) -> None:
    pages["ayu"].keyboard.press("p")
    with calling(watched, Key("5", after_seconds=20)) as short:
        expect(row_of(pages["ayu"], short.caller)).to_contain_text("DI MENU")
    listed = "SELECT 1 FROM callbacks WHERE ani = ?"
    until(lambda: rows(watched, listed, short.caller), "it is listed")
    ayu, citra = pages["ayu"], pages["citra"]
    for page in (ayu, citra):
        page.keyboard.press("Escape")
        page.keyboard.press("b")
        row_of(page, short.caller, "callbacks").click()
    picture(citra, "callbacks")
    for page in (ayu, citra):
        page.keyboard.press("a")
    claimed = 'SELECT "by" FROM callback_claims WHERE ani = ?'
    until(lambda: rows(watched, claimed, short.caller), "somebody has it")
    ((winner,),) = rows(watched, claimed, short.caller)
    other = "citra" if winner == "ayu" else "ayu"
    for page in (ayu, citra):
        expect(row_of(page, short.caller, "callbacks")).to_contain_text(f"diambil {winner}")
    ring = "[data-callback=dial]"
    expect(pages[other].locator("#callbacks [aria-current]").locator(ring)).to_be_hidden()
    picture(pages[winner], "callbacks-mine")
    pages[winner].keyboard.press("1")
    expect(
        pages[other].locator("#callbacks .callback").filter(has_text=short.caller)
    ).to_have_count(0)
    cleared = "SELECT cleared_by FROM callbacks WHERE ani = ?"
    assert rows(watched, cleared, short.caller) == [(winner,)]


def test_a_call_is_found_in_the_history_and_a_supervisor_hears_it_and_is_noted(
    watched: Line, pages: dict[str, Page]
) -> None:
    budi = pages["budi"]
    served = "SELECT ani, callref FROM calls WHERE outcome = 'connected-agency'"
    ((ani, ref),) = rows(watched, f"{served} ORDER BY began_at LIMIT 1")
    budi.keyboard.press("r")
    expect(budi.locator("#history .call").first).to_be_visible()
    picture(budi, "history")
    budi.keyboard.press("/")
    budi.keyboard.type(ani)
    budi.keyboard.press("Enter")
    expect(budi.locator("#history .call")).to_have_count(1)
    budi.locator("#history .call").click()
    expect(budi.locator(".brief pre")).to_contain_text("menghubungi damkar")
    picture(budi, "caller-over")
    heard = budi.evaluate("async () => (await fetch(document.querySelector('audio').src)).status")
    assert heard == 200
    noted = rows(watched, "SELECT what FROM audit WHERE who = 'budi' AND subject = ?", ref)
    assert {("view-number",), ("view-call",), ("recording-play",)} <= set(noted)


def test_a_caller_whose_name_is_html_is_text(watched: Line, pages: dict[str, Page]) -> None:
    ayu = pages["ayu"]
    ayu.keyboard.press("Escape")
    ayu.keyboard.press("p")
    sender = '"<img src=x onerror=alert(1)>" <sip:0812112@127.0.0.1>'
    with calling(watched, Key("1"), from_header=sender, max_seconds=20.0):
        expect(row_of(ayu, "0812112")).to_be_visible()
        assert ayu.locator("#calls .call img, #calls .call .ani b").count() == 0


def test_english_and_the_other_theme_are_one_key_away_and_stay(pages: dict[str, Page]) -> None:
    budi = pages["budi"]
    budi.keyboard.press("w")
    expect(budi.locator("[data-key=weather]")).to_be_visible()
    budi.keyboard.press(",")
    expect(budi.locator("nav")).to_contain_text("Call-backs")
    expect(budi.locator("[data-key=weather]")).to_be_visible()
    expect(budi.locator("[data-key=weather]")).to_contain_text("Hotline weather")
    budi.evaluate("localStorage.removeItem('siaga-theme')")
    before = budi.locator("html").get_attribute("data-theme")
    budi.keyboard.press(".")
    budi.reload()
    expect(budi.locator("[data-key=weather]")).to_be_visible()
    assert budi.locator("html").get_attribute("data-theme") != before
    picture(budi, "wall-english")


def test_a_desk_that_is_gone_is_a_red_bar_and_the_page_comes_back_by_itself(
    watched: Line, pages: dict[str, Page]
) -> None:
    ayu = pages["ayu"]
    began = time.monotonic()
    watched.stop("desk")
    assert time.monotonic() - began < STOP_SECONDS, "open consoles keep no desk from stopping"
    expect(ayu.locator("#lost")).to_be_visible()
    picture(ayu, "lost")
    STARTER.submit(watched.start, "desk").result(30)
    expect(ayu.locator("#lost")).to_be_hidden()
    with calling(watched, Key("1")) as fire:
        expect(ayu.locator("#calls .call").filter(has_text=fire.caller)).to_be_visible()
