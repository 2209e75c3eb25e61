"""`siaga calls`: the records, as a list, as lines that go on coming, or one call as a story.

The callers' numbers are there in full: this is the protected record. The exit status is 0 also when
no call is found; 1 when the records cannot be read, or there is no such call.
"""

import contextlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, get_args

import click

from ivr.callrecord import CallRecord, Outcome, to_json
from ivr.calls import filters
from ivr.calls.listing import PREFIX, WIDE, Narrow, head, line
from ivr.calls.story import story
from ivr.period import a_moment
from ivr.reading import fail, records
from ivr.settings import Settings
from ivr.words import Lang, Words

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ivr.records.query import Found, Wanted

LAST = 50
POLL_SECONDS = 0.5
AT_ONCE = 1000
"""Changes read at a time while following."""

Show = Callable[[CallRecord], str]
Changes = Callable[[int], tuple[list["Found"], int]]
"""Given the number of a change: the calls that changed after it, and the number to go on from."""


@click.command("calls")
@click.argument("callref", required=False)
@click.option(
    "--last",
    type=click.IntRange(min=1),
    default=LAST,
    show_default=True,
    help="The newest so many that match.",
)
@click.option("--since", metavar="TIME", help="2026-11-25, 2026-11-25 21:48 or 21:48, in WIB.")
@click.option("--until", metavar="TIME", help="The same; a day alone is included.")
@click.option("--service", help="What the caller asked for, such as fire.")
@click.option("--outcome", type=click.Choice([*get_args(Outcome), "open"]), help="How it ended.")
@click.option(
    "--ani", metavar="NUMBER", callback=filters.number, help="The caller's number, as it came."
)
@click.option("--agency", help="An agency that was rung, such as damkar.")
@click.option("--floor", type=click.Choice(filters.FLOORS), help="Who asked the caller.")
@click.option("--test/--no-test", default=None, help="Only test calls, or none.")
@click.option("--follow", is_flag=True, help="Go on with new and changed calls, until Ctrl-C.")
@click.option("--json", "for_programs", is_flag=True, help="One JSON object a line.")
@click.option("--lang", type=click.Choice(["id", "en"]), default="id", show_default=True)
@click.pass_obj
def calls_command(  # noqa: PLR0913 - one argument an option
    settings: Settings,
    /,
    *,
    callref: str | None,
    last: int,
    since: str | None,
    until: str | None,
    follow: bool,
    for_programs: bool,
    lang: Lang,
    **asked: object,
) -> None:
    """List calls, or tell one by its CALLREF, second by second.

    The newest stands at the end.
    """
    words, now = Words(lang), time.time()
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDE
    narrow = columns < WIDE
    show: Show = Narrow(words, columns) if narrow else partial(line, words=words)
    show = as_json if for_programs else show
    bounds = {
        "since": moment(since, now, words),
        "until": moment(until, now, words, end=True),
    }
    filters.check_bounds(bounds["since"], bounds["until"], words)
    filters.check_callref(callref, words)
    with _no_reader_left(), records(settings, words) as engine:
        from ivr.records.query import Wanted  # noqa: PLC0415 - as in ivr/reading.py

        if callref is not None:
            click.echo(_one(engine, callref, words, for_programs=for_programs))
            return
        wanted = Wanted(**bounds, **asked, limit=last)  # type: ignore[arg-type] # click checked
        if not for_programs and not narrow:
            click.echo(head(words))
        change, any_found = _list(engine, wanted, show, words)
        if not any_found:
            filters.check_names(settings, engine, wanted.service, wanted.agency, words)
        if follow:
            changes = partial(_changes, engine, replace(wanted, limit=AT_ONCE))
            with contextlib.suppress(KeyboardInterrupt):
                following(changes, change, show, words)


def as_json(told: CallRecord) -> str:
    """Return a record as one line of JSON, with the seconds that follow from it."""
    seconds = {
        "human_seconds": told.human_seconds,
        "queue_seconds": told.queue_seconds,
        "talk_seconds": told.talk_seconds,
    }
    return json.dumps(json.loads(to_json(told)) | seconds, ensure_ascii=False)


def following(
    changes: Changes,
    change: int,
    show: Show,
    words: Words,
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Print each call that is new or changed, until interrupted.

    A database that is held by another, or away, is asked again: nothing is lost meanwhile.
    """
    from ivr.records.errors import BusyError, GoneError  # noqa: PLC0415 - as in ivr/reading.py

    said = ""
    while True:
        try:
            found, change = changes(change)
        except (BusyError, GoneError) as error:
            if str(error) != said:
                said = str(error)
                again = words.pick("dicoba lagi terus", "it is tried again and again")
                click.echo(f"siaga: {said} ({again})", err=True)
            found = []
        else:
            said = ""
        for each in found:
            click.echo(show(each.record))
        if len(found) < AT_ONCE:
            wait(POLL_SECONDS)


def _list(engine: "Engine", wanted: "Wanted", show: Show, words: Words) -> tuple[int, bool]:
    """Print the calls that are wanted; return the change to follow from and whether any was."""
    from ivr.records.engine import reading  # noqa: PLC0415 - as in ivr/reading.py
    from ivr.records.query import calls, last_change  # noqa: PLC0415

    with reading(engine) as connection:
        change = last_change(connection)  # first: what comes in between is told twice, not never
        found = calls(connection, wanted)
    for each in reversed(found):
        click.echo(show(each.record))
    if not found:
        said = "tidak ada panggilan yang cocok", "no call matches"
        click.echo(words.pick(*said), err=True)
    elif len(found) == wanted.limit:
        more = f"--last {wanted.limit * 10}"
        said = f"yang terbaru saja; lebih banyak: {more}", f"the newest only; for more: {more}"
        click.echo(words.pick(*said), err=True)
    return change, bool(found)


def _changes(engine: "Engine", wanted: "Wanted", change: int) -> tuple[list["Found"], int]:
    from ivr.records.engine import reading  # noqa: PLC0415 - as in ivr/reading.py
    from ivr.records.query import after, last_change  # noqa: PLC0415

    with reading(engine) as connection:
        newest = last_change(connection)
        found = after(connection, change, wanted)
    if len(found) == AT_ONCE:
        return found, found[-1].change
    return found, max([newest, *(each.change for each in found)])


def _one(engine: "Engine", callref: str, words: Words, *, for_programs: bool) -> str:
    """Return one call in full, with what came of it beside its record."""
    from ivr.records.beside import beside  # noqa: PLC0415 - as in ivr/reading.py
    from ivr.records.engine import reading  # noqa: PLC0415
    from ivr.records.query import one  # noqa: PLC0415

    with reading(engine) as connection:
        found = one(connection, callref) or one(connection, f"{PREFIX}{callref}")
        more = beside(connection, found.record.callref if found else callref)
    if found is None:
        fail(
            words.pick(
                f"tidak ada panggilan {callref}: `siaga calls` menyebut semuanya di kolom terakhir",
                f"there is no call {callref}: `siaga calls` names each in its last column",
            )
        )
    if for_programs:
        return json.dumps(json.loads(as_json(found.record)) | asdict(more), ensure_ascii=False)
    return "\n".join(story(found.record, words, more))


def moment(text: str | None, now: float, words: Words, *, end: bool = False) -> float | None:
    """Read `--since` or, with `end`, `--until`: None where it is not given.

    Raises BadParameter with an example.
    """
    if text is None:
        return None
    try:
        return a_moment(text, now, end=end)
    except ValueError:
        said = words.pick("bukan waktu: tulis misalnya", "is no time: write it like")
        like = "2026-11-25, '2026-11-25 21:48', 21:48"
        name = "--until" if end else "--since"
        raise click.BadParameter(f"{text!r} {said} {like}", param_hint=name) from None


@contextlib.contextmanager
def _no_reader_left() -> Iterator[None]:
    """End quietly when whoever read us (`| head`) has had enough."""
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
