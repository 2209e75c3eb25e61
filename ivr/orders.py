"""What a person at the console may ask of the line, as frozen values, and why it may be refused.

Law 1: an order names what it means by words of ours: a call by its reference, a hotline by its name,
a telephone by its account. Nobody orders a number to be dialled, but for a call-back.
Law 2: whatever goes to Asterisk holds only `[0-9a-z.-]`. What does not is refused, never mended.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias


Mode = Literal["listen", "whisper", "barge"]

Refusal = Literal[
    "no-such-call",
    "no-such-hotline",
    "no-such-phone",
    "not-yours",
    "not-a-supervisor",
    "no-phone",
    "phone-busy",
    "alone",
    "already-there",
    "not-there",
    "no-trunk",
    "no-number",
    "asterisk-away",
]
"""Why an order was not carried out.

`not-yours`: the call is not the one that his telephone is in. `no-phone`: he has none that is
logged in. `alone`: nobody would be left with the caller. `already-there`: that hotline rings or
talks in the call. `not-there`: it does neither. `no-trunk`: config/site.yaml names none for
call-backs. `no-number`: it is no number that can be rung. `asterisk-away`: it does not answer.
"""


@dataclass(frozen=True, slots=True)
class Person:
    """Who orders: the name of the account at the console, and of the telephone he sits at.

    `phone` is an account of operators.yaml, or None. `supervises`: he may listen, and pause others.
    """

    name: str
    phone: str | None
    supervises: bool = False


@dataclass(frozen=True, slots=True)
class BringIn:
    """Ring a hotline and join it to the call. Caller and operator go on talking."""

    callref: str
    hotline: str


@dataclass(frozen=True, slots=True)
class Leave:
    """*Serahkan*: the operator leaves; the caller and the agency stay together."""

    callref: str


@dataclass(frozen=True, slots=True)
class Finish:
    """*Selesai*: the caller's leg ends, and with it the call."""

    callref: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """Send the caller to a hotline without waiting whether it answers. Operators come after it."""

    callref: str
    hotline: str


@dataclass(frozen=True, slots=True)
class DropHotline:
    """Ring a hotline no longer, or take it out of the call."""

    callref: str
    hotline: str


@dataclass(frozen=True, slots=True)
class CallBack:
    """Ring the operator's own telephone and then somebody who called. `number` is as he sent it."""

    callback_id: str
    number: str


@dataclass(frozen=True, slots=True)
class Listen:
    """Ring the supervisor's telephone and let it hear a call.

    `listen`: nobody hears him. `whisper`: the operator does. `barge`: everybody does.
    """

    callref: str
    mode: Mode


@dataclass(frozen=True, slots=True)
class Pause:
    """Do not ring a telephone. `reason` is one word of ours."""

    account: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ready:
    """Ring a telephone again."""

    account: str


Order: TypeAlias = (
    BringIn | Leave | Finish | Transfer | DropHotline | CallBack | Listen | Pause | Ready
)
