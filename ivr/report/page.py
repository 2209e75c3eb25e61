"""The report as one HTML page: it needs nothing from outside, and reads well on paper too."""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import pairwise

from ivr.figures import ENDINGS, MARKS, Figures, Handoff, Tally, share
from ivr.report import plots
from ivr.report.plots import Mark, Series
from ivr.report.sections import Section, sections, title
from ivr.report.style import STYLE
from ivr.words import Words, clock

LAST_SECOND = 60
"""The distribution shows each second up to here, and all beyond as one."""


def html(figures: Figures, words: Words, made_at: float) -> str:
    """Return the whole page. `made_at` is the time in seconds since the epoch."""
    name = escape(title(figures, words))
    made = words.pick("dibuat", "made")
    body = "".join(_section(one, plot(one.key, figures, words)) for one in sections(figures, words))
    return (
        f'<!doctype html>\n<html lang="{words.lang}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{name}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<header>"
        f"<h1>{name}</h1>\n<p>{made} {clock(made_at)} WIB</p></header>\n"
        f"{_cards(figures, words)}{body}</main>\n</body>\n</html>\n"
    )


def _cards(figures: Figures, words: Words) -> str:
    calls, pick = figures.calls, words.pick
    reached = share(figures.human.count, calls.ended)
    cards = (
        (words.count(calls.calls), pick("panggilan", "calls")),
        (words.percent(reached), pick("sampai ke orang", "reached a person")),
        (words.percent(share(calls.abandoned, calls.ended)), pick("ditinggalkan", "abandoned")),
        (words.seconds(figures.human.quantile(50)), pick("median ke orang", "median to a person")),
        (words.percent(figures.rate.share), pick("rumus jawab", "answer formula")),
    )
    items = "".join(f"<li><b>{escape(value)}</b> {escape(name)}</li>" for value, name in cards)
    return f'<ul class="cards">{items}</ul>\n'


def _section(section: Section, figure: str) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in section.head)
    rows = "".join(f"<tr>{_row(row, section.left)}</tr>\n" for row in section.rows)
    note = f"<p>{escape(section.note)}</p>\n" if section.note else ""
    return (
        f'<section id="{section.key}">\n<h2>{escape(section.title)}</h2>\n{figure}'
        f'<div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>{rows}</tbody></table></div>\n{note}</section>\n"
    )


def _row(row: Sequence[str], left: int) -> str:
    cells = (
        f'<th scope="row">{escape(cell)}</th>' if n < left else f"<td>{escape(cell)}</td>"
        for n, cell in enumerate(row)
    )
    return "".join(cells)


# ------------------------------------------------------------------------------------- the plots


def plot(key: str, figures: Figures, words: Words) -> str:
    """Return the figure of a section, by its key; most have none."""
    match key:
        case "hour":
            labels = [f"{hour:02}" for hour in figures.by_hour]
            return _stacked(labels, list(figures.by_hour.values()), words)
        case "day":
            labels = [f"{day.day}" for day in figures.by_day]
            return _stacked(labels, list(figures.by_day.values()), words)
        case "human" if figures.human.count:
            return _distribution(figures, words)
        case "handoff":
            return _handoffs(figures.handoffs, words)
    return ""


def _stacked(labels: Sequence[str], tallies: Sequence[Tally], words: Words) -> str:
    series = [
        Series(ending, words.name(ending), tuple(tally.by[ending] for tally in tallies))
        for ending in ENDINGS
    ]
    title = words.pick("Panggilan menurut waktu dan hasil", "Calls by time and outcome")
    counts = [tally.calls for tally in tallies]
    most = max(counts, default=0)
    desc = words.pick(
        f"Terbanyak {words.count(most)} panggilan, pada {labels[counts.index(most)]}.",
        f"At most {words.count(most)} calls, at {labels[counts.index(most)]}.",
    )
    return _figure(plots.stacked(title, desc, labels, series, words.count), _legend(series))


def _distribution(figures: Figures, words: Words) -> str:
    human = figures.human
    within = [human.within(second) for second in range(LAST_SECOND + 1)]
    counts = [more - less for less, more in pairwise(within)]
    counts.append(human.count - within[-1])
    marks = [
        Mark(
            at,
            f"{at} {words.pick('dtk', 's')}",
            words.percent(share(human.within(at), human.count)),
        )
        for at in MARKS
    ]
    title = words.pick(
        "Detik sampai ke orang, dari panggilan masuk", "Seconds to a person, from the INVITE"
    )
    desc = "; ".join(f"{mark.above}: {mark.below}" for mark in marks)
    caption = words.pick(
        "Panggilan menurut detik sampai ke orang; garis: bagian yang sudah dijawab saat itu.",
        "Calls by seconds to a person; lines: the share answered by then.",
    )
    return _figure(plots.distribution(title, desc, counts, marks, words.count), escape(caption))


def _handoffs(handoffs: Sequence[Handoff], words: Words) -> str:
    kinds = (
        ("soon", words.pick("berhasil dalam 30 detik", "reached within 30 s")),
        ("late", words.pick("berhasil kemudian", "reached later")),
        ("failed", words.pick("tidak berhasil", "not reached")),
        ("caller-left", words.name("caller-left")),
    )
    rows = [
        (
            one.reached.within(30),
            one.reached.count - one.reached.within(30),
            sum(one.failed.values()),
            one.caller_left,
        )
        for one in handoffs
    ]
    series = [
        Series(key, name, tuple(row[n] for row in rows)) for n, (key, name) in enumerate(kinds)
    ]
    title = words.pick("Hasil percobaan per instansi", "What became of attempts, by agency")
    notes = [words.percent(share(one.reached.count, one.attempts)) for one in handoffs]
    labels = [one.agency for one in handoffs]
    desc = "; ".join(f"{label}: {note}" for label, note in zip(labels, notes, strict=True))
    return _figure(plots.shares(title, desc, labels, series, notes), _legend(series))


def _legend(series: Iterable[Series]) -> str:
    return "".join(
        f'<span><svg width="12" height="12" aria-hidden="true"><rect class="s-{one.key}" '
        f'width="12" height="12"/></svg> {escape(one.name)}</span> '
        for one in series
    )


def _figure(svg: str, caption: str) -> str:
    return (
        f'<figure><div class="wide" tabindex="0">{svg}</div>'
        f"<figcaption>{caption}</figcaption></figure>\n"
    )
