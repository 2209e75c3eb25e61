"""What waits for the broker, and what agencies have acknowledged.

Law: a message stays until the broker has it. Whoever publishes may die before it says so, so it may
go out twice, but never not at all, and never before one that was written earlier.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, select, update

from ivr.messages import Followed, Message
from ivr.records import schema
from ivr.records.engine import reading, writing
from ivr.records.statements import chunks, upsert


@dataclass(frozen=True, slots=True)
class Queued:
    """A message that waits, and its place in the order."""

    id: int
    topic: str
    body: str
    retain: bool


def put(connection: Connection, messages: Iterable[Message], at: float) -> None:
    """Write messages that go out if this transaction does not fail. `at` is now, in seconds UTC."""
    rows = [{"topic": x.topic, "body": x.body, "retain": x.retain, "made_at": at} for x in messages]
    if rows:
        connection.execute(schema.outbox.insert(), rows)


def put_following(connection: Connection, every: Sequence[Followed], at: float) -> None:
    """Write what follows from changes, its reports too. `at` is now, in seconds UTC."""
    put(connection, (x for followed in every for x in followed.messages), at)
    reports = [
        {"id": x.id, "callref": x.callref, "agency": x.agency, "body": x.body, "made_at": at}
        for followed in every
        for x in followed.reports
    ]
    if reports:
        # A report that is told again keeps when it was made, and who has acknowledged it.
        again = upsert(connection.dialect.name, schema.reports, "id", "body")
        connection.execute(again, reports)


class Outbox:
    """The messages and acknowledgements of one database. Every method may raise RecordsError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def waiting(self, limit: int, after: int = -1) -> Sequence[Queued]:
        """Return the first messages that the broker does not have yet, in their order.

        `after` is an id: those that come after it.
        """
        table = schema.outbox
        columns = (table.c.id, table.c.topic, table.c.body, table.c.retain)
        query = select(*columns).where(table.c.id > after).order_by(table.c.id).limit(limit)
        with reading(self._engine) as connection:
            return [Queued(*row) for row in connection.execute(query)]

    def sent(self, ids: Sequence[int]) -> None:
        """Forget messages that the broker has."""
        if not ids:
            return
        with writing(self._engine) as connection:
            for some in chunks(ids):
                connection.execute(delete(schema.outbox).where(schema.outbox.c.id.in_(some)))

    def acknowledged(self, report_id: str, agency: str, by: str, at: float) -> bool:
        """Note that an agency knows of a report; return whether it is one of its own.

        The first word counts. `at` is in seconds since the epoch, UTC.
        """
        table = schema.reports
        own = (table.c.id == report_id, table.c.agency == agency)
        first = update(table).where(*own, table.c.acknowledged_at.is_(None))
        with writing(self._engine) as connection:
            done = connection.execute(first.values(acknowledged_at=at, acknowledged_by=by))
            return done.rowcount > 0 or bool(connection.scalar(select(1).where(*own)))
