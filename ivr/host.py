"""`make up`, `make upgrade` and `make down` on a machine without Docker.

A supervisor, and under it Asterisk and two controllers, each in the private root.

Law 1: a line that could run must: with a mistake in `config/` it starts as it was last in force.
Law 2: an upgrade stops no controller that works unless another one listens.
"""

import asyncio
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from ivr import address, applied, recordings
from ivr.ready import listening, unready
from ivr.recordings import PromptError
from ivr.settings import Settings
from ivr.supervisor import (
    READY_SECONDS,
    ROOT,
    HostError,
    Say,
    alone,
    control,
    environment,
    in_root,
    running,
    start,
    state_of,
    stop,
    until,
)
from routing.loading import ConfigurationError, load

CONTROLLERS = ("1", "2")
Refused = ConfigurationError | PromptError | OSError


@dataclass(frozen=True, slots=True)
class Up:
    """A line that answers: the version and settings it runs with, and what `config/` has wrong."""

    version: str
    settings: Settings
    refused: Refused | None = None


def check(settings: Settings) -> Settings:
    """Read `config/` and its prompts; return the settings with the address that they name.

    Raises ConfigurationError or PromptError with everything there is to mend.
    """
    configuration = applied.check(settings)
    if wrong := recordings.wrong(configuration, settings.sounds):
        raise PromptError("\n".join(wrong))
    return address.chosen(settings, configuration.site)


def up(settings: Settings, say: Say) -> Up:
    """Put `config/` in force and have everything running when this returns; safe to repeat.

    With a mistake in `config/` the line runs with what was in force before. Raises what is wrong
    with `config/` when nothing ever was, and HostError when 112 does not answer.
    """
    with alone(settings, say):
        if running(settings):
            now = _apply(as_started(settings), say)
            say("already running: telling Asterisk of the configuration")
            reload_asterisk(now.settings)
        else:
            now = _apply(settings, say)
            _refuse_taken_ports(now.settings)
            say("starting Asterisk and the controllers")
            (settings.state / address.STARTED).write_text(address.text(now.settings))
            start(now.settings)
        _wait_until_ready(now.settings)
        return now


def _apply(settings: Settings, say: Say) -> Up:
    """Put `config/` in force, or say loudly why not and fall back on what is in force."""
    try:
        settings = check(settings)
        version = applied.apply(settings).name
    except (ConfigurationError, PromptError, OSError) as error:
        version = applied.version(settings)
        if not version:
            raise
        say(
            f"{error}\n\nconfig/ is NOT in force, for what is said above; going on with {version}\n"
        )
        earlier = address.compiled(settings, applied.CURRENT) or address.started(settings)
        return Up(version, settings.model_copy(update=earlier), error)
    say(f"configuration {version} is in force")
    return Up(version, settings)


def put_in_force(settings: Settings, say: Say) -> tuple[str, bool]:
    """Put `config/` in force, on the running line too; return the version and whether one runs.

    Raises ConfigurationError or PromptError when `config/` has problems; HostError for the rest.
    """
    with alone(settings, say):
        going = running(settings)
        wanted = check(settings)
        use = as_started(settings) if going else wanted
        version = applied.apply(use).name
        if going:
            reload_asterisk(use)
            if wanted.sip_bind != use.sip_bind:
                say(f"the line goes on listening on {use.sip_bind}; {wanted.sip_bind} is taken at")
                say("the next start: `make down` and `make up`")
        return version, going


def upgrade(settings: Settings, say: Say) -> None:
    """Bring the code, packages and `config/` of the checkout into use; no call ends.

    Raises ConfigurationError or PromptError when `config/` has problems, and HostError when nothing
    is running or a controller does not come up: those not yet restarted then go on as they were.
    """
    with alone(settings, say):
        if not running(settings):
            raise HostError("nothing is running here: `make up` starts it")
        settings = as_started(settings)
        check(settings)
        states = {name: _runs(settings, name) for name in CONTROLLERS}
        folder = applied.apply(settings)
        reload_asterisk(settings)
        say(f"configuration {folder.name} is in force")
        _renew_all(settings, states, say)
        if _asterisk_is_older(settings):
            say("Asterisk goes on from an older private root. `make down` and `make up` bring the")
            say("new one into use and end all calls: do it when there are none")


def as_started(settings: Settings) -> Settings:
    """Return the settings with the addresses that the running line was started with.

    Raises HostError when another one is asked for: an address is taken at the start only.
    """
    started = address.started(settings)
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
    with alone(settings, say):
        if running(settings):
            say("stopping")
            stop(settings)
            (settings.state / address.STARTED).unlink(missing_ok=True)
            say("stopped")
        else:
            say("nothing is running here")


def reload_asterisk(settings: Settings) -> None:
    """Make a running Asterisk read what is in force now; calls go on.

    Raises HostError with Asterisk's words when it does not take it.
    """
    done = in_root(settings, "sh", "asterisk/start.sh", "reload")
    if done.returncode:
        raise HostError(f"{done.stderr.strip() or done.stdout.strip()}; the last one goes on")


def _runs(settings: Settings, name: str) -> bool:
    """Return whether the supervisor has this controller running. Raises HostError if unknown.

    One that starts is waited for: it is RUNNING or has failed within seconds.
    """
    program = f"ivr:{name}"
    until(
        lambda: state_of(settings, program) != "STARTING",
        f"controller {name} neither starts nor fails",
    )
    state = state_of(settings, program)
    if not state:
        raise HostError(
            f"the line was started by a version without controller {name}: "
            "`make down` and `make up` bring this one into use and end all calls"
        )
    return state == "RUNNING"


def _renew_all(settings: Settings, states: dict[str, bool], say: Say) -> None:
    # What does not run is brought up first: then another one listens.
    for name, runs in sorted(states.items(), key=lambda item: item[1]):
        if runs:
            until(
                lambda: listening(settings) >= len(CONTROLLERS),
                f"controller {name} is not restarted, because no other one listens",
            )
            say(f"controller {name}: its callers finish")
        _renew(settings, name)
        say(f"controller {name}: the new one takes calls")


def _renew(settings: Settings, name: str) -> None:
    """Restart one controller and return when it listens. Raises HostError when it does not."""
    control(settings, "stop", f"ivr:{name}", check=False)  # it may have ended
    others = listening(settings)
    started = control(settings, "start", f"ivr:{name}", check=False)
    log = settings.state / "log" / f"ivr-{name}.log"
    goes_on = "the other one takes the calls" if others else "callers get the static menu"
    failed = f"controller {name} does not come up, {goes_on}; mend it and upgrade again. {log} ends"
    if started.returncode:
        raise HostError(f"{failed}: {_last_line(log)}")
    until(lambda: listening(settings) > others, failed, lambda: _last_line(log))


def _asterisk_is_older(settings: Settings) -> bool:
    """Return whether the running Asterisk came from another root than the one built now."""
    pid = control(settings, "pid", "asterisk").stdout.strip()
    root = subprocess.run(  # noqa: S603 - our own
        [ROOT, "path"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=environment(settings),
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
    for name, bind, kind in (
        ("SIAGA_SIP_BIND, or `listen` in config/site.yaml", settings.sip_bind, socket.SOCK_DGRAM),
        ("SIAGA_SIMULATION_BIND", settings.simulation_bind, socket.SOCK_DGRAM),
        ("SIAGA_AGI_BIND", settings.agi_bind, socket.SOCK_STREAM),
    ):
        host, _, port = bind.rpartition(":")
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:  # what an ended connection leaves behind is no program
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, int(port)))
            except OSError as error:
                why = f"{bind} cannot be had: {error.strerror}"
                raise HostError(f"{why}; end what holds it or set {name}") from error


def _wait_until_ready(settings: Settings) -> None:
    end = time.monotonic() + READY_SECONDS
    while why := asyncio.run(unready(settings)):
        if time.monotonic() > end:
            raise HostError(f"{why}; see {settings.state}/log/ and {settings.state}/asterisk/log/")
        time.sleep(0.1)
