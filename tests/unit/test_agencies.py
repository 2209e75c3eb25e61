"""When a hotline is staffed: windows, edges, midnight and zones."""

from datetime import UTC, datetime, time, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from routing.agencies import WEEKDAYS, WIB, Agency, Hotline, Hours

MONDAY = datetime(2024, 1, 1, tzinfo=WIB)
OFFICE = Hours(days=("mon", "tue", "wed", "thu", "fri"), opens="08:00", closes="16:00")
NIGHT = Hours(days=("fri",), opens="22:00", closes="06:00")

clocks = st.times().map(lambda clock: clock.strftime("%H:%M"))
windows = st.builds(
    Hours,
    days=st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True).map(tuple),
    opens=clocks,
    closes=clocks,
)
moments = st.datetimes(datetime(2024, 1, 1), datetime(2026, 1, 1), timezones=st.just(WIB))  # noqa: DTZ001 - hypothesis wants naive bounds
zones = st.integers(-14 * 4, 14 * 4).map(lambda q: timezone(timedelta(minutes=15 * q)))


def on(day: str, clock: str) -> datetime:
    """Return that day of a week and time in Pekanbaru."""
    date = MONDAY + timedelta(days=("mon", "tue", "wed", "thu", "fri", "sat", "sun").index(day))
    return datetime.combine(date, time.fromisoformat(clock), tzinfo=WIB)


@pytest.mark.parametrize(
    ("day", "clock", "is_open"),
    [
        ("mon", "07:59:59.999999", False),
        ("mon", "08:00", True),
        ("mon", "12:00", True),
        ("mon", "15:59:59.999999", True),
        ("mon", "16:00", False),
        ("sat", "12:00", False),
        ("sun", "08:00", False),
    ],
)
def test_a_window_holds_from_its_opening_to_just_before_its_closing_on_its_days(
    day: str, clock: str, is_open: bool
) -> None:
    assert OFFICE.is_open(on(day, clock)) is is_open


@pytest.mark.parametrize(
    ("day", "clock", "is_open"),
    [
        ("fri", "05:59", False),
        ("fri", "21:59:59", False),
        ("fri", "22:00", True),
        ("fri", "23:59:59.999999", True),
        ("sat", "00:00", True),
        ("sat", "05:59:59", True),
        ("sat", "06:00", False),
        ("sat", "22:00", False),
        ("sun", "00:00", False),
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_it_begins_on(
    day: str, clock: str, is_open: bool
) -> None:
    assert NIGHT.crosses_midnight
    assert NIGHT.is_open(on(day, clock)) is is_open


def test_sunday_night_runs_into_monday_morning() -> None:
    sunday = Hours(days=("sun",), opens="22:00", closes="06:00")
    assert sunday.is_open(on("mon", "05:59"))
    assert not sunday.is_open(on("tue", "05:59"))


def test_a_window_that_closes_when_it_opens_holds_a_whole_day() -> None:
    whole = Hours(days=("wed",), opens="07:00", closes="07:00")
    assert not whole.is_open(on("wed", "06:59"))
    assert whole.is_open(on("wed", "07:00"))
    assert whole.is_open(on("thu", "06:59"))
    assert not whole.is_open(on("thu", "07:00"))


def test_a_window_that_closes_at_midnight_ends_with_its_day() -> None:
    evening = Hours(days=("tue",), opens="18:00", closes="00:00")
    assert evening.is_open(on("tue", "23:59:59"))
    assert not evening.is_open(on("wed", "00:00"))


def test_a_window_without_days_holds_on_all_of_them() -> None:
    daily = Hours(opens="08:00", closes="09:00")
    assert all(daily.is_open(on(day, "08:30")) for day in WEEKDAYS)


def test_the_hours_are_those_of_pekanbaru_wherever_the_clock_stands() -> None:
    assert OFFICE.is_open(datetime(2024, 1, 1, 1, 0, tzinfo=UTC))
    assert not OFFICE.is_open(datetime(2024, 1, 1, 9, 0, tzinfo=UTC))


@settings(derandomize=True, deadline=None, max_examples=100)
@given(windows, moments, zones)
def test_every_zone_gives_the_same_answer(window: Hours, at: datetime, zone: timezone) -> None:
    assert window.is_open(at.astimezone(zone)) is window.is_open(at)


def test_a_hotline_without_hours_is_always_open_and_one_with_hours_in_any_of_them() -> None:
    always = Hotline(name="a", number="113")
    shifts = Hotline(name="b", number="113", hours=(OFFICE, NIGHT))
    assert always.is_open(on("sun", "03:00"))
    assert shifts.is_open(on("mon", "09:00"))
    assert shifts.is_open(on("sat", "03:00"))
    assert not shifts.is_open(on("sun", "03:00"))


def test_a_hotline_is_dialled_by_its_number_or_by_what_stands_before_the_at() -> None:
    by_number, by_sip = Hotline(name="a", number="0761123"), Hotline(name="b", sip="113@10.0.0.1")
    assert (by_number.dialled, by_number.endpoint) == ("0761123", None)
    assert (by_sip.dialled, by_sip.endpoint) == ("113", "sip-b")


def test_values_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Hotline(name="a", number="113").number = "110"  # type: ignore[misc]


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "113@host.example",
        "113@10.0.0.256",
        "113@10.0.0.01",
        "113@10.0.0",
        "113@10.0.0.1:0",
        "113@10.0.0.1:65536",
        "113@10.0.0.1:5060\n",
        "113@\u0661\u0660.0.0.1",
        "-@10.0.0.1",
        "a b@10.0.0.1",
        "a;b@10.0.0.1",
        "@10.0.0.1",
    ],
)
def test_what_is_not_a_sip_address_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="not a SIP address"):
        Hotline(name="a", sip=address)


@pytest.mark.parametrize("port", ["1", "5060", "9999", "10000", "59999", "65535"])
def test_every_real_port_is_taken(port: str) -> None:
    assert Hotline(name="a", sip=f"113@255.249.199.0:{port}").dialled == "113"


@pytest.mark.parametrize(
    "number", ["1", "", "1" * 16, "11a", "1 1", "+62", "\u0661\u0661\u0663", "113\n", "_11X"]
)
def test_what_is_not_a_number_is_refused(number: str) -> None:
    with pytest.raises(ValidationError, match="not a telephone number"):
        Hotline(name="a", number=number)


@pytest.mark.parametrize("name", ["", "-a", "A", "a b", "a\n", "a;b", "a]", "_x", "é", "a" * 32])
def test_what_is_not_a_name_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="not a name"):
        Hotline(name=name, number="113")


@pytest.mark.parametrize("name", ["a\nb", "a\tb", "a\x1b[2J", "a\x85b", "a\u2028b", "a\u202eb"])
def test_the_name_of_an_agency_is_one_line_without_control_characters(name: str) -> None:
    with pytest.raises(ValidationError, match="not one line of plain text"):
        Agency(name=name)
    with pytest.raises(ValidationError, match="not one line of plain text"):
        Agency(name="a", spoken={"id": name})
