"""`make upgrade`: the code, packages and `config/` of the checkout on a line that runs.

Law: no controller that works is stopped unless another one listens.
"""

import subprocess
from pathlib import Path

from ivr import applied
from ivr.ready import listening
from ivr.settings import Settings
from ivr.supervisor import (
    CONTROLLERS,
    ROOT,
    WATCHERS,
    HostError,
    Say,
    alone,
    control,
    environment,
    running,
    state_of,
    until,
)
from ivr.switch import as_started, check, take


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
        earlier = applied.version(settings)
        folder = applied.apply(settings)
        take(settings, earlier)
        say(f"configuration {folder.name} is in force")
        _renew_all(settings, states, say)
        for name in WATCHERS:
            _renew_watcher(settings, name, say)
        if _asterisk_is_older(settings):
            say("Asterisk goes on from an older private root. `make down` and `make up` bring the")
            say("new one into use and end all calls: do it when there are none")


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


def _renew_watcher(settings: Settings, name: str, say: Say) -> None:
    """Restart what no call waits for; one that is new to the supervisor is made known to it."""
    if not state_of(settings, name):
        control(settings, "reread", check=False)
        done = control(settings, "add", name, check=False)
    else:
        done = control(settings, "restart", name, check=False)
    said = (done.stderr or done.stdout).strip()
    say(f"{name}: {'the new one runs' if done.returncode == 0 else f'does not run: {said}'}")


def _renew(settings: Settings, name: str) -> None:
    """Restart one controller and return when it listens. Raises HostError when it does not."""
    control(settings, "stop", f"ivr:{name}", check=False)  # it may have ended
    others = listening(settings)
    started = control(settings, "start", f"ivr:{name}", check=False)
    log = settings.state / "log" / f"ivr-{name}.log"
    goes_on = "the other one takes the calls" if others else "callers get the stand-in"
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
