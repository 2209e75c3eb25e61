"""`siaga alarms`: what staff must look at, with what to do about each.

The exit status is 0 also when there are none; 1 when the records cannot be read.
"""

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ivr.calls.command import moment
from ivr.reading import records
from ivr.settings import Settings
from ivr.words import Lang, Words, clock

if TYPE_CHECKING:
    from ivr.records.alarms import Alarm

DAYS = 7
LAST = 100
REMEDIES = {
    "called-number": (
        "tulis nomor itu di also_called, config/site.yaml",
        "list the number in also_called of config/site.yaml",
    ),
    "wrong-number": (
        "betulkan nomornya di config/agencies.yaml",
        "mend the number in config/agencies.yaml",
    ),
    "trunk-refuses": ("tanyakan kepada operator telekomunikasi", "ask the carrier"),
    "fenced-hop": ("kesalahan program: simpan var/journal", "a fault of ours: keep var/journal"),
    "not-recorded": (
        "lihat ruang disk var/recordings (`siaga status`)",
        "look at the room on the disk of var/recordings (`siaga status`)",
    ),
    "recording-disk": (
        "kosongkan disk var/recordings, atau pasang yang lebih besar",
        "make room on the disk of var/recordings, or mount a larger one",
    ),
    "no-sound": (
        "periksa telepon itu: matikan silence suppression, firewall meloloskan suaranya",
        "look at that phone: silence suppression off, its sound let in by the firewall",
    ),
    "end-not-noted": (
        "kosongkan disk: jurnal kehilangan baris; tanyakan nasib penelepon itu",
        "make room on the disk: the journal lost lines; ask what became of that caller",
    ),
    "clock-leapt": ("setel jam mesin (NTP)", "set the clock of the machine (NTP)"),
    "no-operator": ("satu telepon petugas harus masuk (login)", "log an operator's phone in"),
}
JOURNAL = (
    "jangan ubah var/journal; simpan berkas itu dan var/log/desk.log",
    "leave var/journal as it is; keep that file and var/log/desk.log",
)


@click.command("alarms")
@click.option("--since", metavar="TIME", help=f"As in `siaga calls`. [default: {DAYS} days ago]")
@click.option("--last", type=click.IntRange(min=1), default=LAST, show_default=True)
@click.option("--json", "for_programs", is_flag=True, help="One JSON object a line.")
@click.option("--lang", type=click.Choice(["id", "en"]), default="id", show_default=True)
@click.pass_obj
def alarms_command(
    settings: Settings, /, *, since: str | None, last: int, for_programs: bool, lang: Lang
) -> None:
    """List what staff must look at, and what to do about it.

    The newest stands at the end.
    """
    words, now = Words(lang), time.time()
    start = moment(since, now, words)
    with records(settings, words) as engine:
        from ivr.records.alarms import alarms  # noqa: PLC0415 - as in ivr/reading.py
        from ivr.records.engine import reading  # noqa: PLC0415

        with reading(engine) as connection:
            found = alarms(connection, now - DAYS * 86_400 if start is None else start, last)
    for alarm in found:
        click.echo(json.dumps(asdict(alarm)) if for_programs else "\n".join(told(alarm, words)))
    if not found:
        click.echo(words.pick("tidak ada peringatan", "no alarms"), err=True)


def told(alarm: "Alarm", words: Words) -> list[str]:
    """Return an alarm for people: when, what, of which call, and what to do."""
    from ivr.records.alarms import sentence  # noqa: PLC0415 - as in ivr/reading.py

    about = sentence(alarm.words)
    lines = [f"{clock(alarm.at)} WIB  {words.name(alarm.what)}{f': {about}' if about else ''}"]
    if alarm.callref:
        lines.append(f"  {words.pick('panggilan', 'call')} {alarm.callref}")
    if remedy := remedies(alarm.what):
        lines.append(f"  -> {words.pick(*remedy)}")
    return lines


def remedies(what: str) -> tuple[str, str] | None:
    """Return what to do about an alarm, in Indonesian and English; None where nobody knows."""
    return JOURNAL if what.startswith("journal-") else REMEDIES.get(what)
