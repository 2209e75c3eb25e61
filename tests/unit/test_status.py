"""What the line does now, read from answers of a real console of Asterisk 22.10.1."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ivr import applied
from ivr.ready import CONTROLLER
from ivr.settings import Settings
from ivr.status import (
    LITTLE_ROOM_BYTES,
    Console,
    Status,
    callbacks,
    heard,
    lines,
    nobody,
    room,
    telephones,
)
from ivr.status import edited as not_in_force
from routing.configuration import Configuration

QUEUES = """\
No ethernet interface found for seeding global EID. You will have to set it manually.
backup has 0 calls (max unlimited) in 'ringall' strategy (0s holdtime, 0s talktime), W:0, C:0, A:0
   Members: 
      Pengawas 1 (PJSIP/pengawas-1) (ringinuse disabled) (Unavailable) has taken no calls yet
   No Callers

operators has 1 calls (max unlimited) in 'rrmemory' strategy (0s holdtime, 0s talktime), W:0, C:0
   Members: 
      Operator 1 (PJSIP/operator-1) (ringinuse disabled) (Not in use) has taken no calls yet
      Operator 2 (PJSIP/operator-2) (ringinuse disabled) (paused was 3 secs ago) (In use) has taken
   Callers: 
      1. PJSIP/from-trunk-00000000 (wait: 0:05, prio: 6)

"""  # noqa: W291 - as it comes
CHANNELS = """\
PJSIP/far-end-00000002!simulated-answer-20261124T051248Z-00!s!2!Ring!Wait!2!0000!!!3!1!!siaga-1.2
PJSIP/from-trunk-00000000!ops-20261124T051248Z-00!s!22!Up!Dial!PJSIP/operator@simulated,20,gi
PJSIP/simulated-00000001!reject!s!1!Ringing!AppDial!(Outgoing Line)!s!!!3!1!!siaga-1.1
"""
MAINTENANCE = """
  Endpoint                                  State
  ----------------------------------------  -----
  from-trunk                                on

  1 endpoints in maintenance mode
"""
IDLE = MAINTENANCE.replace("  from-trunk                                on\n", "").replace(
    "1 e", "0 e"
)
BUSY = Console(
    callers=1,
    waiting=1,
    refusing=True,
    phones=(("pengawas-1", False), ("operator-1", True), ("operator-2", True)),
)
EMPTY = (("operator-1", False), ("operator-2", False))


def test_callers_phones_and_a_drain_are_read_from_the_console() -> None:
    assert heard((QUEUES, CHANNELS, MAINTENANCE)) == BUSY


def test_an_idle_line_has_nobody_inside() -> None:
    console = heard((QUEUES.replace("has 1 calls", "has 0 calls"), "", IDLE))
    assert (console.callers, console.waiting, console.refusing) == (0, 0, False)


@pytest.mark.parametrize("said", ["", "No such command 'queue show'", "\x1b[0m???\n" * 3])
def test_what_is_not_understood_is_unknown_and_warns_of_nothing(
    said: str, shipped: Configuration
) -> None:
    console = heard((said, "", said))
    assert (console.waiting, console.refusing, console.phones) == (None, None, ())
    operators = telephones(shipped.operators.operators, console)
    assert [phone.logged_in for phone in operators] == [None, None]
    assert nobody(shipped, operators, ()) == ""


@pytest.mark.parametrize(
    ("edits", "phones", "said"),
    [
        ((), EMPTY, "callers reach a simulated operator"),
        ((), (*EMPTY, ("pengawas-1", True)), "callers reach the backup (Pengawas 1)"),
        (
            [("site.yaml", "simulated_operator: true", "simulated_operator: false")],
            EMPTY,
            "callers reach the last hotline, polisi-110",
        ),
        ((), (("operator-1", False), ("operator-2", True)), ""),
    ],
)
def test_when_no_operator_is_there_it_is_said_whom_callers_reach(
    configured: Callable[..., Configuration], edits: Any, phones: Any, said: str
) -> None:
    configuration, console = configured(*edits), Console(phones=phones)
    groups = (configuration.operators.operators, configuration.operators.backup)
    warned = nobody(configuration, *(telephones(group, console) for group in groups))
    assert warned == (f"WARNING: no operator is logged in: {said}" if said else "")


@pytest.mark.parametrize("full", ["", "recordings"])
def test_a_disk_with_little_room_is_warned_of(tmp_path: Path, monkeypatch: Any, full: str) -> None:
    (tmp_path / "recordings").mkdir()
    settings, free = Settings(state=tmp_path), dict.fromkeys(("", "recordings"), LITTLE_ROOM_BYTES)
    names = {tmp_path: "", tmp_path / "recordings": "recordings"}
    monkeypatch.setattr(shutil, "disk_usage", lambda f: SimpleNamespace(free=free[names[f]]))
    assert room(settings) == ""
    free[full] -= 1
    assert room(settings) == (
        f"WARNING: {tmp_path / full} has 1023 MiB left, less than 1024: make room; "
        "under 512 MiB no further call is recorded"
    )


def test_edits_that_are_not_in_force_are_told(edited: Callable[..., Path], tmp_path: Path) -> None:
    settings = Settings(config=edited(), state=tmp_path / "var")
    applied.apply(settings)
    assert not_in_force(settings) == ""
    site = settings.config / "site.yaml"
    site.write_text(site.read_text() + "# an edit\n")
    assert "config/ has edits that are not in force: `siaga check`" in not_in_force(settings)
    assert not_in_force(Settings(config=tmp_path / "nowhere", state=settings.state)) == ""


def test_a_database_that_cannot_be_opened_is_warned_of(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path, database_url="postgresql://siaga@127.0.0.1:9/records")
    owed, warned = callbacks(settings)
    assert owed is None
    assert warned.startswith("WARNING: the records cannot be read: ")
    assert callbacks(Settings(state=tmp_path, database_url="")) == (None, "")
    assert list(tmp_path.iterdir()) == []


def test_people_read_it_in_one_look(shipped: Configuration) -> None:
    now = Status(
        address="127.0.0.1:5060",
        version="20261124T051248Z-00",
        live=True,
        line="PARTLY LIVE: key 1 rings damkar-113",
        asterisk=True,
        controllers=1,
        controllers_wanted=2,
        calls=1,
        waiting=None,
        refusing=False,
        callbacks=3,
        operators=telephones(shipped.operators.operators, BUSY),
        backup=telephones(shipped.operators.backup, BUSY),
        warnings=("WARNING: take care",),
    )
    assert "\n".join(lines(now, "")) == (
        "112 answers on 127.0.0.1:5060\n"
        "  line         PARTLY LIVE: key 1 rings damkar-113\n"
        "  version      20261124T051248Z-00\n"
        "  controllers  1 of 2 listening\n"
        "  callers      1, of whom unknown wait for an operator\n"
        "  call back    3: `siaga callbacks`\n"
        "  operator     operator-1 (Operator 1): logged in\n"
        "  operator     operator-2 (Operator 2): logged in\n"
        "  backup       pengawas-1 (Pengawas 1): NOT logged in\n"
        "WARNING: take care"
    )
    assert next(iter(lines(now, "no answer"))) == "no answer"
    drained = next(iter(lines(replace(now, refusing=True), "Asterisk does not answer for 112")))
    assert drained == "112 is being drained: new calls are refused"
    hung = "\n".join(lines(now, f"{CONTROLLER} on 127.0.0.1:4573"))
    assert "  controllers  1 of 2 listening, and none answers\n" in hung
