"""*Riwayat*: the calls that were, by what one remembers of them; and their sound, for who may."""

from dataclasses import dataclass
from functools import partial
from typing import cast, get_args

from sqlalchemy import Connection, Engine
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from ivr.callrecord import CallRecord, Outcome
from ivr.desk.console import at_hand
from ivr.desk.console.guard import require
from ivr.desk.console.pages import render
from ivr.desk.console.visitor import visitor
from ivr.dispositions import DISPOSITIONS, Said, is_disposition
from ivr.period import a_moment
from ivr.records.dispositions import said_last
from ivr.records.query import Wanted, calls
from ivr.retention import Keeper
from ivr.retention.policy import RecordingError

PAGE = 20
DAYS = 7
MOST_PAGES = 500


@dataclass(frozen=True, slots=True)
class Filters:
    """What was asked for, as it was typed, so that the form shows it again."""

    digits: str = ""
    service: str = ""
    outcome: str = ""
    disposition: str = ""
    since: str = ""
    until: str = ""
    page: int = 1

    def wanted(self, now: float) -> Wanted:
        """Return which calls. Raises ValueError for a day that is none. `now` in seconds UTC."""
        digits = "".join(x for x in self.digits if x.isdigit())
        endings = (*get_args(Outcome), "open")
        bounded = a_moment(self.since, now) if self.since else None
        if bounded is None and not digits:
            bounded = now - DAYS * 86400
        return Wanted(
            since=bounded,
            until=a_moment(self.until, now, end=True) if self.until else None,
            digits=digits or None,
            service=self.service or None,
            outcome=cast("Outcome", self.outcome) if self.outcome in endings else None,
            disposition=self.disposition if is_disposition(self.disposition) else None,
            limit=PAGE + 1,
            skip=(self.page - 1) * PAGE,
        )


@require("operator")
async def history(request: Request) -> Response:
    """Show a page of the calls that were, the newest first."""
    who, screens = visitor(request), at_hand.screens(request)
    given = request.query_params
    page = given.get("page", "1")
    names = ("digits", "service", "outcome", "disposition", "since", "until")
    filters = Filters(
        **{name: given.get(name, "")[:40] for name in names},
        page=min(max(int(page), 1), MOST_PAGES) if page.isascii() and page.isdigit() else 1,
    )
    trouble, found, said = "", list[CallRecord](), dict[str, Said]()
    try:
        wanted = filters.wanted(screens.clock())
    except ValueError as error:
        trouble = str(error)
    else:
        records = at_hand.records(request)
        found, said = await records.read(partial(_read, wanted))
    shown = found[:PAGE]
    await at_hand.looks(request).note(
        who.name, "view-number", [call.callref for call in shown if call.ani]
    )
    return render(
        request,
        "history.html",
        filters=filters,
        calls=shown,
        said=said,
        more=len(found) > PAGE,
        trouble=trouble,
        services=(*screens.configuration().menu.services, "operator", "cannot-speak", "no-choice"),
        outcomes=(*get_args(Outcome), "open"),
        dispositions=DISPOSITIONS,
    )


def _read(wanted: Wanted, connection: Connection) -> tuple[list[CallRecord], dict[str, Said]]:
    found = [x.record for x in calls(connection, wanted)]
    return found, said_last(connection, [call.callref for call in found])


@require("supervisor")
async def recording(request: Request) -> Response:
    """Let the sound of a call be heard; who heard it is in the audit first."""
    screens, records = at_hand.screens(request), at_hand.records(request)

    def play(engine: Engine) -> str:
        keeper = Keeper(engine, screens.recordings, days=0)
        return str(keeper.play(request.path_params["callref"], visitor(request).name))

    try:
        path = await records.use(play)
    except RecordingError as error:
        raise HTTPException(404, str(error)) from None
    return FileResponse(path, media_type="audio/wav")
