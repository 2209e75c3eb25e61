"""The processes of a line on a machine without Docker: a supervisor, and under it the others.

Law 1: what is stopped is what was started here, known by the state folder it runs from.
Law 2: one command at a time changes the line.
"""

import contextlib
import errno
import fcntl
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ivr.settings import Settings

SUPERVISORD = Path("asterisk/supervisord.conf")
ROOT = "asterisk/root.sh"
SOCKET = "supervisor.sock"
PID = "supervisor.pid"
CONTROLLERS = ("1", "2")
WATCHERS = ("broker", "desk")
"""Programs that no call waits for."""
INSIDE = Path("/var/lib/siaga")
"""The state folder as the private root and the container show it."""
READY_SECONDS = 30.0
STOP_SECONDS = 60.0
ANSWER_SECONDS = 5.0
"""How long a question may take; a console or a supervisor answers within a second."""
ORDER_SECONDS = 60.0
"""How long an order may take: a controller lets its callers finish first."""
MAX_SOCKET_BYTES = 98
"""A socket's name has 107 bytes (unix(7)); the supervisor first adds a dot and its process id."""
MAKE_ANEW = "`make down` and `make up` start"
Say = Callable[[str], None]


class HostError(Exception):
    """The line could not be started, changed or stopped. The message says why and what to do."""


class HangsError(HostError):
    """A process of the line is there and does not answer."""


def explained(error: OSError, state: Path) -> str:
    """Say what the system refused, and what to do; in its own words where we know no better."""
    named = error.filename2 or error.filename or state
    place = Path(os.fsdecode(named)) if isinstance(named, str | bytes | os.PathLike) else state
    place = state if place.is_relative_to(state) else place
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no space left in {place}: make room; `df -h {place}` says how full it is"
    if error.errno == errno.EROFS:
        return f"{place} is read-only: mount it for writing, or set SIAGA_STATE to another folder"
    if error.errno in (errno.EACCES, errno.EPERM) and os.geteuid() != 0:
        return f"{error}: use sudo"
    return str(error)


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
    try:
        settings.state.mkdir(parents=True, exist_ok=True)
        lock = os.open(settings.state, os.O_RDONLY | os.O_DIRECTORY)  # no file: a disk may be full
    except OSError as error:
        raise HostError(explained(error, settings.state)) from error
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
    """Return whether our supervisor runs from this state folder.

    Raises HangsError when it does not answer, and HostError when it may not be asked.
    """
    path = settings.state / SOCKET
    if not path.exists():
        return False
    if not os.access(path, os.W_OK):
        raise HostError("the line was started by root: use sudo")
    done = control(settings, "pid", check=False, seconds=ANSWER_SECONDS)
    return done.returncode == 0 and done.stdout.strip().isdigit()


def seen(settings: Settings) -> bool:
    """Return whether a line runs from this state folder, as the kernel sees it: without sudo.

    A container holds nothing but its line. The kernel knows a socket by the name it was bound to:
    ours, with the supervisor's process id after it (unix(7); supervisor/http.py).
    """
    if settings.state == INSIDE:
        return True
    name = os.fsencode(f" {settings.state.resolve() / SOCKET}.")
    return name in Path("/proc/net/unix").read_bytes()


def start(settings: Settings) -> None:
    """Start the supervisor, which starts all else. Raises HostError when it does not start."""
    if not SUPERVISORD.exists():
        raise HostError(f"there is no {SUPERVISORD} here: run it from the checkout")
    if not os.access(settings.state, os.W_OK):
        raise HostError(explained(OSError(errno.EROFS, ""), settings.state))
    try:
        (settings.state / "log").mkdir(exist_ok=True)
    except OSError as error:
        raise HostError(explained(error, settings.state)) from error
    _supervisor(settings, "supervisord", check=True)


def stop(settings: Settings) -> None:
    """End the supervisor and all under it. Raises HostError when something will not end."""
    pid = int(control(settings, "pid").stdout)  # its file may be empty: a disk may have been full
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
    settings: Settings, *words: str, check: bool = True, seconds: float = ORDER_SECONDS
) -> subprocess.CompletedProcess[str]:
    """Tell the supervisor something. Raises HostError when `check` is set and it fails.

    Raises HangsError when it does not answer within `seconds`.
    """
    try:
        return _supervisor(settings, "supervisorctl", *words, check=check, seconds=seconds)
    except subprocess.TimeoutExpired:
        raise HangsError(
            f"the supervisor does not answer: `sudo kill -9 $(cat {settings.state / PID})` and "
            "`make up` start all anew, which ends calls"
        ) from None


def in_root(
    settings: Settings, *command: str, seconds: float = ORDER_SECONDS
) -> subprocess.CompletedProcess[str]:
    """Ask or tell Asterisk by a command in the private root, or in the container we are in.

    Raises HangsError when that takes longer than `seconds`.
    """
    inside = settings.state == INSIDE
    try:
        return subprocess.run(  # noqa: S603 - our own
            command if inside else [ROOT, "run", *command],
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env=environment(settings),
        )
    except subprocess.TimeoutExpired:
        remedy = "`docker compose restart asterisk` starts" if inside else MAKE_ANEW
        raise HangsError(
            f"Asterisk is up but does not answer: {remedy} it anew, which ends calls"
        ) from None


def callers(settings: Settings) -> int | None:
    """Return how many callers are inside; None where Asterisk does not say."""
    asked = "core show channels concise"
    try:
        done = in_root(settings, "asterisk", "-rx", asked, seconds=ANSWER_SECONDS)
    except HangsError:
        return None
    return None if done.returncode else callers_in(done.stdout)


def callers_in(channels: str) -> int:
    """Count the callers in what Asterisk says of its channels: each has one of ours."""
    return len(re.findall(r"^PJSIP/from-trunk-[^!]*!", channels, re.MULTILINE))


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
    settings: Settings, program: str, *words: str, check: bool, seconds: float = ORDER_SECONDS
) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name(program)), "-c", str(SUPERVISORD), *words]
    done = subprocess.run(  # noqa: S603 - our own supervisor
        command,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        env=environment(settings),
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
