"""Who may use the desk, and for how long: roles, passwords, failed logins, sessions. No I/O.

Law 1: a name is slowed down, never locked: the longest wait is LONGEST_WAIT_SECONDS.
Law 2: whoever logged in from an address before is slowed there by nobody's failures but those under
that name at that address: no stranger can keep an operator out.
Law 3: an unknown name is treated as a known one is; only who can log in learns that it exists.
"""

import hashlib
import ipaddress
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Role = Literal["operator", "supervisor", "telecom"]
Right = Literal["see-calls", "take-calls", "hear-recordings", "see-figures", "see-line"]

MAY: Mapping[Role, frozenset[Right]] = MappingProxyType(
    {
        "operator": frozenset({"see-calls", "take-calls"}),
        "supervisor": frozenset({"see-calls", "take-calls", "hear-recordings", "see-figures"}),
        "telecom": frozenset({"see-figures", "see-line"}),
    }
)
"""Who sees callers and their numbers, takes and returns calls, hears recordings and listens in, and
who sees how the line itself is."""

MIN_PASSWORD_LENGTH = 15
"""Of a password that is all there is (NIST SP 800-63B-4, 3.1.1.2). Three words make as many."""
MAX_PASSWORD_LENGTH = 256
SESSION_SECONDS = 12 * 3600
"""A shift of 8 hours, with its handover and a colleague who is late."""
IDLE_SECONDS = 3600
"""Without a word from the browser. A page that is open speaks, so nobody at work is sent away."""

WINDOW_SECONDS = 3600
"""A failed login counts for so long."""
KNOWN_SECONDS = 30 * 86400
"""For so long after a login its address is known for that name."""
FREE_BY_NAME = 3
"""So many failures cost no wait: a tired operator types the password again."""
FREE_BY_ADDRESS = 10
"""A control room may have one address."""
LONGEST_WAIT_SECONDS = 60.0

_NAME = re.compile(r"[a-z][a-z0-9]*(?:[.-][a-z0-9]+)*")


class AccountError(Exception):
    """An account cannot be made or changed as was asked; nothing has been done.

    `message` says what is wrong and `remedy` what to do about it; as text they are one sentence.
    """

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}: {self.remedy}"


@dataclass(frozen=True, slots=True)
class User:
    """An account. `name` is what is typed, `shown` what is read; times in seconds UTC.

    `phone` is the operator's account in operators.yaml, if any; `hash` what argon2 made of the
    password.
    """

    name: str
    shown: str
    role: Role
    phone: str | None
    hash: str
    created_at: float
    disabled_at: float | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A stay between a login and its end; times in seconds UTC. `address` is the browser's."""

    name: str
    address: str
    created_at: float
    seen_at: float
    expires_at: float
    idle_seconds: float


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login that was tried. `name` is its `name_key`, `address` its `place_of`."""

    at: float
    name: str
    address: str
    well: bool


# ----------------------------------------------------------------------------------------- roles


def may(role: Role, right: Right) -> bool:
    """Return whether a role may do this."""
    return right in MAY[role]


def stands_in(role: Role, wanted: Role) -> bool:
    """Return whether a role may do all that another may: a supervisor is an operator too."""
    return MAY[role] >= MAY[wanted]


# --------------------------------------------------------------------------- names and passwords


def name_as_typed(text: str) -> str:
    """Return the name that somebody means who logs in: capitals and spaces around do not matter."""
    return text.strip().lower()


def is_name(name: str) -> bool:
    """Return whether an account can have this name."""
    return len(name) <= 32 and _NAME.fullmatch(name) is not None


def check_name(name: str) -> None:
    """Raise AccountError for a name that no account can have."""
    if not is_name(name):
        raise AccountError(
            f"{name!r} is not a name to log in with",
            "use small letters, digits, dots and hyphens, at most 32, like ayu or ayu.lestari",
        )


def check_shown(shown: str) -> None:
    """Raise AccountError for a name that cannot be shown."""
    if not shown.strip() or not shown.isprintable() or len(shown) > 60:
        raise AccountError(f"{shown!r} is not a name to show", "write a name of at most 60 letters")


def check_password(password: str) -> None:
    """Raise AccountError for a password that is too short or far too long; nothing else counts."""
    length = len(normalised(password))
    if length < MIN_PASSWORD_LENGTH:
        raise AccountError(
            f"the password has {length} characters",
            f"take {MIN_PASSWORD_LENGTH} or more, such as three or four words",
        )
    if length > MAX_PASSWORD_LENGTH:
        raise AccountError(
            f"the password has {length} characters", f"take {MAX_PASSWORD_LENGTH} at most"
        )


def normalised(password: str) -> str:
    """Return a password as every keyboard would send it (NFKC; NIST SP 800-63B-4, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


# ----------------------------------------------------------------------------------- failed logins


def name_key(name: str) -> str:
    """Return what stands for a typed name among the attempts: it may be a password, mistyped."""
    return hashlib.sha256(name_as_typed(name).encode(errors="surrogatepass")).hexdigest()


def place_of(address: str) -> str:
    """Return what stands for an address: of IPv6 the network, since each user has a whole one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if parsed.version == 4 else str(ipaddress.ip_network((parsed, 64), strict=False))


def wait_seconds(attempts: Iterable[Attempt], name: str, address: str, now: float) -> float:
    """Return how long a login under this name at this address has to wait, in seconds.

    `attempts` are those of KNOWN_SECONDS, in any order; others than of this name or address do not
    matter. `name` and `address` are `name_key` and `place_of`; `now` is in seconds UTC.
    """
    seen = sorted(attempts, key=lambda one: one.at)
    here = [one for one in seen if one.name == name and one.address == address]
    well = [one.at for one in here if one.well and one.at > now - KNOWN_SECONDS]
    if well:
        return _left([one for one in here if one.at > max(well)], FREE_BY_NAME, now)
    return max(
        _left([one for one in seen if one.name == name], FREE_BY_NAME, now),
        _left([one for one in seen if one.address == address], FREE_BY_ADDRESS, now),
    )


def _left(attempts: list[Attempt], free: int, now: float) -> float:
    """Return how much is left of the wait after these: 2 s, then twice as long each time."""
    failed = [one.at for one in attempts if not one.well and one.at > now - WINDOW_SECONDS]
    if len(failed) < free:
        return 0.0
    wait = min(2.0 ** min(len(failed) - free + 1, 10), LONGEST_WAIT_SECONDS)
    return min(max(failed[-1] + wait - now, 0.0), wait)  # also when the clock was set back


# ---------------------------------------------------------------------------------------- sessions


def new_session(name: str, address: str, now: float) -> Session:
    """Return a session that begins now, in seconds UTC."""
    return Session(name, address, now, now, now + SESSION_SECONDS, IDLE_SECONDS)


def is_over(session: Session, now: float) -> bool:
    """Return whether a session has lasted, or has been idle, for too long; `now` in seconds UTC."""
    return now >= session.expires_at or now >= session.seen_at + session.idle_seconds
