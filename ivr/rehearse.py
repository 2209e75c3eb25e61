"""`siaga rehearse`: what a caller would hear and who would ring, line by line, without a call."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import TypeAlias, cast, get_args

import click

from ivr.menu import sentences
from ivr.recordings import seconds_in_force
from ivr.rehearsal import OF_GROUPS, Case, Floor, Happening, rehearse, targets
from ivr.settings import Settings
from ivr.words import DAYS, Lang, Words
from routing.agencies import WEEKDAYS, WIB
from routing.attempts import Outcome
from routing.configuration import Configuration
from routing.loading import load
from routing.walk import Group

FATES: Mapping[str, tuple[Outcome, str]] = {
    "busy": ("busy", "is busy"),
    "no-answer": ("no-answer", "rings and nobody answers"),
    "down": ("unreachable", "says nothing at all, as a dead line"),
    "dead": ("dead", "is down, and a caller before noticed"),
    "full": ("full", "has no free line"),
    "refused": ("refused", "is refused by the carrier"),
    "wrong-number": ("wrong-number", "does not exist"),
    "not-accepted": ("not-accepted", "picks up, but no person says yes"),
    "left": ("left", "answers and leaves within 10 s"),
}
"""Each option, what becomes of who is named, and what that means."""

_DAY = re.compile(r"([A-Za-z]+)[ ,]+([0-9]{1,2})[:.]([0-9]{2})")


def _moment(_: click.Context, __: click.Parameter, text: str | None) -> datetime:
    """Return the next such time from today on, in WIB; now for none.

    `Sabtu 02:00`, `2026-11-28 02:00`, or `02:00` of today.
    """
    now = datetime.now(WIB)
    try:
        if text is None:
            return now
        if found := _DAY.fullmatch(text.strip()):
            day = now + timedelta(days=(_weekday(found[1]) - now.weekday()) % 7)
            return day.replace(hour=int(found[2]), minute=int(found[3]), second=0, microsecond=0)
        whole = text if "-" in text else f"{now:%Y-%m-%d} {text}"
        return datetime.fromisoformat(whole.strip()).replace(tzinfo=WIB)
    except ValueError:
        message = f'{text!r} is no time; write "Sabtu 02:00" or "2026-11-28 02:00"'
        raise click.BadParameter(message) from None


def _weekday(name: str) -> int:
    """Return 0 for Monday, in either language or as config/ writes it; raise ValueError."""
    for names in (*DAYS.values(), WEEKDAYS):
        lower = [day.lower() for day in names]
        if name.lower() in lower:
            return lower.index(name.lower())
    raise ValueError(name)


def _fate_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add one option for each fate."""
    for name, (_, meaning) in reversed(tuple(FATES.items())):
        option = click.option(f"--{name}", multiple=True, metavar="WHO", help=f"WHO {meaning}.")
        command = option(command)
    return command


@click.command(name="rehearse")
@click.option(
    "--keys", default="", help="One key a prompt, . for none; a 0 left over while it rings."
)
@click.option("--at", metavar="TIME", callback=_moment, help='As "Sabtu 02:00"; else now.')
@click.option("--floor", type=click.Choice(get_args(Floor)), default="controller", help="Who asks.")
@click.option(
    "--no-operators", is_flag=True, help="Nobody of our own is logged in, nor the backup."
)
@click.option("--operators", type=click.Choice(get_args(Group)), default="free", show_default=True)
@click.option("--backup", type=click.Choice(get_args(Group)), default="free", show_default=True)
@click.option(
    "--config", type=click.Path(exists=True, path_type=Path), help="Another folder than config/."
)
@click.option("--lang", type=click.Choice(["id", "en"]), default="id", show_default=True)
@click.option("--json", "for_programs", is_flag=True, help="For programs.")
@_fate_options
@click.pass_obj
def rehearse_command(  # noqa: PLR0913 - one argument an option
    settings: Settings,
    /,
    *,
    keys: str,
    at: datetime,
    floor: Floor,
    no_operators: bool,
    operators: Group,
    backup: Group,
    config: Path | None,
    lang: Lang,
    for_programs: bool,
    **fates: tuple[str, ...],
) -> None:
    """Tell what a caller would hear, and who would ring.

    WHO is a hotline of agencies.yaml, its number, a trunk, a number over one trunk (117@telkom), or
    `operators` or `backup`. Who is not named answers. What people do in their own time (listen,
    press, pick up) is an estimate.

    siaga rehearse --keys 3 --at "Sabtu 02:00" --busy 117 --no-operators --floor static
    """
    c = load(config or settings.config)
    if odd := re.sub(r"[0-9*#.]", "", keys):
        raise click.UsageError(
            f"{odd!r} is no key of a telephone; write 0 to 9, *, # or . for none"
        )
    groups: tuple[Group, Group] = ("out", "out") if no_operators else (operators, backup)
    case = Case(at, keys, floor, _fates(c, fates), *groups)
    happenings = list(rehearse(c, seconds_in_force(c, settings.sounds), case))
    if for_programs:
        told = [asdict(happening) for happening in happenings]
        click.echo(json.dumps({"at": at.isoformat(), "happenings": told}, indent=2))
    else:
        click.echo("\n".join(lines(c, case, happenings, Words(lang))))


_WHO = "a hotline of agencies.yaml, its number, a trunk, 117@telkom, operators or backup"


def _fates(c: Configuration, asked: Mapping[str, tuple[str, ...]]) -> Mapping[str, Outcome]:
    """Return what becomes of whom. Raises UsageError for who is not there, or cannot be so."""
    known, fates = targets(c), dict[str, Outcome]()
    for option, names in asked.items():
        outcome, _ = FATES[option.replace("_", "-")]
        for name in names:
            if name not in known:
                close = () if name.isdigit() else get_close_matches(name, known, n=1)
                remedy = f"did you mean {close[0]}?" if close else f"write {_WHO}"
                raise click.UsageError(f"there is no {name}; {remedy}")
            if known[name] == "group" and outcome not in OF_GROUPS:
                raise click.UsageError(
                    f"{name} cannot be {outcome}; use --{name} with busy, paused or out"
                )
            if fates.setdefault(name, outcome) != outcome:
                raise click.UsageError(f"{name} is given two fates; give one")
    return fates


_FLOORS: Mapping[Floor, tuple[str, str]] = {
    "controller": ("Pengendali menjawab", "The controller answers"),
    "stand-in": (
        "Pengendali mati; pengganti menjawab",
        "The controller is down; the stand-in answers",
    ),
    "static": (
        "Pengendali dan pengganti mati; menu tetap menjawab",
        "The controller and the stand-in are down; the static menu answers",
    ),
}
_GROUPS: Mapping[str, tuple[str, str]] = {
    "operators": ("petugas", "the operators"),
    "backup": ("cadangan", "the backup"),
    "simulated-operator": ("petugas simulasi", "the simulated operator"),
}
_HEARS = ('penelepon mendengar: "{text}" ({seconds})', 'the caller hears: "{text}" ({seconds})')
_TEXTS: Mapping[str, tuple[str, str]] = {
    "hears": _HEARS,
    "hold-on": _HEARS,
    "still-there": _HEARS,
    "presses": ("penelepon menekan {who}", "the caller presses {who}"),
    "waits": ("penelepon tidak menekan apa pun", "the caller presses nothing"),
    "plan": (
        "pilihan: {who}; prioritas {priority} bila menunggu petugas",
        "choice: {who}; priority {priority} if an operator must be waited for",
    ),
    "closed": ("{who} tutup pada jam ini: tidak dihubungi", "{who} is closed now: not rung"),
    "rings": (
        "{who} berdering{over} (paling lama {seconds})",
        "{who}: ringing{over} (for {seconds} at most)",
    ),
    "dead": (
        "{who}{over} dilewati dulu: baru saja tidak terjangkau",
        "{who}{over} is passed over at first: unreachable a moment ago",
    ),
    "queues": (
        "{who}: semua sedang berbicara; penelepon menunggu (paling lama {seconds})",
        "{who}: all talk; the caller waits (for {seconds} at most)",
    ),
    "over": ("{who}: {outcome}", "{who}: {outcome}"),
    "fenced": ("{who} di luar pagar: tidak dihubungi", "{who} is outside the fences: not rung"),
    "tried": (
        "{who} tidak dihubungi lagi: nomornya sudah dijangkau",
        "{who} is not rung again: its number was reached",
    ),
    "no-time": (
        "{who} tidak dihubungi: 40 detik sudah habis",
        "{who} is not rung: the 40 seconds are over",
    ),
    "nobody": ("{who}: tidak ada yang masuk", "{who}: nobody is logged in"),
    "paused": ("{who}: semua sedang jeda", "{who}: all pause"),
    "person": (
        "{who} menjawab: penelepon berbicara dengan orang",
        "{who}: answered, the caller talks with a person",
    ),
    "machine": (
        "{who} menjawab: suara rekaman simulasi, bukan orang",
        "{who}: answered by a recording of the simulation, not by a person",
    ),
    "goes-on": (
        "begitu seterusnya sampai ada yang menjawab",
        "and so on, until somebody answers",
    ),
    "hung-up": (
        "panggilan berakhir: petugas sudah tiga kali menutup percakapan",
        "the call ends: operators have ended three talks",
    ),
}
_ESTIMATES = (
    "Detik sejak panggilan dijawab. Lamanya orang mendengar, menekan, mengangkat: perkiraan.",
    "Seconds since the answer. How long people listen, press and pick up is an estimate.",
)
Texts: TypeAlias = Mapping[tuple[str, str], str]
"""What each prompt says, by language and name."""


def lines(
    c: Configuration, case: Case, happenings: Sequence[Happening], words: Words
) -> Iterator[str]:
    """Yield the transcript: when it is, one line for each thing that happens, what is estimated."""
    yield f"{words.day(case.at.date())} {case.at:%H:%M} WIB"
    texts: Texts = {(s.language, s.name): s.text for s in sentences(c)}
    for happening in happenings:
        said = _said(happening, texts, words)
        if not happening.number:  # the name of a hotline stays as it is in agencies.yaml
            said = said[:1].upper() + said[1:]
        yield f"{words.seconds(happening.at):>10}  {said}"
    yield words.pick(*_ESTIMATES)


def _said(h: Happening, texts: Texts, words: Words) -> str:
    if h.what == "floor":
        return words.pick(*_FLOORS[cast("Floor", h.who)])
    prompt = h.who if h.what == "hears" else h.what
    second = words.pick("dtk", "s")
    zero = words.pick("penelepon menekan 0: petugas", "the caller presses 0: operators")
    over = words.pick(f" lewat {h.trunk}", f" over {h.trunk}") if h.trunk else ""
    return words.pick(*_TEXTS[h.what]).format(
        who=_who(h, words),
        text=texts.get((h.language, prompt), ""),
        seconds=words.seconds(h.seconds) if h.language else f"{h.seconds:.0f} {second}",
        priority=h.priority,
        over=over,
        outcome=zero if h.outcome == "zero" else words.name(h.outcome),
    )


def _who(h: Happening, words: Words) -> str:
    if h.who in _GROUPS:
        return words.pick(*_GROUPS[h.who])
    return f"{h.who} ({h.number})" if h.number else words.name(h.who)
