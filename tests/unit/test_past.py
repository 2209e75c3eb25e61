"""How often a number called lately, and what it was."""

from dataclasses import replace

from ivr.callrecord import CallRecord
from ivr.past import DAY_SECONDS, HOUR_SECONDS, PAST_DAYS, SHOWN, Past, past

NOW = 100 * DAY_SECONDS
CALL = CallRecord("now", NOW, "0812", "112", "telkom")


def earlier(seconds: float, callref: str = "") -> CallRecord:
    return replace(CALL, callref=callref or f"-{seconds}", began_at=NOW - seconds)


def test_calls_are_counted_in_the_hour_the_day_and_the_month_before() -> None:
    month = PAST_DAYS * DAY_SECONDS
    ages = (10, HOUR_SECONDS, HOUR_SECONDS + 1, DAY_SECONDS, DAY_SECONDS + 1, month, month + 1)
    told = past([earlier(age) for age in ages], {}, CALL)
    assert (told.hour, told.day, told.month) == (2, 4, 6)


def test_only_the_last_few_are_shown_the_newest_first() -> None:
    told = past([earlier(age) for age in range(1, 20)], {}, CALL)
    assert [one.call.callref for one in told.last] == [f"-{age}" for age in range(1, SHOWN + 1)]


def test_what_an_operator_said_is_told_with_the_call_and_the_last_district_stays() -> None:
    said = {"-5": ("prank", ""), "-9": ("normal", "kulim"), "-20": ("normal", "sail")}
    told = past([earlier(5), earlier(9), earlier(20)], said, CALL)
    assert [one.disposition for one in told.last] == ["prank", "normal", "normal"]
    assert told.district == "kulim"


def test_this_call_a_test_a_later_one_and_another_number_are_nobody_s_past() -> None:
    others = [
        CALL,
        replace(earlier(5), test=True),
        replace(earlier(5), ani="0813"),
        earlier(-5),
    ]
    assert past(others, {}, CALL) == Past()


def test_who_hides_the_number_has_no_past() -> None:
    hidden = replace(CALL, ani="")
    assert past([replace(earlier(5), ani="")], {}, hidden) == Past()
