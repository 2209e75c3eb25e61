"""Who helps and when: Agency, Hotline and Hours, as frozen values read from `agencies.yaml`.

Law: a telephone number is text. 0761123 is not a quantity.
"""

import re
from collections.abc import Mapping
from datetime import datetime, time, timedelta, timezone
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from routing.remedies import NUMBER

WIB = timezone(timedelta(hours=7), "WIB")
"""Western Indonesian Time, Asia/Jakarta: UTC+7, with no daylight saving since 1964."""


def form(pattern: str, message: str, remedy: str) -> AfterValidator:
    """Return the check that a text is `pattern` from end to end, and what is said if it is not."""
    whole = re.compile(pattern)

    def check(text: str) -> str:
        if whole.fullmatch(text) is None:
            raise ValueError(f"{message}; {remedy}")
        return text

    return AfterValidator(check)


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("not one line of plain text; write it again without tabs or line breaks")
    return text


NAME = "[a-z0-9][a-z0-9-]{0,30}"
_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_PORT = "(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
IPV4 = rf"{_OCTET}(\.{_OCTET}){{3}}"
IPV4_PORT = rf"{IPV4}(:{_PORT})?"

Text = Annotated[str, AfterValidator(_one_line)]
"""What is read or heard: one line. A control character has no place on a phone or in a log."""

Name = Annotated[str, form(NAME, "not a name", "use small letters, digits and hyphens, at most 31")]
"""A name that also stands in the dialplan: lower case letters, digits and hyphens."""

BROKER_ACCOUNTS = ("desk", "monitor")
"""Accounts of our broker that are no agency's: `siaga desk`, and who watches all of it."""

Number = Annotated[
    str,
    form(
        "[0-9]{2,15}",
        "not a telephone number",
        NUMBER,
    ),
]
"""What is dialled. E.164 allows 15 digits; a short code has as few as two."""

Seconds = Annotated[float, Field(ge=0, le=3600)]
ClockTime = Annotated[
    str, form("([01][0-9]|2[0-3]):[0-5][0-9]", "not a time of day", 'write it as "07:30"')
]
SipAddress = Annotated[
    str,
    form(
        f"{NAME}@{IPV4_PORT}",
        "not a SIP address",
        'write "113@10.1.2.3:5060": an address in digits, never a host name',
    ),
]
"""`user@address:port` with a literal IPv4 address: a name would put a resolver in the call path."""

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Language = Literal["id", "en"]
Spoken = Mapping[Language, Text]


class Value(BaseModel):
    """A frozen value read from a file: no unknown keys, no silent conversions."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Hours(Value):
    """One opening window. `closes` at or before `opens` means the next day."""

    days: Annotated[tuple[Weekday, ...], Field(min_length=1)] = WEEKDAYS
    opens: ClockTime
    closes: ClockTime

    @property
    def crosses_midnight(self) -> bool:
        """Whether the window ends on the day after it began."""
        return self.closes <= self.opens

    def is_open(self, at: datetime) -> bool:
        """Return whether the window holds at `at`, an aware time in any zone."""
        local = at.astimezone(WIB)
        today, yesterday = WEEKDAYS[local.weekday()], WEEKDAYS[local.weekday() - 1]
        now = local.time().replace(tzinfo=None)
        opens, closes = time.fromisoformat(self.opens), time.fromisoformat(self.closes)
        if not self.crosses_midnight:
            return today in self.days and opens <= now < closes
        return (today in self.days and now >= opens) or (yesterday in self.days and now < closes)


class Hotline(Value):
    """One number of an agency, and how long it may ring.

    Exactly one of `number` (dialled over a trunk) and `sip` (called directly) is given.
    `confirm` asks whoever answers to press 1, so that a machine is not taken for a person.
    """

    name: Name
    number: Number | None = None
    sip: SipAddress | None = None
    trunk: Name | None = None
    ring_seconds: Annotated[int, Field(ge=5, le=40)] = 20
    confirm: bool = False
    hours: Annotated[tuple[Hours, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_target(self) -> "Hotline":
        if (self.number is None) == (self.sip is None):
            raise ValueError("needs one target; give either `number` or `sip`")
        if self.sip is not None and self.trunk is not None:
            raise ValueError("a hotline with `sip` is called directly; remove `trunk`")
        return self

    def is_open(self, at: datetime) -> bool:
        """Return whether the hotline is staffed at `at`; without `hours` it always is."""
        return self.hours is None or any(window.is_open(at) for window in self.hours)

    @property
    def dialled(self) -> str:
        """The user part of the request we send: the number, or what stands before the @."""
        return self.number or (self.sip or "").partition("@")[0]

    @property
    def endpoint(self) -> str | None:
        """The endpoint of its own that a hotline with `sip` gets; None for one on a trunk."""
        return f"sip-{self.name}" if self.sip else None


class Agency(Value):
    """One agency. Without hotlines its callers go to an operator."""

    name: Annotated[Text, Field(min_length=1, max_length=80)]
    part_of: Name | None = None
    spoken: Spoken | None = None
    hotlines: tuple[Hotline, ...] = ()


def _free(name: str) -> str:
    if name in BROKER_ACCOUNTS:
        raise ValueError(
            f"the name {name} is an account of the broker; give the agency another name"
        )
    return name


class Agencies(Value):
    """The file `agencies.yaml`."""

    agencies: Annotated[
        Mapping[Annotated[Name, AfterValidator(_free)], Agency], Field(min_length=1)
    ]

    def hotlines(self) -> tuple[Hotline, ...]:
        """Return every hotline of every agency, in the order of the file."""
        return tuple(h for agency in self.agencies.values() for h in agency.hotlines)
