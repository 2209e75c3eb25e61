"""Who helps and when: Agency, Hotline and Hours, as frozen values read from `agencies.yaml`.

Law: a telephone number is text. 0761123 is not a quantity.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_after_validator_function

from routing.remedies import NUMBER

WIB = timezone(timedelta(hours=7), "WIB")
"""Western Indonesian Time, Asia/Jakarta: UTC+7, with no daylight saving since 1964."""


@dataclass(frozen=True, slots=True)
class Form:
    """The check that a text is `pattern` from end to end, and what is said if it is not."""

    pattern: str
    message: str
    remedy: str

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        whole = re.compile(self.pattern)

        def check(text: str) -> str:
            if whole.fullmatch(text) is None:
                raise ValueError(f"{self.message}; {self.remedy}")
            return text

        return no_info_after_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}


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

Name = Annotated[str, Form(NAME, "not a name", "use small letters, digits and hyphens, at most 31")]
"""A name that also stands in the dialplan: lower case letters, digits and hyphens."""

BROKER_ACCOUNTS = ("desk", "monitor")
"""Accounts of our broker that are no agency's: `siaga desk`, and who watches all of it."""

Number = Annotated[
    str,
    Form(
        "[0-9]{2,15}",
        "not a telephone number",
        NUMBER,
    ),
]
"""What is dialled. E.164 allows 15 digits; a short code has as few as two."""

Seconds = Annotated[float, Field(ge=0, le=3600)]
ClockTime = Annotated[
    str, Form("([01][0-9]|2[0-3]):[0-5][0-9]", "not a time of day", 'write it as "07:30"')
]
SipAddress = Annotated[
    str,
    Form(
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
    """The days on which the window begins."""
    opens: ClockTime
    """From this minute, WIB."""
    closes: ClockTime
    """Until just before this minute. At or before `opens` it means the next day."""

    @property
    def crosses_midnight(self) -> bool:
        """Whether the window ends on the day after it began."""
        return self.closes <= self.opens

    def is_open(self, at: datetime) -> bool:
        """Return whether the window holds at `at`, an aware time in any zone."""
        local = at.astimezone(WIB)
        today, yesterday = WEEKDAYS[local.weekday()], WEEKDAYS[local.weekday() - 1]
        now = f"{local.hour:02}:{local.minute:02}"  # as text they are in the same order
        if not self.crosses_midnight:
            return today in self.days and self.opens <= now < self.closes
        return (today in self.days and now >= self.opens) or (
            yesterday in self.days and now < self.closes
        )


class Hotline(Value):
    """One number of an agency, and how long it may ring.

    Exactly one of `number` (dialled over a trunk) and `sip` (called directly) is given.
    `confirm` asks whoever answers to press 1, so that a machine is not taken for a person.
    """

    name: Name
    """A name that no other hotline has."""
    number: Number | None = None
    """What is dialled over a trunk, in quotes. Give this or `sip`."""
    sip: SipAddress | None = None
    """A SIP address that is called directly. Give this or `number`."""
    trunk: Name | None = None
    """The only trunk to use for `number`; without it all of `outgoing` in site.yaml."""
    ring_seconds: Annotated[int, Field(ge=5, le=40)] = 20
    """How long it rings before the next is tried."""
    confirm: bool = False
    """Who answers must press 1, so that a machine is not taken for a person."""
    hours: Annotated[tuple[Hours, ...], Field(min_length=1, max_length=21)] | None = None
    """When it is staffed; outside these times it is not tried. Without it: always."""

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
    """Its full name."""
    part_of: Name | None = None
    """The agency that runs it."""
    spoken: Spoken | None = None
    """The name a caller hears; needed if it has hotlines."""
    hotlines: tuple[Hotline, ...] = ()
    """Its numbers, in the order they are tried. Without any, operators take its callers."""


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
    """Every agency, each under a name of your choice."""

    def hotlines(self) -> tuple[Hotline, ...]:
        """Return every hotline of every agency, in the order of the file."""
        return tuple(h for agency in self.agencies.values() for h in agency.hotlines)
