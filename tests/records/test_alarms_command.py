"""`siaga alarms`: what happened, to which call, and what to do about it."""

import json
import re
from pathlib import Path

from click.testing import CliRunner, Result
from sqlalchemy import Engine

from ivr.calls import alarms_command
from ivr.calls.alarms import REMEDIES
from ivr.records import schema
from ivr.records.engine import writing
from ivr.retention.watch import NO_ROOM
from ivr.settings import Settings

ROOT = Path(__file__).parents[2]
AT = 1_795_582_800.0
"""12.00 WIB of 2026-11-25."""


def raised(engine: Engine, at: float, what: str, words: str, callref: str | None = None) -> None:
    with writing(engine) as connection:
        row = {"at": at, "what": what, "words": words, "callref": callref}
        connection.execute(schema.alarms.insert(), row)


def run(settings: Settings, *words: str) -> Result:
    return CliRunner().invoke(alarms_command, words, obj=settings)


def test_an_alarm_is_told_in_local_time_with_what_to_do(settings: Settings, engine: Engine) -> None:
    raised(engine, AT + 1, "wrong-number", '{"number": "113", "trunk": "telkom"}', "siaga-1.0")
    raised(engine, AT, "journal-gone", "calls-1.jsonl: is gone")
    assert run(settings, "--since", "2026-11-25").stdout.splitlines() == [
        "2026-11-25 12:00:00 WIB  berkas jurnal hilang: calls-1.jsonl: is gone",
        "  -> jangan ubah var/journal; simpan berkas itu dan var/log/desk.log",
        "2026-11-25 12:00:01 WIB  nomor salah: number=113 trunk=telkom",
        "  panggilan siaga-1.0",
        "  -> betulkan nomornya di config/agencies.yaml",
    ]
    assert "mend the number" in run(settings, "--since", "2026-11-25", "--lang", "en").stdout
    read = json.loads(run(settings, "--since", "2026-11-25", "--last", "1", "--json").stdout)
    assert (read["what"], read["callref"]) == ("wrong-number", "siaga-1.0")


def test_only_those_since_a_time_are_told(settings: Settings, engine: Engine) -> None:
    raised(engine, AT, "no-operator", "{}")
    raised(engine, AT + 60, "not-recorded", "{}")
    told = run(settings, "--since", "2026-11-25 12:01").stdout
    assert "panggilan tidak direkam" in told
    assert "petugas" not in told
    nothing = run(settings, "--since", "2026-11-26")
    assert (nothing.exit_code, nothing.stdout) == (0, "")
    assert nothing.stderr == "tidak ada peringatan\n"


OF_THE_DESK = {NO_ROOM, "end-not-noted", "clock-leapt"}


def test_every_alarm_of_the_dialplan_has_a_remedy() -> None:
    written = (ROOT / "asterisk" / "dialplan.conf").read_text()
    assert set(re.findall(r"ALARM,what=([a-z-]+)", written)) == set(REMEDIES) - OF_THE_DESK
