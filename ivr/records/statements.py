"""SQL that both databases take, made once."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table
from sqlalchemy.dialects import postgresql, sqlite

CHUNK = 1000
"""Values in one IN (...). SQLite takes 32766 variables in a statement, PostgreSQL 65535."""


@cache
def upsert(dialect: str, table: Table, *names: str) -> Any:  # noqa: ANN401 - two classes, one use
    """Return the statement that writes rows with these columns by their primary key.

    Where a row is already, these columns become the new ones and the others stay.
    """
    made = insert(dialect, table)
    key = [column.name for column in table.primary_key]
    new = {name: made.excluded[name] for name in names if name not in key}
    return made.on_conflict_do_update(index_elements=key, set_=new)


@cache
def insert_new(dialect: str, table: Table, *key: str) -> Any:  # noqa: ANN401 - as above
    """Return the statement that writes rows, and leaves those alone whose key is there."""
    return insert(dialect, table).on_conflict_do_nothing(index_elements=key)


def insert(dialect: str, table: Table) -> Any:  # noqa: ANN401 - as above
    """Return an insert that can heed conflicts; each dialect has its own."""
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)


def among(
    connection: Connection, query: Select[Any], column: ColumnElement[Any], values: Sequence[Any]
) -> Iterator[Any]:
    """Yield the rows of a query in which a column has one of the values, however many."""
    for some in chunks(values):
        yield from connection.execute(query.where(column.in_(some)))


def chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Yield the values, as many at a time as one statement takes."""
    for first in range(0, len(values), CHUNK):
        yield values[first : first + CHUNK]
