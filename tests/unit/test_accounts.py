"""Roles, passwords, the wait after failed logins, and when a session is over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.accounts import (
    FREE_BY_ADDRESS,
    FREE_BY_NAME,
    IDLE_SECONDS,
    KNOWN_SECONDS,
    LONGEST_WAIT_SECONDS,
    MAY,
    SESSION_SECONDS,
    WINDOW_SECONDS,
    AccountError,
    Attempt,
    Session,
    check_name,
    check_password,
    check_shown,
    is_over,
    may,
    name_as_typed,
    name_key,
    new_session,
    place_of,
    stands_in,
    wait_seconds,
)

NOW = 1_795_582_800.0
HERE, THERE = "192.0.2.7", "198.51.100.9"
AYU, BUDI = name_key("ayu"), name_key("budi")


def failed(*ago: float, name: str = AYU, address: str = HERE) -> list[Attempt]:
    """Failures, so many seconds ago."""
    return [Attempt(NOW - seconds, name, address, well=False) for seconds in ago]


def well(ago: float, name: str = AYU, address: str = HERE) -> list[Attempt]:
    return [Attempt(NOW - ago, name, address, well=True)]


def wait(attempts: list[Attempt], name: str = AYU, address: str = HERE) -> float:
    return wait_seconds(attempts, name, address, NOW)


# ----------------------------------------------------------------------------------------- roles


def test_only_a_supervisor_hears_recordings() -> None:
    assert [role for role in MAY if may(role, "hear-recordings")] == ["supervisor"]


def test_who_keeps_the_line_sees_no_caller() -> None:
    assert not may("telecom", "see-calls")
    assert may("telecom", "see-line")


def test_a_supervisor_is_an_operator_too_and_nobody_else_is_anybody_else() -> None:
    pairs = {(role, wanted) for role in MAY for wanted in MAY if stands_in(role, wanted)}
    assert pairs == {(role, role) for role in MAY} | {("supervisor", "operator")}


# --------------------------------------------------------------------------- names and passwords


@pytest.mark.parametrize("name", ["ayu", "ayu.lestari", "operator-1", "a" * 32])
def test_a_name_is_what_anybody_can_type(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(
    "name", ["", "Ayu", "1", "ayu lestari", "-ayu", "ayu.", "a" * 33, "<b>", "ayu\n", "é"]
)
def test_other_names_are_refused_with_a_remedy(name: str) -> None:
    with pytest.raises(AccountError, match="use small letters"):
        check_name(name)


@pytest.mark.parametrize("shown", ["", " ", "a\nb", "x" * 61, "\u202eayu"])
def test_a_name_that_cannot_be_shown_is_refused(shown: str) -> None:
    with pytest.raises(AccountError, match="at most 60 letters"):
        check_shown(shown)


def test_capitals_and_spaces_around_a_name_do_not_matter() -> None:
    assert name_as_typed(" Ayu ") == "ayu"
    assert name_key("AYU ") == AYU != BUDI


def test_only_the_length_of_a_password_counts() -> None:
    for password in ("aaaaaaaaaaaaaaa", "tiga kata biasa", "x" * 256):
        check_password(password)


@pytest.mark.parametrize(
    ("password", "said"),
    [("", "0 characters"), ("x" * 14, "14 characters"), ("x" * 257, "256 at most")],
)
def test_a_password_of_another_length_is_refused(password: str, said: str) -> None:
    with pytest.raises(AccountError, match=said):
        check_password(password)


def test_a_letter_counts_once_however_the_keyboard_sends_it() -> None:
    with pytest.raises(AccountError, match="14 characters"):
        check_password("e\u0301" * 14)


# ----------------------------------------------------------------------------------- failed logins


def test_some_failures_cost_no_wait_and_then_each_costs_twice_as_much() -> None:
    waits = [wait(failed(*[0.0] * count)) for count in range(10)]
    assert waits == [0, 0, 0, 2, 4, 8, 16, 32, 60, 60]


def test_the_wait_passes() -> None:
    assert wait(failed(1.5, 1.5, 1.5)) == 0.5
    assert wait(failed(2, 2, 2)) == 0


def test_a_failure_is_forgotten_in_time() -> None:
    assert wait(failed(0, WINDOW_SECONDS, WINDOW_SECONDS)) == 0
    assert wait(failed(0, WINDOW_SECONDS - 1, WINDOW_SECONDS - 1)) == 2


def test_a_login_that_went_well_clears_the_failures_before_it() -> None:
    assert wait(failed(0, 0, 0, 0) + well(1)) == 4
    assert wait(failed(2, 2, 2, 2) + well(1)) == 0


def test_no_stranger_keeps_out_who_was_here_before() -> None:
    strangers = failed(*[0.0] * 500, address=THERE)
    assert wait(strangers) == LONGEST_WAIT_SECONDS
    assert wait(strangers + well(KNOWN_SECONDS - 1)) == 0
    assert wait(strangers + well(KNOWN_SECONDS)) == LONGEST_WAIT_SECONDS


def test_who_shares_an_address_does_not_pay_for_the_failures_of_others() -> None:
    others = failed(*[0.0] * 500, name=BUDI)
    assert wait(others) == LONGEST_WAIT_SECONDS
    assert wait(others + well(60)) == 0


def test_an_address_that_guesses_at_many_names_is_slowed_down() -> None:
    names = [name_key(str(number)) for number in range(FREE_BY_ADDRESS)]
    guesses = [one for name in names for one in failed(0, name=name)]
    assert wait(guesses[1:]) == 0
    assert wait(guesses) == 2
    assert wait(guesses, address=THERE) == 0


def test_a_login_elsewhere_makes_no_other_address_known() -> None:
    guesses = failed(0, 0, 0, address=THERE)
    assert wait(guesses + well(60, address=HERE), address=THERE) == 2


def test_a_clock_that_was_set_back_keeps_nobody_waiting_for_longer() -> None:
    assert wait(failed(-7200, -7200, -7200)) == 2


def test_a_network_of_ipv6_is_one_place() -> None:
    assert place_of("2001:db8::1") == place_of("2001:db8::ffff:1") == "2001:db8::/64"
    assert place_of("2001:db8:0:1::1") != place_of("2001:db8::1")
    assert place_of("192.0.2.7") == "192.0.2.7"
    assert place_of("") == ""


attempts = st.builds(
    Attempt,
    at=st.floats(NOW - 2 * KNOWN_SECONDS, NOW + 7200),
    name=st.sampled_from([AYU, BUDI]),
    address=st.sampled_from([HERE, THERE]),
    well=st.booleans(),
)


@given(st.lists(attempts, max_size=60))
def test_whatever_happened_nobody_waits_longer_than_the_longest_wait(
    seen: list[Attempt],
) -> None:
    assert 0 <= wait(seen) <= LONGEST_WAIT_SECONDS
    assert wait(seen) == wait(list(reversed(seen)))


@given(st.lists(attempts, max_size=60))
def test_who_logged_in_here_waits_only_for_failures_of_that_name_here(seen: list[Attempt]) -> None:
    own = [one for one in seen if one.name == AYU and one.address == HERE]
    if any(one.well and one.at > NOW - KNOWN_SECONDS for one in own):
        assert wait(seen) == wait(own)
    if len([one for one in own if not one.well]) < FREE_BY_NAME:
        assert wait(own) == 0


# ---------------------------------------------------------------------------------------- sessions


def test_a_session_lasts_a_shift_and_ends_when_nobody_is_there() -> None:
    session = new_session("ayu", HERE, NOW)
    assert not is_over(session, NOW + IDLE_SECONDS - 1)
    assert is_over(session, NOW + IDLE_SECONDS)
    busy = Session("ayu", HERE, NOW, NOW + SESSION_SECONDS - 1, session.expires_at, IDLE_SECONDS)
    assert not is_over(busy, NOW + SESSION_SECONDS - 1)
    assert is_over(busy, NOW + SESSION_SECONDS)
