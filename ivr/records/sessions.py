"""Who tries to come in, and who is in, as rows.

Law 1: a login counts as failed until it went well: many at once gain nothing, and a desk that dies
meanwhile forgets nothing.
Law 2: of what lets a browser in only a hash is here.
"""

import hashlib

from sqlalchemy import Connection, and_, delete, or_, select, update

from ivr.accounts import (
    KNOWN_SECONDS,
    WINDOW_SECONDS,
    Attempt,
    Session,
    User,
    name_key,
    place_of,
    wait_seconds,
)
from ivr.records.engine import LOGINS, alone
from ivr.records.schema_accounts import logins, sessions, users
from ivr.records.users import COLUMNS

_ATTEMPT = (logins.c.at, logins.c.name, logins.c.address, logins.c.well)
_SESSION = (
    *(sessions.c.name, sessions.c.address, sessions.c.created_at),
    *(sessions.c.seen_at, sessions.c.expires_at, sessions.c.idle_seconds),
)


# ---------------------------------------------------------------------------------------- logins


def begin_login(
    connection: Connection, name: str, address: str, now: float
) -> tuple[int | None, float]:
    """Note that a login is tried; return its number, and no wait.

    Where it has to wait, nothing is noted: return None, and how many seconds. `now` is in UTC.
    """
    alone(connection, LOGINS)
    _forget(connection, now)
    key, place = name_key(name), place_of(address)
    query = select(*_ATTEMPT).where(or_(logins.c.name == key, logins.c.address == place))
    attempts = [Attempt(*row) for row in connection.execute(query)]
    if wait := wait_seconds(attempts, key, place, now):
        return None, wait
    row = {"at": now, "name": key, "address": place, "well": False}
    number = connection.scalar(logins.insert().values(row).returning(logins.c.id))
    return number, 0.0


def login_went_well(connection: Connection, number: int) -> None:
    """Note that a login was none that failed."""
    connection.execute(update(logins).where(logins.c.id == number).values(well=True))


def _forget(connection: Connection, now: float) -> None:
    """Forget what makes no difference any more."""
    failed = and_(logins.c.at < now - WINDOW_SECONDS, ~logins.c.well)
    connection.execute(delete(logins).where(or_(logins.c.at < now - KNOWN_SECONDS, failed)))
    connection.execute(delete(sessions).where(sessions.c.expires_at < now))


# -------------------------------------------------------------------------------------- sessions


def begin(connection: Connection, token: str, session: Session) -> None:
    """Write a session. `token` is what the browser holds."""
    row = {column.name: getattr(session, column.name) for column in _SESSION}
    connection.execute(sessions.insert(), {"token": _kept(token), **row})


def find(connection: Connection, token: str) -> tuple[Session, User] | None:
    """Return the session of a browser and its account, None if there is none."""
    query = select(*_SESSION, *COLUMNS).join_from(sessions, users)
    row = connection.execute(query.where(sessions.c.token == _kept(token))).first()
    if row is None:
        return None
    return Session(*row[: len(_SESSION)]), User(*row[len(_SESSION) :])


def seen(connection: Connection, token: str, now: float) -> None:
    """Note that a browser was heard of, in seconds UTC."""
    own = sessions.c.token == _kept(token)
    connection.execute(update(sessions).where(own).values(seen_at=now))


def end(connection: Connection, token: str) -> None:
    """End a session; one that is not there is no error."""
    connection.execute(delete(sessions).where(sessions.c.token == _kept(token)))


def _kept(token: str) -> str:
    """Return what is kept of a token: 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
