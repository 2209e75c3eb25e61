"""The processes of a line on a machine without Docker: a supervisor, and under it the others.

Law 1: what is stopped is what was started here, known by the state folder it runs from.
Law 2: one command at a time changes the line.
"""

import contextlib
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ivr.settings import Settings

SUPERVISORD = Path("asterisk/supervisord.conf")
ROOT = "asterisk/root.sh"
SOCKET = "supervisor.sock"
CONTROLLERS = ("1", "2")
LOCK = "lock"
READY_SECONDS = 30.0
STOP_SECONDS = 60.0
MAX_SOCKET_BYTES = 98
"""A socket's name has 107 bytes (unix(7)); the supervisor first adds a dot and its process id."""
Say = Callable[[str], None]


class HostError(Exception):
    """The line could not be started, changed or stopped. The message says why and what to do."""


@contextlib.contextmanager
def alone(settings: Settings, say: Say) -> Iterator[None]:
    """Hold the line for one command; wait, with a word, for another that does.

    Raises HostError when nothing could run from here.
    """
    length = len(os.fsencode(settings.state.resolve() / SOCKET))
    if length > MAX_SOCKET_BYTES:
        raise HostError(
            f"{settings.state} is too long for the name of a socket in it ({length} bytes of at "
            f"most {MAX_SOCKET_BYTES}): set SIAGA_STATE to a shorter one"
        )
    settings.state.mkdir(parents=True, exist_ok=True)
    lock = os.open(settings.state / LOCK, os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another siaga command is at work here: waiting until it has finished")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def running(settings: Settings) -> bool:
    """Return whether our supervisor runs from this state folder."""
    path = settings.state / SOCKET
    if not path.exists():
        return False
    if not os.access(path, os.W_OK):
        raise HostError("the line was started by root: use sudo")
    done = control(settings, "pid", check=False)
    return done.returncode == 0 and done.stdout.strip().isdigit()


def start(settings: Settings) -> None:
    """Start the supervisor, which starts all else. Raises HostError when it does not start."""
    if not SUPERVISORD.exists():
        raise HostError(f"there is no {SUPERVISORD} here: run it from the checkout")
    (settings.state / "log").mkdir(exist_ok=True)
    _supervisor(settings, "supervisord", check=True)


def stop(settings: Settings) -> None:
    """End the supervisor and all under it. Raises HostError when something will not end."""
    pid = int((settings.state / "supervisor.pid").read_text())
    control(settings, "shutdown")
    until(
        lambda: not _alive(pid),
        f"the supervisor (process {pid}) did not end within {STOP_SECONDS:.0f} s",
        seconds=STOP_SECONDS,
    )


def state_of(settings: Settings, program: str) -> str:
    """Return the supervisor's word for a program: RUNNING, STARTING, BACKOFF ... or nothing."""
    words = control(settings, "status", program, check=False).stdout.split()
    return words[1] if len(words) > 1 and words[0] == program and words[1].isupper() else ""


def control(
    settings: Settings, *words: str, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Tell the supervisor something. Raises HostError when `check` is set and it fails."""
    return _supervisor(settings, "supervisorctl", *words, check=check)


def in_root(settings: Settings, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the private root, with the state folder there."""
    return subprocess.run(  # noqa: S603 - our own
        [ROOT, "run", *command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment(settings),
    )


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment that hands these settings on."""
    ours = {f"SIAGA_{k.upper()}": str(v) for k, v in settings.model_dump().items()}
    ours["SIAGA_STATE"] = str(settings.state.resolve())
    ours["PYTHONWARNINGS"] = "ignore"  # the supervisor's own
    return {**os.environ, **ours}


def until(
    condition: Callable[[], object],
    failure: str,
    detail: Callable[[], str] | None = None,
    seconds: float = READY_SECONDS,
) -> None:
    """Wait for a condition. Raises HostError(failure) when it does not come within the limit."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise HostError(f"{failure}: {detail()}" if detail else failure)
        time.sleep(0.05)


def _supervisor(
    settings: Settings, program: str, *words: str, check: bool
) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name(program)), "-c", str(SUPERVISORD), *words]
    done = subprocess.run(  # noqa: S603 - our own supervisor
        command, capture_output=True, text=True, timeout=60, check=False, env=environment(settings)
    )
    if check and done.returncode:
        raise HostError(f"{program} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
