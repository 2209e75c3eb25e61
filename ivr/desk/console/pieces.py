"""A live screen as pieces, and what of it has changed. No I/O.

Law: whoever has the pieces of before and takes a change has the pieces of after.
"""

import json
from collections.abc import Mapping

Pieces = Mapping[str, str]
"""The parts of a screen in their order: HTML of one element each, by a name."""


def changed(before: Pieces | None, after: Pieces) -> dict[str, object]:
    """Return what a page must be told: nothing when all is as it was. None before: all of it.

    `order` names every piece, and is there only when that has changed; `html` holds the new ones.
    """
    if before is None:
        return {"order": list(after), "html": dict(after)}
    told: dict[str, object] = {}
    if list(before) != list(after):
        told["order"] = list(after)
    html = {name: text for name, text in after.items() if before.get(name) != text}
    if html or told:
        told["html"] = html
    return told


def event(name: str, data: object) -> bytes:
    """Return a server-sent event. JSON has no line break, so no text can end it early."""
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()
