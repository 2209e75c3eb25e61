"""The sound of a call, on the real Asterisk: one whole file, and never at the caller's expense."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import time
import wave
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from line import ROOT, Line, until
from scripts import HangUp, Pause, Reply, Script, Speak
from sqlalchemy import select
from stage import Site, Stage

from ivr.alaw import RATE
from ivr.journal import Batch, Position, parse, records
from ivr.phone import Key, PhoneCall, Report, What, audio, call, caller
from ivr.phone.media import MediaStream
from ivr.records import schema
from ivr.records.engine import open_engine, reading
from ivr.records.store import Store
from ivr.retention import Watch
from ivr.retention.folder import Folder
from ivr.retention.policy import BUFFERED_SECONDS

CALLER_HZ, AGENCY_HZ, OPERATOR_HZ = audio.OWN_TONE_HZ, 700, 800
WINDOW = RATE // 2
"""Half a second, in samples."""
LOUD = 500.0
"""A tone of -15 dBov has 5800 (root of the mean square)."""
TOLERANCE_SECONDS = 0.5
SOON_SECONDS = 2.0
"""On a machine that is busy with tests."""
LOOK_SECONDS = 0.5
ASTERISK, CONTROLLER, DESK = 11200, 11201, 11202
"""Their users (asterisk/setup.sh)."""
ANSWERS = (Reply(180), Pause(1.0), Reply(200, sdp=True))


@dataclass(frozen=True, slots=True)
class Recorded:
    """The file of one call, and from when to when the call was answered."""

    path: Path
    seconds: float
    answered_seconds: float
    windows: tuple[tuple[int, ...], ...]

    def tone(self, hz: int) -> list[bool]:
        """Say for each half second whether a tone of this height is in it."""
        return [_strength(window, hz) > LOUD for window in self.windows]


def _strength(window: tuple[int, ...], hz: int) -> float:
    energy = sum(sample * sample for sample in window) / len(window)
    return float((audio.share(window, hz) * energy) ** 0.5)


def recorded(line: Line, number: str) -> Recorded:
    """Return what was recorded of the one call from a number."""
    events = line.journal()
    (ref,) = [e["linkedid"] for e in events if f"ani={number} " in e["eventextra"]]
    own = [e for e in events if e["linkedid"] == ref]
    (file,) = [json.loads(e["eventextra"])["extra"] for e in own if e["eventtype"] == "RECORDING"]
    assert file == f"file={ref}.wav"
    times = {e["eventtype"]: float(e["eventtime"]) for e in own if e["uniqueid"] == ref}
    path = line.settings.state / "recordings" / f"{ref}.wav"
    with wave.open(str(path)) as sound:
        assert (sound.getframerate(), sound.getsampwidth(), sound.getnchannels()) == (RATE, 2, 1)
        samples = memoryview(sound.readframes(sound.getnframes())).cast("h").tolist()
    starts = range(0, len(samples) - WINDOW + 1, WINDOW)
    windows = tuple(tuple(samples[at : at + WINDOW]) for at in starts)
    answered_seconds = times["HANGUP"] - times["ANSWER"]
    return Recorded(path, len(samples) / RATE, answered_seconds, windows)


def alarms(line: Line, number: str) -> list[str]:
    """Return what the dialplan told staff about the call from a number."""
    events = line.journal()
    refs = {e["linkedid"] for e in events if f"ani={number} " in e["eventextra"]}
    return [
        json.loads(e["eventextra"])["extra"]
        for e in events
        if e["eventtype"] == "ALARM" and e["linkedid"] in refs
    ]


def citizen(line: Line, number: str, **changes: Any) -> PhoneCall:
    """Describe a citizen who presses 1 and speaks a tone."""
    usual: dict[str, Any] = {"keys": (Key("1"),), "max_seconds": 10.0}
    return PhoneCall(port=line.sip_port, caller=number, **{**usual, **changes})


def gone(line: Line) -> None:
    until(lambda: line.channels() == 0, "every channel is gone", 20)


# -------------------------------------------------------------------------------- what is in it


@contextlib.asynccontextmanager
async def staged() -> AsyncIterator[Stage]:
    stage = Stage(Site(operators=1), slot=0)
    try:
        await stage.open()
        yield stage
        assert await stage.empty() == ""
    finally:
        await stage.close()


def test_one_file_holds_menu_ringing_and_both_talks_with_both_sides() -> None:
    told: list[Recorded] = []

    async def story() -> None:
        async with staged() as stage:
            leaves = (*ANSWERS, Speak(AGENCY_HZ), Pause(12.0), HangUp())
            stage.scripts["81001"] = (Script("talks, then leaves", leaves),)
            stage.operator_scripts["81001"] = (Script("talks", (*ANSWERS, Speak(OPERATOR_HZ))),)
            report = await call(citizen(stage.line, "81001", max_seconds=28.0))
            assert report.ended_by == "caller"
            assert await stage.empty() == ""
            told.append(await asyncio.to_thread(recorded, stage.line, "81001"))
            files = list((stage.folder / "recordings").rglob("*"))
            assert files == [told[0].path], "one file, and nothing else"

    asyncio.run(story())
    sound = told[0]
    assert sound.seconds == pytest.approx(sound.answered_seconds, abs=TOLERANCE_SECONDS)
    agency, operator = sound.tone(AGENCY_HZ), sound.tone(OPERATOR_HZ)
    ringing = sound.tone(audio.RINGING_HZ)
    assert sum(agency) >= 22, "twelve seconds with the agency"
    assert sum(operator) >= 10, "the rest with the operator"
    first, last = agency.index(True), len(agency) - agency[::-1].index(True) - 1
    assert last < operator.index(True)
    assert any(ringing[:first]), "the agency's telephone rings"
    assert any(ringing[last:]), "the operator's telephone rings"
    assert sum(sound.tone(CALLER_HZ)) >= len(sound.windows) - 2, "the caller is in all of it"


def test_each_of_many_calls_is_in_the_file_of_its_own_name_with_whom_it_spoke(line: Line) -> None:
    tones = {f"8200{n}": 900 + 50 * n for n in range(9)}  # 50 Hz apart: one is never another

    async def all_of_them() -> None:
        # Before the simulated agency begins to repeat: an echo may cancel what it repeats.
        calls = (citizen(line, number, tone_hz=hz, max_seconds=8.0) for number, hz in tones.items())
        await asyncio.gather(*map(call, calls))

    asyncio.run(all_of_them())
    gone(line)
    for number, hz in tones.items():
        sound = recorded(line, number)
        assert sound.seconds == pytest.approx(sound.answered_seconds, abs=TOLERANCE_SECONDS)
        mine = sum(sound.tone(hz))
        others = max(sum(sound.tone(other)) for other in tones.values() if other != hz)
        assert mine >= len(sound.windows) - 2 > others
        # The simulated agency speaks from the fourth second on; its words are no tone of anybody.
        heard = [audio.share(window, hz) < 0.97 for window in sound.windows[8:15]]
        assert sum(heard) >= 5, (number, heard)


class _Mute(MediaStream):
    """A telephone that sends not one packet."""

    def _send_frame(self) -> None:
        real, self._transport = self._transport, _Nowhere()  # type: ignore[assignment]
        try:
            super()._send_frame()
        finally:
            self._transport = real


class _Nowhere:
    def sendto(self, *_: object) -> None:
        pass


def test_who_sends_no_sound_at_all_is_recorded_with_what_he_hears(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caller, "MediaStream", _Mute)
    keys = (Key("1", "info"),)
    asyncio.run(call(citizen(line, "83001", keys=keys, max_seconds=8.0)))
    gone(line)
    sound = recorded(line, "83001")
    # Asterisk waits half a second for sound before it goes on (channel.c, __ast_answer).
    assert sound.seconds == pytest.approx(sound.answered_seconds - 0.5, abs=TOLERANCE_SECONDS)
    assert sum(_strength(window, CALLER_HZ) > LOUD for window in sound.windows) == 0
    loud = [sum(x * x for x in window) / WINDOW > LOUD**2 for window in sound.windows[8:14]]
    assert all(loud), "the agency's voice"


def test_a_file_that_is_there_already_is_never_overwritten(line: Line) -> None:
    # A clock that was set back could let Asterisk give a reference again.
    asyncio.run(call(citizen(line, "83003", max_seconds=2.0)))
    gone(line)
    recordings = line.settings.state / "recordings"
    earlier = recorded(line, "83003").path.read_bytes()
    last = max(int(e["uniqueid"].rpartition(".")[2]) for e in line.journal())
    now = int(time.time())
    names = [f"siaga-{now + s}.{last + n}.wav" for s in range(4) for n in range(1, 5)]
    for name in names:
        (recordings / name).write_bytes(earlier)
        os.chown(recordings / name, ASTERISK, ASTERISK)
    asyncio.run(call(citizen(line, "83004", max_seconds=2.0)))
    gone(line)
    sound = recorded(line, "83004")
    assert sound.path.name in names, "the test foresaw its reference"
    assert sound.path.read_bytes()[44:].startswith(earlier[44:])
    assert sound.seconds > 3.0, "and the new sound follows"
    for name in names:
        (recordings / name).unlink()


def test_the_file_of_a_call_is_its_own_and_readable_by_nobody_else(line: Line) -> None:
    asyncio.run(call(citizen(line, "83002", max_seconds=2.0)))
    gone(line)
    path = recorded(line, "83002").path
    folder = path.parent.stat()
    assert (folder.st_uid, folder.st_gid, folder.st_mode & 0o007) == (ASTERISK, ASTERISK, 0)
    assert folder.st_mode & 0o070 == 0o070, "the desk, of that group, may remove it"
    assert (path.stat().st_uid, path.stat().st_gid) == (ASTERISK, ASTERISK)
    for user, groups, may in (
        (DESK, f"--groups={ASTERISK}", True),
        (CONTROLLER, "--clear-groups", False),
    ):
        act = f"cat {path.name} >/dev/null && touch {path.name}.x && rm {path.name}.x"
        done = subprocess.run(
            [
                *(ROOT / "asterisk" / "root.sh", "run", "setpriv", f"--reuid={user}"),
                *(f"--regid={user}", groups, "sh", "-c", f"cd /recordings && {act}"),
            ],
            env=line._environment(),
            capture_output=True,
            check=False,
            timeout=20,
        )
        assert (done.returncode == 0) == may, (user, done.stderr)


# --------------------------------------------------------------------------- when it cannot be done


def put_through(report: Report) -> bool:
    """Say whether the caller reached the agency as soon as ever."""
    sent, rang = report.heard(What.KEY_SENT), report.heard(What.RINGING)
    return report.reached and rang[0].seconds - sent[0].seconds < SOON_SECONDS


def seen_by_the_desk(line: Line) -> dict[str, str]:
    """Read the journal as the desk does and look once; return what is missed of which caller."""
    settings = line.settings.model_copy(update={"state": line.settings.state / "as-desk"})
    engine = open_engine(settings)
    try:
        raw = (line.settings.state / "journal" / "calls.jsonl").read_bytes()
        whole = raw.rpartition(b"\n")[0].split(b"\n")
        lines = tuple(told for each in whole if each and (told := parse(each)))
        Store(engine).ingest(Batch(lines, (), Position("journal", len(raw))), "calls.jsonl")
        lacks = Watch(engine, line.settings.state).look().missing
        ani = {ref: record.ani for ref, record in records(lines).items()}
        with reading(engine) as connection:
            alarmed = set(connection.scalars(select(schema.alarms.c.callref)))
        assert {lack.callref for lack in lacks} <= alarmed
        # A disk as small as a test's has no room at all by its measure.
        (line.settings.state / "journal" / "no-room").unlink(missing_ok=True)
        return {ani[lack.callref]: lack.why for lack in lacks}
    finally:
        engine.dispose()


def missed_while_it_goes_on(line: Line, number: str) -> tuple[Report, str]:
    """Let a caller press 1 and stay; return what he told, and what the desk misses meanwhile."""

    async def story() -> tuple[Report, str]:
        calling = asyncio.create_task(call(citizen(line, number)))
        missed: str | None = None  # until the file has had the time by which it is judged
        while missed is None and not calling.done():
            await asyncio.sleep(LOOK_SECONDS)
            missed = (await asyncio.to_thread(seen_by_the_desk, line)).get(number)
        return await calling, missed or ""

    done = asyncio.run(story())
    gone(line)
    return done


def run(*words: object) -> None:
    subprocess.run([str(word) for word in words], check=True, capture_output=True, timeout=30)


@contextlib.contextmanager
def line_with(state: Path, mount: Callable[[Path], None], port: int) -> Iterator[Line]:
    """Start a line whose recordings have a disk of their own."""
    line = Line(state, port)
    state.chmod(0o755)
    line.configure()
    disk = state / "recordings"
    disk.mkdir()
    mount(disk)
    try:
        line.start("asterisk", "ivr")
        yield line
    finally:
        line.close()
        subprocess.run(["umount", "-l", str(disk)], check=False, capture_output=True)


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """A line with room for a quarter of a minute of sound."""

    def mount(disk: Path) -> None:
        run("mount", "-t", "tmpfs", "-osize=256k", "tmpfs", disk)

    with line_with(tmp_path_factory.mktemp("small"), mount, 39060) as line:
        yield line


@contextlib.contextmanager
def full(disk: Path) -> Iterator[None]:
    with (disk / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while True:
            ballast.write(b"x" * 4096)
    yield
    (disk / "ballast").unlink()


@contextlib.contextmanager
def read_only(disk: Path) -> Iterator[None]:
    run("mount", "-o", "remount,ro", disk)
    yield
    run("mount", "-o", "remount,rw", disk)


@contextlib.contextmanager
def not_ours(disk: Path) -> Iterator[None]:
    os.chown(disk, 0, 0)
    yield
    os.chown(disk, ASTERISK, ASTERISK)


@pytest.mark.parametrize(
    ("number", "broken", "why"),
    [("84001", full, "empty"), ("84002", read_only, "no-file"), ("84003", not_ours, "no-file")],
)
def test_a_disk_that_takes_nothing_costs_no_caller_anything_and_is_seen_at_once(
    small_disk: Line, number: str, broken: Callable[[Path], Any], why: str
) -> None:
    with broken(small_disk.settings.state / "recordings"):
        report, missed = missed_while_it_goes_on(small_disk, number)
    assert put_through(report), report.events
    assert missed == why


def test_a_disk_that_fills_during_a_call_costs_the_caller_nothing_and_is_seen(
    small_disk: Line,
) -> None:
    report = asyncio.run(call(citizen(small_disk, "84004", max_seconds=23.0)))
    gone(small_disk)
    assert put_through(report)
    assert report.ended_by == "caller"
    until(lambda: seen_by_the_desk(small_disk).get("84004") == "short", "the desk sees it", 10)


def test_a_recording_outlives_asterisk_and_its_copy_opens(small_disk: Line, tmp_path: Path) -> None:
    for path in (small_disk.settings.state / "recordings").iterdir():
        path.unlink()

    async def story() -> None:
        calling = asyncio.create_task(call(citizen(small_disk, "84005", max_seconds=8.0)))
        await asyncio.sleep(6.5)
        await asyncio.to_thread(small_disk.stop, "asterisk", signal.SIGKILL)
        calling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await calling

    asyncio.run(story())
    (path,) = (small_disk.settings.state / "recordings").iterdir()
    assert path.read_bytes()[40:44] == bytes(4), "Asterisk had no time to write the length"
    Folder(path.parent).copy(path.name, tmp_path / "copy.wav")
    with wave.open(str(tmp_path / "copy.wav")) as sound:
        assert sound.getnframes() / RATE >= 6.0 - BUFFERED_SECONDS
    small_disk.start("asterisk")
    assert put_through(asyncio.run(call(citizen(small_disk, "84006"))))
    gone(small_disk)


def test_an_asterisk_without_a_recorder_puts_callers_through_and_says_so_at_once(
    small_disk: Line,
) -> None:
    small_disk.asterisk("module unload app_mixmonitor.so")
    try:
        report = asyncio.run(call(citizen(small_disk, "84007", max_seconds=5.0)))
        gone(small_disk)
    finally:
        small_disk.asterisk("module load app_mixmonitor.so")
    assert put_through(report)
    assert alarms(small_disk, "84007") == ["what=not-recorded why=no-recorder"]


@pytest.fixture
def disk_that_can_hang(tmp_path: Path) -> Callable[[Path], None]:
    """Return what mounts a disk that `frozen` makes hang."""
    image = tmp_path / "disk"
    with image.open("wb") as file:
        file.truncate(64 << 20)
    run("mkfs.ext4", "-q", image)

    def mount(disk: Path) -> None:
        try:
            run("mount", "-o", "loop", image, disk)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"this machine mounts no file as a disk: {error.stderr.decode()}")

    return mount


@contextlib.asynccontextmanager
async def frozen(disk: Path) -> AsyncIterator[None]:
    """Let whatever writes to a disk wait, as one that is dying does."""
    await asyncio.to_thread(run, "fsfreeze", "-f", disk)
    try:
        yield
    finally:
        await asyncio.to_thread(run, "fsfreeze", "-u", disk)


def test_a_disk_of_recordings_that_hangs_is_not_felt_by_any_caller(
    tmp_path_factory: pytest.TempPathFactory, disk_that_can_hang: Callable[[Path], None]
) -> None:
    async def story(line: Line) -> list[Report]:
        talking = asyncio.create_task(call(citizen(line, "85001")))
        await asyncio.sleep(5.0)
        async with frozen(line.settings.state / "recordings"):
            later = [call(citizen(line, f"8500{n}", max_seconds=6.0)) for n in range(2, 8)]
            reports = [*await asyncio.gather(*later), await talking]
            await asyncio.to_thread(gone, line)
        return reports

    with line_with(tmp_path_factory.mktemp("hangs"), disk_that_can_hang, 41060) as line:
        for report in asyncio.run(story(line)):
            assert put_through(report), report.events
            assert report.ended_by == "caller"
            assert report.longest_silence_seconds < 1.0
        after = asyncio.run(call(citizen(line, "85009", max_seconds=6.0)))
        gone(line)
        sound = recorded(line, "85009")
        assert put_through(after)
        assert sound.seconds == pytest.approx(sound.answered_seconds, abs=TOLERANCE_SECONDS)


def test_when_all_that_we_write_hangs_a_caller_still_reaches_a_person(
    tmp_path_factory: pytest.TempPathFactory, disk_that_can_hang: Callable[[Path], None]
) -> None:
    # Nothing of ours can note anything then: the controller hangs, and so does the stand-in.
    state = tmp_path_factory.mktemp("all-hangs")
    disk_that_can_hang(state)

    async def story(line: Line) -> Report:
        async with frozen(state):
            return await call(citizen(line, "87001", max_seconds=40.0, hold_seconds=1.0))

    try:
        with line_with(state, lambda _: None, 43060) as line:
            report = asyncio.run(story(line))
            assert report.reached, report.events
            assert report.longest_silence_seconds <= 3.0
            gone(line)
    finally:
        run("umount", "-l", state)


def test_while_there_is_no_room_nothing_is_recorded_and_staff_are_told(line: Line) -> None:
    marker = line.settings.state / "journal" / "no-room"
    marker.touch()
    try:
        report = asyncio.run(call(citizen(line, "86001", max_seconds=5.0)))
        gone(line)
        assert put_through(report)
        assert alarms(line, "86001") == ["what=not-recorded why=no-room"]
        files = [path.name for path in (line.settings.state / "recordings").iterdir()]
        events = [e for e in line.journal() if "ani=86001 " in e["eventextra"]]
        assert f"{events[0]['linkedid']}.wav" not in files
        long_ago = time.time() - 130
        os.utime(marker, (long_ago, long_ago))
        asyncio.run(call(citizen(line, "86002", max_seconds=5.0)))
        gone(line)
        assert recorded(line, "86002").seconds > 4.0, "a desk that has died ends no recording"
    finally:
        marker.unlink()
