"""`siaga recording`: what is printed, what it ends with, and in whose name it is noted."""

import json
import os
import pwd
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, select

from ivr.asker import owner, who
from ivr.callrecord import CallRecord
from ivr.records import rows, schema
from ivr.records.engine import open_engine, reading, writing
from ivr.retention import command
from ivr.retention.command import recording_command, whole
from ivr.settings import Settings

REF = "siaga-1795497172.0"
BEGAN_AT = 1_795_497_172.0  # 2026-11-24 12:12:52 WIB
SOUND = b"RIFF" + bytes(32) + b"data" + bytes(4) + b"\1\2" * 50


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state=tmp_path, database_url="")


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    """The records of one call, whose sound Asterisk could not close."""
    engine = open_engine(settings)
    record = CallRecord(
        *(REF, BEGAN_AT, "0812", "112", "from-trunk"),
        recording=f"{REF}.wav",
        ended_at=BEGAN_AT + 60,
    )
    with writing(engine) as connection:
        connection.execute(schema.calls.insert(), rows.call_row(record, 1))
        sound = {"callref": REF, "file": f"{REF}.wav", "kept_until": BEGAN_AT + 90 * 86_400}
        connection.execute(schema.recordings.insert(), sound)
    (settings.state / "recordings").mkdir()
    (settings.state / "recordings" / f"{REF}.wav").write_bytes(SOUND)
    yield engine
    engine.dispose()


def run(settings: Settings, *words: str) -> Result:
    return CliRunner().invoke(recording_command, words, obj=settings)


def audit(engine: Engine) -> list[tuple[str, str, str]]:
    table = schema.audit.c
    with reading(engine) as connection:
        query = select(table.who, table.what, table.words).order_by(table.id)
        return [(row.who, row.what, row.words) for row in connection.execute(query)]


@pytest.fixture(autouse=True)
def asked_by_ayu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "who", lambda: "ayu")
    monkeypatch.setattr(command, "owner", lambda: None)


def test_play_prints_where_the_sound_is_and_notes_who_asked(
    settings: Settings, engine: Engine
) -> None:
    done = run(settings, "play", REF)
    assert done.stdout == f"{settings.state / 'recordings' / REF}.wav\n"
    assert done.stderr == "some players hear nothing of it as it is: try --copy\n"
    assert audit(engine) == [("ayu", "recording-play", "{}")]


def test_a_copy_opens_in_any_player(settings: Settings, engine: Engine, tmp_path: Path) -> None:
    to = tmp_path / "copy.wav"
    done = run(settings, "play", REF, "--copy", str(to))
    assert done.stdout == f"{to}\n"
    assert to.read_bytes()[40:44] == (100).to_bytes(4, "little"), "Asterisk had left a 0"
    assert to.read_bytes()[44:] == SOUND[44:]
    assert whole(to)
    assert [what for _, what, _ in audit(engine)] == ["recording-copy"]
    again = run(settings, "play", REF, "--copy", str(to))
    assert (again.exit_code, again.stderr) == (
        *(1, f"siaga: {to} is there already: name a new file\n"),
    )


def test_a_hold_is_told_in_the_time_of_pekanbaru_and_ends_by_hand(
    settings: Settings, engine: Engine
) -> None:
    assert (
        run(settings, "list").stdout == f"{REF:<24} 2026-11-24 12:12  kept until 2027-02-22 12:12\n"
    )
    held = run(settings, "hold", REF, "--why", "polresta")
    assert "held since" in held.stdout
    assert "by ayu: polresta" in held.stdout
    assert run(settings, "list", "--state", "held").stdout == held.stdout
    refused = run(settings, "erase", REF, "--why", "asked for")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert f"siaga recording release {REF}" in refused.stderr
    released = run(settings, "release", REF, "--why", "over")
    assert "kept until 2027-02-22" in released.stdout
    assert [(who, what) for who, what, _ in audit(engine)] == [
        *(("ayu", "recording-hold"), ("ayu", "recording-release")),
    ]


def test_an_erased_sound_is_told_with_who_and_when(settings: Settings, engine: Engine) -> None:
    done = run(settings, "erase", REF, "--why", "asked for")
    assert done.stdout == f"{REF}: the sound is erased, the record stays\n"
    assert re.search(r"  erased \S+ \S+ by ayu$", run(settings, "list").stdout.rstrip())
    (told,) = json.loads(run(settings, "list", "--json").stdout)
    assert (told["callref"], told["state"], told["erased_by"]) == (REF, "erased", "ayu")
    for words in (["play", REF], ["hold", REF, "--why", "x"], ["erase", REF, "--why", "x"]):
        refused = run(settings, *words)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert re.search(r" is erased \S+ \S+ by ayu: the record stays$", refused.stderr.rstrip())
    assert [what for _, what, _ in audit(engine)] == ["recording-erase"]


@pytest.mark.parametrize("act", [["play"], ["hold", "--why", "x"], ["erase", "--why", "x"]])
def test_a_call_that_nobody_knows_is_refused_with_a_remedy(
    settings: Settings, engine: Engine, act: list[str]
) -> None:
    refused = run(settings, *act, "siaga-1.0")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == "siaga: there is no call siaga-1.0: `siaga calls` lists them\n"
    assert audit(engine) == []


@pytest.mark.parametrize("act", ["hold", "release", "erase"])
def test_nothing_is_changed_without_a_reason(settings: Settings, engine: Engine, act: str) -> None:
    assert run(settings, act, REF).exit_code == 2
    assert audit(engine) == []


@pytest.mark.parametrize("act", ["hold", "release", "erase"])
def test_a_blank_reason_is_none(settings: Settings, engine: Engine, act: str) -> None:
    refused = run(settings, act, REF, "--why", "  ")
    assert refused.exit_code == 2
    assert "write the reason" in refused.stderr
    assert audit(engine) == []


def test_who_did_what_to_a_sound_is_told(settings: Settings, engine: Engine) -> None:
    nothing = run(settings, "audit")
    assert (nothing.stdout, nothing.stderr) == ("", "nothing was done to any sound\n")
    run(settings, "play", REF)
    run(settings, "hold", REF, "--why", "polresta")
    played, held = run(settings, "audit", REF).stdout.splitlines()
    assert re.fullmatch(rf"\S+ \S+  ayu  recording-play  {REF}", played)
    assert re.search(rf"  ayu  recording-hold  {REF}  why=polresta$", held)
    (last,) = run(settings, "audit", "--limit", "1", "--json").stdout.splitlines()
    assert json.loads(last)["what"] == "recording-hold"
    assert run(settings, "audit", "siaga-1.0").stdout == ""
    assert len(audit(engine)) == 2, "to look is no deed"


def test_records_that_may_not_be_read_are_told_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = run(Settings(state=tmp_path / "file", database_url=""), "list")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("siaga: ")


def test_no_records_are_made_where_no_line_ever_ran(tmp_path: Path) -> None:
    refused = run(Settings(state=tmp_path, database_url=""), "list")
    assert refused.exit_code == 1
    assert refused.stderr.endswith("start the line with `make up`\n")
    assert list(tmp_path.iterdir()) == []


def test_behind_sudo_it_is_who_called_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for name, value in {"SUDO_USER": "budi", "SUDO_UID": "1000", "SUDO_GID": "1001"}.items():
        monkeypatch.setenv(name, value)
    assert (who(), owner()) == ("budi", (1000, 1001))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert (who(), owner()) == (pwd.getpwuid(os.getuid()).pw_name, None), (
        "anybody can set SUDO_USER"
    )


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
    assert who() == "4000000"
