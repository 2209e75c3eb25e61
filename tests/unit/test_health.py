"""The line is well when every part has said so a moment ago."""

import pytest

from ivr.desk.health import OTHERS, SILENT_SECONDS, VITAL, Health, Trouble


def well(at: float = 100.0) -> Health:
    health = Health(at)
    for part in (*VITAL, *OTHERS):
        health = health.told(part, at)
    return health


def test_a_line_whose_parts_are_well_is_well() -> None:
    assert well().red(101.0) == ()
    assert well().warnings(101.0) == ()


@pytest.mark.parametrize("part", VITAL)
def test_trouble_of_a_vital_part_is_red_at_once(part: str) -> None:
    health = well().told(part, 102.0, "does not answer")
    assert health.red(102.0) == (Trouble(part, "does not answer", 0.0),)


@pytest.mark.parametrize("part", OTHERS)
def test_trouble_of_another_part_is_a_warning(part: str) -> None:
    health = well().told(part, 102.0, "is away")
    assert health.red(102.0) == ()
    assert health.warnings(103.5) == (Trouble(part, "is away", 1.5),)


@pytest.mark.parametrize("part", VITAL)
def test_a_part_that_says_nothing_is_red_within_ten_seconds(part: str) -> None:
    health = well(100.0)
    for other in VITAL:
        if other != part:
            health = health.told(other, 109.0)
    assert [trouble.part for trouble in health.red(109.0)] == [part]
    assert SILENT_SECONDS < 10


def test_a_part_that_never_said_a_word_has_as_long_as_any() -> None:
    health = Health(100.0)
    assert health.red(100.0 + SILENT_SECONDS) == ()
    assert {trouble.part for trouble in health.red(101.0 + SILENT_SECONDS)} == set(VITAL)


def test_trouble_that_goes_on_counts_from_its_beginning() -> None:
    health = well().told("disk", 102.0, "full").told("disk", 105.0, "still full")
    assert health.red(106.0) == (Trouble("disk", "still full", 4.0),)
    again = health.told("disk", 106.0).told("disk", 107.0, "full")
    assert again.red(107.0) == (Trouble("disk", "full", 0.0),)


def test_trouble_of_a_part_that_fell_silent_goes_on() -> None:
    health = well().told("asterisk", 102.0, "does not answer")
    assert Trouble("asterisk", "does not answer", 18.0) in health.red(120.0)


def test_what_is_no_part_of_the_line_is_refused() -> None:
    with pytest.raises(ValueError, match="broker-2 is no part"):
        well().told("broker-2", 102.0, "is away")
