"""`siaga recording`: list, hear, hold, release and erase the sound of calls.

Law: who asks is whom the system says, and is in the audit with what was asked before it is done.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import click

from ivr.asker import owner, who
from ivr.reading import fail, records
from ivr.records.engine import reading
from ivr.retention.audit import audit
from ivr.retention.keeper import Keeper
from ivr.retention.policy import (
    HEADER_BYTES,
    Recording,
    RecordingError,
    State,
    fate,
    header,
    wib,
)
from ivr.settings import Settings
from ivr.words import Words


@contextlib.contextmanager
def keeper(settings: Settings) -> Iterator[Keeper]:
    """Open the records for one command, never make them; what goes wrong ends it with a remedy."""
    try:
        with records(settings, Words("en")) as engine:
            yield Keeper(engine, settings.state / "recordings", days=settings.recording_days)
    except (RecordingError, OSError) as error:
        fail(str(error))


def line(recording: Recording) -> str:
    """Write a recording as a line of the list."""
    return f"{recording.callref:<24} {wib(recording.began_at)}  {fate(recording)}"


@click.group("recording")
def recording_command() -> None:
    """Hear, hold, release or erase the sound of calls."""


def _reason(_: click.Context, __: click.Parameter, why: str) -> str:
    """Return a reason that says something. Raises BadParameter."""
    if not why.strip():
        raise click.BadParameter("write the reason: it stands in the audit")
    return why.strip()


why_option = click.option(
    "--why", required=True, callback=_reason, help="The reason, for the audit."
)
callref_argument = click.argument("callref")


@recording_command.command("list")
@click.option("--state", type=click.Choice(get_args(State)), help="Only those in this state.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(min=1))
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def list_command(settings: Settings, state: State | None, limit: int, as_json: bool) -> None:
    """List the latest recordings, the last first."""
    with keeper(settings) as keeps:
        found = keeps.recordings(state, limit)
    if as_json:
        click.echo(json.dumps([{**asdict(r), "state": r.state} for r in found], indent=2))
    else:
        for recording in found:
            click.echo(line(recording))
        if not found:
            click.echo("no recording matches", err=True)


@recording_command.command("play")
@callref_argument
@click.option(
    "--copy", "to", type=click.Path(path_type=Path), help="Write a copy to this new file."
)
@click.pass_obj
def play_command(settings: Settings, callref: str, to: Path | None) -> None:
    """Print where the sound of a call is; it is noted that you asked."""
    with keeper(settings) as keeps:
        if to is None:
            to = keeps.play(callref, who())
            if not whole(to):
                click.echo("some players hear nothing of it as it is: try --copy", err=True)
        else:
            keeps.copy(callref, who(), to, owner())
    click.echo(to)


def whole(path: Path) -> bool:
    """Say whether the file's header knows how long it is: not while a call goes on."""
    with path.open("rb") as sound:
        first = sound.read(HEADER_BYTES)
    return header(first, path.stat().st_size) == first


@recording_command.command("hold")
@callref_argument
@why_option
@click.pass_obj
def hold_command(settings: Settings, callref: str, why: str) -> None:
    """Keep the sound of a call whatever its age, until it is released."""
    with keeper(settings) as keeps:
        click.echo(line(keeps.hold(callref, who(), why)))


@recording_command.command("release")
@callref_argument
@why_option
@click.pass_obj
def release_command(settings: Settings, callref: str, why: str) -> None:
    """End a hold.

    What is older than others are kept is erased within the hour.
    """
    with keeper(settings) as keeps:
        click.echo(line(keeps.release(callref, who(), why)))


@recording_command.command("erase")
@callref_argument
@why_option
@click.pass_obj
def erase_command(settings: Settings, callref: str, why: str) -> None:
    """Erase the sound of a call; its record stays."""
    with keeper(settings) as keeps:
        keeps.erase(callref, who(), why)
    click.echo(f"{callref}: the sound is erased, the record stays")


@recording_command.command("audit")
@click.argument("callref", required=False)
@click.option("--limit", default=100, show_default=True, type=click.IntRange(min=1))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def audit_command(settings: Settings, callref: str | None, limit: int, as_json: bool) -> None:
    """Say who did what to the sound of a call, or of all.

    The last stands at the end.
    """
    with records(settings, Words("en")) as engine, reading(engine) as connection:
        found = audit(connection, callref, limit)
    for entry in found:
        told = f"{wib(entry.at)}  {entry.who}  {entry.what}  {entry.subject}  {entry.said}"
        click.echo(json.dumps(asdict(entry)) if as_json else told.rstrip())
    if not found:
        click.echo("nothing was done to any sound", err=True)
