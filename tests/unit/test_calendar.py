"""Nothing is thrown away for its age while the clock cannot be believed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.desk.calendar import LEAP_SECONDS, SETTLE_SECONDS, Calendar, Seen, seen

NOW = 1_795_700_000.0
DAY = 24 * 3600.0
YEAR = 365 * DAY


def looks(calendar: Calendar, *times: float) -> list[bool]:
    """Look at each time; return of which looks the clock was found to have leapt."""
    return [calendar.look(at) for at in times]


@pytest.fixture
def calendar(tmp_path: Path) -> Calendar:
    return Calendar(tmp_path / "calendar.json")


def test_a_clock_is_believed_once_it_has_gone_on_for_a_day(calendar: Calendar) -> None:
    hours = [NOW + hour * 3600 for hour in range(24)]
    assert looks(calendar, *hours) == [False] * 24
    assert not calendar.believed
    calendar.look(NOW + DAY)
    assert calendar.believed


@pytest.mark.parametrize("leap", [YEAR, 2 * DAY, -3600.0, -YEAR])
def test_after_a_leap_it_is_not_believed_for_a_day(calendar: Calendar, leap: float) -> None:
    looks(calendar, NOW, NOW + DAY)
    assert looks(calendar, NOW + DAY + leap) == [True]
    assert not calendar.believed
    assert looks(calendar, NOW + DAY + leap + 3600) == [False]
    assert not calendar.believed
    calendar.look(NOW + 2 * DAY + leap)
    assert calendar.believed


def test_a_leap_there_and_back_within_the_hour_throws_nothing_away(calendar: Calendar) -> None:
    looks(calendar, NOW, NOW + DAY)
    assert looks(calendar, NOW + YEAR, NOW + DAY + 3600) == [True, True]
    assert not calendar.believed


def test_a_leap_while_the_desk_was_off_is_one_too(calendar: Calendar) -> None:
    looks(calendar, NOW, NOW + DAY)
    again = Calendar(calendar.file)
    assert looks(again, NOW + YEAR) == [True]
    assert not again.believed


def test_a_desk_that_was_off_for_a_night_goes_on(calendar: Calendar) -> None:
    looks(calendar, NOW, NOW + DAY)
    again = Calendar(calendar.file)
    assert looks(again, NOW + DAY + 12 * 3600) == [False]
    assert again.believed


@pytest.mark.parametrize("text", ["", "{", "[]", '{"at": null, "since": 1}', '{"at": 1}'])
def test_a_file_that_says_nothing_is_as_none(calendar: Calendar, text: str) -> None:
    calendar.file.write_text(text)
    assert not calendar.look(NOW)
    assert not calendar.believed


@given(st.lists(st.floats(0, 3e9), min_size=1))
def test_it_is_never_believed_within_a_day_of_a_leap(times: list[float]) -> None:
    state: Seen | None = None
    leapt_at = times[0]
    for at in times:
        if state and not -60 <= at - state.at <= LEAP_SECONDS:
            leapt_at = at
        state = seen(state, at)
        assert state.since == leapt_at
        assert at - state.since < SETTLE_SECONDS or at - leapt_at >= SETTLE_SECONDS
