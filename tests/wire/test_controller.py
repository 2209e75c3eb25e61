"""The controller as a process: what it serves, what it refuses, and how it ends."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest
from pydantic import ValidationError

from ivr import applied
from ivr.controller import run
from ivr.fastagi import Session
from ivr.ready import listening
from ivr.settings import Settings

ROOT = Path(__file__).parents[2]
LIMIT_SECONDS = 8.0
TAKEN_SECONDS = 2.0
"""How soon calls must be served by a configuration that was put in force."""


def until(condition: Callable[[], object], what: str, limit_seconds: float = LIMIT_SECONDS) -> None:
    """Wait for a condition; fail with `what` when it does not come within the limit."""
    end = time.monotonic() + limit_seconds
    while not condition():
        assert time.monotonic() < end, f"never came true within {limit_seconds} s: {what}"
        time.sleep(0.01)


class Controller:
    """One `siaga ivr` with a state folder, a configuration and a port of its own."""

    def __init__(self, folder: Path) -> None:
        shutil.copytree(ROOT / "config", folder / "config")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address: tuple[str, int] = free.getsockname()
        self.settings = Settings(
            agi_bind=f"127.0.0.1:{self.address[1]}",
            config=folder / "config",
            state=folder / "var",
            sounds=ROOT / "asterisk" / "sounds",
        )
        self._stderr = folder / "stderr"
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        ours = {f"SIAGA_{k.upper()}": str(v) for k, v in self.settings.model_dump().items()}
        self._stderr = self._stderr.with_suffix(f".{len(self._processes)}")
        with self._stderr.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-W", "error", *(command or ("-m", "ivr", "ivr"))],
                cwd=ROOT,
                env={**os.environ, **ours, "PYTHONDONTWRITEBYTECODE": "1"},
                stdin=subprocess.DEVNULL,
                stderr=stderr,
            )
        self._processes.append(process)
        return process

    def serve(self, *command: str) -> subprocess.Popen[bytes]:
        """Start, and wait until it listens. A second one shares the port, with a log of its own."""
        process = self.start(*command)
        until(
            lambda: self.logged("controller.listening") or process.poll() is not None, "it starts"
        )
        assert process.poll() is None, self.stderr
        return process

    def close(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait(timeout=LIMIT_SECONDS)

    @property
    def stderr(self) -> str:
        return self._stderr.read_text()

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Return the whole lines of its log that tell of `event`."""
        lines = self.stderr.rpartition("\n")[0].splitlines()
        return [entry for entry in map(json.loads, lines) if entry["event"] == event]

    # -- configurations

    def fire_rings(self, seconds: int) -> None:
        """Edit the configuration: Damkar's hotline rings that long."""
        path = self.settings.config / "agencies.yaml"
        old = '{name: damkar-113, number: "113", ring_seconds: '
        head, _, tail = path.read_text().partition(old)
        path.write_text(f"{head}{old}{seconds}{tail[tail.index('}') :]}")

    def put_in_force_unchecked(self, name: str) -> None:
        """Do what `siaga apply` would never do: switch to a version that cannot be used."""
        folder = self.settings.state / "applied" / name
        shutil.copytree(self.settings.config, folder / "config")
        (folder / "config" / "menu.yaml").write_text("languages: [id, en\n")
        applied._point(self.settings.state / applied.CURRENT, folder)

    # -- a call

    def call(self) -> "Call":
        return Call(self.address)

    def plan_for_fire(self) -> str:
        """Call, press 1, and return the plan that is written."""
        with self.call() as call:
            return call.press("1")


class Call:
    """A call up to its menu, as Asterisk brings it."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address, timeout=LIMIT_SECONDS)
        self._file = self._socket.makefile("rw", encoding="ascii", newline="\n")
        self._say("agi_callerid: 081234567890\nagi_arg_1: siaga-1.1\n")
        assert self._file.readline() == 'GOSUB "ask" "s" "1" "menu"\n'

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()
        self._socket.close()

    def press(self, key: str) -> str:
        """Press a key; return the plan that is written, once it is committed."""
        self._say("200 result=0")
        assert self._file.readline() == 'GET "VARIABLE" "KEY"\n'
        self._say(f"200 result=1 ({key})")
        plan = self._file.readline()
        self._say("200 result=0")
        assert self._file.readline().startswith('SET "VARIABLE" "PLAN_COMMIT" "siaga-1.1:')
        self._say("200 result=1")
        assert self._file.readline() == ""
        return plan

    def _say(self, line: str) -> None:
        self._file.write(line + "\n")
        self._file.flush()


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[Controller]:
    controller = Controller(tmp_path)
    yield controller
    controller.close()


def test_it_serves_what_is_in_force_and_ends_at_once_when_nobody_is_in_the_menu(
    controller: Controller,
) -> None:
    name = applied.apply(controller.settings).name
    process = controller.serve()
    assert controller.logged("controller.listening")[0]["version"] == name
    assert "PLAN_1_NUM=113" in controller.plan_for_fire()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=LIMIT_SECONDS) == 0
    assert controller.logged("controller.stopped")
    assert "081234567890" not in controller.stderr
    assert "Warning" not in controller.stderr


def test_asked_to_stop_it_hands_over_who_is_in_the_menu_first(controller: Controller) -> None:
    applied.apply(controller.settings)
    process = controller.serve()
    with controller.call() as call:
        process.send_signal(signal.SIGTERM)
        until(lambda: controller.logged("controller.draining"), "it was heard")
        assert controller.logged("controller.draining")[0]["calls"] == 1
        with pytest.raises(ConnectionRefusedError):
            controller.call()
        assert "PLAN_1_NUM=113" in call.press("1")
    assert process.wait(timeout=LIMIT_SECONDS) == 0


def test_while_one_hands_over_its_callers_another_on_the_same_port_takes_the_next(
    controller: Controller,
) -> None:
    applied.apply(controller.settings)
    first = controller.serve()
    with controller.call() as call:
        controller.serve()
        first.send_signal(signal.SIGTERM)
        until(lambda: listening(controller.settings) == 1, "the first one has left the port")
        for _ in range(8):
            assert "PLAN_1_NUM=113" in controller.plan_for_fire()
        assert first.poll() is None
        assert "PLAN_1_NUM=113" in call.press("1")
    assert first.wait(timeout=LIMIT_SECONDS) == 0


STUCK = """
import signal, sys, threading
from ivr import controller
from ivr.__main__ import main
controller.BEAT_SECONDS, controller.STUCK_SECONDS = 0.1, 1.5
signal.signal(signal.SIGUSR1, lambda *_: {stuck})
sys.argv[1:] = ["ivr"]
main()
"""
"""A controller whose loop stands still from SIGUSR1 on."""


@pytest.mark.parametrize("draining", [False, True], ids=["serving", "draining"])
@pytest.mark.parametrize(
    "stuck",
    [
        pytest.param("threading.Event().wait()", id="waits"),
        pytest.param("__import__('re').match('(a+)+$', 'a' * 40 + 'b')", id="in C"),
    ],
)
def test_one_whose_loop_is_stuck_ends_and_says_where(
    controller: Controller, stuck: str, draining: bool
) -> None:
    applied.apply(controller.settings)
    process = controller.serve("-c", STUCK.format(stuck=stuck))
    with controller.call():
        if draining:
            process.send_signal(signal.SIGTERM)
            until(lambda: '"controller.draining"' in controller.stderr, "it drains")
        process.send_signal(signal.SIGUSR1)
        assert process.wait(timeout=LIMIT_SECONDS) == 1
    assert "Timeout (0:00:01.500000)!" in controller.stderr
    assert "in <lambda>" in controller.stderr
    assert listening(controller.settings) == 0


async def test_one_that_does_not_answer_its_own_call_does_not_listen(
    controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied.apply(controller.settings)
    monkeypatch.setattr(Session, "_conversation", None)  # a mistake in the code
    with pytest.raises(RuntimeError, match="does not answer a call of its own"):
        await run(controller.settings)
    assert listening(controller.settings) == 0


def test_a_broken_configuration_is_refused_and_a_good_one_taken_while_it_serves(
    controller: Controller,
) -> None:
    controller.fire_rings(20)
    first = applied.apply(controller.settings).name
    controller.serve()
    controller.put_in_force_unchecked("broken")
    until(lambda: controller.logged("configuration.refused"), "the broken one is refused")
    (refused,) = controller.logged("configuration.refused")
    assert (refused["version"], refused["serving"]) == ("broken", first)
    assert "menu.yaml:" in refused["why"]
    assert "PLAN_1_RING=20" in controller.plan_for_fire()

    controller.fire_rings(15)
    applied.apply(controller.settings)
    until(lambda: controller.logged("configuration.in_force"), "the good one", TAKEN_SECONDS)
    assert "PLAN_1_RING=15" in controller.plan_for_fire()
    assert len(controller.logged("configuration.refused")) == 1


def test_without_a_configuration_ever_applied_it_says_what_to_do(controller: Controller) -> None:
    process = controller.start()
    assert process.wait(timeout=LIMIT_SECONDS) == 1
    assert controller.stderr == (
        f"siaga: no configuration was ever applied in {controller.settings.state}: "
        "run `siaga apply`\n"
    )


def test_a_port_that_is_taken_is_said_in_one_line(controller: Controller) -> None:
    applied.apply(controller.settings)
    with socket.create_server(controller.address):
        process = controller.start()
        assert process.wait(timeout=LIMIT_SECONDS) == 1
    assert controller.stderr.startswith("siaga: ")
    assert str(controller.address[1]) in controller.stderr
    assert len(controller.stderr.splitlines()) == 1


@pytest.mark.parametrize("bind", ["4573", ":4573", "127.0.0.1", "localhost:4573", ""])
def test_an_address_that_would_listen_everywhere_or_ask_a_resolver_is_refused(bind: str) -> None:
    with pytest.raises(ValidationError, match="agi_bind"):
        Settings(agi_bind=bind)
