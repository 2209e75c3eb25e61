"""`siaga rehearse`: what a caller would live through, without a call."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.__main__ import main
from ivr.recordings import seconds_in_force
from ivr.rehearsal import Case, Happening, rehearse
from ivr.rehearse import FATES, lines
from ivr.words import Words
from routing.agencies import WIB
from routing.configuration import Configuration
from routing.loading import load

ROOT = Path(__file__).parents[2]
SHIPPED = load(ROOT / "config")
LENGTHS = seconds_in_force(SHIPPED, ROOT / "asterisk" / "sounds")
SATURDAY = datetime(2026, 11, 28, 2, tzinfo=WIB)
BPBD = 'number: "117", ring_seconds: 20'

Configured = Callable[..., Configuration]


def told(case: Case, c: Configuration = SHIPPED) -> list[str]:
    """Return what happens after the menu, in short."""
    return [
        " ".join(filter(None, (h.what, h.who, h.outcome)))
        for h in rehearse(c, LENGTHS, case)
        if h.what not in ("floor", "hears", "presses")
    ]


def test_a_caller_whose_agency_answers_is_through_in_seconds() -> None:
    happenings = list(rehearse(SHIPPED, LENGTHS, Case(SATURDAY, "1")))
    assert [(h.at, h.what, h.who) for h in happenings] == [
        (0.0, "floor", "controller"),
        (0.0, "hears", "menu"),
        (4.0, "presses", "1"),
        (4.0, "plan", "fire"),
        (4.0, "rings", "damkar-113"),
        (6.0, "machine", "damkar-113"),
    ]


def test_a_caller_who_does_nothing_has_an_operator_rung_within_15_s() -> None:
    rung = next(h for h in rehearse(SHIPPED, LENGTHS, Case(SATURDAY)) if h.what == "rings")
    assert rung.who == "operators"
    assert rung.at <= 15.0


def test_who_was_dead_a_moment_ago_is_passed_over_at_first() -> None:
    assert told(Case(SATURDAY, "4", fates={"117": "dead"}))[1:] == [
        *("dead bpbd-117", "rings damkar-113", "machine damkar-113"),
    ]
    assert told(Case(SATURDAY, "3", fates={"117": "dead"}))[1:4] == [
        *("dead bpbd-117", "rings bpbd-117", "over bpbd-117 unreachable"),
    ]


@pytest.mark.parametrize("name", [option for option in FATES if option not in ("left", "dead")])
def test_whatever_is_wrong_with_an_agency_an_operator_answers(name: str) -> None:
    outcome, _ = FATES[name]
    case = Case(SATURDAY, "3", fates={"117": outcome})
    assert told(case) == [
        *("plan disaster", "rings bpbd-117", f"over bpbd-117 {outcome}"),
        *("rings operators", "person operators"),
    ]


def test_who_is_named_is_a_hotline_a_number_or_a_trunk() -> None:
    for who in ("bpbd-117", "117", "simulated", "117@simulated"):
        assert "over bpbd-117 busy" in told(Case(SATURDAY, "3", fates={who: "busy"}))
    assert "over bpbd-117 busy" not in told(Case(SATURDAY, "3", fates={"113": "busy"}))


def test_a_closed_hotline_is_told_and_not_rung(configured: Configured) -> None:
    hours = 'hours: [{days: [mon], opens: "08:00", closes: "16:00"}]'
    office = configured(("agencies.yaml", BPBD, f"{BPBD}, {hours}"))
    assert told(Case(SATURDAY, "3"), office) == [
        *("plan disaster", "closed bpbd-117", "rings operators", "person operators"),
    ]


def test_a_0_that_is_left_over_is_pressed_while_it_rings() -> None:
    assert told(Case(SATURDAY, "30"))[1:4] == [
        *("rings bpbd-117", "over bpbd-117 zero", "rings operators"),
    ]


def test_where_nobody_answers_it_is_told_that_it_goes_on(configured: Configured) -> None:
    real = configured(("site.yaml", "simulated_operator: true", "simulated_operator: false"))
    case = Case(SATURDAY, "0", fates={"110": "busy"}, operators="out", backup="out")
    found = told(case, real)
    assert found.count("rings polisi-110") == 2
    assert found[-2:] == ["hold-on", "goes-on"]
    busy = Case(SATURDAY, "0", operators="busy", backup="paused")
    assert told(busy)[1:5] == [
        *("queues operators", "paused backup", "rings polisi-110", "machine polisi-110"),
    ]


def test_operators_who_hang_up_at_once_again_and_again_end_the_call() -> None:
    case = Case(SATURDAY, "0", fates={"operators": "left"})
    assert told(case)[-1] == "goes-on"


@settings(derandomize=True, deadline=None, max_examples=60)
@given(keys=st.text("0123456789*#.", max_size=5))
def test_every_floor_leads_a_caller_to_the_same(keys: str) -> None:
    played = [
        [h for h in rehearse(SHIPPED, LENGTHS, Case(SATURDAY, keys, floor)) if h.what != "floor"]
        for floor in ("controller", "stand-in", "static")
    ]
    assert played[0] == played[1] == played[2]


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    keys=st.text("0123456789*#.", max_size=5),
    fates=st.dictionaries(
        st.sampled_from(["110", "113", "117", "119", "simulated"]),
        st.sampled_from([outcome for outcome, _ in FATES.values()]),
    ),
    operators=st.sampled_from(["free", "busy", "paused", "out"]),
    backup=st.sampled_from(["free", "busy", "paused", "out"]),
)
def test_every_rehearsal_ends_and_can_be_told_in_both_languages(
    keys: str,
    fates: dict[str, str],
    operators: str,
    backup: str,
) -> None:
    case = Case(SATURDAY, keys, "controller", fates, operators, backup)  # type: ignore[arg-type]
    happenings = list(rehearse(SHIPPED, LENGTHS, case))
    assert happenings[-1].what in ("person", "machine", "goes-on", "hung-up")
    assert [h.at for h in happenings] == sorted(h.at for h in happenings)
    for words in (Words("id"), Words("en")):
        said = list(lines(SHIPPED, case, happenings, words))
        assert len(said) == len(happenings) + 2
        assert not [line for line in said if re.search(r"[{}]|\b(no-answer|goes-on)\b", line)]


# ------------------------------------------------------------------ the command


def siaga(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["rehearse", *words])
    return done.exit_code, done.output


def test_the_transcript_on_the_page_is_what_is_really_printed() -> None:
    page = (ROOT / "config" / "README.md").read_text(encoding="utf-8")
    (command, wanted) = re.findall(r"\$ siaga rehearse (.*)\n([^`]*)```", page)[0]
    words = [a or b for a, b in re.findall(r'"([^"]*)"|(\S+)', command)]
    assert siaga(*words) == (0, wanted)


def test_a_time_may_be_said_in_either_language_or_as_a_date() -> None:
    heads = {
        siaga("--at", at)[1].splitlines()[0] for at in ("Sabtu 02:00", "saturday 2.00", "sat 02:00")
    }
    assert len(heads) == 1
    assert re.fullmatch(r"Sabtu, \d+ \w+ \d{4} 02:00 WIB", heads.pop())
    assert siaga("--at", "2026-11-28 02:00")[1].startswith("Sabtu, 28 November 2026 02:00 WIB\n")
    assert " 23:15 WIB\n" in siaga("--at", "23:15")[1]


def test_for_programs_each_happening_is_an_object() -> None:
    status, out = siaga("--keys", "3", "--at", "2026-11-28 02:00", "--busy", "117", "--json")
    found = json.loads(out)
    assert (status, found["at"]) == (0, "2026-11-28T02:00:00+07:00")
    assert [h["outcome"] for h in found["happenings"] if h["what"] == "over"] == ["busy"]
    assert set(found["happenings"][0]) == set(Happening.__dataclass_fields__)


def test_another_folder_is_rehearsed(edited: Callable[..., Path]) -> None:
    folder = edited(("menu.yaml", "spoken: {id: bencana,", "spoken: {id: banjir,"))
    status, out = siaga("--config", str(folder), "--keys", "3")
    assert status == 0
    assert "3 banjir" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--keys", "3a"), "'a' is no key of a telephone"),
        (("--at", "Sabtu"), "'Sabtu' is no time; write \"Sabtu 02:00\""),
        (("--at", "Sabtu 25:00"), "is no time"),
        (("--at", "Someday 02:00"), "is no time"),
        (("--busy", "118"), "there is no 118; write a hotline of agencies.yaml, its number, a"),
        (("--busy", "damkar-13"), "there is no damkar-13; did you mean damkar-113?"),
        (("--busy", "operators"), "operators cannot be busy; use --operators"),
        (("--busy", "117", "--left", "117"), "117 is given two fates"),
        (("--floor", "cellar"), "'cellar' is not one of"),
        (("--config", "nowhere"), "does not exist"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_write(words: tuple[str, ...], said: str) -> None:
    status, out = siaga(*words)
    assert status == 2
    assert said in out


def test_a_configuration_with_a_mistake_is_told_as_by_check(edited: Callable[..., Path]) -> None:
    folder = edited(("agencies.yaml", '"0761123"', "0761123"))
    status, out = siaga("--config", str(folder))
    assert status == 1
    assert "put it in quotes" in out
