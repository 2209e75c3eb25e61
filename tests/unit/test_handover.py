"""The plan contract: names and values that can stand in a dialplan, and a token that counts."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr import agi
from ivr.handover import commit_token, variables
from routing.configuration import MAX_HOPS
from routing.plan import Hop, Plan

DAMKAR = Hop("damkar-113", "113", "telkom", 20)
BPBD = Hop("bpbd-117", "117", "sip-bpbd-117", 15, confirm=True)


def test_every_hop_is_written_and_then_how_many_there_are() -> None:
    assert variables(Plan("fallen-tree", 5, (BPBD, DAMKAR))) == {
        "PLAN_1_NUM": "117",
        "PLAN_1_TRK": "sip-bpbd-117",
        "PLAN_1_RING": "15",
        "PLAN_1_CONFIRM": "1",
        "PLAN_2_NUM": "113",
        "PLAN_2_TRK": "telkom",
        "PLAN_2_RING": "20",
        "PLAN_2_CONFIRM": "0",
        "PLAN_N": "2",
        "PLAN_PRIO": "5",
        "PLAN_ID": "fallen-tree",
    }


def test_a_plan_straight_to_the_operators_has_no_hops() -> None:
    assert variables(Plan("no-choice", 8)) == {
        "PLAN_N": "0",
        "PLAN_PRIO": "8",
        "PLAN_ID": "no-choice",
    }


def test_the_token_names_the_call_and_repeats_the_count() -> None:
    assert commit_token(Plan("fire", 9, (DAMKAR, BPBD)), "siaga-1764.3") == "siaga-1764.3:2"


BAD = ["1,PLAN_N=9", "${SHELL(x)}", "a=b", "Fire", "kebakaran api", "113\n", "١١٣", "1" * 41]


@pytest.mark.parametrize("bad", BAD)
def test_what_does_not_belong_in_a_dialplan_is_refused(bad: str) -> None:
    for hop in (replace(DAMKAR, number=bad), replace(DAMKAR, trunk=bad)):
        with pytest.raises(ValueError, match="cannot be"):
            variables(Plan("fire", 9, (hop,)))


@pytest.mark.parametrize("bad", ["", "a b", "a:1", "${X}", "siaga-1\n", "x" * 81])
def test_a_call_without_a_proper_name_gets_no_token(bad: str) -> None:
    with pytest.raises(ValueError, match="not a call reference"):
        commit_token(Plan("fire", 9), bad)


@given(st.text())
def test_no_text_at_all_gets_through_that_could_be_evaluated(text: str) -> None:
    try:
        written = variables(Plan(text, 9))
    except ValueError:
        return
    assert re.fullmatch("[0-9a-z-]*", written["PLAN_ID"])


def test_the_longest_plan_fits_in_one_command() -> None:
    hop = Hop("x", "9" * 31, "sip-" + "x" * 31, 40, confirm=True)
    written = variables(Plan("s" * 31, 20, (hop,) * MAX_HOPS))
    pairs = ",".join(f"{name}={value}" for name, value in written.items())
    assert agi.command("EXEC", "MSet", pairs)
    assert (
        len(written) < 99
    )  # pairs that MSet parses (pbx_variables.c, pbx_builtin_setvar_multiple)
