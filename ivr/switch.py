"""Another configuration on a line that may be running: proven, switched, and taken back if it must.

Law 1: whatever goes wrong, the line is all in one version: the new or the old. Whoever is killed
just between the link and the reload leaves Asterisk in the old one until the next command: `siaga
ready` says so, and callers reach a person.
Law 2: no caller is moved (asterisk/dialplan.conf). Our own calls go first, and ring nobody.
"""

import contextlib
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ivr import address, applied, ports, recordings, versions
from ivr.recordings import PromptError
from ivr.settings import Settings
from ivr.supervisor import ANSWER_SECONDS, HostError, Say, alone, explained, in_root, running
from routing.configuration import Configuration

Drilled = Callable[[Settings, Configuration, bool], str]
"""Calls through every key of a running line, in the staged version or the one in force, and returns
what went wrong: nothing when all came where they should."""


def check(settings: Settings) -> Settings:
    """Read `config/` and its prompts; return the settings with the address that they name.

    Raises ConfigurationError or PromptError with everything there is to mend.
    """
    configuration = applied.check(settings)
    if wrong := recordings.wrong(configuration, settings.sounds):
        raise PromptError("\n".join(wrong))
    return address.chosen(settings, configuration.site)


def compiled(settings: Settings) -> str:
    """Put `config/` in force; raise HostError when the machine does not let us."""
    try:
        return applied.apply(settings).name
    except OSError as error:
        raise HostError(explained(error, settings.state)) from error


def ask_asterisk(settings: Settings) -> None:
    """Raise HangsError when Asterisk is up and does not answer; one that is not up soon will be."""
    in_root(settings, "asterisk", "-rx", "core show uptime", seconds=ANSWER_SECONDS)


def put_in_force(settings: Settings, say: Say, drilled: Drilled | None = None) -> tuple[str, bool]:
    """Put `config/` in force, on the running line too; return the version and whether one runs.

    A running line is `drilled` before, in the staged version, and after. Raises ConfigurationError
    or PromptError when `config/` has problems; HostError for the rest.
    """
    with alone(settings, say):
        if going := running(settings):
            ask_asterisk(settings)
        _sweep(settings)
        wanted = check(settings)
        use = as_started(settings) if going else wanted
        earlier = applied.version(settings)
        if going:
            version = _switched(use, earlier, partial(applied.apply, use), drilled, say)
            if wanted.sip_bind != use.sip_bind:
                say(f"the line goes on listening on {use.sip_bind}; {wanted.sip_bind} is taken at")
                say("the next start: `make down` and `make up`")
        else:
            version = compiled(use)
        if why := ports.nowhere(wanted.sip_bind):
            say(f"WARNING: {why}; the next start falls back on an earlier version")
        return version, going


def roll_back(
    settings: Settings, say: Say, version: str = "", drilled: Drilled | None = None
) -> tuple[str, str, bool]:
    """Put an earlier version in force again: the last that says something else, or the one named.

    Returns its name, the name that it has now, and whether a line runs. Raises HostError.
    """
    with alone(settings, say):
        current = applied.version(settings)
        earlier = version or versions.before(settings.state, current)
        if not earlier or earlier not in versions.versions(settings.state):
            why = f"there is no version {version}" if version else "there is no earlier version"
            raise HostError(f"{why}: `siaga history` lists them")
        make = partial(applied.again, settings, earlier)
        if going := running(settings):
            ask_asterisk(settings)
            settings = as_started(settings)
            return earlier, _switched(settings, current, make, drilled, say), going
        return earlier, make().name, going


def _switched(
    settings: Settings,
    earlier: str,
    make: Callable[[applied.Proven | None], Path],
    drilled: Drilled | None,
    say: Say,
) -> str:
    """Switch a running line to the version that `make` makes, and drill it on both sides of that.

    Raises HostError when it may not come into force, or not stay there; all is as it was then.
    """

    def proven(configuration: Configuration) -> None:
        reload_asterisk(settings)
        if drilled and (wrong := drilled(settings, configuration, True)):
            raise HostError(f"NOT in force, our own calls through it went wrong:\n{wrong}")

    try:
        version = make(proven).name
    except (OSError, HostError) as error:
        with contextlib.suppress(HostError):
            reload_asterisk(settings)  # what was staged is gone
        if isinstance(error, HostError):
            raise
        raise HostError(explained(error, settings.state)) from error
    take(settings, earlier)
    if drilled and (wrong := drilled(settings, applied.in_force(settings)[1], False)):
        back = applied.again(settings, earlier).name
        with contextlib.suppress(HostError):
            reload_asterisk(settings)
        raise HostError(
            f"our own calls went wrong; the line goes on with {earlier}, as {back}:\n{wrong}"
        )
    if drilled:
        say("our own calls through every key came where they should")
    return version


def _sweep(settings: Settings) -> None:
    """Remove what an apply that was killed has left: nobody else makes a version now."""
    (settings.state / applied.STAGED).unlink(missing_ok=True)
    for left in settings.state.glob("building-*"):
        shutil.rmtree(left, ignore_errors=True)


def as_started(settings: Settings) -> Settings:
    """Return the settings with the addresses that the running line was started with.

    Raises HostError when another one is asked for: an address is taken at the start only.
    """
    started = address.started(settings) or address.compiled(settings, applied.CURRENT)
    for name, value in started.items():
        if name in settings.model_fields_set and getattr(settings, name) != value:
            raise HostError(
                f"the line runs with SIAGA_{name.upper()}={value}, not {getattr(settings, name)}: "
                "run `make down` first, which ends all calls"
            )
    return settings.model_copy(update=started)


def take(settings: Settings, earlier: str) -> None:
    """Bring a running Asterisk to the version in force, or all back to the `earlier` one.

    Raises HostError when it does not take it: sounds, keys and fences are of one version again.
    """
    try:
        reload_asterisk(settings)
    except HostError as error:
        if not earlier:
            raise
        back = applied.again(settings, earlier).name
        with contextlib.suppress(HostError):
            reload_asterisk(settings)
        raise HostError(f"{error}; the line goes on with {earlier}, as {back}") from error


def reload_asterisk(settings: Settings) -> None:
    """Make a running Asterisk read what is in force now; calls go on.

    Raises HostError with Asterisk's words when it does not take it.
    """
    done = in_root(settings, "sh", "asterisk/start.sh", "reload")
    if done.returncode:
        raise HostError(done.stderr.strip() or done.stdout.strip())
