"""What the line does now: asked of Asterisk's own console and of the kernel, told as one value.

Law: what cannot be read is unknown (None), never zero and never "logged in".
"""

import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass

from ivr import address, applied, deskword
from ivr.ready import CONTROLLER, listening
from ivr.settings import Settings
from ivr.supervisor import (
    ANSWER_SECONDS,
    CONTROLLERS,
    INSIDE,
    SOCKET,
    HangsError,
    callers_in,
    in_root,
    running,
    seen,
)
from routing.configuration import Configuration
from routing.loading import FILES
from routing.rings import in_words, really_rung
from routing.site import Operator

QUESTIONS = ("queue show", "core show channels concise", "pjsip show maintenance")
LITTLE_ROOM_BYTES = 1 << 30
"""Sound of about 18 hours of one call, or the journal of some million calls."""
REFUSING = (
    "WARNING: new calls are refused; if no `make drain` runs now, `make up` takes calls again"
)
_END = "--- end of an answer"
_ASK = f'for question; do asterisk -rx "$question" || exit 1; echo "{_END}"; done'
_AWAY = ("Unavailable", "Invalid", "Unknown")
_THERE = ("Not in use", "In use", "Busy", "Ringing", "Ring+Inuse", "On Hold")
_STATE = re.compile(rf"\(({'|'.join(map(re.escape, (*_AWAY, *_THERE)))})\)")


@dataclass(frozen=True, slots=True)
class Console:
    """What Asterisk says. Phones by account: whether they are logged in, where that is known."""

    callers: int | None = None
    waiting: int | None = None
    refusing: bool | None = None
    phones: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Telephone:
    """One operator's phone. `logged_in` is None where Asterisk did not say."""

    account: str
    name: str
    logged_in: bool | None


@dataclass(frozen=True, slots=True)
class Status:
    """The line at this moment. Counts are None where Asterisk did not say.

    `live` is whether a caller can make any real telephone ring, `line` says which.
    """

    address: str
    version: str
    live: bool
    line: str
    asterisk: bool
    controllers: int
    controllers_wanted: int
    calls: int | None
    waiting: int | None
    refusing: bool | None
    callbacks: int | None
    operators: tuple[Telephone, ...]
    backup: tuple[Telephone, ...]
    warnings: tuple[str, ...]


def status(settings: Settings, desk_seconds: float = 0.0) -> Status:
    """Ask and tell. A desk that was started just now gets `desk_seconds` to answer.

    Raises FileNotFoundError before the first `make up`, and HostError where it takes sudo to ask.
    """
    version, configuration = applied.in_force(settings)
    settings = address.of_the_line(settings, applied.CURRENT)
    here = seen(settings)
    answers, hang = _asked(settings) if here else (None, ())
    console = heard(answers) if answers else Console()
    operators = telephones(configuration.operators.operators, console)
    backup = telephones(configuration.operators.backup, console)
    said = deskword.troubles(settings, desk_seconds) if here else ()
    owed, unread = callbacks(settings)
    warnings = (
        *hang,
        nobody(configuration, operators, backup),
        *address.warnings(settings, configuration.site),
        REFUSING if console.refusing else "",
        room(settings),
        edited(settings),
        *(f"WARNING: {said}" for said in said),
        unread,
    )
    supervised = settings.state != INSIDE or (settings.state / SOCKET).exists()
    return Status(
        address=settings.sip_bind,
        version=version,
        live=bool(really_rung(configuration)),
        line=in_words(configuration),
        asterisk=answers is not None,
        controllers=listening(settings) if here else 0,
        controllers_wanted=len(CONTROLLERS) if supervised else 1,
        calls=console.callers,
        waiting=console.waiting,
        refusing=console.refusing,
        callbacks=owed,
        operators=operators,
        backup=backup,
        warnings=tuple(filter(None, warnings)),
    )


def _asked(settings: Settings) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Return Asterisk's answers, and a warning for each process that hangs."""
    answers, hang = None, []
    try:
        running(settings)
    except HangsError as error:
        hang.append(f"WARNING: {error}")
    try:
        answers = ask(settings)
    except HangsError as error:
        hang.append(f"WARNING: {error}")
    return answers, tuple(hang)


def ask(settings: Settings) -> tuple[str, ...] | None:
    """Return Asterisk's answer to each of QUESTIONS; None when it does not answer them all.

    Raises HangsError when it is up and says nothing.
    """
    try:
        done = in_root(settings, "sh", "-c", _ASK, "sh", *QUESTIONS, seconds=ANSWER_SECONDS)
    except OSError:
        return None
    answers = tuple(done.stdout.split(f"{_END}\n")[:-1])
    return answers if done.returncode == 0 and len(answers) == len(QUESTIONS) else None


def edited(settings: Settings) -> str:
    """Return the warning that `config/` is not what is in force; nothing when it is."""
    folder = settings.state / applied.CURRENT / "config"
    for name in FILES:
        try:
            if (settings.config / name).read_bytes() != (folder / name).read_bytes():
                return "config/ has edits that are not in force: `siaga check`, then `siaga apply`"
        except OSError:
            return ""  # it is not here, as in a container, or not for everybody
    return ""


def room(settings: Settings) -> str:
    """Return the warning that a disk has little room; nothing when both have enough.

    The recordings may have a disk of their own.
    """
    folders = [f for f in (settings.state / "recordings", settings.state) if f.exists()]
    free, folder = min((shutil.disk_usage(f).free, f) for f in folders)
    if free >= LITTLE_ROOM_BYTES:
        return ""
    return (
        f"WARNING: {folder} has {free >> 20} MiB left, less than {LITTLE_ROOM_BYTES >> 20}: make "
        "room; under 512 MiB no further call is recorded"
    )


def callbacks(settings: Settings) -> tuple[int | None, str]:
    """Return how many callers must be called back, or None and, where it is a fault, a warning."""
    # Not at the top: SQLAlchemy takes longer to load than other commands take to run.
    from ivr.records.callbacks import count  # noqa: PLC0415
    from ivr.records.engine import FILE, open_engine, reading  # noqa: PLC0415
    from ivr.records.errors import RecordsError  # noqa: PLC0415

    try:
        if not settings.database_url and not (settings.state / FILE).exists():
            return None, ""
        engine = open_engine(settings)
        try:
            with reading(engine) as connection:
                return count(connection), ""
        finally:
            engine.dispose()
    except RecordsError as error:
        return None, f"WARNING: the records cannot be read: {error}"
    except OSError:  # their folder is not for everybody
        return None, ""


def heard(answers: tuple[str, ...]) -> Console:
    """Read the answers to QUESTIONS, of Asterisk 22."""
    queues, channels, maintenance = answers
    waiting = re.findall(r"^(?:operators|backup) has (\d+) calls ", queues, re.MULTILINE)
    refusing = re.search(r"^ *(\d+) endpoints? in maintenance mode", maintenance, re.MULTILINE)
    return Console(
        callers=callers_in(channels),
        waiting=sum(map(int, waiting)) if waiting else None,
        refusing=refusing[1] != "0" if refusing else None,
        phones=tuple(_phones(queues.splitlines())),
    )


def _phones(lines: Iterable[str]) -> Iterable[tuple[str, bool]]:
    for line in lines:
        account = re.search(r"\(PJSIP/([a-z0-9-]+)[ )]", line)
        state = _STATE.search(line)
        if account and state:
            yield account[1], state[1] not in _AWAY


def telephones(phones: Iterable[Operator], console: Console) -> tuple[Telephone, ...]:
    """Return the phones of a group with what Asterisk says of them."""
    known = dict(console.phones)
    return tuple(Telephone(p.account, p.name, known.get(p.account)) for p in phones)


def nobody(
    configuration: Configuration, operators: tuple[Telephone, ...], backup: tuple[Telephone, ...]
) -> str:
    """Return the warning that no operator is there, and whom callers reach; nothing otherwise."""
    if any(phone.logged_in is not False for phone in operators):
        return ""
    if there := [phone.name for phone in backup if phone.logged_in]:
        whom = f"the backup ({', '.join(there)})"
    elif configuration.site.simulated_operator:
        whom = "a simulated operator"
    else:
        whom = f"the last hotline, {configuration.operators.last_hotline}"
    return f"WARNING: no operator is logged in: callers reach {whom}"


def lines(now: Status, why: str) -> Iterable[str]:
    """Yield the status for people. `why` is why 112 does not answer, or nothing."""
    refused = "112 is being drained: new calls are refused" if now.refusing else ""
    yield (why and refused) or why or f"112 answers on {now.address}"
    yield f"  line         {now.line}"
    yield f"  version      {now.version}"
    hang = ", and none answers" if why.startswith(CONTROLLER) and now.controllers else ""
    yield f"  controllers  {now.controllers} of {now.controllers_wanted} listening{hang}"
    yield f"  callers      {_count(now.calls)}, of whom {_count(now.waiting)} wait for an operator"
    yield f"  call back    {_count(now.callbacks)}{': `siaga callbacks`' if now.callbacks else ''}"
    for group, phones in (("operator", now.operators), ("backup", now.backup)):
        for phone in phones:
            state = {True: "logged in", False: "NOT logged in", None: "unknown"}[phone.logged_in]
            yield f"  {group:<12} {phone.account} ({phone.name}): {state}"
    yield from now.warnings


def _count(number: int | None) -> str:
    return "unknown" if number is None else str(number)
