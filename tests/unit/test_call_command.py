"""What `siaga call` prints, and what it says to do when nobody was reached."""

import json
import socket
import subprocess
import sys
from dataclasses import replace

import pytest
from click.testing import CliRunner

from ivr.phone import Event, Key, Marks, Report, What, command
from ivr.phone.command import as_json, call_command, keys_of, line, why_not

REACHED = Report(
    sip_status=200,
    ended_by="caller",
    reason="spoke long enough",
    answered_seconds=0.5,
    first_audio_seconds=0.1,
    longest_silence_seconds=0.2,
    packets_sent=10,
    packets_received=9,
    events=(Event(0.5, What.ANSWERED), Event(1.234, What.VOICE)),
    marks=Marks(1.0, 1.5, 1.5, 1.6, 1.6, 9.0),
)
HEARD = replace(REACHED, events=REACHED.events[:1])


def test_a_comma_waits_a_second() -> None:
    assert keys_of("9,1#", "info") == (
        Key("9", "info", 0.5),
        Key("1", "info", 1.9),
        Key("#", "info", 2.3),
    )


def test_a_line_has_its_seconds_first() -> None:
    assert line(Event(1.236, What.KEY_SENT, "1")) == "  1.24 s  key 1 sent"


def test_a_program_reads_the_same_as_a_person() -> None:
    read = json.loads(as_json(REACHED))
    assert read["reached"] is True
    assert read["events"][1] == {"seconds": 1.234, "event": "a voice", "detail": ""}
    assert read["marks"]["acked_at"] == 1.5


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (replace(HEARD, sip_status=None, ended_by="nobody", reason="no answer"), "`make up`"),
        (replace(HEARD, sip_status=None), "larger --seconds"),
        (replace(HEARD, sip_status=487), "larger --seconds"),
        (
            replace(HEARD, sip_status=404, reason="404 Not Found"),
            "Found): only a number is answered",
        ),
        (replace(HEARD, sip_status=401), "`incoming` of site.yaml"),
        (replace(HEARD, sip_status=403), "`incoming` of site.yaml"),
        (replace(HEARD, sip_status=503), "is being drained or is overloaded: `siaga status`"),
        (replace(HEARD, sip_status=500), "the log of Asterisk"),
        (replace(HEARD, first_audio_seconds=None), "none with sound"),
        (HEARD, "no voice after ringing"),
    ],
)
def test_a_call_that_reached_nobody_says_why_and_what_to_do(report: Report, said: str) -> None:
    assert said in why_not(report, "127.0.0.1:5060")


def test_a_call_that_reached_somebody_has_nothing_to_explain() -> None:
    assert why_not(REACHED, "127.0.0.1:5060") == ""


@pytest.mark.parametrize(("what", "doubt"), [(What.VOICE, True), (What.OWN_VOICE, False)])
def test_a_voice_that_does_not_give_ours_back_may_be_a_recording(
    what: What, doubt: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answered(*_: object) -> Report:
        return replace(REACHED, events=(Event(0.5, What.ANSWERED), Event(1.2, what)))

    monkeypatch.setattr(command, "call", answered)
    done = CliRunner().invoke(call_command, [])
    assert done.exit_code == 0
    assert ("a recording" in done.stdout) is doubt
    assert "may be a recording" in CliRunner().invoke(call_command, ["--help"]).stdout


def test_nobody_at_the_address_is_status_1_and_a_remedy() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    done = CliRunner().invoke(call_command, ["--to", address])
    assert done.exit_code == 1
    assert "ended (nobody: " in done.stdout
    assert f"nobody answers at {address}" in done.stderr
    assert "`make up`" in done.stderr


@pytest.mark.parametrize(
    "options",
    [["--keys", "1x"], ["--to", "127.0.0.1:0"], ["--to", "a b"], ["--to", "h:99999"]],
)
def test_what_cannot_be_dialled_is_refused_with_its_option(options: list[str]) -> None:
    done = CliRunner().invoke(call_command, options)
    assert done.exit_code == 2
    assert options[0] in done.stderr


UNREAD = """
import asyncio, sys
from ivr.phone import Event, What, command

async def call(order, tell):
    try:
        while True:
            tell(Event(0.5, What.ANSWERED))
            await asyncio.sleep(0)
    finally:
        print("hung up", file=sys.stderr)

command.call = call
command.call_command()
"""


def test_when_nobody_reads_on_it_hangs_up_and_ends_quietly() -> None:
    calling = subprocess.Popen(
        [sys.executable, "-c", UNREAD],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert calling.stdout
    assert calling.stderr
    assert calling.stdout.readline() == "  0.50 s  answered\n"
    calling.stdout.close()
    assert calling.stderr.read() == "hung up\n"
    assert calling.wait(20) == 0
    calling.stderr.close()
