"""What has changed on a live screen, and nothing else, is told."""

import json

from hypothesis import given
from hypothesis import strategies as st

from ivr.desk.console.pieces import Pieces, changed, event

screens = st.dictionaries(st.sampled_from("abcdef"), st.text(max_size=3), max_size=6)


def applied(before: Pieces, told: dict[str, object]) -> Pieces:
    """Return what a page has that takes a change (static/feed.js, put)."""
    html, order = told.get("html", {}), told.get("order", list(before))
    assert isinstance(html, dict)
    assert isinstance(order, list)
    every = {**before, **html}
    return {name: every[name] for name in order}


@given(screens, screens)
def test_who_takes_a_change_has_what_is_there_now(before: Pieces, after: Pieces) -> None:
    told = changed(before, after)
    assert list(applied(before, told).items()) == list(after.items())
    assert bool(told) == (list(before.items()) != list(after.items()))


@given(screens)
def test_who_comes_later_is_told_everything(after: Pieces) -> None:
    assert list(applied({}, changed(None, after)).items()) == list(after.items())


def test_a_telling_is_one_line_whatever_a_caller_sent() -> None:
    told = event("calls", {"html": {"x": "a\n\ndata: b\r</script>\u2028"}})
    assert told.count(b"\n") == 3
    _, data = told.decode().strip().split("\n")
    assert json.loads(data.removeprefix("data: "))["html"]["x"].startswith("a\n\ndata")
