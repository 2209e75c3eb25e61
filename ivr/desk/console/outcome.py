"""Takes what an operator says a call was, and lets it out to the agencies concerned."""

from functools import partial

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ivr.desk.console import at_hand
from ivr.desk.console.guard import require
from ivr.desk.console.visitor import visitor
from ivr.dispositions import MAX_NOTE, Said, is_disposition
from ivr.districts import is_district
from ivr.journalline import storable
from ivr.records import audit
from ivr.records.dispositions import say
from ivr.records.query import one


@require("operator")
async def outcome(request: Request) -> Response:
    """Store what a call was; answer with the agencies that are told."""
    form, who = request.state.form, visitor(request)
    screens, records = at_hand.screens(request), at_hand.records(request)
    disposition, district = form.get("disposition", ""), form.get("district", "")
    known = screens.configuration().agencies.agencies
    informed = [name for name in form.get("agencies", "").split() if name in known]
    if not is_disposition(disposition) or (district and not is_district(district)):
        raise HTTPException(400, "no such disposition or district")
    said = Said(
        form.get("call", ""),
        screens.clock(),
        who.name,
        disposition,
        district,
        note_of(form.get("note", "")),
    )
    told = await records.write(partial(_say, said, informed))
    if told is None:
        raise HTTPException(404, "Not Found")
    screens.changed()
    return JSONResponse({"disposition": disposition, "told": told})


def note_of(typed: str) -> str:
    """Return a note as it is kept: one line of text, as long as an agency's report may hold."""
    plain = "".join(letter if letter.isprintable() else " " for letter in storable(typed))
    return " ".join(plain.split())[:MAX_NOTE]


def _say(said: Said, informed: list[str], connection: Connection) -> list[str] | None:
    found = one(connection, said.callref)
    if found is None:
        return None
    told = say(connection, found.record, said, informed)
    audit.note(
        connection, said.at, said.by, "disposition", [said.callref], disposition=said.disposition
    )
    return told
