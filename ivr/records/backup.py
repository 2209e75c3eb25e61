"""A copy of the database that can be put in its place, made while the desk works."""

import sqlite3
from contextlib import closing
from pathlib import Path

import click

from ivr.records.engine import FILE
from ivr.records.errors import RecordsError, explained
from ivr.settings import Settings

COPY_PAGES = 1000
"""At once; between two such steps the desk can write."""


def backup(settings: Settings, to: Path) -> None:
    """Write a copy of the database to a new file. Raises RecordsError, OSError."""
    file = settings.state / FILE
    part = to.with_name(f"{to.name}.part")
    if to.exists():
        raise FileExistsError(f"{to} is there already: name a new file")
    try:
        with (
            closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database,
            closing(sqlite3.connect(part)) as copy,
        ):
            part.chmod(0o600)  # numbers of citizens, and proofs of passwords
            database.backup(copy, pages=COPY_PAGES, sleep=0.01)
        part.rename(to)
    except sqlite3.Error as error:
        raise explained(error, str(file)) from error
    finally:
        part.unlink(missing_ok=True)


@click.command(name="backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_obj
def backup_command(settings: Settings, file: Path) -> None:
    """Copy the records to a new FILE while the desk works."""
    if settings.database_url:
        raise click.UsageError("SIAGA_DATABASE_URL names a server: back that up with pg_dump")
    try:
        backup(settings, file)
    except RecordsError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{file}: {file.stat().st_size >> 20} MiB")
