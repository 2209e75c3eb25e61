"""One call as a story: what happened to the caller, second by second, in words."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ivr.callrecord import CallRecord, Hop
from ivr.figures import reason
from ivr.words import Words, clock

if TYPE_CHECKING:
    from ivr.records.beside import Beside

_PROMPTS = {
    "menu": ("menu", "menu"),
    "repeat": ("menu singkat", "short repeat"),
    "wrong": ("pilihan salah", "wrong choice"),
}
Happening = tuple[float, str]
"""When, in seconds since the epoch, and what."""


def story(told: CallRecord, words: Words, beside: "Beside | None" = None) -> list[str]:
    """Return the lines: who called, what happened, how it ended and what came of it.

    `beside` is what other tables hold of the call: who was told of it, and whether its sound is
    erased.
    """
    happened = sorted(_happenings(told, words), key=lambda one: one[0])
    seconds = [words.seconds(at - told.began_at) for at, _ in happened]
    widest = max(map(len, seconds))
    return [
        *_named(_head(told, words)),
        "",
        *(f"{at.rjust(widest)}  {what}" for at, (_, what) in zip(seconds, happened, strict=True)),
        "",
        *_named((*_foot(told, words), *(_beside(beside, words) if beside else ()))),
    ]


def ending(told: CallRecord, words: Words) -> str:
    """Return how the call ended, or where the caller is now."""
    return words.name(told.outcome or told.stage)


def _named(pairs: Iterable[tuple[str, str]]) -> list[str]:
    there = [(name, value) for name, value in pairs if value]
    widest = max((len(name) for name, _ in there), default=0)
    return [f"{name.ljust(widest)}  {value}" for name, value in there]


def _head(told: CallRecord, words: Words) -> Iterable[tuple[str, str]]:
    pick = words.pick
    yield pick("panggilan", "call"), told.callref
    yield pick("penelepon", "caller"), told.ani or pick("tanpa nomor", "no number")
    yield pick("masuk", "came in"), f"{clock(told.began_at)} WIB"
    yield pick("lewat", "over"), f"{words.name(told.trunk)} ({told.dnis})"
    yield pick("layanan", "service"), words.name(told.service)
    yield pick("ditanya oleh", "asked by"), words.name(told.floor)
    yield pick("bahasa", "language"), told.language
    if told.test:
        yield pick("uji", "test"), pick("ya, tidak dihitung", "yes, not counted")


def _happenings(told: CallRecord, words: Words) -> Iterable[Happening]:
    pick = words.pick
    yield told.began_at, pick("panggilan masuk", "the call came in")
    if told.answered_at is not None:
        yield told.answered_at, pick("diangkat sistem", "the system picked up")
    for step in told.steps:
        pressed = pick(f"menekan {step.key}", f"pressed {step.key}")
        silent = pick("tidak menekan apa-apa", "pressed nothing")
        asked = pick(*_PROMPTS.get(step.prompt, (step.prompt, step.prompt)))
        yield step.at, f"{asked}: {pressed if step.key else silent}"
    for hop in told.hops:
        yield from _hop(hop, words)
    if told.queued_at is not None:
        yield told.queued_at, pick("petugas diminta", "operators were asked")
    for talk in told.talks:
        yield talk.at, pick(f"berbicara dengan {talk.who}", f"talking with {talk.who}")
        if talk.seconds is not None and told.ended_at != talk.at + talk.seconds:
            left = pick(f"{talk.who} menutup", f"{talk.who} left")
            unserved = "" if talk.served else pick(", belum melayani", ", did not serve")
            yield talk.at + talk.seconds, f"{left}{unserved}"
    if told.ended_at is not None:
        yield told.ended_at, pick("selesai: ", "ended: ") + ending(told, words)


def _hop(hop: Hop, words: Words) -> Iterable[Happening]:
    pick = words.pick
    where = f"{hop.agency} ({hop.number}, {words.name(hop.trunk)})"
    yield hop.at, pick(f"menghubungi {where}", f"ringing {where}")
    if hop.by and hop.ring_seconds is not None and hop.status in ("", "ANSWER"):
        at = hop.at + hop.ring_seconds
        yield at, pick(f"{hop.agency} ikut berbicara", f"{hop.agency} joined")
        if hop.talk_seconds is not None:
            yield at + hop.talk_seconds, pick(f"{hop.agency} pergi", f"{hop.agency} left")
        return
    if not hop.status or hop.ring_seconds is None or hop.talk_seconds is not None:
        return  # it goes on, or somebody was joined: the talk says the rest
    if hop.status == "CANCEL":
        why = words.name("caller-left")
    else:
        why = f"{words.name(reason(hop.status, hop.cause))} ({hop.status}, {hop.cause})"
    rang, after = words.seconds(hop.ring_seconds), hop.at + hop.ring_seconds
    yield after, pick(f"{hop.agency}: {why}, berdering {rang}", f"{hop.agency}: {why}, rang {rang}")


def _foot(told: CallRecord, words: Words) -> Iterable[tuple[str, str]]:
    pick = words.pick
    yield pick("hasil", "outcome"), ending(told, words)
    person = told.human
    nobody = pick("belum", "not yet") if told.outcome is None else pick("tidak sampai", "never")
    reached = f"{words.seconds(told.human_seconds)}, {person.who}" if person else nobody
    yield pick("sampai ke orang", "to a person"), reached
    if told.queue_seconds is not None:
        yield pick("menunggu petugas", "waited for operators"), words.seconds(told.queue_seconds)
    yield pick("berbicara", "talked"), words.seconds(told.talk_seconds)
    yield pick("rekaman", "recording"), told.recording or pick("tidak ada", "none")
    yield pick("peringatan", "alarms"), "; ".join(map(words.name, told.alarms))


def _beside(beside: "Beside", words: Words) -> Iterable[tuple[str, str]]:
    pick = words.pick
    for report in beside.reports:
        if report.acknowledged_at is None:
            known = pick("BELUM diketahui", "NOT yet acknowledged")
        else:
            at, by = clock(report.acknowledged_at), report.acknowledged_by
            known = pick(f"diketahui {at} WIB oleh {by}", f"acknowledged {at} WIB by {by}")
        yield pick(f"laporan ke {report.agency}", f"report to {report.agency}"), known
    if beside.erased_at is not None:
        at, by = clock(beside.erased_at), beside.erased_by
        erased = pick(f"dihapus {at} WIB oleh {by}", f"erased {at} WIB by {by}")
        yield pick("suara", "sound"), erased
