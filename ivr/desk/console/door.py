"""Who comes in, who is in, and who leaves.

Law 1: a password is compared by one thread, at the lowest priority: however many guess at once,
Asterisk has the machine.
Law 2: who is disabled, or has a new password, is out at the next request, and at the next word of a
page that stays open (`visitor` asked again).
Law 3: what somebody typed and what their browser holds is in no log and no table.
Law 4: while the database is away, who was in stays in, until their session is over: nobody is sent
away from a caller because a database is. Nobody comes in.
"""

import asyncio
import os
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import structlog
from sqlalchemy import Connection

from ivr.accounts import Session, User, is_name, is_over, name_as_typed, new_session
from ivr.desk.console.records import Records
from ivr.desk.console.visitor import Visitor
from ivr.passwords import Passwords
from ivr.records import audit, sessions, users
from ivr.records.errors import GoneError, RecordsError
from ivr.words import Lang

GUESTS = 20
"""Logins at once: the last of them waits for four seconds."""
BUSY_SECONDS = 5.0
SEEN_SECONDS = 60.0
"""A browser is noted as seen no more often than this."""
LOWEST_PRIORITY = 19
ASK_SECONDS = 2.0
"""How long a database may take to say who somebody is: a caller waits behind them."""
AWAY_SECONDS = 5.0
"""So long it is not asked again after it did not answer."""
KNOWN = 1000
"""Sessions that are remembered: the last that were seen."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class In:
    """It was the right password. `token` is for the browser alone."""

    token: str


@dataclass(frozen=True, slots=True)
class Held:
    """Nothing was looked at: after so many failures, one has to wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Refused:
    """No such account, a disabled one, or another password: one is not told which."""


Came = In | Held | Refused


@dataclass(frozen=True, slots=True)
class _Guest:
    """A login that goes on: the number of the attempt, and the account if there is one."""

    attempt: int
    user: User | None
    address: str


class Door:
    """The door of one console. Its methods may raise RecordsError."""

    def __init__(
        self,
        records: Records,
        passwords: Passwords | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.records = records
        self._passwords = passwords or Passwords()
        self._clock = clock
        self._slow = ThreadPoolExecutor(1, "passwords", _be_patient)
        self._guests = 0
        self._known: dict[str, Visitor] = {}
        self._away_until = 0.0

    async def come_in(self, name: str, password: str, address: str) -> Came:
        """Try to log in. `address` is the browser's."""
        if self._guests >= GUESTS:
            return Held(BUSY_SECONDS)
        self._guests += 1
        try:
            began = await self.records.write(partial(self._begin, name_as_typed(name), address))
            if isinstance(began, Held):
                log.warning("login.held", address=address, seconds=began.seconds)
                return began
            fits, renewed = await asyncio.get_running_loop().run_in_executor(
                self._slow, self._compare, began.user, password
            )
            token = await self.records.write(partial(self._finish, began, fits, renewed))
        finally:
            self._guests -= 1
        if token is None:
            log.warning("login.failed", address=address)
            return Refused()
        return In(token)

    async def visitor(self, token: str, language: Lang) -> Visitor | None:
        """Return who holds this token, None for nobody; note that they were seen."""
        now = self._clock()
        known = self._known.get(token)
        if known is not None and known.until <= now:
            known = None
        try:
            found = await self._asked(token, now, is_known=known is not None)
        except RecordsError:
            if known is None:
                raise
            found = known
        self._known.pop(token, None)
        if found is not None:
            self._known[token] = found
            if len(self._known) > KNOWN:
                del self._known[next(iter(self._known))]
        return found and replace(found, language=language)

    async def _asked(self, token: str, now: float, *, is_known: bool) -> Visitor | None:
        """Ask the database. Of who is known it is not asked again so soon when it is away."""
        if is_known and time.monotonic() < self._away_until:
            raise GoneError("the database did not answer a moment ago", "see /healthz")
        try:
            async with asyncio.timeout(ASK_SECONDS):
                found = await self.records.read(lambda c: sessions.find(c, token))
        except (RecordsError, TimeoutError) as error:
            self._away_until = time.monotonic() + AWAY_SECONDS
            if isinstance(error, TimeoutError):
                raise GoneError("the database does not answer", "see /healthz") from None
            raise
        if found is None:
            return None
        session, user = found
        if is_over(session, now) or user.disabled_at is not None:
            return None
        if now - session.seen_at > SEEN_SECONDS:
            await self._note(token, now)
        return Visitor(user.name, user.role, user.phone, "id", user.shown, session.expires_at)

    async def _note(self, token: str, now: float) -> None:
        """Note that somebody was seen. A database that cannot be written to sends nobody away."""
        try:
            async with asyncio.timeout(ASK_SECONDS):
                await self.records.write(lambda c: sessions.seen(c, token, now))
        except (RecordsError, TimeoutError) as error:
            log.warning("session.not_noted", why=str(error) or "no answer in time")

    async def leave(self, token: str, address: str) -> None:
        """End the session of who holds this token."""
        self._known.pop(token, None)
        await self.records.write(partial(self._leave, token, address))

    # -- in threads

    def _begin(self, name: str, address: str, connection: Connection) -> _Guest | Held:
        attempt, wait = sessions.begin_login(connection, name, address, self._clock())
        if attempt is None:
            return Held(wait)
        # What is no name is looked for too: it may hold what a database does not take as text.
        return _Guest(attempt, users.find(connection, name if is_name(name) else ""), address)

    def _compare(self, user: User | None, password: str) -> tuple[bool, str | None]:
        """Return whether the password fits, and its hash at today's price if that has changed."""
        if not self._passwords.fits(user.hash if user else None, password) or user is None:
            return False, None
        renewed = self._passwords.hash(password) if self._passwords.is_old(user.hash) else None
        return True, renewed

    def _finish(
        self, guest: _Guest, fits: bool, renewed: str | None, connection: Connection
    ) -> str | None:
        """Begin a session, if it was the password and the account is still as it was."""
        now, user = self._clock(), guest.user
        well = user and fits and not user.disabled_at and users.find(connection, user.name) == user
        if user is None or not well:
            # A name that nobody has is not noted: it may be a password, typed one field too early.
            audit.note(connection, now, user.name if user else "", "login-failed", [guest.address])
            return None
        token = secrets.token_urlsafe(32)
        sessions.login_went_well(connection, guest.attempt)
        sessions.begin(connection, token, new_session(user.name, guest.address, now))
        audit.note(connection, now, user.name, "login", [guest.address])
        if renewed:
            users.renew_hash(connection, user.name, user.hash, renewed)
        return token

    def _leave(self, token: str, address: str, connection: Connection) -> None:
        found: tuple[Session, User] | None = sessions.find(connection, token)
        if found is not None:
            sessions.end(connection, token)
            audit.note(connection, self._clock(), found[1].name, "logout", [address])


def _be_patient() -> None:
    """Let this thread run when nothing else wants to."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST_PRIORITY)
