"""What a report says, section by section, in words: the same for a terminal and for a page."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ivr.figures import ABANDONED, ENDINGS, MARKS, QUANTILES, Figures, Handoff, Tally, Waits, share
from ivr.report import definitions
from ivr.words import Words

Cells = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A table with its title. The first `left` columns are names, the others figures.

    `note` says what the figures mean.
    """

    key: str
    title: str
    head: Cells
    rows: tuple[Cells, ...]
    note: str = ""
    left: int = 1


def title(figures: Figures, words: Words) -> str:
    """Return what the report is of."""
    period = figures.period
    when = words.day if period.first == period.last else words.month
    return f"{words.pick('Laporan 112 Pekanbaru', '112 Pekanbaru, report')}: {when(period.first)}"


def sections(figures: Figures, words: Words) -> Iterable[Section]:
    """Yield every section that has something to say."""
    of_hours = {f"{hour:02}.00": tally for hour, tally in figures.by_hour.items()}
    of_days = {f"{day}": tally for day, tally in figures.by_day.items() if len(figures.by_day) > 1}
    every = (
        _calls(figures, words),
        _human(figures, words),
        _abandoned(figures, words),
        _rates(figures, words),
        _tallies("service", ("Layanan", "Service"), _named(figures.by_service, words), words),
        _tallies("floor", ("Ditanya oleh", "Asked by"), _named(figures.by_floor, words), words),
        _tallies("day", ("Hari", "Day"), of_days.items(), words),
        _tallies("hour", ("Jam", "Hour"), of_hours.items(), words),
        _handoffs(figures.handoffs, words),
        _failures(figures.handoffs, words),
    )
    return (section for section in every if section.rows)


def _calls(figures: Figures, words: Words) -> Section:
    calls, pick = figures.calls, words.pick
    rows = (
        (words.name(ending), words.count(many), words.percent(share(many, calls.calls)))
        for ending, many in calls.by.items()
    )
    tests = pick("panggilan uji (tidak dihitung)", "test calls (not counted)")
    return Section(
        "calls",
        pick("Panggilan", "Calls"),
        (pick("hasil", "outcome"), pick("jumlah", "calls"), pick("bagian", "share")),
        (
            *rows,
            (pick("semua panggilan", "all calls"), words.count(calls.calls), ""),
            (tests, words.count(figures.tests), ""),
        ),
        pick(*definitions.COUNTED),
    )


def _human(figures: Figures, words: Words) -> Section:
    pick = words.pick
    marks = (f"≤{mark} {pick('dtk', 's')}" for mark in MARKS)
    head = (pick("dihitung", "counted"), pick("jumlah", "calls"), "median", "p90", *marks)
    call, queue = _since(words)
    answered, every = pick("dijawab orang", "answered"), pick("semua yang selesai", "all ended")
    return Section(
        "human",
        pick("Waktu sampai ke orang", "Time to a person"),
        (pick("sejak", "since"), *head),
        (
            (call, answered, *_waits(figures.human, figures.human.count, words)),
            (call, every, *_waits(figures.human, figures.calls.ended, words)),
            (queue, answered, *_waits(figures.queue, figures.queue.count, words)),
            (queue, every, *_waits(figures.queue, figures.queued, words)),
        ),
        pick(*definitions.HUMAN),
        left=2,
    )


def _since(words: Words) -> tuple[str, str]:
    return words.pick("masuk", "call"), words.pick("antrean", "queue")


def _waits(waits: Waits, whole: int, words: Words) -> Cells:
    """Return how many, the quantiles where all of them were answered, and the shares in time."""
    quantiles = (
        words.seconds(waits.quantile(q) if whole == waits.count else None) for q in QUANTILES
    )
    shares = (words.percent(share(waits.within(mark), whole)) for mark in MARKS)
    return (words.count(whole), *quantiles, *shares)


def _abandoned(figures: Figures, words: Words) -> Section:
    calls, pick = figures.calls, words.pick
    counts = {words.name(ending): calls.by[ending] for ending in ABANDONED}
    counts[pick("semua yang ditinggalkan", "all abandoned")] = calls.abandoned
    counts[pick("di antaranya sesudah 10 detik", "of these after 10 s")] = figures.late
    return Section(
        "abandoned",
        pick("Ditinggalkan sebelum ada orang", "Abandoned before a person"),
        (pick("tahap", "stage"), pick("jumlah", "calls"), pick("dari yang selesai", "of ended")),
        tuple(
            (name, words.count(many), words.percent(share(many, calls.ended)))
            for name, many in counts.items()
        ),
    )


def _rates(figures: Figures, words: Words) -> Section:
    pick = words.pick
    call, queue = _since(words)
    return Section(
        "rate",
        pick("Rumus jawab Indonesia", "The Indonesian answer formula"),
        (
            pick("sejak", "since"),
            pick("dijawab ≤30 dtk", "answered ≤30 s"),
            pick("diterima", "received"),
            pick("ditutup ≤5 dtk", "disconnected ≤5 s"),
            pick("nilai", "rate"),
        ),
        tuple(
            (
                name,
                *(words.count(many) for many in (rate.in_time, rate.received, rate.early)),
                words.percent(rate.share),
            )
            for name, rate in (
                (call, figures.rate),
                (queue, figures.queue_rate),
            )
        ),
        pick(*definitions.RATE),
    )


def _named(tallies: Mapping[str, Tally], words: Words) -> Iterable[tuple[str, Tally]]:
    """Yield what each is called; two of one word are told apart by their names."""
    none = words.pick("(belum memilih)", "(not yet)")
    shown = {name: words.name(name) or none for name in tallies}
    common = {word for word, many in Counter(shown.values()).items() if many > 1}
    for name, tally in tallies.items():
        word = shown[name]
        yield f"{word} ({name or '-'})" if word in common else word, tally


def _tallies(
    key: str, titles: tuple[str, str], tallies: Iterable[tuple[str, Tally]], words: Words
) -> Section:
    pick = words.pick
    of_ending = {
        "connected-agency": pick("instansi", "agency"),
        "connected-operator": pick("petugas", "operator"),
        "abandoned-menu": pick("menu", "menu"),
        "abandoned-ringing": pick("dering", "ringing"),
        "abandoned-queue": pick("antrean", "queue"),
        "cut-off": pick("terputus", "cut off"),
        "open": pick("berjalan", "open"),
    }
    rows = (
        (name, words.count(tally.calls), *(words.count(tally.by[ending]) for ending in ENDINGS))
        for name, tally in tallies
        if tally.calls
    )
    name = pick(*titles)
    return Section(
        key,
        pick(f"Menurut {name.lower()}", f"By {name.lower()}") if key != "floor" else name,
        (name.lower(), pick("jumlah", "calls"), *of_ending.values()),
        tuple(rows),
        pick(*definitions.ENDINGS) if key == "service" else "",
    )


def _handoffs(handoffs: Iterable[Handoff], words: Words) -> Section:
    pick = words.pick
    return Section(
        "handoff",
        pick("Penyerahan ke instansi", "Hand-off to agencies"),
        (
            pick("instansi", "agency"),
            pick("percobaan", "attempts"),
            pick("berhasil", "reached"),
            pick("bagian", "share"),
            *("median", "p90", pick("≤30 dtk", "≤30 s")),
            pick("berjalan", "open"),
        ),
        tuple(
            (
                one.agency,
                words.count(one.attempts),
                words.count(one.reached.count),
                words.percent(share(one.reached.count, one.attempts)),
                *(words.seconds(one.reached.quantile(q)) for q in QUANTILES),
                words.percent(share(one.reached.within(30), one.reached.count)),
                words.count(one.open),
            )
            for one in handoffs
        ),
        pick(*definitions.HANDOFF),
    )


def _failures(handoffs: Iterable[Handoff], words: Words) -> Section:
    pick = words.pick
    rows = (
        (
            one.agency,
            words.name(reason),
            words.count(many),
            words.percent(share(many, one.attempts)),
        )
        for one in handoffs
        for reason, many in (*one.failed.items(), ("caller-left", one.caller_left))
        if many
    )
    return Section(
        "failures",
        pick("Percobaan yang tidak berhasil", "Attempts that reached nobody"),
        (
            pick("instansi", "agency"),
            pick("sebab", "reason"),
            pick("jumlah", "attempts"),
            pick("bagian", "share"),
        ),
        tuple(rows),
        left=2,
    )
