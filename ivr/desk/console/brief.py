"""*Penelepon*: all that is known of one caller, on one page, before the telephone is picked up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from ivr.callrecord import CallRecord, Hop
from ivr.calls.story import story
from ivr.desk.console import at_hand
from ivr.desk.console.guard import require
from ivr.desk.console.keys import agency_buttons
from ivr.desk.console.pages import render
from ivr.desk.console.screens import Screens
from ivr.desk.console.visitor import Visitor, visitor
from ivr.dispositions import DISPOSITIONS, Said
from ivr.districts import DISTRICTS
from ivr.figures import reason
from ivr.past import DAY_SECONDS, PAST_DAYS, Past, past
from ivr.records.beside import Beside, beside
from ivr.records.dispositions import said_last
from ivr.records.errors import RecordsError
from ivr.records.query import Wanted, calls, one
from ivr.words import Words

PAST_CALLS = 100
KEYS: Mapping[str, str] = {"normal": "N", "ghost": "G", "prank": "I", "information": "O"}


@dataclass(frozen=True, slots=True)
class Known:
    """What the records hold of a call: it, the past of its number, the operator's word, reports."""

    call: CallRecord
    past: Past = field(default_factory=Past)
    said: Said | None = None
    beside: Beside = field(default_factory=Beside)


@require("operator")
async def brief(request: Request) -> Response:
    """Show one call: the one that is asked for, else the one on the telephone of who asks."""
    who, screens = visitor(request), at_hand.screens(request)
    callref = request.query_params.get("call") or on_the_phone(screens, who) or ""
    known = await _known(request, screens, callref) if callref else None
    if known is None:
        return render(request, "brief_none.html", asked=bool(callref))
    await at_hand.looks(request).note(who.name, "view-call", [callref])
    row = next((x for x in at_hand.board(request).drawing.calls() if x.callref == callref), None)
    words = Words(who.language)
    joinings = tuple(screens.actions.joinings(callref))
    offer = screens.actions.offer(callref, screens.clock())
    return render(
        request,
        "brief.html",
        known=known,
        call=known.call,
        row=row,
        story=story(known.call, words, known.beside) if known.call.outcome else (),
        agencies=agency_buttons(screens.configuration(), joinings, screens.counted().weather),
        there=[one for one in joinings if one.state in ("ringing", "talking")],
        offer=offer,
        every=tuple(screens.configuration().agencies.agencies),
        told={report.agency for report in known.beside.reports},
        dispositions=[(name, KEYS[name]) for name in DISPOSITIONS],
        districts=DISTRICTS,
        why=_why,
    )


def on_the_phone(screens: Screens, who: Visitor) -> str | None:
    """Return the call on somebody's telephone, None for none."""
    phones = screens.live().phones or ()
    mine = (phone.callref for phone in phones if who.phone and phone.account == who.phone)
    return next((callref for callref in mine if callref), None)


async def _known(request: Request, screens: Screens, callref: str) -> Known | None:
    """Return what is known of a call; without the records, what the desk has in mind of it."""
    live = screens.records().get(callref)
    records = at_hand.records(request)
    try:
        found = await records.read(partial(_read, callref, live))
    except RecordsError:
        found = Known(live) if live else None
    if found is None and any(x.callref == callref for x in screens.live().calls or ()):
        # Asterisk has it, and the journal does not yet say whose it is.
        began = next(x.began_at for x in screens.live().calls or () if x.callref == callref)
        found = Known(CallRecord(callref, began or screens.clock(), "", "112", ""))
    return found


def _read(callref: str, live: CallRecord | None, connection: Connection) -> Known | None:
    found = one(connection, callref)
    call = found.record if found else live
    if call is None:
        return None
    since = call.began_at - PAST_DAYS * DAY_SECONDS
    wanted = Wanted(ani=call.ani, since=since, limit=PAST_CALLS)
    before = [x.record for x in calls(connection, wanted)] if call.ani else []
    said = said_last(connection, [callref, *(x.callref for x in before)])
    words = {ref: (x.disposition, x.district) for ref, x in said.items()}
    return Known(call, past(before, words, call), said.get(callref), beside(connection, callref))


def _why(hop: Hop) -> str:
    """Return the name of what became of an attempt (ivr/words.py)."""
    if not hop.status:
        return "ringing" if hop.ring_seconds is None else "talking"
    return "caller-left" if hop.status == "CANCEL" else reason(hop.status, hop.cause)
