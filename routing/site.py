"""The place: its trunks and its operators, as frozen values from `site.yaml` and `operators.yaml`.

Law: addresses are literal. A name that does not resolve would stall every call.
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from routing.agencies import IPV4, IPV4_PORT, Form, Name, Value

Address = Annotated[
    str,
    Form(
        f"{IPV4}(/([89]|[12][0-9]|3[0-2]))?",
        "not an address",
        'write "10.1.2.3" or "10.1.2.0/24": digits, never a host name, never the whole world',
    ),
]
Gateway = Annotated[
    str,
    Form(
        IPV4_PORT,
        "not a gateway",
        'write "10.1.2.3:5060": an address in digits, never a host name',
    ),
]
Listen = Annotated[
    str,
    Form(
        IPV4_PORT,
        "not an address to listen on",
        'write "10.1.2.3:5060": an address of this machine in digits, never a host name',
    ),
]


DIALLED = ("112", "+112", "+62112")
"""The numbers that every call to us may be for; they stand in asterisk/dialplan.conf."""

Called = Annotated[
    str,
    Form(
        r"\+?[0-9]{3,20}",
        "not a called number",
        'write it as the carrier sends it, in quotes, as in "0761112": digits, + only in front',
    ),
]
"""A number that a carrier puts into its INVITE for us, exactly: never a pattern of Asterisk."""


def _once(numbers: tuple[str, ...]) -> tuple[str, ...]:
    for number in DIALLED:
        if number in numbers:
            raise ValueError(f"{number} is answered always; remove it")
    if len(set(numbers)) < len(numbers):
        raise ValueError("a number stands twice; keep one of the two")
    return numbers


HIDDEN = frozenset(
    ("anonymous", "private", "restricted", "unavailable", "unknown", "withheld"),
)
"""What carriers write for the number of a caller who hides it (RFC 3323 section 4.1.1.3)."""


def _nobodys(account: str) -> str:
    """Refuse what may stand in a caller's From: Asterisk would ask him for the phone's password."""
    if account.isdigit():
        raise ValueError(
            "an account of digits alone could be a caller's number, who is then refused; "
            "put a word into it, as in operator-1"
        )
    if account in HIDDEN:
        raise ValueError(
            f"carriers write {account} for a caller who hides the number, who is then refused; "
            "give the phone another account, as in operator-1"
        )
    return account


Account = Annotated[Name, AfterValidator(_nobodys)]
"""The name a phone registers with, which no caller's From ever holds."""


class Trunk(Value):
    """A way out: a carrier's gateway, or the simulation in which Asterisk plays the agencies."""

    gateway: Gateway | None = None
    """The carrier's gateway: address in digits, with `:port` if it is not 5060."""
    simulated: bool = False
    """Asterisk answers in the agencies' place; at most one trunk."""
    channels: Annotated[int, Field(ge=1, le=10000)] | None = None
    """How many calls the carrier carries at once, in and out together."""

    @model_validator(mode="after")
    def _one_way(self) -> "Trunk":
        if (self.gateway is None) != self.simulated:
            raise ValueError(
                'needs one way out; give either `gateway: "address:port"` or `simulated: true`'
            )
        if self.simulated and self.channels is not None:
            raise ValueError("the simulation has no channels; remove `channels`")
        return self


class Callbacks(Value):
    """How operators ring back who reached nobody: over one trunk, to citizens' numbers.

    Premium numbers (080...) are never rung, those of other countries only with `abroad`: who calls
    112 may claim any number as theirs, and be paid for each call to it.
    """

    trunk: Name
    """The trunk over which callers are rung back; it has a `gateway`."""
    abroad: bool = False
    """Numbers of other countries may be rung back too."""


class Site(Value):
    """The file `site.yaml`. Without `callbacks` nobody can be rung back from the console."""

    incoming: Annotated[tuple[Address, ...], Field(min_length=1)]
    """Who may call in: addresses or networks of the carrier."""
    also_called: Annotated[tuple[Called, ...], AfterValidator(_once)] = ()
    """What a carrier is known to call us beside 112, +112 and +62112."""
    trunks: Annotated[Mapping[Name, Trunk], Field(min_length=1)]
    """The ways out, each under a name of your choice."""
    outgoing: Annotated[tuple[Name, ...], Field(min_length=1, max_length=8)]
    """The trunks that every hotline is tried over, in this order."""
    callbacks: Callbacks | None = None
    """How operators ring back who reached nobody; without it nobody is."""
    simulated_operator: bool = False
    """A recorded voice answers when no operator has logged in. Never in a live centre."""
    listen: Listen = "127.0.0.1:5060"
    """Where carriers and phones reach this line: an address of this machine, UDP."""

    @property
    def dials_out(self) -> bool:
        """Whether hotlines are rung over a carrier's gateway, unless they name another trunk."""
        return any(name in self.trunks and self.trunks[name].gateway for name in self.outgoing)


class Operator(Value):
    """One operator's phone: the SIP account it registers as, and the name shown.

    With `browser` it is the one in the console, and no SIP phone can be it.
    """

    account: Account
    """The SIP account that the phone registers as."""
    name: Annotated[
        str,
        Form(
            "[A-Za-z0-9][A-Za-z0-9 .'-]{0,39}",
            "not a name to show",
            "use letters, digits, spaces, dots, hyphens and ', at most 40",
        ),
    ]
    """Who it is, on the display."""
    browser: bool = False
    """It is the telephone in the console, and no SIP phone can be it."""


class Operators(Value):
    """The file `operators.yaml`."""

    operators: Annotated[tuple[Operator, ...], Field(min_length=1)]
    """The operators' phones."""
    backup: tuple[Operator, ...] = ()
    """Phones that ring when no operator answered."""
    overflow_seconds: Annotated[int, Field(ge=5, le=120)]
    """How long the operators ring before the backup does."""
    last_hotline: Name
    """Rung when operators and backup are all gone; it has no `hours`."""

    def phones(self) -> tuple[Operator, ...]:
        """Return every phone that may register: the operators', then the backup's."""
        return self.operators + self.backup
