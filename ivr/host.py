"""`make up`, `siaga apply` and `make down` on a machine without Docker.

A supervisor, and under it Asterisk and two controllers, each in the private root.

Law: a line that could run must: with a mistake in `config/` it starts as it was last in force.
"""

import asyncio
import contextlib
import errno
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, replace

from ivr import address, applied, fallback, ports
from ivr.ready import unready
from ivr.recordings import PromptError
from ivr.settings import Settings
from ivr.supervisor import (
    READY_SECONDS,
    ROOT,
    HostError,
    Say,
    alone,
    callers,
    environment,
    explained,
    in_root,
    running,
    start,
    stop,
)
from ivr.switch import as_started, ask_asterisk, check, compiled, take
from routing.loading import ConfigurationError

NO_ROOM_BYTES = 1 << 20
"""Asterisk makes its database at its first start, of some ten KB; a line that ran has it."""
Refused = ConfigurationError | PromptError | HostError


@dataclass(frozen=True, slots=True)
class Up:
    """A line that answers: the version and settings it runs with, and what `config/` has wrong.

    `without` is a warning for each address that is not had, though no call waits for it.
    """

    version: str
    settings: Settings
    refused: Refused | None = None
    without: tuple[str, ...] = ()


def up(settings: Settings, say: Say) -> Up:
    """Put `config/` in force and have everything running when this returns; safe to repeat.

    With a mistake in `config/` the line runs with what was in force before. Raises what is wrong
    with `config/` when nothing ever was, and HostError when 112 does not answer.
    """
    with alone(settings, say):
        if running(settings):
            ask_asterisk(settings)
            earlier = applied.version(settings)
            now = _apply(as_started(settings), say)
            say("already running: telling Asterisk of the configuration")
            take(now.settings, earlier)
            _accept(now.settings)  # a drain may have been killed
        else:
            now = _apply(settings, say, starting=True)
            now = replace(now, without=_refuse_taken_ports(now.settings))
            say("starting Asterisk and the controllers")
            _note_addresses(now.settings)
            start(now.settings)
        _wait_until_ready(now.settings)
        return now


def _apply(settings: Settings, say: Say, *, starting: bool = False) -> Up:
    """Put `config/` in force, or say loudly why not and fall back on what was.

    When `starting`, an address that this machine does not have is a mistake too.
    """
    try:
        settings = check(settings)
        if starting:
            _refuse_an_address_elsewhere(settings)
        version = compiled(settings)
    except (ConfigurationError, PromptError, HostError) as error:
        version = fallback.version(settings, starting=starting)
        if not version:
            raise
        say(
            f"{error}\n\nconfig/ is NOT in force, for what is said above; going on with {version}\n"
        )
        return Up(version, settings.model_copy(update=fallback.addresses(settings)), error)
    say(f"configuration {version} is in force")
    return Up(version, settings)


def _refuse_an_address_elsewhere(settings: Settings) -> None:
    """Raise HostError when no interface of this machine has the address of the line."""
    if why := ports.nowhere(settings.sip_bind):
        raise HostError(why)


def _note_addresses(settings: Settings) -> None:
    """Note where the line listens; without room for it, the version in force says so."""
    started = settings.state / address.STARTED
    try:
        started.write_text(address.text(settings))
    except OSError:
        with contextlib.suppress(OSError):
            started.unlink(missing_ok=True)


def down(settings: Settings, say: Say, drain_seconds: int | None = None) -> None:
    """Stop what `up` started, and only that. All calls end, unless they are let finish first.

    Raises HostError when something will not end: after `drain_seconds` with calls still inside the
    line takes new ones again.
    """
    with alone(settings, say):
        if running(settings):
            if drain_seconds is not None:
                _drain(settings, drain_seconds, say)
            inside = callers(settings)
            if inside:
                say(f"callers inside, whose calls end now: {inside}; `make drain` lets them finish")
            say("stopping")
            try:
                stop(settings)
            except BaseException:  # after a drain it would go on refusing
                with contextlib.suppress(HostError):
                    _accept(settings)
                raise
            with contextlib.suppress(OSError):  # a state folder that has become read-only
                (settings.state / address.STARTED).unlink(missing_ok=True)
            say(f"stopped; calls ended: {inside}" if inside else "stopped")
        else:
            say("nothing is running here")


def _drain(settings: Settings, seconds: int, say: Say) -> None:
    """Refuse new calls and wait for those inside. Whatever stops it, the line takes calls again."""
    ask_asterisk(settings)
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
        _accept(settings)
        say("taking calls again")
        raise
    if status:
        raise HostError(
            "not stopped: the line takes calls again; try later, or give them longer, as with "
            f"`make drain SECONDS={max(1800, 3 * seconds)}`"
        )


def _accept(settings: Settings) -> None:
    """Take new calls. Raises HangsError when Asterisk does not answer."""
    in_root(settings, "sh", "asterisk/start.sh", "accept")


def _refuse_taken_ports(settings: Settings) -> tuple[str, ...]:
    """Return what cannot be had of the addresses that no call waits for.

    Raises HostError when it is one that a call meets: another program would answer for us.
    """
    without = []
    for port in ports.wanted(settings):
        if why := ports.refusal(port):
            if port.vital:
                raise HostError(why)
            without.append(f"WARNING: {port.without}, but 112 answers: {why}")
    return tuple(without)


def _wait_until_ready(settings: Settings) -> None:
    end = time.monotonic() + READY_SECONDS
    while why := asyncio.run(unready(settings)):
        if time.monotonic() > end:
            if shutil.disk_usage(settings.state).free < NO_ROOM_BYTES:
                why = explained(OSError(errno.ENOSPC, ""), settings.state)
            raise HostError(f"{why}; see {settings.state}/log/")
        time.sleep(0.1)
