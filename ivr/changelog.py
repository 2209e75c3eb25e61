"""`siaga history`: every version that was in force, since when, by whom, and what it changed."""

import json
from dataclasses import asdict

import click

from ivr import applied, versions
from ivr.settings import Settings
from ivr.supervisor import HostError
from ivr.words import clock

SHOWN = 10
"""Versions that are listed unless more are asked for."""
SHOWN_CHANGES = 3


@click.command("history")
@click.argument("version", default="")
@click.option("--all", "everything", is_flag=True, help=f"Not only the last {SHOWN}.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def history_command(settings: Settings, version: str, everything: bool, as_json: bool) -> None:
    """List the versions that were in force, or tell one in full."""
    current = applied.version(settings)
    known = list(versions.notes(settings.state))
    if version:
        known = [note for note in known if note.version == version]
        if not known:
            raise HostError(f"there is no version {version}: `siaga history --all` lists them")
    shown = known if everything or version else known[:SHOWN]
    if as_json:
        told = [{**asdict(note), "in_force": note.version == current} for note in shown]
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    for note in shown:
        _tell(note, is_current=note.version == current, whole=bool(version))
    if version:
        click.echo(f"its files: {settings.state / 'applied' / version / 'config'}")
    elif len(shown) < len(known):
        click.echo(f"{len(known) - len(shown)} older: --all")


def _tell(note: versions.Note, *, is_current: bool, whole: bool) -> None:
    mark = "*" if is_current else " "
    how = f"back to {note.of}" if note.why == "rollback" else note.why
    click.echo(f"{mark} {note.version}  {clock(note.at)[:16]} WIB  {note.who or '?'}  {how}")
    shown = note.changes if whole else note.changes[:SHOWN_CHANGES]
    for line in shown:
        click.echo(f"    {line}")
    if len(shown) < len(note.changes):
        click.echo(f"    and {len(note.changes) - len(shown)} more: siaga history {note.version}")
