"""What the line does now: asked of Asterisk's own console and of the kernel, told as one value.

Law: what cannot be read is unknown (None), never zero and never "logged in".
"""

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ivr import address, applied
from ivr.ready import listening
from ivr.settings import Settings
from ivr.supervisor import CONTROLLERS, SOCKET, environment, in_root
from routing.configuration import Configuration
from routing.loading import ConfigurationError
from routing.site import Operator

HOW_TO_DIAL = """\
112 answers.
  without a phone:  .venv/bin/siaga call{keys}
  with a softphone: sip:112@{address}  (UDP, no account; {press})
  stop:             make down
"""
INSIDE = Path("/var/lib/siaga")
"""The state folder as the private root and the container show it."""
QUESTIONS = ("queue show", "core show channels concise", "pjsip show maintenance")
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
    """The line at this moment. Counts are None where Asterisk did not say."""

    address: str
    version: str
    live: bool
    asterisk: bool
    controllers: int
    controllers_wanted: int
    calls: int | None
    waiting: int | None
    refusing: bool | None
    operators: tuple[Telephone, ...]
    backup: tuple[Telephone, ...]
    warnings: tuple[str, ...]


def status(settings: Settings) -> Status:
    """Ask and tell. Raises FileNotFoundError before the first `make up`."""
    version, configuration = applied.in_force(settings)
    settings = address.of_the_line(settings, applied.CURRENT)
    answers = ask(settings)
    console = heard(answers) if answers else Console()
    operators = telephones(configuration.operators.operators, console)
    backup = telephones(configuration.operators.backup, console)
    warnings = (
        nobody(configuration, operators, backup),
        address.unreachable(settings, configuration.site),
        "WARNING: new calls are refused: the line is being drained" if console.refusing else "",
    )
    supervised = (settings.state / SOCKET).exists()
    return Status(
        address=settings.sip_bind,
        version=version,
        live=configuration.site.live,
        asterisk=answers is not None,
        controllers=listening(settings),
        controllers_wanted=len(CONTROLLERS) if supervised else 1,
        calls=console.callers,
        waiting=console.waiting,
        refusing=console.refusing,
        operators=operators,
        backup=backup,
        warnings=tuple(filter(None, warnings)),
    )


def ask(settings: Settings) -> tuple[str, ...] | None:
    """Return Asterisk's answer to each of QUESTIONS; None when it does not answer them all."""
    words = ("sh", "-c", _ASK, "sh", *QUESTIONS)
    try:
        if settings.state == INSIDE:
            done = subprocess.run(  # noqa: S603 - our own
                words,
                capture_output=True,
                text=True,
                timeout=20,
                check=False,
                env=environment(settings),
            )
        else:
            done = in_root(settings, *words)
    except (OSError, subprocess.TimeoutExpired):
        return None
    answers = tuple(done.stdout.split(f"{_END}\n")[:-1])
    return answers if done.returncode == 0 and len(answers) == len(QUESTIONS) else None


def heard(answers: tuple[str, ...]) -> Console:
    """Read the answers to QUESTIONS, of Asterisk 22."""
    queues, channels, maintenance = answers
    waiting = re.findall(r"^(?:operators|backup) has (\d+) calls ", queues, re.MULTILINE)
    refusing = re.search(r"^ *(\d+) endpoints? in maintenance mode", maintenance, re.MULTILINE)
    return Console(
        callers=len(re.findall(r"^PJSIP/from-trunk-[^!]*!", channels, re.MULTILINE)),
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
    yield why or f"112 answers on {now.address}"
    yield f"  line         {'LIVE' if now.live else 'simulated'}"
    yield f"  version      {now.version}"
    yield f"  controllers  {now.controllers} of {now.controllers_wanted} listening"
    yield f"  callers      {_count(now.calls)}, of whom {_count(now.waiting)} wait for an operator"
    for group, phones in (("operator", now.operators), ("backup", now.backup)):
        for phone in phones:
            state = {True: "logged in", False: "NOT logged in", None: "unknown"}[phone.logged_in]
            yield f"  {group:<12} {phone.account} ({phone.name}): {state}"
    yield from now.warnings


def _count(number: int | None) -> str:
    return "unknown" if number is None else str(number)


def asked_at(settings: Settings) -> str:
    """Return where the line here is called from this machine."""
    bind = address.of_the_line(settings, applied.CURRENT).sip_bind
    return bind.replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - bound to all, called at one


def live(settings: Settings) -> bool:
    """Return whether the keys of a caller ring real agencies. In doubt they do."""
    try:
        return applied.in_force(settings)[1].site.live
    except FileNotFoundError:
        return False
    except ConfigurationError:
        return True


def how_to_dial(settings: Settings) -> str:
    """Return what `make up` says at its end. It invites nobody to ring a real agency."""
    where = asked_at(settings).removesuffix(":5060")
    if live(settings):
        text = HOW_TO_DIAL.format(address=where, keys="", press="press nothing: an operator")
        return f"{text}this line is LIVE: {_first_ring(settings)}\n"
    press = "press 1 for fire, or just wait"
    return HOW_TO_DIAL.format(address=where, keys=" --keys 1", press=press)


def _first_ring(settings: Settings) -> str:
    """Say which real telephone the first key rings: `key 1 rings damkar-113`."""
    try:
        _, configuration = applied.in_force(settings)
    except ConfigurationError:
        return "keys ring real agencies"
    agencies = configuration.agencies.agencies
    rings = (
        f"key {service.key} rings {hotline.name}"
        for service in configuration.menu.services.values()
        for name in service.agencies
        for hotline in agencies[name].hotlines
    )
    return next(rings, "keys ring real operators")
