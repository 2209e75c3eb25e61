"""What the desk itself writes beside the journal: its own alarms, and the files it has deleted."""

from collections.abc import Sequence

from sqlalchemy import Engine, delete, func, select

from ivr.records import schema
from ivr.records.engine import reading, writing
from ivr.records.statements import chunks


def made_at(engine: Engine) -> float:
    """Return when a database was made, in seconds UTC; 0 if it is older than such notes.

    Raises RecordsError.
    """
    with reading(engine) as connection:
        return connection.scalar(select(func.max(schema.origin.c.made_at))) or 0.0


def alarm(engine: Engine, at: float, what: str, words: str) -> None:
    """Note what a person must look at. `at` is in seconds since the epoch. Raises RecordsError."""
    row = {"at": at, "what": what, "words": words}
    with writing(engine) as connection:
        connection.execute(schema.alarms.insert(), row)


def forget(engine: Engine, files: Sequence[str]) -> None:
    """Forget how far files of the journal were read that are gone. Raises RecordsError."""
    if not files:
        return
    table = schema.journal_files
    with writing(engine) as connection:
        for some in chunks(files):
            connection.execute(delete(table).where(table.c.file.in_(some)))
