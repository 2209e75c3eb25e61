"""What the desk says of the line: asked once over HTTP, by commands that go on without an answer.

Law: no command waits long for the desk, and none fails because of it: calls go on without it too.
"""

import http.client
import json
import time
from collections.abc import Iterable
from typing import Any

from ivr.settings import Settings

ASK_SECONDS = 2.0
"""A desk that is well answers within some milliseconds."""
AGAIN_SECONDS = 0.2
YOUNG_SECONDS = 3.0
"""What has been wrong for less may be a part that is just starting."""


def troubles(settings: Settings, patience_seconds: float = 0.0) -> tuple[str, ...]:
    """Return a line for each thing that the desk finds wrong, or the one that it does not answer.

    A desk that has just been started is asked again for `patience_seconds`, until it answers and
    what it finds wrong is no longer only that it has just been started.
    """
    end = time.monotonic() + patience_seconds
    while (said := _asked(settings)) is None or any(x["seconds"] < YOUNG_SECONDS for x in said):
        if time.monotonic() >= end:
            break
        time.sleep(AGAIN_SECONDS)
    return (unanswered(settings),) if said is None else _lines(said)


def about_records(settings: Settings) -> str:
    """Return why the records may not be those of now; nothing when the desk writes them."""
    said = _asked(settings)
    if said is None:
        return unanswered(settings)
    return next((line for line in _lines(said) if line.startswith("journal: ")), "")


def unanswered(settings: Settings) -> str:
    """Return that the desk does not answer, and what to do."""
    return (
        f"the desk does not answer on {settings.desk_bind}: no records, no reports to agencies; "
        f"what it misses it reads later; see {settings.state}/log/desk.log"
    )


def _asked(settings: Settings) -> list[dict[str, Any]] | None:
    """Return what the desk finds wrong; None when it is not the desk that answers, in time."""
    host, _, port = settings.desk_bind.rpartition(":")
    host = "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104 - bound to all, asked at one
    desk = http.client.HTTPConnection(host, int(port), timeout=ASK_SECONDS)
    try:
        desk.request("GET", "/healthz")
        body = json.loads(desk.getresponse().read())
        said = [*body["trouble"], *body["warnings"]]
        return [{key: each[key] for key in ("part", "why", "seconds")} for each in said]
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None
    finally:
        desk.close()


def _lines(said: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(f"{each['part']}: {each['why']}" for each in said)
