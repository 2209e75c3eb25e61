"""`siaga callbacks`: who called and reached nobody, and must be called back.

The exit status is 0 also when there is nobody; 1 when the records cannot be read.
"""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ivr.reading import records
from ivr.settings import Settings
from ivr.words import Lang, Words, clock

if TYPE_CHECKING:
    from ivr.records.callbacks import Callback

NEVER = "cannot-speak"
"""A telephone that rings may tell whoever threatens the caller that there was a call."""


@click.command("callbacks")
@click.option("--all", "cleared_too", is_flag=True, help="Those too who have reached a person.")
@click.option("--json", "for_programs", is_flag=True, help="One JSON object a line.")
@click.option("--lang", type=click.Choice(["id", "en"]), default="id", show_default=True)
@click.pass_obj
def callbacks_command(
    settings: Settings, /, *, cleared_too: bool, for_programs: bool, lang: Lang
) -> None:
    """List callers who reached no person: they must be called back.

    The one who waits longest stands first. Who calls again and reaches a person is off the list.
    """
    words = Words(lang)
    with records(settings, words) as engine:
        from ivr.records.callbacks import callbacks  # noqa: PLC0415 - as in ivr/reading.py
        from ivr.records.engine import reading  # noqa: PLC0415

        with reading(engine) as connection:
            found = callbacks(connection, cleared_too=cleared_too)
    for each in found:
        click.echo(as_json(each) if for_programs else "\n".join(told(each, words)))
    if not found:
        nobody = words.pick("tidak ada yang harus ditelepon balik", "nobody must be called back")
        click.echo(nobody, err=True)


def as_json(callback: "Callback") -> str:
    """Return a call-back as one line of JSON; `never` says that the caller must not be rung."""
    return json.dumps(asdict(callback) | {"never": callback.service == NEVER})


def told(callback: "Callback", words: Words) -> list[str]:
    """Return a call-back for people: whom, since when, why and of which call, in 80 columns."""
    pick = words.pick
    about = [words.name(callback.why), words.name(callback.service)]
    lines = [
        f"{callback.ani:<16} {clock(callback.since)} WIB  {', '.join(filter(None, about))}",
        f"{'':<16} {callback.callref}",
    ]
    if callback.service == NEVER:
        lines.append(
            pick(
                f"{'':<16} JANGAN DITELEPON BALIK: dering bisa membahayakan penelepon",
                f"{'':<16} DO NOT CALL BACK: a ring may put the caller in danger",
            )
        )
    if callback.cleared_at is not None:
        at, by = clock(callback.cleared_at), callback.cleared_by
        lines.append(
            pick(
                f"{'':<16} selesai {at} WIB oleh {by}",
                f"{'':<16} cleared {at} WIB by {by}",
            )
        )
    return lines
