"""Pekanbaru's kecamatan, by their names of now and of before."""

from ivr.districts import DISTRICTS, called, is_district


def test_there_are_fifteen_each_with_a_key_of_its_own() -> None:
    assert len({one.key for one in DISTRICTS}) == len(DISTRICTS) == 15


def test_a_caller_s_tampan_may_be_either_of_two() -> None:
    assert [one.name for one in DISTRICTS if one.before == "Tampan"] == ["Binawidya", "Tuah Madani"]


def test_a_key_is_read_as_its_name_and_one_that_nobody_knows_as_it_is() -> None:
    assert is_district("kulim")
    assert not is_district("tampan")
    assert [called("kulim"), called("tampan"), called(""), called(None)] == [
        "Kulim",
        "tampan",
        "",
        "",
    ]
