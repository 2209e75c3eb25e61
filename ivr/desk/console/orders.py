"""Takes orders from the page: reads them, asks who may, hands them on, says what became of them."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import get_args

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ivr.desk.console import at_hand
from ivr.desk.console.panels import may_order
from ivr.desk.console.visitor import Visitor, visitor
from ivr.orders import (
    BringIn,
    DropHotline,
    Finish,
    Leave,
    Listen,
    Mode,
    Order,
    Pause,
    Person,
    Ready,
    Transfer,
)
from ivr.said import refused
from ivr.words import Words

Form = Mapping[str, str]

_ORDERS: Mapping[str, Callable[[Form], Order]] = {
    "bring-in": lambda form: BringIn(form["call"], form["hotline"]),
    "transfer": lambda form: Transfer(form["call"], form["hotline"]),
    "drop": lambda form: DropHotline(form["call"], form["hotline"]),
    "leave": lambda form: Leave(form["call"]),
    "finish": lambda form: Finish(form["call"]),
    "pause": lambda form: Pause(form["account"], form.get("reason", "")[:80]),
    "ready": lambda form: Ready(form["account"]),
    **{
        mode: partial(lambda mode, form: Listen(form["call"], mode), mode)
        for mode in get_args(Mode)
    },
}


async def order(request: Request) -> Response:
    """Give an order; answer with the word of refusal and how it is said, both empty when done."""
    known = _ORDERS.get(request.state.form.get("what", ""))
    try:
        wanted = known(request.state.form) if known else None
    except KeyError:
        wanted = None
    if wanted is None:
        return JSONResponse({"error": "no such order"}, 400)
    word = await give(request, wanted)
    return said(visitor(request), word, 403 if word == "role" else 200)


async def give(request: Request, wanted: Order) -> str:
    """Let an order be performed, if this person may give it; return the word of refusal."""
    who, screens = visitor(request), at_hand.screens(request)
    by = Person(who.name, who.phone, supervises=who.may("hear-recordings"))
    if not may_order(who.role, by, wanted):
        return "role"
    return await screens.actions.perform(by, wanted)


def said(who: Visitor, word: str, status: int = 200) -> Response:
    """Return a word of refusal as the page takes it; none when it was done."""
    told = refused(word, Words(who.language)) if word else ""
    return JSONResponse({"refused": word, "said": told}, status)
