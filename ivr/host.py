"""`make up`, `siaga apply` and `make down` on a machine without Docker.

A supervisor, and under it Asterisk and two controllers, each in the private root.

Law: a line that could run must: with a mistake in `config/` it starts as it was last in force.
"""

import asyncio
import signal
import socket
import subprocess
import time
from dataclasses import dataclass

from ivr import address, applied, recordings
from ivr.ready import unready
from ivr.recordings import PromptError
from ivr.settings import Settings
from ivr.supervisor import (
    READY_SECONDS,
    ROOT,
    HostError,
    Say,
    alone,
    environment,
    in_root,
    running,
    start,
    stop,
)
from routing.loading import ConfigurationError

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
            in_root(
                now.settings, "sh", "asterisk/start.sh", "accept"
            )  # a drain may have been killed
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


def down(settings: Settings, say: Say, drain_seconds: int | None = None) -> None:
    """Stop what `up` started, and only that. All calls end, unless they are let finish first.

    Raises HostError when something will not end: after `drain_seconds` with calls still inside the
    line takes new ones again.
    """
    with alone(settings, say):
        if running(settings):
            if drain_seconds is not None:
                _drain(settings, drain_seconds, say)
            say("stopping")
            stop(settings)
            (settings.state / address.STARTED).unlink(missing_ok=True)
            say("stopped")
        else:
            say("nothing is running here")


def _drain(settings: Settings, seconds: int, say: Say) -> None:
    """Refuse new calls and wait for those inside. Whatever stops it, the line takes calls again."""
    say(
        f"new calls are refused; those inside have {seconds} s to finish (Ctrl-C: take calls again)"
    )
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    command = [ROOT, "run", "sh", "asterisk/start.sh", "drain", str(seconds)]
    draining = subprocess.Popen(  # noqa: S603 - our own; a session of its own: Ctrl-C is for us
        command, env=environment(settings), start_new_session=True
    )
    try:
        status = draining.wait()
    except KeyboardInterrupt:
        draining.kill()
        draining.wait()
        in_root(settings, "sh", "asterisk/start.sh", "accept")
        say("taking calls again")
        raise
    if status:
        raise HostError(
            "not stopped: the line takes calls again; try later, or with more --seconds"
        )


def reload_asterisk(settings: Settings) -> None:
    """Make a running Asterisk read what is in force now; calls go on.

    Raises HostError with Asterisk's words when it does not take it.
    """
    done = in_root(settings, "sh", "asterisk/start.sh", "reload")
    if done.returncode:
        raise HostError(f"{done.stderr.strip() or done.stdout.strip()}; the last one goes on")


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
