"""*Panggil balik*: who takes a number, rings it, and says what came of it."""

from collections.abc import Callable, Mapping
from functools import partial

from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ivr.desk.console import at_hand
from ivr.desk.console.guard import require
from ivr.desk.console.orders import give, said
from ivr.desk.console.visitor import visitor
from ivr.orders import CallBack
from ivr.ranking import ToCall, ranked
from ivr.records import audit, worklist
from ivr.records.worklist import RESULTS, Result


@require("operator")
async def callback(request: Request) -> Response:
    """Take a number, give it back, ring it, or note what came of it: `what` says which."""
    who, screens = visitor(request), at_hand.screens(request)
    records = at_hand.records(request)
    what, ani = request.state.form.get("what", ""), request.state.form.get("number", "")
    now = screens.clock()
    try:
        work = _WORK[what]
    except KeyError:
        raise HTTPException(400, "no such thing to do with a call-back") from None
    one, refusal = await records.write(partial(work, ani, who.name, now))
    if what == "dial" and one is not None and not refusal:
        refusal = await give(request, CallBack(one.id, one.ani))
        if not refusal:
            await records.write(partial(_dialled, one, who.name, now))
    screens.changed()
    return said(who, refusal)


Done = tuple[ToCall | None, str]
"""The call-back, and the word of refusal."""


def _claim(ani: str, by: str, now: float, connection: Connection) -> Done:
    one = _listed(connection, ani)
    if one is None:
        return None, "not-listed"
    if worklist.claim(connection, ani, by, now) is None:
        return one, "claimed"
    audit.note(connection, now, by, "callback-claim", [one.id])
    return one, ""


def _dial(ani: str, by: str, now: float, connection: Connection) -> Done:
    """Take the number, or go on having it; nobody rings one who must not be rung."""
    one, refusal = _claim(ani, by, now, connection)
    if one is not None and one.never:
        return one, "never"
    return one, refusal


def _dialled(one: ToCall, by: str, now: float, connection: Connection) -> None:
    worklist.tried(connection, one.ani, by, "dialled", now)


def _release(ani: str, by: str, now: float, connection: Connection) -> Done:  # noqa: ARG001
    worklist.release(connection, ani, by)
    return None, ""


def _result(result: Result, ani: str, by: str, now: float, connection: Connection) -> Done:
    """Note what came of a call. Whoever notes it has the number, or takes it for that."""
    one, refusal = _claim(ani, by, now, connection)
    if one is not None and not refusal:
        worklist.tried(connection, ani, by, result, now)
        audit.note(connection, now, by, f"callback-{result}", [one.id])
    return one, refusal


def _listed(connection: Connection, ani: str) -> ToCall | None:
    return next((x for x in ranked(worklist.missed(connection)) if x.ani == ani), None)


_WORK: Mapping[str, Callable[[str, str, float, Connection], Done]] = {
    "claim": _claim,
    "dial": _dial,
    "release": _release,
    **{result: partial(_result, result) for result in RESULTS if result != "dialled"},
}
