"""What a citizen lives through who dials 112: real SIP, real sound, judged from the outside."""

import asyncio
import contextlib
import itertools
import re
import signal
import socket
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from line import Line, Sipp, until

from ivr.phone import Key, PhoneCall, Report, What, call

RING_MARGIN_SECONDS = 1.0
LONG_ENOUGH_SECONDS = 9.0
"""A simulated person speaks for 5 to 7 s before repeating what the caller says."""

CALLERS = itertools.count(761_000)


def order(line: Line, *keys: Key, **changes: Any) -> PhoneCall:
    """Describe a citizen who dials 112, speaks a tone, and stays until it has come back."""
    usual = {
        "port": line.sip_port,
        "caller": str(next(CALLERS)),
        "keys": keys,
        "hold_seconds": LONG_ENOUGH_SECONDS,
        "max_seconds": 45.0,
    }
    return PhoneCall(**{**usual, **changes})


def dial(line: Line, *keys: Key, **changes: Any) -> Report:
    """Dial 112 once."""
    return asyncio.run(call(order(line, *keys, **changes)))


def dial_together(orders: Iterable[PhoneCall]) -> list[Report]:
    """Dial 112 many times at once."""

    async def all_of_them() -> list[Report]:
        return await asyncio.gather(*(call(each) for each in orders))

    return asyncio.run(all_of_them())


def told(line: Line, kind: str, since: int = 0, caller: str = "") -> list[dict[str, Any]]:
    """Return the events of one kind that Asterisk noted after the first `since`."""
    events = line.journal()[since:]
    of_caller = {e["linkedid"] for e in events if f"ani={caller} " in e["eventextra"]}
    return [
        event
        for event in events
        if event["eventtype"] == kind and (not caller or event["linkedid"] in of_caller)
    ]


def dialled(line: Line, since: int = 0, caller: str = "") -> list[str]:
    """Return what Asterisk dialled, in order: `113@simulated`."""
    starts = [e for e in told(line, "APP_START", since, caller) if e["appname"] == "Dial"]
    return [e["appdata"].split(",")[0].removeprefix("PJSIP/") for e in starts]


KEYS = {
    "1": "113",
    "2": "119",
    "3": "117",
    "4": "117",
    "5": "0761123",
    "6": "115",
    "7": "110",
    "0": "operator",
    "8": "operator",
    "*": "operator",
}


def test_each_key_leads_to_its_people_and_both_hear_each_other(line: Line) -> None:
    orders = {key: order(line, Key(key)) for key in KEYS}
    reports = dial_together(orders.values())
    for (key, number), report in zip(KEYS.items(), reports, strict=True):
        assert report.heard(What.OWN_VOICE), (key, report.events)
        assert dialled(line, caller=orders[key].caller) == [f"{number}@simulated"], key


@pytest.mark.parametrize("how", ["rfc4733", "info"])
def test_a_key_counts_from_the_first_syllable(line: Line, how: Any) -> None:
    report = dial(line, Key("1", how, after_seconds=0.02))
    sent = report.heard(What.KEY_SENT)[0].seconds
    ringing = report.heard(What.RINGING)[0].seconds
    assert ringing - sent < RING_MARGIN_SECONDS, report.events
    assert report.reached


def test_who_does_nothing_hears_an_operator_ring_within_fifteen_seconds(line: Line) -> None:
    since = len(line.journal())
    report = dial(line)
    began = report.heard(What.PROMPT_STARTED)[0].seconds
    rang = report.heard(What.RINGING)[0].seconds
    assert rang - began <= 15.0, report.events
    assert dialled(line, since) == ["operator@simulated"]
    assert report.reached
    assert report.longest_silence_seconds <= 3.0


def test_two_wrong_keys_lead_to_an_operator(line: Line) -> None:
    # Nothing is bound in the second menu to the key that brought it.
    since = len(line.journal())
    report = dial(
        line,
        Key("9"),
        Key("9", after_seconds=2.0),
        Key("9", after_seconds=5.0),
        Key("1", after_seconds=9.0),
    )
    assert dialled(line, since) == ["operator@simulated"]
    assert report.reached


def test_nine_says_the_menu_in_english_and_one_still_means_fire(line: Line) -> None:
    since = len(line.journal())
    report = dial(line, Key("9"), Key("1", after_seconds=3.0))
    assert dialled(line, since) == ["113@simulated"]
    assert report.reached


def test_whatever_a_carrier_calls_us_is_answered_and_staff_are_told(line: Line) -> None:
    since = len(line.journal())
    assert dial(line, Key("1"), number="0761112").reached
    assert dialled(line, since) == ["113@simulated"]
    assert "called-number number=0761112" in str(told(line, "ALARM", since))


def test_a_name_is_no_number_and_is_not_answered(line: Line) -> None:
    assert dial(line, number="operator").sip_status == 404


STANDING_IN_SECONDS = 3.0
"""A stand-in starts a process for the call, on a machine that is busy with tests."""


class TestWithoutTheController:
    """With `siaga ivr` stopped, the stand-in takes its place."""

    @pytest.fixture(autouse=True)
    def stopped(self, line: Line) -> Iterator[None]:
        line.stop("ivr")
        yield
        line.start("ivr")

    def test_pressing_1_still_reaches_damkar(self, line: Line) -> None:
        since = len(line.journal())
        report = dial(line, Key("1", after_seconds=STANDING_IN_SECONDS))
        assert dialled(line, since) == ["113@simulated"]
        assert report.heard(What.OWN_VOICE)
        assert "floor=stand-in" in str(told(line, "PLAN", since))

    def test_silence_still_reaches_an_operator_within_fifteen_seconds(self, line: Line) -> None:
        report = dial(line)
        began = report.heard(What.PROMPT_STARTED)[0].seconds
        rang = report.heard(What.RINGING)[0].seconds
        assert rang - began <= 15.0, report.events
        assert report.reached

    def test_nine_still_means_english(self, line: Line) -> None:
        since = len(line.journal())
        dial(line, Key("9", after_seconds=STANDING_IN_SECONDS), Key("2", after_seconds=6.0))
        assert dialled(line, since) == ["119@simulated"]

    def test_pressing_nine_for_ever_still_reaches_an_operator(self, line: Line) -> None:
        since = len(line.journal())
        keys = (Key("9", after_seconds=STANDING_IN_SECONDS + 2 * n) for n in range(6))
        assert dial(line, *keys, hold_seconds=0.5).reached
        assert dialled(line, since) == ["operator@simulated"]


class TestWithoutAnyPython:
    """With no room for a stand-in either, the static menu takes their place."""

    @pytest.fixture(autouse=True)
    def no_floor_but_the_last(self, line: Line) -> Iterator[None]:
        line.stop("ivr")
        line.asterisk("dialplan set global STAND_INS 0")
        yield
        line.asterisk("dialplan set global STAND_INS 6")
        line.start("ivr")

    def test_pressing_1_at_the_first_syllable_still_reaches_damkar(self, line: Line) -> None:
        since = len(line.journal())
        report = dial(line, Key("1"))
        assert dialled(line, since) == ["113@simulated"]
        assert report.heard(What.OWN_VOICE)
        assert "floor=static" in str(told(line, "PLAN", since))

    def test_silence_still_reaches_an_operator_within_fifteen_seconds(self, line: Line) -> None:
        report = dial(line)
        began = report.heard(What.PROMPT_STARTED)[0].seconds
        assert report.heard(What.RINGING)[0].seconds - began <= 15.0, report.events
        assert report.reached

    def test_pressing_nine_for_ever_still_reaches_an_operator(self, line: Line) -> None:
        since = len(line.journal())
        keys = (Key("9", after_seconds=0.5 + 2 * n) for n in range(6))
        assert dial(line, *keys, hold_seconds=0.5).reached
        assert dialled(line, since) == ["operator@simulated"]


def test_a_controller_that_dies_in_the_menu_leaves_the_caller_to_the_stand_in(
    line: Line,
) -> None:
    since = len(line.journal())

    async def story() -> Report:
        calling = asyncio.create_task(call(order(line, Key("1", after_seconds=6.0))))
        await asyncio.to_thread(
            until,
            lambda: any("call.began" in str(e) for e in line.controller_log()[-2:]),
            "the menu",
        )
        await asyncio.to_thread(line.stop, "ivr", signal.SIGKILL)
        return await calling

    try:
        report = asyncio.run(story())
    finally:
        line.start("ivr")
    assert dialled(line, since) == ["113@simulated"]
    assert report.reached


def test_a_controller_that_hangs_is_given_up_and_the_stand_in_takes_over(line: Line) -> None:
    since = len(line.journal())
    line.signal("ivr", signal.SIGSTOP)
    try:
        report = dial(line, Key("1", after_seconds=3.0 + STANDING_IN_SECONDS))
    finally:
        line.stop("ivr", signal.SIGKILL)  # gone on, it would end itself: it stood still too long
        line.start("ivr")
    assert told(line, "STALLED", since)
    assert dialled(line, since) == ["113@simulated"]
    assert report.reached
    assert report.longest_silence_seconds <= 3.0


HOSTILE = {
    "a line break": '"x" <sip:0812%0aagi_arg_1:%20x@127.0.0.1>',
    "carriage return and event": "<sip:%0d%0aEvent:%20Newchannel@127.0.0.1>",
    "quotes": '"a\\"b\\\\;${SHELL(id)}" <sip:08%22%27%24%7bEXTEN%7d@127.0.0.1>',
    "eight kilobytes": f'"{"A" * 8000}" <sip:0812@127.0.0.1>',
    "no number": "<sip:127.0.0.1>",
    "binary": '"\x01\x02\x7f" <sip:%00%01%ff@127.0.0.1>',
    "an operator's name in full": '"Operator 1" <sip:operator-9@127.0.0.1>',
}


def test_a_hostile_from_header_is_served_like_any_other(line: Line) -> None:
    since = len(line.journal())
    orders = [
        order(line, Key("1"), from_header=header, hold_seconds=0.5) for header in HOSTILE.values()
    ]
    reports = dial_together(orders)
    for name, report in zip(HOSTILE, reports, strict=True):
        assert report.reached, (name, report)
    assert dialled(line, since) == ["113@simulated"] * len(HOSTILE)
    assert all(event.get("callref") != "x" for event in line.controller_log())


def test_strangers_on_the_controllers_port_delay_no_caller_and_are_logged(line: Line) -> None:
    host, port = line.settings.agi_host, line.settings.agi_port
    with contextlib.ExitStack() as stack:
        strangers = [
            stack.enter_context(socket.create_connection((host, port), timeout=5))
            for _ in range(700)
        ]
        strangers[0].sendall(b"GET / HTTP/1.1\r\n\r\n")
        strangers[1].sendall(b"\x00\xff" * 40_000)
        report = dial(line, Key("1"), hold_seconds=0.5)
    assert report.reached
    began = report.heard(What.PROMPT_STARTED)[0].seconds
    assert began < RING_MARGIN_SECONDS, "the controller's menu came at once"
    refused = [e["reason"] for e in line.controller_log() if e["event"] == "agi.refused"]
    assert any("not an agi_ line" in reason for reason in refused)
    assert sum("opening lines" in reason for reason in refused) >= 600


class TestOverACarrier:
    """Agencies that are not simulated: SIPp plays their telephones."""

    def test_damkar_picks_up_and_hears_the_caller(self, carrier_line: Line) -> None:
        damkar = carrier_line.sipp("damkar-answers", at="127.0.0.3:35080")
        report = dial(carrier_line, Key("1"))
        damkar.finish()
        assert report.heard(What.OWN_VOICE), "what Damkar heard came back"
        assert "INVITE sip:113@127.0.0.3" in damkar.log

    def test_when_bpbd_is_busy_damkar_is_tried_at_once(self, carrier_line: Line) -> None:
        since = len(carrier_line.journal())
        busy = carrier_line.sipp("damkar-is-busy", at="127.0.0.3:35080")
        report_of: dict[str, Report] = {}

        async def story() -> None:
            calling = asyncio.create_task(call(order(carrier_line, Key("4"), hold_seconds=2.0)))
            await asyncio.to_thread(busy.finish)
            damkar = carrier_line.sipp("damkar-answers", at="127.0.0.3:35080")
            report_of["caller"] = await calling
            await asyncio.to_thread(damkar.finish)

        asyncio.run(story())
        assert report_of["caller"].reached
        assert dialled(carrier_line, since) == ["117@carrier", "113@carrier"]
        hops = told(carrier_line, "HOP", since)
        assert "status=BUSY cause=17" in str(hops[0])

    def test_an_agency_that_leaves_at_once_did_not_serve_however_long_the_menu_was(
        self, carrier_line: Line
    ) -> None:
        since = len(carrier_line.journal())
        bpbd = carrier_line.sipp("bpbd-hangs-up-at-once", at="127.0.0.3:35080")

        async def story() -> Report:
            late = Key("4", after_seconds=11.0)
            calling = asyncio.create_task(call(order(carrier_line, late, hold_seconds=8.0)))
            await asyncio.to_thread(bpbd.finish)
            damkar = carrier_line.sipp("damkar-answers", at="127.0.0.3:35080")
            report = await calling
            await asyncio.to_thread(damkar.finish)
            return report

        assert asyncio.run(story()).reached
        assert dialled(carrier_line, since) == ["117@carrier", "113@carrier"]
        assert re.search("talk=[123]", str(told(carrier_line, "HOP", since)[0]))

    def test_an_operator_who_has_logged_in_is_rung_and_shown_why(self, carrier_line: Line) -> None:
        register(carrier_line, expires=120)
        phone = carrier_line.sipp("operator-answers", at="127.0.0.1:35091")
        try:
            report = dial(carrier_line, Key("8"))
            phone.finish()
        finally:
            register(carrier_line, expires=0)
        assert report.heard(What.OWN_VOICE)
        assert "112 cannot-speak" in phone.log

    @pytest.mark.parametrize("onward", ["112", "1%22%5c%0a"])
    def test_an_operators_phone_that_sends_its_calls_on_leaves_the_caller_in_the_queue(
        self, carrier_line: Line, onward: str
    ) -> None:
        since = len(carrier_line.journal())
        register(carrier_line, expires=120)
        away = carrier_line.sipp("operator-forwards", at="127.0.0.1:35091", onward=onward)

        async def story() -> Report:
            calling = asyncio.create_task(call(order(carrier_line, Key("0"))))
            await asyncio.to_thread(away.finish)
            back = carrier_line.sipp("operator-answers", at="127.0.0.1:35091")
            report = await calling
            await asyncio.to_thread(back.finish)
            return report

        try:
            report = asyncio.run(story())
        finally:
            register(carrier_line, expires=0)
        assert report.heard(What.OWN_VOICE)
        assert len(told(carrier_line, "CALL", since)) == 1
        assert ["by=operator-1" in str(e) for e in told(carrier_line, "JOINED", since)] == [True]


def register(line: Line, *, expires: int) -> None:
    """Log operator-1's telephone in, or out with 0 seconds."""
    secret = (line.settings.state / "secrets" / "operator-1").read_text().strip()
    line.sipp(
        "operator-registers",
        at="127.0.0.1:35090",
        account="operator-1",
        secret=secret,
        phone_port="35091",
        expires=str(expires),
    ).finish()


@pytest.mark.parametrize(
    "scenario",
    ["caller-presses-1", "caller-presses-1-by-info", "caller-diverted-with-code"],
)
def test_sipp_presses_1_and_is_bridged(line: Line, scenario: str) -> None:
    since = len(line.journal())
    caller: Sipp = line.sipp(scenario, at="127.0.0.1:35095", caller="0812000")
    caller.finish()
    assert dialled(line, since) == ["113@simulated"]
    assert len(told(line, "BRIDGE_ENTER", since)) == 2
    assert "floor=controller" in str(told(line, "PLAN", since)[0]), "no forged line got in the way"
