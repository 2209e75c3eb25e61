"""The report as text for a terminal."""

import textwrap
from collections.abc import Iterable

from ivr.figures import Figures
from ivr.report.grid import grid
from ivr.report.sections import Section, sections, title
from ivr.words import Words

WIDTH = 96


def text(figures: Figures, words: Words) -> str:
    """Return the whole report."""
    lines = [title(figures, words)]
    for section in sections(figures, words):
        lines += ["", *_lines(section)]
    return "\n".join(lines)


def _lines(section: Section) -> Iterable[str]:
    yield section.title
    yield from ("  " + line for line in grid(section.head, section.rows, section.left))
    yield from textwrap.wrap(section.note, WIDTH, initial_indent="  ", subsequent_indent="  ")
