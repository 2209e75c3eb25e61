"""What a person at the console may ask of the line, as frozen values, and why it may be refused.

Law 1: an order names what it means by words of ours: a call by its reference, a hotline by its
name, a telephone by its account. Nobody orders a number to be dialled, but for a call-back.
Law 2: whatever goes to Asterisk holds only `[0-9a-z.-]`. What does not is refused, never mended.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ivr.heard import Channel
from ivr.joining import Joining
from ivr.live import Live, Phone

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
    "abroad",
    "no-reason",
    "not-done",
    "records-away",
    "asterisk-away",
]
"""Why an order was not carried out.

`not-yours`: the call is not the one that his telephone is in. `no-phone`: he has none that is
logged in. `alone`: nobody would be left with the caller. `already-there`: that hotline rings or
talks in the call. `not-there`: it does neither. `no-trunk`: config/site.yaml names none for
call-backs. `no-number`: it is no number that can be rung. `abroad`: it is in another country, and
config/site.yaml does not allow those. `no-reason`: a pause needs a word of
small letters. `not-done`: Asterisk heard it and nothing came of it: the call had moved on.
`records-away`: nobody listens in without its being noted. `asterisk-away`: it does not answer, or
nothing is known.
"""


class RefusedError(Exception):
    """An order that is not carried out. `why` says why."""

    def __init__(self, why: Refusal) -> None:
        super().__init__(why)
        self.why = why


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


# ------------------------------------------------------------------------- what Asterisk is told


@dataclass(frozen=True, slots=True)
class Seen:
    """What an order is judged by.

    `joinings` are those of the call that it names, `hotlines` and `phones` the names that
    `config/` gives, `calls_back` whether it names a trunk for call-backs, `abroad` whether those
    may go to other countries.
    """

    live: Live
    joinings: tuple[Joining, ...] = ()
    hotlines: Collection[str] = ()
    phones: Collection[str] = ()
    calls_back: bool = False
    abroad: bool = False


def ticket(order: Order, by: Person, seen: Seen) -> str:
    """Return what Asterisk is told: an extension of its context `desk` (asterisk/dialplan.conf).

    Raises RefusedError.
    """
    if seen.live.channels is None:
        raise RefusedError("asterisk-away")
    match order:
        case Pause() | Ready():
            return _of_a_phone(order, by, seen)
        case CallBack():
            if not seen.calls_back:
                raise RefusedError("no-trunk")
            number = dialled(order.number)
            if number.startswith("+") and not seen.abroad:
                raise RefusedError("abroad")
            return f"call.{_free(by, seen)}.{number.replace('+', 'p')}"
        case Listen():
            return _listening(order, by, seen)
    return _of_his_call(order, by, seen)


def dialled(number: str) -> str:
    """Return how a caller's number is dialled: 0812... in Indonesia, +65... elsewhere.

    Carriers send it as 0812..., 62812..., +62812... or 00.... Nobody rings back a short code, or
    080..., which may cost what its owner likes. Raises RefusedError.
    """
    digits = re.sub(r"^00", "+", number)
    digits = re.sub(r"^\+?62(?=[1-9][0-9]{7})", "0", digits)
    if not re.fullmatch(r"0([1-79][0-9]|8[1-9])[0-9]{5,11}|\+[1-9][0-9]{6,14}", digits):
        raise RefusedError("no-number")
    return digits


_REFERENCE = re.compile(r"[0-9a-z-]{1,40}\.[0-9]{1,10}")
_REASON = re.compile("[a-z-]{1,20}")


def _of_his_call(
    order: BringIn | Leave | Finish | Transfer | DropHotline, by: Person, seen: Seen
) -> str:
    leg = _own_leg(order.callref, by, seen).uniqueid
    there = {j.hotline: j.state for j in seen.joinings if j.state in ("ringing", "talking")}
    is_talking = "talking" in there.values()
    match order:
        case Finish():
            return f"finish.{leg}"
        case Leave():
            if not is_talking:
                raise RefusedError("alone")
            return f"leave.{leg}"
        case DropHotline():
            if order.hotline not in there:
                raise RefusedError("not-there")
            return f"drop.{leg}.{_hotline(order.hotline, seen)}"
        case Transfer():
            if is_talking:
                raise RefusedError("already-there")
            return f"transfer.{leg}.{_hotline(order.hotline, seen)}"
        case BringIn():
            if order.hotline in there:
                raise RefusedError("already-there")
            return f"in.{leg}.{_hotline(order.hotline, seen)}"


def _of_a_phone(order: Pause | Ready, by: Person, seen: Seen) -> str:
    if order.account not in seen.phones:
        raise RefusedError("no-such-phone")
    if order.account != by.phone and not by.supervises:
        raise RefusedError("not-a-supervisor")
    if isinstance(order, Ready):
        return f"ready.{order.account}"
    if not _REASON.fullmatch(order.reason):
        raise RefusedError("no-reason")
    return f"pause.{order.account}.{order.reason}"


def _listening(order: Listen, by: Person, seen: Seen) -> str:
    if not by.supervises:
        raise RefusedError("not-a-supervisor")
    caller = _caller(order.callref, seen)
    phone = _free(by, seen)
    operators = [p for p in seen.live.phones or () if p.talking and p.callref == order.callref]
    if (order.mode == "whisper" and not operators) or (
        order.mode == "barge" and not caller.bridged
    ):
        raise RefusedError("not-there")
    return f"{order.mode}.{order.callref}.{phone}"


def _hotline(name: str, seen: Seen) -> str:
    if name not in seen.hotlines:
        raise RefusedError("no-such-hotline")
    return name


def _caller(callref: str, seen: Seen) -> Channel:
    channel = (seen.live.channels or {}).get(callref)
    known = {call.callref for call in seen.live.calls or ()}
    if channel is None or callref not in known or not _REFERENCE.fullmatch(callref):
        raise RefusedError("no-such-call")
    return channel


def _own_leg(callref: str, by: Person, seen: Seen) -> Channel:
    """Return the leg of his telephone in the call, as the last picture confirmed it."""
    _caller(callref, seen)
    if by.phone is None or by.phone not in seen.phones:
        raise RefusedError("no-phone")
    for leg in (seen.live.channels or {}).values():
        if (leg.account, leg.callref, leg.bridged) == (
            by.phone,
            callref,
            True,
        ) and _REFERENCE.fullmatch(leg.uniqueid):
            return leg
    raise RefusedError("not-yours")


def _free(by: Person, seen: Seen) -> str:
    """Return the person's telephone, if it can be rung now. One that pauses can."""
    phones = [p for p in seen.live.phones or () if p.account == by.phone]
    if by.phone not in seen.phones or not any(p.logged_in for p in phones):
        raise RefusedError("no-phone")
    if any(_is_busy(p) for p in phones):
        raise RefusedError("phone-busy")
    return str(by.phone)


def _is_busy(phone: Phone) -> bool:
    return phone.talking or phone.ringing or phone.callref is not None
