"""A desk with its console, and a browser at it: for the tests of what comes over HTTP."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from argon2 import PasswordHasher
from sqlalchemy import Engine, select
from starlette.types import ASGIApp

from ivr.accounts import Role, User
from ivr.callrecord import CallRecord
from ivr.desk.console.board import Board
from ivr.desk.console.door import Door
from ivr.desk.console.phone import Phones
from ivr.desk.console.records import Records
from ivr.desk.console.routes import console
from ivr.desk.console.screens import Screens
from ivr.joining import Joining
from ivr.live import Live
from ivr.orders import Order, Person
from ivr.passwords import Passwords
from ivr.records import schema, users
from ivr.records.engine import reading, writing
from routing.configuration import Configuration
from routing.loading import load

CONFIGURATION = load(Path(__file__).parents[2] / "config")

PASSWORD = "tiga kata biasa"
PASSWORDS = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
HTML = {"Accept": "text/html"}


class Scripted:
    """Performs no order, keeps them all, and answers with what it was told to."""

    def __init__(self) -> None:
        self.refusal = ""
        self.given: list[tuple[Person, Order]] = []
        self.asked: dict[str, tuple[Joining, ...]] = {}
        self.offers: dict[str, str] = {}

    async def perform(self, by: Person, order: Order) -> str:
        self.given.append((by, order))
        return self.refusal

    def joinings(self, callref: str) -> Iterable[Joining]:
        return self.asked.get(callref, ())

    def offer(self, callref: str, now: float) -> str | None:  # noqa: ARG002
        return self.offers.get(callref)


@dataclass
class Desk:
    """A console with its database, a line that is made up, and a clock that stands."""

    engine: Engine
    now: float = 1_795_582_800.0
    passwords: Passwords = PASSWORDS
    live: Live = field(default_factory=Live)
    calls: Mapping[str, CallRecord] = field(default_factory=dict)
    actions: Scripted = field(default_factory=Scripted)
    configuration: Configuration = CONFIGURATION
    ws_bind: str = "127.0.0.1:9"
    door: Door = field(init=False)
    board: Board = field(init=False)
    phones: Phones = field(init=False)

    def __post_init__(self) -> None:
        records = Records(lambda: self.engine)
        self.door = Door(records, self.passwords, lambda: self.now)
        screens = Screens(
            configuration=lambda: self.configuration,
            live=lambda: self.live,
            records=lambda: self.calls,
            actions=self.actions,
            clock=lambda: self.now,
        )
        self.board = Board(screens, records)
        self.phones = Phones(
            screens.configuration, lambda account: f"word-of-{account}", self.ws_bind
        )

    @property
    def app(self) -> ASGIApp:
        """The console behind its guard."""
        return console(self.door, self.board, self.phones)

    def add(
        self, name: str = "ayu", role: Role = "operator", shown: str = "Ayu", phone: str = "op-1"
    ) -> None:
        user = User(name, shown, role, phone, PASSWORDS.hash(PASSWORD), self.now)
        with writing(self.engine) as connection:
            users.add(connection, user, "budi")

    def audit(self) -> list[tuple[str, str, str]]:
        """Return what was noted since the account was made."""
        table = schema.audit.c
        with reading(self.engine) as connection:
            query = select(table.who, table.what, table.subject).order_by(table.id)
            rows = [tuple(row) for row in connection.execute(query)]
        return [row for row in rows if row[1] != "user-add"]


class Browser(httpx.AsyncClient):
    """A browser at the desk: it names its origin, and sends what a form of a page holds."""

    def __init__(self, app: ASGIApp, url: str = "http://desk", client: str = "192.0.2.7") -> None:
        transport = httpx.ASGITransport(app, client=(client, 40000))
        super().__init__(transport=transport, base_url=url, headers={**HTML, "Origin": url})

    async def word(self, path: str = "/login") -> str:
        """Return the word against forged forms of a page."""
        found = re.search(r'name="csrf" value="(\w+)"', (await self.get(path)).text)
        assert found
        return found[1]

    async def log_in(self, name: str = "ayu", password: str = PASSWORD) -> httpx.Response:
        form = {"name": name, "password": password, "csrf": await self.word()}
        return await self.post("/login", data=form)

    async def give(self, path: str, **form: str) -> httpx.Response:
        """Send what a script of our page sends."""
        return await self.post(path, data={**form, "csrf": await self.word("/")})

    async def is_in(self) -> bool:
        return (await self.get("/")).status_code == 200
