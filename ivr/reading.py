"""The database, for the commands that read it: open, or a line that says why not and what to do."""

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from ivr import address, applied, deskword
from ivr.settings import Settings
from ivr.supervisor import seen
from ivr.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine


@contextlib.contextmanager
def records(settings: Settings, words: Words) -> "Iterator[Engine]":
    """Open the database, never make one. What is wrong with it ends the command with status 1."""
    # Not at the top: SQLAlchemy takes longer to load than other commands take to run.
    from ivr.records.engine import FILE, open_engine  # noqa: PLC0415
    from ivr.records.errors import RecordsError  # noqa: PLC0415

    file = settings.state / FILE
    try:
        if not settings.database_url and not _there(file, words):
            fail(
                words.pick(
                    f"belum ada catatan panggilan di {file}: jalankan saluran dengan `make up`",
                    f"no call has been recorded in {file} yet: start the line with `make up`",
                )
            )
        engine = open_engine(settings)
        _warn(settings, words)
        try:
            yield engine
        finally:
            engine.dispose()
    except RecordsError as error:
        fail(str(error))


def _warn(settings: Settings, words: Words) -> None:
    """Say on standard error when the line that runs here is ahead of its records."""
    if not seen(settings):
        return  # nothing comes in
    if why := deskword.about_records(address.of_the_line(settings, applied.CURRENT)):
        ahead = words.pick("catatan mungkin tertinggal", "the records may be behind")
        click.echo(f"siaga: {ahead}: {why}", err=True)


def _there(file: Path, words: Words) -> bool:
    try:
        file.stat()
    except PermissionError:
        said = "tidak boleh dibaca: pakai sudo", "may not be read: use sudo"
        fail(f"{file} {words.pick(*said)}")
    except OSError:
        return False
    return True


def fail(said: str) -> NoReturn:
    """End the command with a line and status 1."""
    click.echo(f"siaga: {said}", err=True)
    sys.exit(1)
