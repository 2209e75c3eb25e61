"""Plots as SVG text: bars upright and stacked, a distribution with marks, and shares in rows.

Law 1: every text that comes from outside is escaped, and every plot tells its story in words too.
Law 2: no two labels overlap: what does not fit in its place is left to the table beside the plot.
Law 3: colours are the page's: a series is a class, `s-NAME`, and the rest `axis`, `grid`, `mark`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 720
HEIGHT = 260
NARROW, PLAIN, BROAD = 4.0, 7.7, 11.7
"""How wide characters are at 12 px in DejaVu Sans, the widest of the fonts that a page may get."""
TOP, BOTTOM, RIGHT = 34.0, 26.0, 12.0
TICKS = 4
ROW = 30.0
BAR = 18.0

Write = Callable[[int], str]
Box = tuple[float, float, float, float]
"""Left, top, width, height."""


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of a plot: its class, what it stands for, and a value for each label."""

    key: str
    name: str
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A line across a distribution at a number of its unit, with two short lines of text."""

    at: float
    above: str
    below: str


def stacked(
    title: str, desc: str, labels: Sequence[str], series: Sequence[Series], write: Write
) -> str:
    """Return upright bars, one a label; the first series stands at the bottom."""
    most = max((sum(one.values[n] for one in series) for n in range(len(labels))), default=0)
    axis = _Axis(most, write)
    band = axis.width / max(len(labels), 1)
    parts = axis.lines()
    for n, label in enumerate(labels):
        x, base = axis.left + n * band, 0
        for one in series:
            value = one.values[n]
            if value:
                told = f"{label}: {one.name} {write(value)}"
                y = axis.y(base + value)
                parts.append(_bar(one.key, told, (x + band * 0.1, y, band * 0.8, axis.y(base) - y)))
            base += value
    parts += _labels(labels, axis.left, band)
    return _svg(title, desc, HEIGHT, parts)


def distribution(
    title: str, desc: str, counts: Sequence[int], marks: Sequence[Mark], write: Write
) -> str:
    """Return a histogram of whole units from 0; the last count is of all that is beyond."""
    axis = _Axis(max(counts, default=0), write)
    band = axis.width / max(len(counts), 1)
    parts = axis.lines()
    for n, count in enumerate(counts):
        if count:
            beyond = n == len(counts) - 1
            told = f"{f'> {n}' if beyond else f'{n}-{n + 1}'}: {write(count)}"
            x, y = axis.left + n * band, axis.y(count)
            parts.append(_bar("wait", told, (x, y, band * 0.92, axis.y(0) - y)))
    for mark in marks:
        x = axis.left + mark.at * band
        parts.append(f'<path class="mark" d="M{x:.1f} {TOP:.1f}V{HEIGHT - BOTTOM:.1f}"/>')
        parts += [_text(x, 12, mark.above, "middle"), _text(x, 27, mark.below, "middle")]
    every = range(0, len(counts), 10)
    last = len(counts) - 1
    ticks = [(axis.left + n * band, f"> {n}" if n == last else f"{n}") for n in every]
    parts += [
        _text(x, HEIGHT - 8, told, "middle" if x < WIDTH - 40 else "end") for x, told in ticks
    ]
    return _svg(title, desc, HEIGHT, parts)


def shares(
    title: str,
    desc: str,
    labels: Sequence[str],
    series: Sequence[Series],
    notes: Sequence[str],
) -> str:
    """Return lying bars of one length, one a label, cut into the shares of each series."""
    left = _room(labels)
    right = _room(notes)
    width = WIDTH - left - right
    parts: list[str] = []
    for n, (label, note) in enumerate(zip(labels, notes, strict=True)):
        whole = sum(one.values[n] for one in series)
        y, x = n * ROW + 6, left
        parts.append(_text(left - 8, y + 13, label, "end"))
        parts.append(_text(WIDTH - right + 8, y + 13, note, "start"))
        parts.append(
            f'<rect class="empty" x="{x:.1f}" y="{y}" width="{width:.1f}" height="{BAR}"/>'
        )
        for one in series:
            if value := one.values[n]:
                long = width * value / whole
                parts.append(_bar(one.key, f"{label}: {one.name} {value}", (x, y, long, BAR)))
                x += long
    return _svg(title, desc, len(labels) * ROW + 6, parts)


class _Axis:
    """The upright axis: from 0 to a round number at or above the highest value."""

    def __init__(self, most: int, write: Write) -> None:
        step = _step(most)
        self.top = max(-(-most // step) * step, step)
        self._ticks = range(0, self.top + 1, step)
        self._write = write
        self.left = _room([write(tick) for tick in self._ticks])
        self.width = WIDTH - self.left - RIGHT

    def y(self, value: int) -> float:
        """Return where a value is."""
        return HEIGHT - BOTTOM - value * (HEIGHT - BOTTOM - TOP) / self.top

    def lines(self) -> list[str]:
        """Return a line and a label for each tick."""
        parts = []
        for tick in self._ticks:
            y = self.y(tick)
            kind = "grid" if tick else "axis"
            parts.append(f'<path class="{kind}" d="M{self.left:.1f} {y:.1f}H{WIDTH - RIGHT}"/>')
            parts.append(_text(self.left - 8, y + 4, self._write(tick), "end"))
        return parts


def _step(most: int) -> int:
    """Return 1, 2 or 5 times a power of ten, so that TICKS steps or fewer reach the highest."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            if factor * power * TICKS >= most:
                return factor * power
        power *= 10


def wide(text: str) -> float:
    """Return how wide a label is at most."""
    return sum(
        NARROW if letter in " .,:;|!'ijlI" else BROAD if letter in "%mwMW" else PLAIN
        for letter in text
    )


def _room(labels: Sequence[str]) -> float:
    return max(map(wide, labels), default=0) + 16


def _labels(labels: Sequence[str], left: float, band: float) -> list[str]:
    """Return as many labels as fit side by side: each, or each second, third ..."""
    widest = max(map(wide, labels), default=0) + 4
    every = max(1, math.ceil(widest / band))
    places = [(left + (n + 0.5) * band, labels[n]) for n in range(0, len(labels), every)]
    return [
        _text(x, HEIGHT - 8, label, "middle")
        for x, label in places
        if widest / 2 <= x <= WIDTH - widest / 2
    ]


def _bar(key: str, told: str, box: Box) -> str:
    x, y, width, height = box
    return (
        f'<rect class="s-{escape(key)}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
        f'height="{max(height, 0.5):.1f}"><title>{escape(told)}</title></rect>'
    )


def _text(x: float, y: float, said: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(said)}</text>'


def _svg(title: str, desc: str, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'aria-label="{escape(title)}"><title>{escape(title)}</title><desc>{escape(desc)}</desc>'
        f"{''.join(parts)}</svg>"
    )
