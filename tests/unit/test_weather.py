"""The weather of a hotline follows from its last attempts."""

import pytest

from ivr.weather import LAST, Attempt, Weather, weather


def attempts(served: int, failed: int) -> list[Attempt]:
    well = [Attempt(float(n), served=True, ring_seconds=4.0 + n) for n in range(served)]
    return well + [Attempt(-1.0 - n, served=False, ring_seconds=20.0) for n in range(failed)]


@pytest.mark.parametrize(
    ("served", "failed", "sky"),
    [
        *(
            (0, 0, "unknown"),
            (2, 0, "unknown"),
            (3, 0, "fair"),
            (8, 2, "fair"),
            (7, 3, "unsettled"),
        ),
        *((5, 5, "unsettled"), (4, 6, "foul"), (0, 3, "foul")),
    ],
)
def test_the_sky_is_the_share_that_reached_a_person(served: int, failed: int, sky: str) -> None:
    assert weather(attempts(served, failed)).sky == sky


def test_only_the_last_attempts_count_in_whatever_order_they_come() -> None:
    told = weather(attempts(3, 20)[::-1])
    assert (told.tried, told.served) == (LAST, 3)


def test_a_person_last_answered_when_he_was_joined_and_the_median_is_of_those_who_were() -> None:
    told = weather(attempts(3, 2))
    assert (told.human_at, told.seconds) == (2.0 + 6.0, 5.0)


def test_a_person_who_answered_long_ago_is_remembered_and_of_nobody_nothing_is_said() -> None:
    assert weather(attempts(0, 4), human_at=-500.0).human_at == -500.0
    assert weather([]) == Weather(0, 0, None, None)
