"""The stand-in as a process, against an Asterisk that is played at the other end of its pipes.

However a call goes, the process ends by itself, with one line in the log and nothing else.
"""

import asyncio
import json
import multiprocessing
import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ivr import applied
from ivr.controller import _serving
from ivr.fastagi import Server
from ivr.settings import Settings
from ivr.standin import main as standin_main

ROOT = Path(__file__).parents[2]
NUMBER = "081234567890"
LIMIT_SECONDS = 10.0
LETS_GO_SECONDS = 5.0
"""How soon it ends when Asterisk says nothing more: 2 s for an answer, and a busy machine."""


def opening(said: str = "menu", language: str = "id") -> bytes:
    lines = {
        "request": "standin.sh",
        "language": language,
        "callerid": NUMBER,
        "arg_1": "siaga-1764.7",
        "arg_2": "ask-7",
        "arg_3": said,
    }
    return "".join(f"agi_{key}: {value}\n" for key, value in lines.items()).encode() + b"\n"


def answer(command: str, keys: Iterator[str]) -> str:
    """Return what Asterisk answers: a caller presses `keys` in turn, an empty one for none."""
    if not command.startswith("GET"):
        return "200 result=0"
    key = next(keys)
    return f"200 result=1 ({key})" if key else "200 result=0"


FORK = multiprocessing.get_context("fork")
ITSELF = [sys.executable, "-W", "error", "-c", "from ivr.standin import main; main()"]


def _become(pipes: list[int], state: Path, fresh: bool) -> None:
    """Be the stand-in, in a process of its own: a fresh Python, or this one without its past."""
    for number, pipe in enumerate(pipes):
        os.dup2(pipe, number)
    os.closerange(3, 1024)
    os.environ["SIAGA_STATE"] = str(state)
    if fresh:
        os.execv(ITSELF[0], ITSELF)  # noqa: S606 - there is no shell to need
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
    standin_main()


class StandIn:
    """One stand-in, and the Asterisk that started it."""

    def __init__(self, state: Path, fresh: bool) -> None:
        (stdin, said), (heard, stdout), (log, stderr) = os.pipe(), os.pipe(), os.pipe()
        theirs = [stdin, stdout, stderr]
        self._process = FORK.Process(target=_become, args=(theirs, state, fresh))
        self._process.start()
        for pipe in theirs:
            os.close(pipe)
        self._in, self._out, self._stderr = (
            os.fdopen(said, "wb", buffering=0),
            os.fdopen(heard, "rb", buffering=0),
            os.fdopen(log, "rb"),
        )
        self._heard = b""
        self.lines: list[str] = []

    def say(self, text: bytes | str) -> None:
        self._in.write(text if isinstance(text, bytes) else f"{text}\n".encode())

    def hear(self) -> str:
        """Return the next command, or EOF."""
        end = time.monotonic() + LIMIT_SECONDS
        while b"\n" not in self._heard:
            ready, _, _ = select.select([self._out], [], [], max(0, end - time.monotonic()))
            assert ready, f"it says nothing after {self.lines}"
            more = self._out.read(4096)
            if not more:
                assert not self._heard, f"half a line: {self._heard!r}"
                return "EOF"
            self._heard += more
        line, _, self._heard = self._heard.partition(b"\n")
        self.lines.append(line.decode())
        return line.decode()

    def reach_the_menu(self) -> None:
        """Go to where the first prompt is being played."""
        self.say(opening())
        assert self.hear() == 'GOSUB "ask-7" "s" "1" "menu"'
        self.say("200 result=0")
        assert self.hear() == 'GET "VARIABLE" "KEY"'

    def play(self, *keys: str) -> list[str]:
        """Answer everything with success, and prompts with `keys`; return all that was said."""
        ahead = iter(keys)
        while (line := self.hear()) != "EOF":
            self.say(answer(line, ahead))
        return self.lines

    def hang_up(self) -> None:
        self._in.close()

    def stop_listening(self) -> None:
        self._out.close()

    def signal(self, number: signal.Signals) -> None:
        assert self._process.pid
        os.kill(self._process.pid, number)

    def end(self) -> dict[str, Any]:
        """Wait until it has ended by itself; return the one line it logged."""
        self._process.join(LIMIT_SECONDS)
        stderr = self._stderr.read().decode()
        assert NUMBER not in stderr
        (line,) = stderr.splitlines()
        told: dict[str, Any] = json.loads(line)
        assert self._process.exitcode == (0 if "outcome" in told else 1)
        return told

    def close(self) -> None:
        self._process.kill()
        self._process.join(LIMIT_SECONDS)
        for pipe in (self._in, self._out, self._stderr):
            pipe.close()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The shipped configuration in force, in a state folder of its own."""
    folder = tmp_path_factory.mktemp("in-force")
    settings = Settings(config=ROOT / "config", state=folder, sounds=ROOT / "asterisk" / "sounds")
    applied.apply(settings)
    return settings


Start = Callable[..., StandIn]


@pytest.fixture
def start(settings: Settings) -> Iterator[Start]:
    started: list[StandIn] = []

    def one(state: Path = settings.state, *, fresh: bool = False) -> StandIn:
        started.append(StandIn(state, fresh))
        return started[-1]

    yield one
    for each in started:
        each.close()


@pytest.fixture
def standin(start: Start) -> StandIn:
    return start()


def prompts(lines: list[str]) -> list[str]:
    return [line.split('"')[-2] for line in lines if line.startswith("GOSUB")]


def tokens(lines: list[str]) -> list[str]:
    return [line for line in lines if "PLAN_COMMIT" in line]


# ------------------------------------------------------------------ the same conversation

SILENCE = ""


async def _as_the_controller(settings: Settings, keys: tuple[str, ...]) -> list[str]:
    """Return what the controller says to Asterisk in the same call."""
    server = Server(_serving(applied.in_force(settings)[1], settings))
    port = await server.listen("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(opening())
    lines, ahead = [], iter(keys)
    async with asyncio.timeout(LIMIT_SECONDS):
        while line := (await reader.readline()).decode().rstrip("\n"):
            lines.append(line)
            writer.write(f"{answer(line, ahead)}\n".encode())
    writer.close()
    await server.drain(0)
    return lines


@pytest.mark.parametrize(
    ("keys", "heard", "plan"),
    [
        pytest.param(["1"], ["menu"], "fire", id="1 is fire"),
        pytest.param([SILENCE] * 2, ["menu", "repeat"], "no-choice", id="silence"),
        pytest.param(["9", "9", "7"], ["menu", "menu", "wrong"], "police", id="English"),
        pytest.param(["9", "9", "9"], ["menu", "menu", "wrong"], "no-choice", id="wrong keys"),
        pytest.param(["#"], ["menu"], "operator", id="hash"),
        pytest.param(["*"], ["menu"], "operator", id="star"),
    ],
)
def test_it_says_word_for_word_what_the_controller_says(
    standin: StandIn, settings: Settings, keys: list[str], heard: list[str], plan: str
) -> None:
    standin.say(opening())
    said = standin.play(*keys)
    assert said == asyncio.run(_as_the_controller(settings, tuple(keys)))
    assert prompts(said) == heard
    assert f'PLAN_ID={plan}"' in said[-2]
    assert said[-1].startswith('SET "VARIABLE" "PLAN_COMMIT" "siaga-1764.7:')
    told = standin.end()
    assert told["outcome"] == ("routed" if plan in ("fire", "police") else "summoned")
    assert (told["event"], told["callref"], told["ani"]) == (
        *("standin.ended", "siaga-1764.7", "***890"),
    )


def test_a_fresh_python_says_it_too(start: Start) -> None:
    standin = start(fresh=True)
    standin.reach_the_menu()
    standin.say("200 result=1 (1)")
    assert "PLAN_1_NUM=113" in standin.play()[2]
    assert standin.end()["outcome"] == "routed"


def test_a_second_language_is_told_to_asterisk(standin: StandIn) -> None:
    standin.say(opening())
    assert 'SET "VARIABLE" "CHANNEL(language)" "en"' in standin.play("9", "1")
    standin.end()


def test_who_has_heard_the_menu_begins_with_the_short_repeat(standin: StandIn) -> None:
    standin.say(opening("repeat"))
    said = standin.play(SILENCE)
    assert prompts(said) == ["repeat"]
    assert "PLAN_ID=no-choice" in said[-2]
    assert standin.end()["outcome"] == "summoned"


def test_who_has_come_to_english_is_gone_on_with_there(standin: StandIn) -> None:
    standin.say(opening("menu", "en"))
    said = standin.play("9", SILENCE)  # there is no way to a third language
    assert prompts(said) == ["menu", "wrong"]
    assert not any("language" in line for line in said)
    standin.end()


@pytest.mark.parametrize(("said", "language"), [("", "de"), ("menu,repeat", "")])
def test_what_the_dialplan_cannot_mean_is_a_call_from_the_start(
    standin: StandIn, said: str, language: str
) -> None:
    standin.say(opening(said, language))
    assert prompts(standin.play("1")) == ["menu"]
    standin.end()


# ------------------------------------------------------------------ defects of pyst2, kept away


def test_a_hangup_line_is_the_end_of_the_call(standin: StandIn) -> None:
    standin.reach_the_menu()
    standin.say("HANGUP")
    assert standin.hear() == "EOF"
    assert standin.end()["outcome"] == "left"


def test_a_dead_channel_is_the_end_of_the_call(standin: StandIn) -> None:
    standin.reach_the_menu()
    standin.say("511 Command Not Permitted on a dead channel or intercept routine")
    assert standin.hear() == "EOF"
    assert standin.end()["outcome"] == "left"


def test_trying_is_no_answer_yet(standin: StandIn) -> None:
    standin.reach_the_menu()
    standin.say("100 Trying...")
    standin.say("200 result=1 (1)")
    assert "PLAN_1_NUM=113" in standin.hear()
    standin.say("100 Trying...")
    standin.say("200 result=0")
    assert tokens(standin.play())
    assert standin.end()["outcome"] == "routed"


def test_an_unfinished_usage_text_at_the_end_of_the_stream_is_the_end_of_the_call(
    standin: StandIn,
) -> None:
    standin.reach_the_menu()
    standin.say("520-Invalid command syntax.  Proper usage follows:\nUsage: GET VARIABLE")
    standin.hang_up()
    assert standin.hear() == "EOF"
    assert standin.end()["outcome"] == "left"


def test_a_usage_text_is_a_command_that_failed_and_brings_an_operator(standin: StandIn) -> None:
    standin.reach_the_menu()
    standin.say("520-Invalid command syntax.  Proper usage follows:\nUsage: GET VARIABLE")
    standin.say("520 End of proper usage.")
    assert "PLAN_ID=no-choice" in standin.play()[-2]
    assert standin.end()["outcome"] == "summoned"


def test_an_asterisk_that_stalls_is_let_go_wherever_it_does(start: Start) -> None:
    silent, usage, plan = start(), start(), start()
    silent.reach_the_menu()
    usage.reach_the_menu()
    usage.say("520-Invalid command syntax.  Proper usage follows:")
    plan.reach_the_menu()
    plan.say("200 result=1 (1)")
    assert "MSet" in plan.hear()
    since = time.monotonic()
    for each in (silent, usage, plan):
        assert each.hear() == "EOF"
        assert each.end()["why"].startswith("TimeoutError")
        assert tokens(each.lines) == []
    assert time.monotonic() - since < LETS_GO_SECONDS


def test_a_usage_text_without_end_is_let_go(standin: StandIn) -> None:
    standin.reach_the_menu()
    standin.say(b"520-Invalid command syntax.\n" + b"Usage:\n" * 600)
    assert standin.hear() == "EOF"
    assert standin.end()["outcome"] == "left"


def test_an_opening_without_end_is_let_go(standin: StandIn) -> None:
    standin.say(b"agi_callerid: 1\n" * 600)
    assert standin.hear() == "EOF"
    assert standin.end()["outcome"] == "left"


def test_sighup_in_the_middle_is_the_end_of_the_call(standin: StandIn) -> None:
    standin.reach_the_menu()
    standin.signal(signal.SIGHUP)
    assert standin.hear() == "EOF"
    assert standin.end()["outcome"] == "left"


def test_who_was_stopped_until_the_call_was_over_wakes_and_ends(standin: StandIn) -> None:
    standin.say(opening())
    standin.hear()
    standin.signal(signal.SIGSTOP)
    standin.signal(signal.SIGHUP)  # Asterisk hangs up
    standin.signal(signal.SIGALRM)  # its time has run out too
    standin.signal(signal.SIGCONT)
    assert standin.hear() == "EOF"
    assert standin.end()["outcome"] == "left"


def test_a_caller_who_hangs_up_while_the_plan_is_written_leaves_no_token(standin: StandIn) -> None:
    standin.reach_the_menu()
    standin.say("200 result=1 (1)")
    assert "MSet" in standin.hear()
    standin.say("200 result=-1")
    assert standin.hear() == "EOF"
    assert standin.end()["outcome"] == "left"


def test_garbage_for_an_answer_leaves_no_token(standin: StandIn) -> None:
    standin.reach_the_menu()
    standin.say("garbage")
    assert standin.hear() == "EOF"
    assert standin.end()["event"] == "standin.failed"


def test_pipes_that_are_gone_are_the_end_of_the_call(standin: StandIn) -> None:
    standin.reach_the_menu()
    standin.stop_listening()
    standin.say("200 result=1 (1)")
    assert standin.end()["outcome"] == "left"


def test_an_asterisk_that_goes_in_the_opening_is_the_end_of_the_call(standin: StandIn) -> None:
    standin.say(b"agi_request: standin.sh\n")
    standin.hang_up()
    assert standin.hear() == "EOF"
    assert standin.end()["outcome"] == "left"


def test_a_plan_that_cannot_be_written_leaves_no_token(standin: StandIn) -> None:
    standin.reach_the_menu()
    standin.say("200 result=1 (1)")
    assert "MSet" in standin.hear()
    standin.say("200 result=-2")
    assert standin.hear() == "EOF"
    assert standin.end()["outcome"] == "left"


def test_a_call_without_a_name_leaves_no_token(standin: StandIn) -> None:
    standin.say(opening().replace(b"siaga-1764.7", b""))
    assert tokens(standin.play("1")) == []
    assert standin.end()["why"] == "ValueError: not a call reference: ''"


# ------------------------------------------------------------------ the configuration


def test_without_a_configuration_in_force_it_leaves_the_caller_at_once(
    start: Start, tmp_path: Path
) -> None:
    standin = start(tmp_path, fresh=True)
    standin.say(opening())
    assert standin.hear() == "EOF"
    assert standin.end()["why"].startswith("FileNotFoundError")


def test_a_broken_configuration_leaves_the_caller_at_once(
    start: Start, settings: Settings, tmp_path: Path
) -> None:
    shutil.copytree(settings.state / "current" / "config", tmp_path / "current" / "config")
    (tmp_path / "current" / "config" / "menu.yaml").write_text("languages: [id, en\n")
    standin = start(tmp_path)
    standin.say(opening())
    assert standin.hear() == "EOF"
    assert "menu.yaml:" in standin.end()["why"]
