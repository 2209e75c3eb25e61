"""The compiled dialplan: what may be dialled, what each key does, and when."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from routing.agencies import WEEKDAYS, WIB, Hours
from routing.configuration import CONTEXTS, Configuration
from routing.dialplan import (
    ENTRANCES,
    Controller,
    asterisk_times,
    contexts,
    extensions,
    include,
)
from routing.site import DIALLED

WRITTEN = (Path(__file__).parents[2] / "asterisk" / "dialplan.conf").read_text()
MINUTES_OF_A_DAY = 24 * 60
DAMKAR = 'number: "113", ring_seconds: 20'
NIGHT = 'hours: [{days: [fri, sat], opens: "22:00", closes: "06:00"}]'

Configured = Callable[..., Configuration]

clocks = st.times().map(lambda clock: clock.strftime("%H:%M"))
windows = st.builds(
    Hours,
    days=st.lists(st.sampled_from(WEEKDAYS), min_size=1).map(tuple),
    opens=clocks,
    closes=clocks,
)


def compiled(configuration: Configuration) -> str:
    """Return the dialplan as `siaga apply` writes it, without the version in its names."""
    return both(configuration, "20261124T034759Z-00").replace("-20261124T034759Z-00", "")


def both(configuration: Configuration, version: str) -> str:
    """Return what the entrances are, and the contexts of a version."""
    controller = Controller("agi://127.0.0.1:4573/menu")
    entrances = extensions(configuration, controller, WRITTEN, version)
    return f"{entrances}\n{contexts(configuration, WRITTEN, version)}\n"


def context(text: str, name: str) -> list[str]:
    """Return the lines of one context."""
    _, _, rest = text.partition(f"\n[{name}]\n")
    return re.split(r"\n[\[;]", rest)[0].splitlines()


def minutes(span: str) -> set[int]:
    """Return the minutes of the week, from Monday's first, in which Asterisk's times hold.

    As pbx_timing.c reads them: both ends are inside, and a span cannot cross midnight.
    """
    match = re.fullmatch(r"(\d\d):(\d\d)-(\d\d):(\d\d),([a-z&]+),\*,\*,Asia/Jakarta", span)
    assert match is not None, span
    h1, m1, h2, m2 = map(int, match.groups()[:4])
    first, last = h1 * 60 + m1, h2 * 60 + m2
    assert first <= last < MINUTES_OF_A_DAY
    return {
        WEEKDAYS.index(day) * MINUTES_OF_A_DAY + minute
        for day in match[5].split("&")
        for minute in range(first, last + 1)
    }


def open_minutes(window: Hours) -> set[int]:
    """Return the minutes of the week, from Monday's first, at which Python says it is open."""
    monday = datetime(2024, 1, 1, tzinfo=WIB)
    week = range(7 * MINUTES_OF_A_DAY)
    return {n for n in week if window.is_open(monday + timedelta(minutes=n))}


@settings(derandomize=True, deadline=None, max_examples=25)
@given(windows)
@example(Hours(opens="00:00", closes="00:00"))
@example(Hours(opens="08:00", closes="08:00"))
@example(Hours(opens="00:00", closes="23:59"))
@example(Hours(days=("sun",), opens="23:59", closes="00:01"))
@example(Hours(days=("sun",), opens="18:00", closes="00:00"))
@example(Hours(days=("mon",), opens="00:00", closes="00:01"))
def test_asterisk_and_python_keep_the_same_hours_in_each_minute_of_a_week(window: Hours) -> None:
    spans = list(asterisk_times(window))
    assert set().union(*map(minutes, spans)) == open_minutes(window)


def test_a_window_in_a_day_ends_one_minute_early_in_asterisk() -> None:
    office = Hours(days=("mon", "fri"), opens="08:00", closes="16:00")
    assert list(asterisk_times(office)) == ["08:00-15:59,mon&fri,*,*,Asia/Jakarta"]


def test_a_window_over_midnight_becomes_two() -> None:
    night = Hours(days=("fri", "sun"), opens="22:00", closes="06:00")
    assert list(asterisk_times(night)) == [
        "22:00-23:59,fri&sun,*,*,Asia/Jakarta",
        "00:00-05:59,sat&mon,*,*,Asia/Jakarta",
    ]


def test_the_globals_name_the_controller_and_the_last_resort(shipped: Configuration) -> None:
    assert context(compiled(shipped), "globals") == [
        "AGI_URL = agi://127.0.0.1:4573/menu",
        "QUIET_SECONDS = 2.5",
        "STAND_INS = 6",
        "TEST_WORD =",
        "NO_CHOICE_PRIO = 8",
        "OVERFLOW_SECONDS = 25",
        "SIMULATED_OPERATOR = 1",
        "SIMULATED_TRUNK = simulated",
        "CALLBACK_TRUNK =",
        "CALLBACK_ABROAD =",
    ]
    assert " same => n,TryExec(Dial(PJSIP/110@simulated,20^10,gidHrU(agency-accept^0)))" in context(
        compiled(shipped), "last-hotline"
    )


def test_a_live_site_has_no_simulation(configured: Configured) -> None:
    live = configured(
        ("site.yaml", "  simulated: {simulated: true}\n", ""),
        ("site.yaml", "# telkom", "telkom"),
        ("site.yaml", "outgoing: [simulated]", "outgoing: [telkom]"),
        ("site.yaml", "simulated_operator: true", "simulated_operator: false"),
    )
    text = compiled(live)
    assert context(text, "globals")[-4:-2] == [
        "SIMULATED_OPERATOR = 0",
        "SIMULATED_TRUNK = none",
    ]
    assert "PJSIP/110@telkom" in "".join(context(text, "last-hotline"))
    assert context(text, "trunk-allow") == ["exten => telkom,1,NoOp()"]
    assert "Gosub(static-hop,s,1(113,telkom,20,0))" in text


def test_the_fences_hold_every_number_and_trunk_and_nothing_else(shipped: Configuration) -> None:
    text = compiled(shipped)
    owners = {"0761123": "pln", "110": "polresta", "113": "damkar", "115": "basarnas"}
    owners |= {"117": "bpbd", "119": "psc-119"}
    fences = [f"exten => {number},1,Return({agency})" for number, agency in owners.items()]
    assert context(text, "hotline-allow") == fences
    assert context(text, "trunk-allow") == ["exten => simulated,1,NoOp()"]


def test_an_operator_may_order_each_hotline_by_its_name_and_each_phone_of_ours(
    shipped: Configuration,
) -> None:
    text = compiled(shipped)
    ordered = context(text, "desk-hotlines")
    names = [line.split(",")[0].removeprefix("exten => ") for line in ordered if "exten" in line]
    assert names == [hotline.name for hotline in shipped.agencies.hotlines()]
    assert ordered[:2] == [
        "exten => polisi-110,1,Gosub(static-hop,s,1(110,simulated,20,0))",
        " same => n,Return()",
    ]
    phones = [f"exten => {p.account},1,NoOp()" for p in shipped.operators.phones()]
    assert context(text, "phone-allow") == phones


def test_citizens_are_rung_over_the_trunk_that_is_named_for_it_and_over_no_other(
    configured: Configured,
) -> None:
    live = configured(
        ("site.yaml", "# telkom", "telkom"),
        ("site.yaml", "# callbacks", "callbacks"),
    )
    assert context(compiled(live), "globals")[-2:] == [
        "CALLBACK_TRUNK = telkom",
        "CALLBACK_ABROAD =",
    ]
    dials = re.findall(r"Dial\(PJSIP/\$\{NUMBER\}@(.*?),", WRITTEN)
    assert dials == ["${CALLBACK_TRUNK}"]


def test_every_key_does_something_and_no_caller_can_dial_it(shipped: Configuration) -> None:
    keys = context(compiled(shipped), "static-keys")
    found = [line.split(",")[0] for line in keys if line.startswith("exten")]
    assert sorted(found) == sorted(f"exten => k{key}" for key in "0123456789*#")


def test_the_key_of_a_service_lays_out_its_plan_and_walks_it(shipped: Configuration) -> None:
    assert """\
exten => k4,1,Set(PLAN_ID=fallen-tree)
 same => n,Set(PLAN_PRIO=5)
 same => n,Gosub(static-hop,s,1(117,simulated,20,0))
 same => n,Gosub(static-hop,s,1(113,simulated,20,0))
 same => n,Goto(walk-plan,s,1)
""" in compiled(shipped)


@pytest.mark.parametrize(
    ("key", "name", "priority"),
    [("0", "operator", 6), ("*", "operator", 6), ("#", "operator", 6), ("8", "cannot-speak", 9)],
)
def test_a_key_that_is_no_service_goes_straight_to_the_operators(
    shipped: Configuration, key: str, name: str, priority: int
) -> None:
    assert f"""\
exten => k{key},1,Set(PLAN_ID={name})
 same => n,Set(PLAN_PRIO={priority})
 same => n,Goto(ops,s,1)
""" in compiled(shipped)


def test_the_language_key_asks_again_in_the_second_language_but_only_once(
    shipped: Configuration,
) -> None:
    assert """\
exten => k9,1,GotoIf($["${CHANNEL(language)}" = "en"]?static-menu,s,again)
 same => n,Set(CHANNEL(language)=en)
 same => n,Set(SAY=menu)
 same => n,Goto(static-menu,s,try)
""" in compiled(shipped)


def test_a_hotline_with_hours_is_tried_only_within_them(configured: Configured) -> None:
    site = configured(("agencies.yaml", DAMKAR, f"{DAMKAR}, confirm: true, {NIGHT}"))
    assert """\
exten => k1,1,Set(PLAN_ID=fire)
 same => n,Set(PLAN_PRIO=9)
 same => n,Set(OPEN=0)
 same => n,ExecIfTime(22:00-23:59,fri&sat,*,*,Asia/Jakarta?Set(OPEN=1))
 same => n,ExecIfTime(00:00-05:59,sat&sun,*,*,Asia/Jakarta?Set(OPEN=1))
 same => n,GosubIf($[${OPEN} = 1]?static-hop,s,1(113,simulated,20,1))
 same => n,Goto(walk-plan,s,1)
""" in compiled(site)


def test_the_hours_of_one_hotline_say_nothing_of_the_next(configured: Configured) -> None:
    site = configured(
        ("agencies.yaml", 'number: "117", ring_seconds: 20', f'number: "117", {NIGHT}'),
        ("agencies.yaml", DAMKAR, f"{DAMKAR}, {NIGHT}"),
    )
    _, _, key = compiled(site).partition("k4,1")
    assert key.partition("exten")[0].count("Set(OPEN=0)") == 2


def test_a_hotline_with_a_sip_address_is_fenced_by_its_user_and_its_own_endpoint(
    configured: Configured,
) -> None:
    text = compiled(configured(("agencies.yaml", DAMKAR, 'sip: "pos-1@10.1.2.3:5070"')))
    assert "exten => pos-1,1,Return(damkar)" in context(text, "hotline-allow")
    assert "exten => sip-damkar-113,1,NoOp()" in context(text, "trunk-allow")
    assert "Gosub(static-hop,s,1(pos-1,sip-damkar-113,20,0))" in text
    played = "exten => pos-1,1,Gosub(simulated-answer,s,1(simulated-damkar-113))"
    assert played in context(text, "simulated"), "a drill rings nobody"


def test_the_simulation_answers_every_number_once_and_the_operator(
    configured: Configured,
) -> None:
    shared = configured(("agencies.yaml", 'number: "117"', 'number: "113"'))
    lines = context(compiled(shared), "simulated")
    answered = [line.split(",")[0].removeprefix("exten => ") for line in lines]
    assert answered == ["0761123", "110", "113", "115", "119", "operator"]
    assert "exten => 113,1,Gosub(simulated-answer,s,1(simulated-bpbd-117))" in lines


def test_nothing_a_caller_sent_is_in_what_is_compiled_from_config(shipped: Configuration) -> None:
    text = compiled(shipped)
    for name in ("globals", "simulated", "hotline-allow", "trunk-allow", "static-keys"):
        assert not re.search("EXTEN|CALLERID", "".join(context(text, name)))


OURS = {
    *("ARG1", "ARG2", "ARG3", "ARG4", "CAUSE", "DIALSTATUS", "FLOOR", "FRONT", "I", "KEY", "NUM"),
    *("LEFT_CAUSE", "PROMPT", "QUEUESTATUS", "QUEUE_PRIO", "RECORDING", "TALK", "TEST", "TRK"),
    *("CALLERID(num)", "CHANNEL(endpoint)", "AGENCY", "BY", "CALL", "CALLREF", "HANGUPCAUSE"),
    *("HOTLINE", "MODE", "ORDER", "PHONE", "SHARED(ORDERED_BY)", "STATUS"),
}
"""What an event may hold unFILTERed: words of Asterisk and config/, what was FILTERed before."""


def test_the_journal_is_told_only_what_was_filtered_or_is_ours(shipped: Configuration) -> None:
    events = re.findall(r"CELGenUserEvent\((.*)\)", compiled(shipped))
    assert len(events) > 15
    unfiltered = {
        name
        for event in events
        for name in re.findall(
            r"\$\{([^{}]+)\}", re.sub(r"\$\{FILTER\([^{}]*\$\{.*?\}\)\}", "", event)
        )
    }
    assert unfiltered <= OURS


def test_the_same_configuration_gives_the_same_text(
    shipped: Configuration, configured: Configured
) -> None:
    assert compiled(configured()) == compiled(shipped)


def test_every_context_that_is_named_exists_and_is_of_the_same_version(
    shipped: Configuration,
) -> None:
    version = "20261124T034759Z-00"
    text = both(shipped, version)
    words = Counter(re.findall(rf"([\w-]+)-{version}", text))
    assert set(words) == set(re.findall(rf"^\[(\S+)-{version}\]$", text, re.MULTILINE))
    assert min(words.values()) >= 2, f"a context that nothing leads to: {words}"
    led_to = re.findall(r"(?:Goto|Gosub)\(([a-z][\w-]*),(?!1\))", text)
    assert all(name.endswith(version) or name in {"s", "e"} for name in led_to), led_to


def test_the_entrances_are_the_same_in_every_version_but_for_where_they_lead(
    shipped: Configuration,
) -> None:
    text = both(shipped, "20261124T034759Z-00")
    assert "exten => 112,1,Goto(emergency-20261124T034759Z-00,s,1)" in context(text, "from-trunk")
    assert {*ENTRANCES} <= {*re.findall(r"^\[(\S+)\]$", text, re.MULTILINE)}


def test_the_numbers_that_are_always_answered_are_those_of_the_written_dialplan() -> None:
    written = context(f"\n{WRITTEN}", "from-trunk")
    assert [line for line in written if line] == [
        f"exten => {number},1,Goto(emergency,s,1)" for number in DIALLED
    ]


def test_a_carrier_may_call_us_by_further_numbers_and_an_operator_may_not(
    configured: Configured,
) -> None:
    site = configured(
        ("site.yaml", '# also_called: ["0761112"]', 'also_called: ["0761112", "+62761112"]')
    )
    text = compiled(site)
    assert context(text, "from-trunk")[-8:-6] == [
        "exten => 0761112,1,Goto(emergency,s,1)",
        "exten => +62761112,1,Goto(emergency,s,1)",
    ]
    assert text.count("0761112,1") == 1


def test_a_hotline_that_a_carrier_sends_back_to_us_is_refused(shipped: Configuration) -> None:
    refused = [f"exten => {n},1,Hangup(1)" for n in ("0761123", "110", "113", "115", "117", "119")]
    assert context(compiled(shipped), "from-trunk")[-6:] == refused


def test_two_versions_side_by_side_share_no_context_but_the_entrances(
    shipped: Configuration,
) -> None:
    first, second = (contexts(shipped, WRITTEN, f"20261124T03475{n}Z-00") for n in "12")
    names = [set(re.findall(r"^\[(\S+)\]$", text, re.MULTILINE)) for text in (first, second)]
    assert len(names[0]) == len(names[1])
    assert not names[0] & names[1]


def test_no_name_that_staff_choose_can_be_a_context(shipped: Configuration) -> None:
    found = re.findall(r"^\[(\S+)-1\]$", contexts(shipped, WRITTEN, "1"), re.MULTILINE)
    assert sorted(found) == sorted(CONTEXTS)


def test_asterisk_is_told_to_read_each_file_by_a_line_of_its_own() -> None:
    wanted = '\n#include "/new.conf"\n#tryinclude "/a.conf"\n#tryinclude "/b.conf"\n'
    assert include("/new.conf", "/a.conf", "/b.conf") == wanted
