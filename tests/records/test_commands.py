"""`siaga calls` and `siaga report` on real databases, and what they say when there is nothing."""

import contextlib
import json
import os
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO

import pytest
from click.testing import CliRunner, Result

from ivr.calls import command as calls_module
from ivr.calls.command import calls_command, following
from ivr.journal import Batch, Line, Position
from ivr.period import today
from ivr.records import schema
from ivr.records.backup import backup_command
from ivr.records.engine import FILE, open_engine, writing
from ivr.records.errors import BusyError
from ivr.records.query import Found, Wanted
from ivr.records.store import Store
from ivr.report import report_command
from ivr.settings import Settings
from ivr.words import Words

DAY = "2026-11-25"
NOON = 1795582800.0
"""12.00 WIB of DAY."""
LIMIT_SECONDS = 20.0

on_sqlite = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


def a_call(number: int, *more: Line, at: float = NOON, ani: str = "0812") -> Batch:
    """The lines of a call that is in the menu, and whatever follows."""
    call = name(number)
    begun = (
        Line(call, call, at, "CHAN_START", (("context", "from-trunk"),)),
        Line(call, call, at + 0.25, "CALL", (("ani", ani), ("dnis", "112"), ("trunk", "telkom"))),
    )
    return Batch((*begun, *more), (), Position("fingerprint", number))


def name(number: int) -> str:
    return f"siaga-1795582800.{number}"


def said(number: int, at: float, what: str, /, **words: str) -> Line:
    return Line(name(number), name(number), at, what, tuple(words.items()))


def served(number: int, at: float = NOON) -> Batch:
    return a_call(
        number,
        said(number, at + 3, "PLAN", plan="fire", floor="controller", language="id"),
        said(number, at + 4, "RING", step="1", agency="damkar", number="113", trunk="telkom"),
        said(number, at + 9, "JOINED", by="telkom"),
        said(number, at + 60, "HANGUP"),
        at=at,
    )


def abandoned(number: int, at: float = NOON) -> Batch:
    return a_call(number, said(number, at + 2, "HANGUP"), at=at, ani="")


def fill(settings: Settings, *batches: Batch) -> None:
    engine = open_engine(settings)
    for batch in batches:
        Store(engine).ingest(batch, "calls.jsonl")
    engine.dispose()


def report(settings: Settings, *words: str) -> Result:
    return CliRunner().invoke(report_command, words, obj=settings)


def calls(settings: Settings, *words: str) -> Result:
    return CliRunner().invoke(calls_command, words, obj=settings)


# ------------------------------------------------------------------------------------- the report


def test_a_report_is_of_the_calls_of_its_day(settings: Settings) -> None:
    fill(settings, served(1), abandoned(2), served(3, NOON + 86400))
    read = json.loads(report(settings, "--day", DAY, "--json").stdout)["figures"]
    assert read["calls"]["all"] == 2
    assert read["time_to_human"]["p50"] == 9.0
    assert read["answer_rate"] == {
        "answered within 30 s": 1,
        "received": 2,
        "disconnected within 5 s": 1,
        "rate": 1.0,
    }
    assert read["handoff_p50"] == {"damkar": 5.0}
    month = json.loads(report(settings, "--month", "2026-11", "--json").stdout)["figures"]
    assert month["calls"]["all"] == 3
    assert month["calls_by_day"]["2026-11-26"] == 1


@on_sqlite
def test_each_form_tells_the_same_day(settings: Settings, tmp_path: Path) -> None:
    fill(settings, served(1))
    page = tmp_path / "day.html"
    assert "Rabu, 25 November 2026" in report(settings, "--day", DAY).stdout
    assert "Wednesday" in report(settings, "--day", DAY, "--lang", "en").stdout
    assert "calls,all,1,calls\n" in report(settings, "--day", DAY, "--csv").stdout
    written = report(settings, "--day", DAY, "--html", str(page))
    assert (written.exit_code, written.stderr) == (0, f"{page} selesai ditulis\n")
    assert "<svg" in page.read_text()
    assert "<svg" in report(settings, "--day", DAY, "--html", "-").stdout


@on_sqlite
def test_a_day_without_calls_is_empty_and_says_when_the_last_was(settings: Settings) -> None:
    fill(settings, served(1))
    done = report(settings, "--day", "2026-11-20")
    assert done.exit_code == 0
    assert "semua panggilan                      0" in done.stdout
    last = "yang terakhir 2026-11-25 12:00:00 WIB"
    assert done.stderr == f"tidak ada panggilan pada 2026-11-20: {last}\n"


def test_an_empty_database_names_the_command_that_looks_at_the_line(settings: Settings) -> None:
    fill(settings)
    done = report(settings, "--day", DAY)
    assert done.exit_code == 0
    assert "`siaga status`" in done.stderr
    assert calls(settings).stderr == "tidak ada panggilan yang cocok\n"


@on_sqlite
@pytest.mark.parametrize("command", [report, calls])
def test_where_nothing_was_recorded_yet_nothing_is_made(
    settings: Settings, command: Callable[..., Result]
) -> None:
    done = command(settings)
    assert done.exit_code == 1
    assert f"belum ada catatan panggilan di {settings.state / FILE}" in done.stderr
    assert "`make up`" in done.stderr
    assert not (settings.state / "desk").exists()
    assert "`make up`" in command(settings, "--lang", "en").stderr


@on_sqlite
@pytest.mark.parametrize("command", [report, calls])
def test_a_file_that_is_no_database_is_named_with_a_remedy(
    settings: Settings, command: Callable[..., Result]
) -> None:
    file = settings.state / FILE
    file.parent.mkdir()
    file.write_text("not a database, and long enough to have been one" * 100)
    done = command(settings)
    assert done.exit_code == 1
    assert str(file) in done.stderr
    assert "put the last backup in its place" in done.stderr


@on_sqlite
def test_a_backup_is_whole_though_somebody_writes_and_is_for_root_alone(
    settings: Settings, tmp_path: Path
) -> None:
    fill(settings, served(1))
    copy = tmp_path / "copy.sqlite3"
    engine = open_engine(settings)
    with writing(engine):  # as the desk does all day
        done = CliRunner().invoke(backup_command, [str(copy)], obj=settings)
    engine.dispose()
    assert done.exit_code == 0, done.stderr
    assert copy.stat().st_mode & 0o777 == 0o600
    before = report(settings, "--day", DAY, "--json").stdout
    shutil.copy(copy, settings.state / FILE)
    for rest in ("-wal", "-shm"):
        settings.state.joinpath(f"{FILE}{rest}").unlink(missing_ok=True)
    assert report(settings, "--day", DAY, "--json").stdout == before
    assert json.loads(before)["figures"]["calls"]["all"] == 1
    again = CliRunner().invoke(backup_command, [str(copy)], obj=settings)
    assert isinstance(again.exception, FileExistsError)


@on_sqlite
def test_where_there_is_no_database_no_backup_is_made(settings: Settings, tmp_path: Path) -> None:
    done = CliRunner().invoke(backup_command, [str(tmp_path / "copy")], obj=settings)
    assert done.exit_code == 1
    assert "put the file back where it was" in done.stderr
    assert list(tmp_path.glob("copy*")) == []


@on_sqlite
@pytest.mark.parametrize("command", [report, calls])
def test_a_file_that_may_not_be_read_is_named_with_a_remedy(
    settings: Settings, command: Callable[..., Result]
) -> None:
    fill(settings)
    (settings.state / "desk").chmod(0)
    with nobody():
        done = command(settings)
    assert done.exit_code == 1
    assert done.stderr == f"siaga: {settings.state / FILE} tidak boleh dibaca: pakai sudo\n"


@contextlib.contextmanager
def nobody() -> Iterator[None]:
    """Be a user without rights: for root every file is open."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@on_sqlite
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--day", "kemarin"), "'kemarin' bukan tanggal: tulis misalnya --day 2026-11-25"),
        (("--day", "2026-02-30"), "bukan tanggal"),
        (("--day", ""), "bukan tanggal"),
        (("--month", "2026-11-25"), "tulis misalnya --month 2026-11"),
        (("--month", "2026-13", "--lang", "en"), "is no date: write it like --month 2026-11"),
        (("--day", "9999-12-31"), "belum mulai: hari ini"),
        (("--month", "9999-12"), "belum mulai: hari ini"),
        (("--day", DAY, "--month", "2026-11"), "choose one"),
        (("--csv", "--json"), "choose one"),
        (("--csv", "--html", "x"), "choose one"),
    ],
)
def test_a_period_that_is_none_is_refused(
    settings: Settings, words: tuple[str, ...], told: str
) -> None:
    done = report(settings, *words)
    assert done.exit_code == 2
    assert told in done.stderr


@on_sqlite
def test_a_page_that_cannot_be_written_is_named(settings: Settings, tmp_path: Path) -> None:
    fill(settings, served(1))
    done = report(settings, "--day", DAY, "--html", str(tmp_path / "no" / "day.html"))
    assert done.exit_code == 1
    assert "No such file or directory: pilih berkas lain untuk --html" in done.stderr


@on_sqlite
def test_without_a_period_it_is_today(settings: Settings) -> None:
    fill(settings)
    name_of_today = today(time.time()).name
    assert json.loads(report(settings, "--json").stdout)["period"]["name"] >= name_of_today


# -------------------------------------------------------------------------------------- the calls


@on_sqlite
def test_the_newest_call_stands_last(settings: Settings) -> None:
    fill(settings, served(1), abandoned(2, NOON + 60))
    done = calls(settings)
    head, first, second = done.stdout.splitlines()
    assert "penelepon" in head
    assert first.endswith(name(1))
    assert second.endswith(name(2))
    assert done.stderr == ""


@on_sqlite
def test_a_list_that_was_cut_says_so(settings: Settings) -> None:
    fill(settings, served(1), served(2, NOON + 60))
    done = calls(settings, "--last", "1")
    assert name(2) in done.stdout
    assert name(1) not in done.stdout
    assert "--last 10" in done.stderr


@on_sqlite
@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--outcome", "abandoned-menu"), [2]),
        (("--outcome", "open"), [3]),
        (("--service", "fire"), [1]),
        (("--agency", "damkar"), [1]),
        (("--floor", "controller"), [1]),
        (("--ani", "0812"), [1, 3]),
        (("--since", "2026-11-25 12:01"), [2, 3]),
        (("--until", "2026-11-25 12:01"), [1]),
        (("--since", DAY, "--until", DAY), [1, 2]),
        (("--test",), []),
        (("--no-test", "--last", "1"), [3]),
    ],
)
def test_calls_are_filtered(settings: Settings, words: tuple[str, ...], found: list[int]) -> None:
    fill(settings, served(1), abandoned(2, NOON + 60), a_call(3, at=NOON + 86400))
    lines = calls(settings, "--json", *words).stdout.splitlines()
    assert [json.loads(line)["callref"] for line in lines] == [name(n) for n in found]


@on_sqlite
def test_a_program_reads_one_object_a_line(settings: Settings) -> None:
    fill(settings, served(1))
    read = json.loads(calls(settings, "--json").stdout)
    assert (read["ani"], read["human_seconds"], read["talk_seconds"]) == ("0812", 9.0, 51.0)
    alone = json.loads(calls(settings, "--json", name(1)).stdout)
    short = name(1).removeprefix("siaga-")
    assert json.loads(calls(settings, "--json", short).stdout) == alone
    assert {key: alone[key] for key in read} == read


@on_sqlite
def test_one_call_is_told_as_a_story(settings: Settings) -> None:
    fill(settings, served(1))
    said_of_it = calls(settings, name(1)).stdout
    assert "9,0 dtk  berbicara dengan damkar" in said_of_it
    done = calls(settings, "nobody")
    assert done.exit_code == 1
    assert "tidak ada panggilan nobody: `siaga calls`" in done.stderr


@on_sqlite
@pytest.mark.parametrize("option", ["--since", "--until"])
def test_a_time_that_is_none_is_refused(settings: Settings, option: str) -> None:
    done = calls(settings, option, "kemarin")
    assert done.exit_code == 2
    assert f"{option}: 'kemarin' bukan waktu: tulis misalnya 2026-11-25" in done.stderr


# --------------------------------------------------------------------------------- following them

FOLLOW = """
from ivr.calls.command import calls_command
from ivr.settings import Settings
calls_command(obj=Settings())
"""


def a_line(out: IO[str]) -> str:
    """Read a line, or fail: it must come within the limit."""
    assert select.select([out], [], [], LIMIT_SECONDS)[0], "no line came"
    return out.readline()


def test_who_follows_sees_new_calls_and_changed_ones_until_interrupted(settings: Settings) -> None:
    fill(settings, served(1))
    env = {"SIAGA_STATE": str(settings.state), "SIAGA_DATABASE_URL": settings.database_url}
    with subprocess.Popen(
        [sys.executable, "-c", FOLLOW, "--follow", "--json"],
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as process:
        try:
            assert process.stdout
            assert json.loads(a_line(process.stdout))["callref"] == name(1)
            fill(settings, a_call(2, at=NOON + 60))
            assert json.loads(a_line(process.stdout))["stage"] == "menu"
            hangup = Batch((said(2, NOON + 62, "HANGUP"),), (), Position("fingerprint", 3))
            fill(settings, hangup)
            assert json.loads(a_line(process.stdout))["outcome"] == "abandoned-menu"
            process.send_signal(signal.SIGINT)
            assert process.wait(LIMIT_SECONDS) == 0
            assert process.stderr
            assert process.stderr.read() == ""
        finally:
            process.kill()


@on_sqlite
def test_a_call_is_seen_once_the_database_is_no_longer_held(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(settings, served(1))
    monkeypatch.setattr("ivr.records.engine.LOCK_SECONDS", 0)
    engine = open_engine(settings)
    holder = sqlite3.connect(settings.state / FILE, isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    engine.dispose()  # whoever has it open keeps it shared
    holder.execute("BEGIN EXCLUSIVE")
    waits = 0

    def wait(_: float) -> None:
        nonlocal waits
        waits += 1
        if waits == 2:
            holder.close()
        if waits == 4:
            raise KeyboardInterrupt

    changes = partial(calls_module._changes, engine, Wanted())
    with pytest.raises(KeyboardInterrupt):
        following(changes, 0, calls_module.as_json, Words("id"), wait)
    engine.dispose()
    out = capsys.readouterr()
    assert json.loads(out.out)["callref"] == name(1)
    assert out.err.count("dicoba lagi") == 1


def test_trouble_is_said_once_and_what_came_meanwhile_is_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    trouble = BusyError("held", "end the program that holds it")
    answers: list[BusyError | None] = [trouble, trouble, None, trouble]
    asked: list[int] = []

    def changes(change: int) -> tuple[list[Found], int]:
        asked.append(change)
        if not answers:
            raise KeyboardInterrupt
        if answer := answers.pop(0):
            raise answer
        return [], 7

    with pytest.raises(KeyboardInterrupt):
        following(changes, 1, calls_module.as_json, Words("en"), wait=lambda _: None)
    assert asked == [1, 1, 1, 7, 7]
    assert capsys.readouterr().err.count("tried again") == 2


@on_sqlite
def test_a_reader_that_has_had_enough_is_no_error(settings: Settings) -> None:
    fill(settings, *(served(n) for n in range(1, 40)))
    done = subprocess.run(
        ["sh", "-c", '"$0" -c "$1" --last 1000 | head -1', sys.executable, FOLLOW],
        env={**os.environ, "SIAGA_STATE": str(settings.state), "SIAGA_DATABASE_URL": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "masuk (WIB)" in done.stdout
    assert done.stderr == ""


def test_one_call_is_told_with_who_was_told_of_it_and_knows(settings: Settings) -> None:
    fill(settings, served(1))
    engine = open_engine(settings)
    report = {"callref": name(1), "made_at": NOON + 3, "body": "{}"}
    knows = {"acknowledged_at": NOON + 30, "acknowledged_by": "Regu 2"}
    erased = {"callref": name(1), "file": "1.wav", "erased_at": NOON + 99, "erased_by": "ayu"}
    with writing(engine) as connection:
        for row in (
            report | {"id": "1", "agency": "damkar"} | knows,
            report | {"id": "2", "agency": "pmi"},
        ):
            connection.execute(schema.reports.insert(), row)
        connection.execute(schema.recordings.delete())
        connection.execute(schema.recordings.insert(), erased)
    engine.dispose()
    told = calls(settings, name(1)).stdout
    assert "laporan ke damkar  diketahui 2026-11-25 12:00:30 WIB oleh Regu 2\n" in told
    assert "laporan ke pmi     BELUM diketahui\n" in told
    assert "suara              dihapus 2026-11-25 12:01:39 WIB oleh ayu\n" in told
    assert "NOT yet acknowledged" in calls(settings, name(1), "--lang", "en").stdout
    read = json.loads(calls(settings, name(1), "--json").stdout)
    assert [x["acknowledged_by"] for x in read["reports"]] == ["Regu 2", None]
    assert (read["callref"], read["erased_by"]) == (name(1), "ayu")


@on_sqlite
@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--service", "fires"), "did you mean fire?"),
        (("--service", "api"), "write one of: cannot-speak, fire, no-choice, operator"),
        (("--agency", "damkr"), "did you mean damkar?"),
        (("--agency", "nosuch"), "write one of: damkar"),
        (("--floor", "foo"), "'controller', 'stand-in', 'static'"),
        (("--ani", "abc"), "digits, perhaps after a +"),
        (("--since", "2026-11-26", "--until", "2026-11-25"), "--since is not before --until"),
        (("--since", "2026-11-26", "11:20"), "use quotes: --since '2026-11-25 11:20'"),
    ],
)
def test_a_filter_that_no_call_could_match_is_refused(
    settings: Settings, asked: tuple[str, ...], said: str
) -> None:
    fill(settings, served(1))
    done = calls(settings, *asked, "--lang", "en")
    assert done.exit_code == 2
    assert said in done.stderr


@on_sqlite
def test_a_filter_that_only_happens_to_match_nothing_is_no_mistake(settings: Settings) -> None:
    fill(settings, served(1))
    done = calls(settings, "--service", "cannot-speak", "--lang", "en")
    assert (done.exit_code, done.stderr) == (0, "no call matches\n")
    assert calls(settings, "--agency", "damkar", "--until", "2026-11-01").exit_code == 0


@on_sqlite
def test_where_not_all_were_answered_a_dash_says_that_there_is_no_median(
    settings: Settings,
) -> None:
    fill(settings, served(1), abandoned(2))
    told = report(settings, "--day", DAY).stdout
    (row,) = [each for each in told.splitlines() if "semua yang selesai" in each][:1]
    assert row.split("semua yang selesai")[1].split()[:3] == ["2", "-", "-"]
    assert "Tanda -: tidak ada" in " ".join(told.split())
