"""`make up`, `make upgrade` and `make down` on a machine without Docker.

A supervisor, and under it Asterisk and two controllers, each in the private root.

Law 1: what is stopped is what was started here, known by the state folder it runs from.
Law 2: an upgrade stops no controller that works unless another one listens.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ivr import applied
from ivr.ready import listening, unready
from ivr.settings import Settings

SUPERVISORD = Path("asterisk/supervisord.conf")
CONTROLLERS = ("1", "2")
STARTED = "started.json"
"""In the state folder: the addresses that the running line was started with."""
ADDRESSES = ("sip_bind", "agi_bind", "agi_peers", "simulation_bind", "rtp_first", "rtp_last")
READY_SECONDS = 30.0
STOP_SECONDS = 60.0
Say = Callable[[str], None]


class HostError(Exception):
    """The system could not be started or stopped. The message says why and what to do."""


def up(settings: Settings, say: Say) -> None:
    """Put `config/` in force and have everything running when this returns; safe to repeat.

    Raises ConfigurationError when `config/` has problems and HostError when 112 does not answer.
    """
    going = running(settings)
    if going:
        settings = as_started(settings)
    else:
        _refuse_taken_ports(settings)
    folder = applied.apply(settings)
    say(f"configuration {folder.name} is in force")
    (settings.state / "log").mkdir(exist_ok=True)
    if going:
        say("already running: telling Asterisk of the configuration")
        reload_asterisk(settings)
    else:
        say("starting Asterisk and the controllers")
        (settings.state / STARTED).write_text(settings.model_dump_json(include=set(ADDRESSES)))
        _control(settings, "supervisord")
    _wait_until_ready(settings)


def upgrade(settings: Settings, say: Say) -> None:
    """Bring the code, packages and `config/` of the checkout into use; no call ends.

    Raises ConfigurationError when `config/` has problems, and HostError when nothing is running or
    a controller does not come up: those not yet restarted then go on as they were.
    """
    if not running(settings):
        raise HostError("nothing is running here: `make up` starts it")
    settings = as_started(settings)
    states = {name: _runs(settings, name) for name in CONTROLLERS}
    folder = applied.apply(settings)
    reload_asterisk(settings)
    say(f"configuration {folder.name} is in force")
    # What does not run is brought up first: then another one listens.
    for name, runs in sorted(states.items(), key=lambda item: item[1]):
        if runs:
            _until(
                lambda: listening(settings) >= len(CONTROLLERS),
                f"controller {name} is not restarted, because no other one listens",
            )
            say(f"controller {name}: its callers finish")
        _renew(settings, name)
        say(f"controller {name}: the new one takes calls")
    if _asterisk_is_older(settings):
        say("Asterisk goes on from an older private root. `make down` and `make up` bring the new")
        say("one into use and end all calls: do it when there are none")


def as_started(settings: Settings) -> Settings:
    """Return the settings with the addresses that the running line was started with.

    Raises HostError when another one is asked for: an address is taken at the start only.
    """
    started = json.loads((settings.state / STARTED).read_text())
    for name, value in started.items():
        if name in settings.model_fields_set and getattr(settings, name) != value:
            raise HostError(
                f"the line runs with SIAGA_{name.upper()}={value}, not {getattr(settings, name)}: "
                "run `make down` first, which ends all calls"
            )
    return settings.model_copy(update=started)


def down(settings: Settings, say: Say) -> None:
    """Stop what `up` started, and only that. All calls end.

    Raises HostError when something will not end.
    """
    if not running(settings):
        say("nothing is running here")
        return
    pid = int((settings.state / "supervisor.pid").read_text())
    say("stopping")
    _control(settings, "supervisorctl", "shutdown")
    end = time.monotonic() + STOP_SECONDS
    while _alive(pid):
        if time.monotonic() > end:
            raise HostError(
                f"the supervisor (process {pid}) did not end within {STOP_SECONDS:.0f} s"
            )
        time.sleep(0.1)
    say("stopped")


def running(settings: Settings) -> bool:
    """Return whether our supervisor runs from this state folder."""
    path = settings.state / "supervisor.sock"
    if not path.exists():
        return False
    if not os.access(path, os.W_OK):
        raise HostError("the line was started by root: use sudo")
    done = _control(settings, "supervisorctl", "pid", check=False)
    return done.returncode == 0 and done.stdout.strip().isdigit()


def reload_asterisk(settings: Settings) -> None:
    """Make a running Asterisk read what is in force now; calls go on.

    Raises HostError with Asterisk's words when it does not take it.
    """
    done = subprocess.run(
        ["asterisk/root.sh", "run", "sh", "asterisk/start.sh", "reload"],  # noqa: S607 - our own
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=_environment(settings),
    )
    if done.returncode:
        raise HostError(f"{done.stderr.strip() or done.stdout.strip()}; the last one goes on")


def _runs(settings: Settings, name: str) -> bool:
    """Return whether the supervisor has this controller running. Raises HostError if unknown."""
    told = _control(settings, "supervisorctl", "status", f"ivr:{name}", check=False).stdout
    if "no such" in told:
        raise HostError(
            f"the line was started by a version without controller {name}: "
            "`make down` and `make up` bring this one into use and end all calls"
        )
    return " RUNNING " in told


def _renew(settings: Settings, name: str) -> None:
    """Restart one controller and return when it listens. Raises HostError when it does not."""
    _control(settings, "supervisorctl", "stop", f"ivr:{name}", check=False)  # it may have ended
    others = listening(settings)
    started = _control(settings, "supervisorctl", "start", f"ivr:{name}", check=False)
    log = settings.state / "log" / f"ivr-{name}.log"
    goes_on = "the other one takes the calls" if others else "callers get the static menu"
    failed = f"controller {name} does not come up, {goes_on}; mend it and upgrade again. {log} ends"
    if started.returncode:
        raise HostError(f"{failed}: {_last_line(log)}")
    _until(lambda: listening(settings) > others, failed, lambda: _last_line(log))


def _asterisk_is_older(settings: Settings) -> bool:
    """Return whether the running Asterisk came from another root than the one built now."""
    pid = _control(settings, "supervisorctl", "pid", "asterisk").stdout.strip()
    root = subprocess.run(
        ["asterisk/root.sh", "path"],  # noqa: S607 - our own
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=_environment(settings),
    )
    try:  # bubblewrap's words: --ro-bind ROOT /
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except FileNotFoundError:  # it has just ended: the supervisor starts the new one
        return False
    return root.stdout.strip().encode() not in words


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    return next((line for line in reversed(lines) if line.strip()), "empty")


def _refuse_taken_ports(settings: Settings) -> None:
    """Raise HostError when another program holds an address of ours: it would answer for us."""
    for name, address, kind in (
        ("SIAGA_SIP_BIND", settings.sip_bind, socket.SOCK_DGRAM),
        ("SIAGA_SIMULATION_BIND", settings.simulation_bind, socket.SOCK_DGRAM),
        ("SIAGA_AGI_BIND", settings.agi_bind, socket.SOCK_STREAM),
    ):
        host, _, port = address.rpartition(":")
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:  # what an ended connection leaves behind is no program
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, int(port)))
            except OSError as error:
                why = f"{address} cannot be had: {error.strerror}"
                raise HostError(f"{why}; end what holds it or set {name}") from error


def _wait_until_ready(settings: Settings) -> None:
    end = time.monotonic() + READY_SECONDS
    while why := asyncio.run(unready(settings)):
        if time.monotonic() > end:
            raise HostError(f"{why}; see {settings.state}/log/ and {settings.state}/asterisk/log/")
        time.sleep(0.1)


def _until(
    condition: Callable[[], bool], failure: str, detail: Callable[[], str] | None = None
) -> None:
    """Wait READY_SECONDS for a condition. Raises HostError(failure) when it does not come."""
    end = time.monotonic() + READY_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise HostError(f"{failure}: {detail()}" if detail else failure)
        time.sleep(0.05)


def _control(
    settings: Settings, program: str, *words: str, check: bool = True
) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name(program)), "-c", str(SUPERVISORD), *words]
    done = subprocess.run(  # noqa: S603 - our own supervisor
        command, capture_output=True, text=True, timeout=60, check=False, env=_environment(settings)
    )
    if check and done.returncode:
        raise HostError(f"{program} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done


def _environment(settings: Settings) -> dict[str, str]:
    ours = {f"SIAGA_{k.upper()}": str(v) for k, v in settings.model_dump().items()}
    ours["SIAGA_STATE"] = str(settings.state.resolve())
    ours["PYTHONWARNINGS"] = "ignore"  # the supervisor's own
    return {**os.environ, **ours}


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
