"""What a report shows, for a terminal, a page, a sheet and a program."""

import csv
import io
import json
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from ivr.counting import Attempts, Cell, Counted, figures
from ivr.figures import Figures, Waits
from ivr.period import a_day, a_month
from ivr.report.page import html
from ivr.report.sections import sections
from ivr.report.table import text
from ivr.report.tidy import as_csv, as_json
from ivr.words import Lang, Words

DAY = a_day("2026-11-25")
EVIL = "<script>alert('x')</script>"
MADE_AT = 1795617000.0

COUNTED = Counted(
    cells=(
        Cell(DAY.hours[0] + 9, "connected-agency", "fire", "controller", 1200),
        Cell(DAY.hours[0] + 9, "abandoned-menu", "", "", 34, early=4, late=20),
        Cell(DAY.hours[0] + 10, "connected-operator", EVIL, "static", 1, queued=1),
        Cell(DAY.hours[0] + 10, "open", "fire", "controller", 2),
        Cell(DAY.hours[0] + 10, None, "fire", "controller", 3),
    ),
    human=Waits(((95, 1000), (152, 200), (700, 1))),
    queue=Waits(((55, 1),)),
    attempts=(
        Attempts("damkar", "ANSWER", 16, True, 1200),
        Attempts("damkar", "BUSY", 17, False, 300),
        Attempts(EVIL, "CONGESTION", 16, False, 1),
    ),
    rings={"damkar": Waits(((62, 1200),))},
)
BUSY_DAY = figures(DAY, COUNTED)
NOBODY = figures(DAY, Counted())
MONTH = figures(a_month("2026-11"), COUNTED)
EVERY = pytest.mark.parametrize(
    "of", [BUSY_DAY, NOBODY, MONTH], ids=["busy day", "nobody", "month"]
)
LANGS = pytest.mark.parametrize("lang", ["id", "en"])


class Page(HTMLParser):
    """The tags of a page, what is outside of it, and what is left open."""

    VOID = frozenset({"meta", "rect", "path"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.outside: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.outside += [key for key, _ in attrs if key in ("src", "href", "srcset", "data")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def squeezed(of: Figures, lang: Lang) -> list[str]:
    """The lines for a terminal, with one space where there are more."""
    return [" ".join(line.split()) for line in text(of, Words(lang)).splitlines()]


def test_a_terminal_reads_the_figures_in_indonesian() -> None:
    lines = squeezed(BUSY_DAY, "id")
    assert lines[0] == "Laporan 112 Pekanbaru: Rabu, 25 November 2026"
    for line in (
        "diserahkan ke instansi 1.200 97,0 %",
        "panggilan uji (tidak dihitung) 3",
        "masuk dijawab orang 1.201 9,5 dtk 15,2 dtk 83,3 % 83,3 % 99,9 % 99,9 %",
        "masuk semua yang selesai 1.235 - - 81,0 % 81,0 % 97,2 % 97,2 %",
        "kebakaran 1.202 1.200 0 0 0 0 0 2",
        "damkar 1.500 1.200 80,0 % 6,2 dtk 6,2 dtk 100,0 % 0",
        "damkar sibuk 300 20,0 %",
    ):
        assert line in lines


def test_a_terminal_reads_them_in_english() -> None:
    lines = squeezed(MONTH, "en")
    assert lines[0] == "112 Pekanbaru, report: November 2026"
    assert "put through to an agency 1,200 97.0 %" in lines
    assert "2026-11-25 1,237 1,200 1 34 0 0 0 2" in lines


def test_two_services_of_one_word_are_both_shown() -> None:
    """`rescue` is called SAR, and staff may call a service of theirs so."""
    hour = DAY.hours[0]
    cells = [
        Cell(hour, "connected-agency", name, "static", many)
        for name, many in (("rescue", 3), ("SAR", 4), ("fire", 5))
    ]
    lines = squeezed(figures(DAY, Counted(cells=tuple(cells))), "id")
    assert {line.split(" 0")[0] for line in lines} >= {
        "SAR (rescue) 3 3",
        "SAR (SAR) 4 4",
        "kebakaran 5 5",
    }


def test_the_indonesian_formula_stands_beside_its_value() -> None:
    lines = squeezed(BUSY_DAY, "id")
    at = lines.index("Rumus jawab Indonesia")
    assert lines[at + 2] == "masuk 1.200 1.235 4 97,5 %"
    assert lines[at + 4].startswith("Permen Kominfo 16/2013 Pasal 15: dijawab orang dalam 30 detik")


@EVERY
@LANGS
def test_no_line_is_wider_than_a_terminal(of: Figures, lang: Lang) -> None:
    assert max(map(len, text(of, Words(lang)).splitlines())) <= 110


@EVERY
@LANGS
def test_a_page_needs_nothing_from_outside_and_leaves_nothing_open(of: Figures, lang: Lang) -> None:
    page = html(of, Words(lang), MADE_AT)
    read = Page(page)
    assert read.open == []
    assert read.outside == []
    assert "url(" not in page
    assert "@import" not in page
    assert "script" not in read.tags
    assert f'<html lang="{lang}">' in page


def test_a_page_shows_each_section_as_a_table_and_three_of_them_as_plots() -> None:
    read = Page(html(BUSY_DAY, Words("id"), MADE_AT))
    assert read.tags.count("table") == len(list(sections(BUSY_DAY, Words("id")))) == 9
    assert read.tags.count("figure") == 3
    assert read.tags.count("desc") == 3


def test_every_plot_of_a_page_is_well_formed() -> None:
    page = html(MONTH, Words("id"), MADE_AT)
    plots = [part.partition("</svg>")[0] for part in page.split("<svg xmlns")[1:]]
    assert len(plots) == 4
    for plot in plots:
        ET.fromstring(f"<svg xmlns{plot}</svg>")  # noqa: S314 - our own


def test_a_page_of_a_day_without_calls_has_no_plot() -> None:
    assert "figure" not in Page(html(NOBODY, Words("id"), MADE_AT)).tags


def test_a_sheet_has_one_figure_a_line() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(BUSY_DAY))))
    found = {(row["figure"], row["group"]): (row["value"], row["unit"]) for row in rows}
    assert len(found) == len(rows)
    assert found["calls", "all"] == ("1237", "calls")
    assert found["calls_by_service", EVIL] == ("1", "calls")
    assert found["time_to_human", "p90"] == ("15.2", "s")
    assert found["handoff_success", "damkar"] == ("0.8", "share")
    assert found["handoff_failed", "damkar/busy"] == ("300", "attempts")


def test_what_does_not_exist_is_empty_in_a_sheet_and_null_for_a_program() -> None:
    rows = csv.DictReader(io.StringIO(as_csv(NOBODY)))
    assert {row["value"] for row in rows if row["unit"] in ("s", "share")} == {""}
    assert json.loads(as_json(NOBODY))["figures"]["time_to_human"]["p50"] is None


def test_a_program_reads_what_a_sheet_holds() -> None:
    read = json.loads(as_json(MONTH))
    assert read["period"] == {
        "name": "2026-11",
        "first": "2026-11-01",
        "last": "2026-11-30",
        "zone": "WIB",
    }
    for row in csv.DictReader(io.StringIO(as_csv(MONTH))):
        value = read["figures"][row["figure"]][row["group"]]
        assert row["value"] == ("" if value is None else str(value))
