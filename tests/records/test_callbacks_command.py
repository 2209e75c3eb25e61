"""`siaga callbacks`: who must be called back, who must not, and who has reached a person since."""

import json

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from ivr.callrecord import CallRecord
from ivr.calls import callbacks_command
from ivr.records import schema
from ivr.records.callbacks import count
from ivr.records.engine import reading, writing
from ivr.records.rows import call_row
from ivr.settings import Settings
from ivr.status import callbacks as owed

AT = 1_795_582_800.0
"""12.00 WIB of 2026-11-25."""


def owe(engine: Engine, number: int, service: str = "fire", cleared_by: str | None = None) -> None:
    callref = f"siaga-1.{number}"
    record = CallRecord(callref, AT, "0812", "112", "telkom")
    with writing(engine) as connection:
        connection.execute(schema.calls.insert(), call_row(record, number))
        row = {
            "callref": callref,
            "ani": f"081{number}",
            "since": AT + 60 - number,
            "why": "abandoned-ringing",
            "service": service,
            "cleared_by": cleared_by,
            "cleared_at": AT + 600 if cleared_by else None,
        }
        connection.execute(schema.callbacks.insert(), row)


def run(settings: Settings, *words: str) -> Result:
    return CliRunner().invoke(callbacks_command, words, obj=settings)


def test_who_waits_longest_is_first_and_is_told_in_full(settings: Settings, engine: Engine) -> None:
    owe(engine, 1)
    owe(engine, 2, service="medical")
    assert run(settings).stdout.splitlines() == [
        "0812             2026-11-25 12:00:58 WIB  ditinggalkan saat berdering, medis",
        "                 siaga-1.2",
        "0811             2026-11-25 12:00:59 WIB  ditinggalkan saat berdering, kebakaran",
        "                 siaga-1.1",
    ]
    assert "abandoned while ringing, fire" in run(settings, "--lang", "en").stdout


def test_who_cannot_speak_must_not_be_rung(settings: Settings, engine: Engine) -> None:
    owe(engine, 1, service="cannot-speak")
    assert "JANGAN DITELEPON BALIK" in run(settings).stdout
    assert "DO NOT CALL BACK" in run(settings, "--lang", "en").stdout
    assert json.loads(run(settings, "--json").stdout)["never"] is True


def test_who_reached_a_person_since_is_shown_only_when_asked(
    settings: Settings, engine: Engine
) -> None:
    owe(engine, 1, cleared_by="siaga-1.7")
    owe(engine, 2)
    assert "siaga-1.1" not in run(settings).stdout
    assert "selesai 2026-11-25 12:10:00 WIB oleh siaga-1.7" in run(settings, "--all").stdout
    read = [json.loads(line) for line in run(settings, "--all", "--json").stdout.splitlines()]
    assert [(each["callref"], each["cleared_by"], each["never"]) for each in read] == [
        *(("siaga-1.2", None, False), ("siaga-1.1", "siaga-1.7", False)),
    ]


def test_the_status_counts_them(settings: Settings, engine: Engine) -> None:
    for number in (1, 2, 3):
        owe(engine, number, cleared_by="siaga-1.7" if number == 3 else None)
    with reading(engine) as connection:
        assert count(connection) == 2
    assert owed(settings) == (2, "")


@pytest.mark.usefixtures("engine")
def test_where_nobody_waits_it_is_said(settings: Settings) -> None:
    done = run(settings)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "tidak ada yang harus ditelepon balik\n"
    assert run(settings, "--json").stdout == ""
