"""What a browser holds for us.

Law: a script reads none of it, and no other site makes the browser send it.
"""

import hashlib
import hmac

from starlette.requests import HTTPConnection
from starlette.responses import Response

SESSION = "siaga"
"""Who is logged in; it ends with the browser."""
VISIT = "siaga-visit"
"""Of who is not yet: so that nobody else's page logs them in. Beside SESSION, which a browser holds
back when another site leads here: it must not be written over then."""
LANGUAGE = "siaga-language"
YEAR_SECONDS = 365 * 86400


def cookie(connection: HTTPConnection, name: str) -> str | None:
    """Return what the browser holds under a name, None if that is nothing."""
    return connection.cookies.get(_name(connection, name)) or None


def give(
    response: Response,
    connection: HTTPConnection,
    name: str,
    value: str,
    max_age_seconds: int | None = None,
) -> None:
    """Let the browser hold something; without an age, for as long as it is open."""
    response.set_cookie(
        _name(connection, name),
        value,
        max_age=max_age_seconds,
        secure=_is_secret(connection),
        httponly=True,
        samesite="strict",
    )


def take(response: Response, connection: HTTPConnection, name: str) -> None:
    """Let the browser forget something."""
    give(response, connection, name, "", 0)


def csrf(connection: HTTPConnection) -> str:
    """Return the word that a form of this session must bring back: only our pages can know it."""
    state = connection.state
    secret: str = state.session if state.visitor is not None else state.visit
    return hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest()


def _name(connection: HTTPConnection, name: str) -> str:
    # The prefix makes browsers refuse one that came without TLS or from a neighbouring host.
    return f"__Host-{name}" if _is_secret(connection) else name


def _is_secret(connection: HTTPConnection) -> bool:
    return connection.url.scheme in {"https", "wss"}
