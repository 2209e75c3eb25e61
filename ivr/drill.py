"""`siaga drill`: our own calls through every key and floor of the line, which ring nobody.

Its status is 0 when each came where it should.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from ivr import address, applied
from ivr.callrecord import CallRecord
from ivr.drilling import FLOORS, Floor, Tried, Try, faults, judged, tries
from ivr.journal import Line, Position, records
from ivr.phone import Key, PhoneCall, Report, call
from ivr.settings import Settings
from ivr.supervisor import HostError
from ivr.tail.lines import read
from ivr.words import Lang, Words
from routing.configuration import Configuration
from routing.endpoints import DRILLING

AT_ONCE = 5
"""Calls at once: the line has citizens too, and six stand-ins (routing/dialplan.py)."""
KEY_SECONDS = 0.5
FOLLOW_SECONDS = 2.0
"""How long a controller takes to know of another version in force: it looks each second."""
ROUNDS = 3
"""So often it is called before its version is taken for wrong."""
CALL_SECONDS = 40.0
"""The longest a call may take: two prompts, the hop, and a word."""
STAY_SECONDS = 0.5
JOURNAL_SECONDS = 3.0
"""How soon after its end a call must be in the journal."""


def staged_or_in_force(settings: Settings, configuration: Configuration, staged: bool) -> str:
    """Return what goes wrong when every key is pressed once, nothing if all is well.

    Before a version is in force the controller does not know it yet: its static menu is asked. That
    another floor asks in its place is no fault of the version; one that has not followed yet is
    asked again.
    """
    wanted = tuple(tries(configuration, ("static",) if staged else ("controller",), quick=True))
    wrong: tuple[Tried, ...] = ()
    for _ in range(1 if staged else ROUNDS):
        if not staged:
            time.sleep(FOLLOW_SECONDS)
        found = asyncio.run(placed(settings, configuration, wanted, "staged-" if staged else ""))
        wrong = faults(found)
        if not wrong:
            break
    return "\n".join(f"key {one.key} ({one.service}): {one.why}" for one in wrong)


async def drill(
    settings: Settings, configuration: Configuration, floors: Sequence[Floor] = FLOORS
) -> tuple[Tried, ...]:
    """Place every call and return what came of each."""
    return await placed(settings, configuration, tuple(tries(configuration, floors)))


async def placed(
    settings: Settings, configuration: Configuration, wanted: Sequence[Try], prefix: str = ""
) -> tuple[Tried, ...]:
    """Place these calls and return what came of each. `prefix` stands before what is dialled."""
    since = _Journal(settings.state / "journal")
    turns = asyncio.Semaphore(AT_ONCE)
    told = await asyncio.gather(*(_placed(settings, one, prefix, turns) for one in wanted))
    known = since.calls()
    end = time.monotonic() + JOURNAL_SECONDS
    while time.monotonic() < end and not all(_is_noted(known, one.caller) for one in wanted):
        await asyncio.sleep(0.1)
        known = since.calls()
    return tuple(
        judged(one, report.reached, known.get(one.caller), configuration, at)
        for one, report, at in told
    )


async def _placed(
    settings: Settings, one: Try, prefix: str, turns: asyncio.Semaphore
) -> tuple[Try, Report, datetime]:
    host, _, port = settings.sip_bind.rpartition(":")
    async with turns:
        at = datetime.now(UTC)
        report = await call(
            PhoneCall(
                host="127.0.0.1" if host == "0.0.0.0" else host,  # noqa: S104 - bound to all
                port=int(port),
                number=f"{prefix}{one.floor}",
                caller=one.caller,
                local_ip=DRILLING,
                keys=(Key(one.key, after_seconds=KEY_SECONDS),) if one.key else (),
                max_seconds=CALL_SECONDS,
                hold_seconds=STAY_SECONDS,
            )
        )
    return one, report, at


def _is_noted(known: Mapping[str, CallRecord], caller: str) -> bool:
    return caller in known and known[caller].ended_at is not None


class _Journal:
    """What Asterisk notes from now on, though the desk may give the file another name meanwhile."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sizes = {path.stat().st_ino: path.stat().st_size for path in self._files()}

    def calls(self) -> Mapping[str, CallRecord]:
        """Return the calls since, by the caller's number."""
        return {record.ani: record for record in records(self._lines()).values()}

    def _lines(self) -> Iterator[Line]:
        for path in self._files():
            with path.open("rb") as file:
                file.seek(self._sizes.get(path.stat().st_ino, 0))
                yield from read(file.read(), Position(path.name, 0)).lines

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("calls*.jsonl"), key=lambda path: path.stat().st_mtime)


def lines(found: Sequence[Tried], words: Words) -> Iterator[str]:
    """Yield the evidence for people, a line a call."""
    for one in found:
        key = one.key or "-"
        who = words.name(one.reached) if one.reached else "-"
        took = words.seconds(one.seconds) if one.seconds is not None else ""
        what = words.name(one.service)
        line = f"{one.floor:<11}{key:<3}{what:<18}{who:<12}{one.number:<10}{took}".rstrip()
        yield f"{line}  {words.pick('SALAH', 'WRONG')}: {one.why}" if one.why else line
    wrong = sum(bool(one.why) for one in found)
    well = words.pick("semua sampai", "all came where they should")
    bad = words.pick(f"{wrong} tidak sampai", f"{wrong} did not come where they should")
    called = words.pick("panggilan latihan", "calls of a drill")
    yield f"{len(found)} {called}: {bad if wrong else well}"


@click.command("drill")
@click.option("--floor", "floors", multiple=True, type=click.Choice(FLOORS), help="This one only.")
@click.option("--lang", type=click.Choice(["id", "en"]), default="id", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def drill_command(settings: Settings, floors: tuple[Floor, ...], lang: Lang, as_json: bool) -> None:
    """Call through every key and floor of the line, and ring nobody."""
    _, configuration = applied.in_force(settings)
    settings = address.of_the_line(settings, applied.CURRENT)
    try:
        found = asyncio.run(drill(settings, configuration, floors or FLOORS))
    except PermissionError as error:
        raise HostError(f"{error}: use sudo, the journal holds callers' numbers") from error
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=2))
    else:
        click.echo("\n".join(lines(found, Words(lang))))
    if any(one.why for one in found):
        sys.exit(1)
