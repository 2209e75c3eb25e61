"""The telephone in a real browser, on a real line: who hears whom, and what outlives it."""

import asyncio
import fcntl
import math
import re
import signal
import socket
import struct
import subprocess
import wave
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hosted import SIAGA
from line import AGENCY, Line
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from telephone import Telephone, telephone
from test_console import CHROMIUM, PASSWORD, SCREENSHOTS
from test_watch import STARTER

from ivr import ports

SIOCSIFADDR = 0x8916  # netdevice(7)
BESIDE_LOOPBACK = "10.112.0.1"
"""Asterisk offers no browser an address of 127/8; a network of tests' own has no other."""
VOICE_HZ, CALLER_HZ, AGENCY_HZ = 1100, 700, 1500
NEAR_HZ = 40
HTML = "<img src=x onerror=alert(1)>"
LOST_SECONDS = 12.0
"""A telephone is dead after 5 s without sound (pjsip.conf); then its caller hears a sentence."""

expect.set_options(timeout=15_000)

EAR = """() => {
  const Native = RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    constructor(...given) {
      super(...given);
      this.addEventListener("track", ({ track }) => {
        const context = new AudioContext({ sampleRate: 16000 });
        const ear = context.createAnalyser();
        ear.fftSize = 2048;
        context.createMediaStreamSource(new MediaStream([track])).connect(ear);
        window.ear = ear;
      });
    }
  };
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = () => ask({ audio: { echoCancellation: false,
    noiseSuppression: false, autoGainControl: false } });
  window.hears = () => {
    if (!window.ear) return { level: 0, hz: 0 };
    const wave = new Float32Array(window.ear.fftSize);
    window.ear.getFloatTimeDomainData(wave);
    const bins = new Float32Array(window.ear.frequencyBinCount);
    window.ear.getFloatFrequencyData(bins);
    const hz = bins.indexOf(Math.max(...bins)) * 16000 / window.ear.fftSize;
    return { level: Math.sqrt(wave.reduce((sum, one) => sum + one * one, 0) / wave.length), hz };
  };
}"""
"""Listens to what comes in, and lets the tone of the microphone pass: it is no voice."""
LOUD = 0.01


@pytest.fixture(scope="module")
def simulation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """The line as it is after the first `make up`, with its desk."""
    with _line(tmp_path_factory.mktemp("newcomer"), 48060) as line:
        line.configure()
        line.start("asterisk", "ivr", "broker", "desk")
        yield line


@pytest.fixture(scope="module")
def staffed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """A line over a carrier, with one telephone that is in the browser and two who may have it."""
    with _line(tmp_path_factory.mktemp("staffed"), 49060) as line:
        operators = line.settings.config / "operators.yaml"
        text = operators.read_text().replace(
            "name: Operator 1}", "name: Operator 1, browser: true}"
        )
        operators.write_text(text)
        line.configure(outgoing="carrier", simulated_operator=False)
        line.start("asterisk", "ivr", "broker", "desk")
        for name, shown in (("ayu", HTML), ("citra", "Citra")):
            own = ("--shown", shown, "--role", "operator", "--phone", "operator-1")
            words = (SIAGA, "user", "add", name, *own, "--password-stdin")
            environment = line._environment()
            subprocess.run(words, env=environment, input=PASSWORD, check=True, text=True)
        yield line


@contextmanager
def _line(state: Path, port: int) -> Iterator[Line]:
    if all(address.startswith("127.") for address in ports.here()):
        _add_address(BESIDE_LOOPBACK)
    line = Line(state, port)
    line.settings.state.chmod(0o755)
    yield line
    line.close()


def _add_address(address: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        wanted = struct.pack("16sHH4s8x", b"lo:112", socket.AF_INET, 0, socket.inet_aton(address))
        fcntl.ioctl(any_socket, SIOCSIFADDR, wanted)


@pytest.fixture(scope="module")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tone for a voice, in a file that Chromium takes for a microphone."""
    path = tmp_path_factory.mktemp("microphone") / "voice.wav"
    rate = 48000
    angles = (2 * math.pi * VOICE_HZ * n / rate for n in range(rate))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"".join(struct.pack("<h", int(12000 * math.sin(a))) for a in angles))
    return path


@asynccontextmanager
async def chromium(microphone: Path) -> AsyncIterator[Browser]:
    """Open a browser that has a microphone and lets every page use it."""
    own = [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}",
        "--allow-loopback-in-peer-connection",  # it passes over whatever is on the loopback
    ]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=[*CHROMIUM, *own]
        )
        yield browser
        await browser.close()


async def eared(context: BrowserContext) -> Page:
    """Open a page that can say what it hears."""
    page = await context.new_page()
    await page.add_init_script(f"({EAR})()")
    page.on("pageerror", lambda error: pytest.fail(f"the page failed: {error}"))
    return page


async def hears(page: Page, wanted: str) -> None:
    """Wait until what a page hears is as wanted: a condition over `level` and `hz`."""
    condition = f"() => {{ const {{ level, hz }} = window.hears(); return {wanted}; }}"
    await page.wait_for_function(condition, timeout=20_000)


def tone(hz: float) -> str:
    return f"level > {LOUD} && Math.abs(hz - {hz}) < {NEAR_HZ}"


async def right(condition: Callable[[], object], what: str, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.05)
    assert condition(), what


async def picture(page: Page, name: str) -> None:
    """Take a picture in both themes, if somebody wants to see them."""
    if not SCREENSHOTS:
        return
    for theme in ("light", "dark"):
        await page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
        await page.screenshot(path=Path(SCREENSHOTS) / f"phone-{name}-{theme}.png")


async def test_a_newcomer_clicks_hears_the_menu_presses_1_and_hears_his_own_voice_from_damkar(
    simulation: Line, microphone: Path
) -> None:
    line = simulation
    since = len(line.journal())
    async with chromium(microphone) as browser:
        page = await eared(await browser.new_context(viewport={"width": 1000, "height": 1000}))
        await page.goto(f"http://{line.settings.desk_bind}/phone")
        said = page.locator("[data-said]")
        await expect(said).to_have_text("Siap")
        await picture(page, "newcomer")
        await page.keyboard.press("Enter")  # the first button has the focus
        await expect(page.get_by_role("button", name="1 kebakaran")).to_be_enabled()
        await page.keyboard.press("1")  # before anything is connected: no key is lost
        await expect(said).to_have_text(re.compile("Tersambung"))
        await hears(page, f"level > {LOUD}")
        await picture(page, "newcomer-talks")
        await hears(page, tone(VOICE_HZ))  # the simulation repeats what is said
        await page.keyboard.press("Escape")
        await expect(said).to_have_text("Panggilan selesai")
        await page.get_by_role("link", name="English").click()
        await expect(page.get_by_role("button", name="Call 112")).to_be_focused()
        await picture(page, "newcomer-english")
    rung = [e for e in line.journal()[since:] if e["userdeftype"] == "RING"]
    assert "agency=damkar" in rung[0]["eventextra"]
    await right(lambda: line.channels() == 0, "the call is over")


@asynccontextmanager
async def caller(line: Line) -> AsyncIterator[Telephone]:
    """Let somebody dial 112 and press 0 for an operator."""
    async with telephone("127.0.0.1:35097", CALLER_HZ) as one:
        one.dial_112(line.sip_port, "0812001")
        await right(lambda: one.state == "talking", "112 answers")
        one.ear.press("0")
        yield one


async def log_in(line: Line, browser: Browser, name: str) -> Page:
    page = await eared(await browser.new_context(viewport={"width": 1600, "height": 900}))
    await page.goto(f"http://{line.settings.desk_bind}/")
    await page.get_by_label("Nama").fill(name)
    await page.get_by_label("Kata sandi").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.locator("#calls .counts")).to_be_visible()
    return page


@asynccontextmanager
async def at_the_telephone(line: Line, microphone: Path) -> AsyncIterator[Page]:
    """Let an operator switch the telephone on."""
    async with chromium(microphone) as browser:
        page = await log_in(line, browser, "citra")
        bar = page.locator("#phone")
        await picture(page, "bar-off")
        await bar.get_by_role("button", name="Nyalakan telepon").click()
        await expect(bar).to_have_attribute("data-state", "ready")
        await picture(page, "bar-ready")
        yield page
    await right(lambda: line.channels() == 0, "every leg is gone", 30)


async def test_an_operator_takes_a_call_in_the_browser_and_its_caller_outlives_it(
    staffed: Line, microphone: Path
) -> None:
    since = len(staffed.journal())
    async with at_the_telephone(staffed, microphone) as page, caller(staffed) as citizen:
        await _answers(page, citizen)
        await _holds_mutes_and_presses(page, citizen)
        await _talks_on_without_a_desk(staffed, page, citizen)
        await _dies(staffed, page, citizen, since)


async def test_three_hear_each_other_and_caller_and_agency_still_do_when_the_operator_has_left(
    staffed: Line, microphone: Path
) -> None:
    async with (
        telephone(AGENCY, AGENCY_HZ) as agency,
        at_the_telephone(staffed, microphone) as page,
        caller(staffed) as citizen,
    ):
        await _answers(page, citizen)
        await expect(page.locator(".brief .stage")).to_have_text("BERBICARA")
        await page.keyboard.press("1")
        await expect(page.locator(".brief [data-agency=damkar]")).to_contain_text("berbicara")
        await hears(page, f"{tone(CALLER_HZ)} || {tone(AGENCY_HZ)}")
        await right(lambda: citizen.ear.hears(AGENCY_HZ), "the caller hears the agency")
        await right(lambda: citizen.ear.hears(VOICE_HZ), "the caller hears the operator")
        await right(lambda: agency.ear.hears(CALLER_HZ), "the agency hears the caller")
        await right(lambda: agency.ear.hears(VOICE_HZ), "the agency hears the operator")
        await picture(page, "bar-three")
        await page.keyboard.press("s")
        await expect(page.locator("#phone")).to_have_attribute("data-state", "ready")
        await right(lambda: not citizen.ear.hears(VOICE_HZ), "the operator has left")
        assert citizen.hears(agency)
        assert agency.hears(citizen)


async def _answers(page: Page, citizen: Telephone) -> None:
    bar = page.locator("#phone")
    await expect(bar).to_have_attribute("data-state", "ringing")
    await expect(bar.get_by_role("button", name="Jawab")).to_be_focused()
    await picture(page, "bar-ringing")
    await page.keyboard.press("F2")
    await expect(bar).to_have_attribute("data-state", "talking")
    await expect(bar.locator("[data-phone-who]")).to_have_text("112 operator · 0812001")
    await hears(page, tone(CALLER_HZ))
    await right(lambda: citizen.ear.hears(VOICE_HZ), "the caller hears the operator")
    await picture(page, "bar-talking")


async def _holds_mutes_and_presses(page: Page, citizen: Telephone) -> None:
    bar = page.locator("#phone")
    await page.keyboard.press("F4")
    await expect(bar).to_have_attribute("data-state", "held")
    await right(lambda: citizen.ear.frames and not citizen.ear.hears(VOICE_HZ), "he is held")
    await picture(page, "bar-held")
    await page.keyboard.press("F4")
    await right(lambda: citizen.ear.hears(VOICE_HZ), "he hears the operator again")
    await page.keyboard.press("F8")
    await expect(bar.get_by_role("button", name="Bisu")).to_have_attribute("aria-pressed", "true")
    await right(lambda: not citizen.ear.hears(VOICE_HZ), "the operator is mute")
    await hears(page, tone(CALLER_HZ))
    await page.keyboard.press("F8")
    await right(lambda: citizen.ear.hears(VOICE_HZ), "the operator is not mute any more")
    await bar.get_by_text("Tombol").click()
    await bar.get_by_role("button", name="7", exact=True).click()
    await right(lambda: citizen.ear.pressed == ["7"], "a key of the operator's is heard")
    await picture(page, "bar-keys")
    await bar.get_by_text("Tombol").click()


async def _talks_on_without_a_desk(line: Line, page: Page, citizen: Telephone) -> None:
    bar = page.locator("#phone")
    await asyncio.to_thread(line.stop, "desk", signal.SIGKILL)
    await expect(bar).to_have_class(re.compile("lost"))
    await expect(bar).to_contain_text("Pembicaraan tetap berjalan")
    await picture(page, "bar-lost")
    await hears(page, tone(CALLER_HZ))
    assert citizen.ear.hears(VOICE_HZ)
    await asyncio.wrap_future(STARTER.submit(line.start, "desk"))
    await expect(bar).not_to_have_class(re.compile("lost"), timeout=20_000)
    await expect(bar).to_have_attribute("data-state", "talking")
    await hears(page, tone(CALLER_HZ))


async def _dies(line: Line, page: Page, citizen: Telephone, since: int) -> None:
    """Let the page crash in the talk: no BYE, no sound, no socket."""
    crash = asyncio.create_task(page.goto("chrome://crash"))
    await asyncio.wait({crash}, timeout=10)

    def left() -> list[dict[str, Any]]:
        return [e for e in line.journal()[since:] if e["userdeftype"] in {"LEFT", "QUEUE"}]

    await right(lambda: len(left()) >= 3, "the caller waits again", LOST_SECONDS)
    came, gone, again = (event["eventextra"] for event in left()[:3])
    assert "front=" in came
    assert "cause=16" not in gone
    assert "priority=99 front=1" in again
    assert citizen.state == "talking"
