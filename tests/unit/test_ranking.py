"""Whom to call back first: by danger, one entry a number."""

import pytest

from ivr.ranking import SHORT_SECONDS, Missed, ranked


def missed(
    ani: str = "0812",
    began_at: float = 0.0,
    seconds: float = 5.0,
    service: str = "",
    why: str = "abandoned-menu",
) -> Missed:
    return Missed(f"{ani}-{began_at}", ani, began_at, began_at + seconds, why, service)


@pytest.mark.parametrize(
    ("calls", "danger"),
    [
        ([missed(service="fire")], "pressed"),
        ([missed(service="medical", seconds=1)], "pressed"),
        ([missed(), missed(began_at=60, service="fire")], "pressed"),
        ([missed(), missed(began_at=60)], "repeated"),
        ([missed(seconds=SHORT_SECONDS + 0.1)], "waited"),
        ([missed(seconds=1, why="cut-off")], "waited"),
        ([missed(seconds=SHORT_SECONDS)], "short"),
        ([missed(service="power")], "short"),
    ],
)
def test_the_danger_is_what_was_pressed_then_how_often_then_how_long(
    calls: list[Missed], danger: str
) -> None:
    (one,) = ranked(calls)
    assert one.danger == danger


def test_who_pressed_fire_comes_before_who_waits_longer_and_of_alike_the_longest() -> None:
    calls = [
        missed("short", 0),
        missed("waited", 0, 60),
        missed("again", 10),
        missed("again", 20),
        missed("fire-late", 500, service="fire"),
        missed("fire-early", 400, service="fire"),
    ]
    assert [one.ani for one in ranked(calls)] == [
        *("fire-early", "fire-late", "again", "waited", "short"),
    ]


def test_all_calls_of_a_number_are_one_entry_since_the_first_and_called_back_by_the_last() -> None:
    (one,) = ranked([missed(began_at=100, service="power"), missed(service="police")])
    assert [call.began_at for call in one.calls] == [0, 100]
    assert (one.since, one.id, one.services) == (5.0, "0812-100", ("police", "power"))


def test_who_cannot_speak_is_listed_and_never_rung_whatever_else_he_pressed() -> None:
    (one,) = ranked([missed(service="cannot-speak"), missed(began_at=9, service="fire")])
    assert one.never
    assert not ranked([missed()])[0].never


def test_nobody_missed_is_nobody_to_call() -> None:
    assert ranked([]) == ()
