"""A plot is well-formed, tells its story in words, and no label lies on another."""

from collections.abc import Sequence
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest

from ivr.report.plots import HEIGHT, WIDTH, Mark, Series, distribution, shares, stacked, wide

SVG = "{http://www.w3.org/2000/svg}"
HOURS = [f"{hour:02}" for hour in range(24)]
DAYS = [f"{day}" for day in range(1, 32)]
EVIL = "<script>\"&'</script>"


def write(number: int) -> str:
    return f"{number:,}"


def read(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own


def bars(svg: str) -> list[ET.Element]:
    return [one for one in read(svg).iter(f"{SVG}rect") if one.get("class") != "empty"]


def box(text: ET.Element) -> tuple[float, float, float, float]:
    """Return left, right, top and bottom of a label at the widest it can be."""
    x, y = float(text.get("x", "")), float(text.get("y", ""))
    width = wide(text.text or "")
    left = {"start": x, "middle": x - width / 2, "end": x - width}[text.get("text-anchor", "")]
    return left, left + width, y - 10, y + 2


def overlapping(svg: str) -> list[tuple[str | None, str | None]]:
    found = []
    for one, other in combinations(read(svg).iter(f"{SVG}text"), 2):
        left, right, top, bottom = box(one)
        left2, right2, top2, bottom2 = box(other)
        if left < right2 and left2 < right and top < bottom2 and top2 < bottom:
            found.append((one.text, other.text))
    return found


def outside(svg: str) -> list[str | None]:
    labels = list(read(svg).iter(f"{SVG}text"))
    return [text.text for text in labels if box(text)[0] < 0 or box(text)[1] > WIDTH]


def series(values: Sequence[int]) -> list[Series]:
    return [Series("open", "open", tuple(values)), Series("cut-off", "cut", tuple(values))]


@pytest.mark.parametrize("labels", [HOURS, DAYS, [], ["one"], ["a long label"] * 40])
@pytest.mark.parametrize("most", [0, 1, 7, 999, 1_000_000])
def test_no_label_of_stacked_bars_lies_on_another(labels: list[str], most: int) -> None:
    svg = stacked("title", "desc", labels, series([most] * len(labels)), write)
    assert overlapping(svg) == []
    assert outside(svg) == []


@pytest.mark.parametrize("counts", [[0] * 61, [1] + [0] * 60, [1_000_000] * 61])
def test_no_label_of_a_distribution_lies_on_another(counts: list[int]) -> None:
    marks = [Mark(at, f"{at} dtk", "100,0 %") for at in (10, 15, 20, 30)]
    svg = distribution("title", "desc", counts, marks, write)
    assert overlapping(svg) == []
    assert outside(svg) == []


def test_no_label_of_shares_lies_on_another() -> None:
    labels = ["a", "an-agency-with-thirty-one-lettr"]
    svg = shares("title", "desc", labels, series([1, 0]), ["100,0 %", "-"])
    assert overlapping(svg) == []
    assert outside(svg) == []


def test_a_bar_is_as_high_as_its_share_of_the_axis() -> None:
    svg = stacked("title", "desc", ["a", "b"], [Series("open", "open", (20, 10))], write)
    high, low = (float(bar.get("height", "")) for bar in bars(svg))
    assert high == pytest.approx(2 * low, abs=0.1)


def test_the_first_series_stands_at_the_bottom_and_the_next_on_it() -> None:
    below, above = bars(stacked("title", "desc", ["a"], series([5]), write))
    top_of_below = float(below.get("y", ""))
    bottom_of_above = float(above.get("y", "")) + float(above.get("height", ""))
    assert bottom_of_above == pytest.approx(top_of_below, abs=0.2)
    assert float(below.get("y", "")) + float(below.get("height", "")) < HEIGHT


def test_what_is_zero_has_no_bar() -> None:
    assert bars(stacked("title", "desc", HOURS, series([0] * 24), write)) == []
    assert bars(shares("title", "desc", ["a"], series([0]), ["-"])) == []


def test_one_call_among_a_million_can_be_seen() -> None:
    svg = stacked("title", "desc", ["a", "b"], [Series("open", "open", (1_000_000, 1))], write)
    assert [float(bar.get("height", "")) >= 0.5 for bar in bars(svg)] == [True, True]


def test_names_from_outside_stay_text() -> None:
    one = [Series(EVIL, EVIL, (1,))]
    for svg in (
        stacked(EVIL, EVIL, [EVIL], one, write),
        shares(EVIL, EVIL, [EVIL], one, [EVIL]),
        distribution(EVIL, EVIL, [1], [Mark(0, EVIL, EVIL)], write),
    ):
        assert "<script>" not in svg
        assert read(svg).findtext(f"{SVG}title") == EVIL
        assert read(svg).findtext(f"{SVG}desc") == EVIL
        assert read(svg).get("aria-label") == EVIL
