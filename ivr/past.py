"""How often this number called lately, and what it was: what an operator reads before pick-up.

Law: a call of the same number says nothing of this one. It is told, and nobody is refused for it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ivr.callrecord import CallRecord

HOUR_SECONDS = 3600
DAY_SECONDS = 86400
PAST_DAYS = 30
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier call, and what an operator said it was: empty where nobody did."""

    call: CallRecord
    disposition: str = ""
    district: str = ""


@dataclass(frozen=True, slots=True)
class Past:
    """How often this number called in the hour, the day and PAST_DAYS before; the last few calls.

    `district` is the last that an operator noted for this number.
    """

    hour: int = 0
    day: int = 0
    month: int = 0
    last: tuple[Earlier, ...] = ()
    district: str = ""


def past(calls: Iterable[CallRecord], said: Mapping[str, tuple[str, str]], now: CallRecord) -> Past:
    """Return the past of a call, from those of its number.

    `said` gives disposition and district by reference. Tests do not count, nor does a call without
    a number: whoever hides it is nobody's acquaintance.
    """
    if not now.ani:
        return Past()
    before = [
        call
        for call in calls
        if call.ani == now.ani
        and not call.test
        and call.callref != now.callref
        and 0 <= now.began_at - call.began_at <= PAST_DAYS * DAY_SECONDS
    ]
    before.sort(key=lambda call: (call.began_at, call.callref), reverse=True)
    every = [Earlier(call, *said.get(call.callref, ("", ""))) for call in before]
    return Past(
        hour=sum(now.began_at - call.began_at <= HOUR_SECONDS for call in before),
        day=sum(now.began_at - call.began_at <= DAY_SECONDS for call in before),
        month=len(before),
        last=tuple(every[:SHOWN]),
        district=next((one.district for one in every if one.district), ""),
    )
