"""What the dialplan does with a plan: the model that the proof and the rehearsal lean on."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.attempts import CONFIRM_SECONDS, DEAD_SECONDS, Attempt, Outcome
from routing.configuration import MAX_HOPS, MAX_RING_SECONDS, Configuration
from routing.plan import Hop
from routing.walk import (
    BACKUP_SECONDS,
    LEAST_RING_SECONDS,
    TALKS,
    Group,
    HungUp,
    Line,
    Move,
    Served,
    State,
    Waiting,
    Walk,
    Walking,
    line,
)

WRITTEN = (Path(__file__).parents[2] / "asterisk" / "dialplan.conf").read_text()
BPBD = Hop("bpbd-117", "117", "telkom", 20)
DAMKAR = Hop("damkar-113", "113", "telkom", 20)
POLICE = Hop("polisi-110", "110", "telkom", 30)


def over(*hops: Hop, operators: Group = "free", backup: Group = "free", **more: bool) -> Walk:
    return Walk(
        Line(
            hops=hops,
            last=(POLICE,),
            numbers=frozenset({"110", "113", "117"}),
            trunks=frozenset({"telkom", "indosat"}),
            machines=frozenset(),
            ours=frozenset(),
            overflow_seconds=25,
            simulated_operator=more.get("simulated_operator", False),
            operators=operators,
            backup=backup,
        )
    )


def moves(walk: Walk, state: State) -> Iterator[Move]:
    """Yield what passes by itself from `state` on, until somebody is rung or all is over."""
    while isinstance(found := walk.look(state), Move):
        yield found
        state = found.state


def story(walk: Walk, *outcomes: Outcome, start: State | None = None) -> list[str]:
    """Tell in words what happens when attempts end as told, up to the next attempt or the end."""
    told: list[str] = []
    state: State = start or Walking()
    pending = list(outcomes)
    while True:
        for move in moves(walk, state):
            state = move.state
            told += [f"{move.note} {move.who}".strip()] if move.note else []
        attempt = walk.look(state)
        if not isinstance(attempt, Attempt):
            return [*told, type(state).__name__]
        rung = f"{attempt.hop.number}@{attempt.hop.trunk}" if attempt.hop else attempt.by
        told.append(f"{rung} {attempt.seconds}")
        if not pending:
            return told
        state = walk.after(state, pending.pop(0))


REACHED: tuple[Outcome, ...] = ("busy", "no-answer", "left", "not-accepted", "wrong-number")
NOWHERE: tuple[Outcome, ...] = ("full", "refused", "unreachable")


def test_a_caller_whose_agency_answers_is_with_a_person() -> None:
    assert story(over(BPBD), "answers") == ["117@telkom 20", "Served"]


@pytest.mark.parametrize("outcome", REACHED)
def test_a_number_that_was_reached_is_not_rung_over_another_trunk(outcome: Outcome) -> None:
    told = story(over(BPBD, replace(BPBD, trunk="indosat"), DAMKAR), outcome)
    assert told[:2] == ["117@telkom 20", "tried bpbd-117"]
    assert told[2].startswith("113@telkom")


@pytest.mark.parametrize("outcome", NOWHERE)
def test_a_number_that_was_not_reached_is_rung_over_the_other_trunk(outcome: Outcome) -> None:
    told = story(over(BPBD, replace(BPBD, trunk="indosat")), outcome)
    assert told == ["117@telkom 20", "117@indosat 20"]


def test_after_the_last_hop_come_operators_backup_the_last_hotline_and_all_of_it_again() -> None:
    silent: list[Outcome] = ["no-answer"] * 5
    assert story(over(BPBD), *silent) == [
        "117@telkom 20",
        "operators 25",
        "backup 20",
        "110@telkom 20",
        "hold-on",
        "operators 25",
        "backup 20",
    ]


def test_a_caller_who_presses_0_while_it_rings_is_with_the_operators() -> None:
    assert story(over(BPBD, DAMKAR), "zero") == ["117@telkom 20", "operators 25"]
    last = Waiting(at="last", talks=1)
    assert over().after(last, "zero") == Waiting(talks=1)


def test_an_agency_that_leaves_after_a_talk_leaves_the_caller_to_the_operators() -> None:
    told = story(over(BPBD, DAMKAR), "ended")
    assert told == ["117@telkom 20", "still-there", "operators 25"]


def test_a_ring_is_cut_to_the_40_s_within_which_an_operator_is_rung() -> None:
    long = replace(BPBD, ring_seconds=30), replace(DAMKAR, ring_seconds=30)
    assert story(over(*long), "no-answer")[-1] == "113@telkom 10"
    none = story(over(*long, POLICE), "no-answer", "no-answer")
    assert none[-2:] == ["no-time polisi-110", "operators 25"]


def test_who_must_press_1_is_rung_for_20_s_less() -> None:
    asked = replace(BPBD, confirm=True, ring_seconds=40)
    assert story(over(asked))[-1] == "117@telkom 20"
    assert story(over(DAMKAR, asked), "no-answer")[-1] == "operators 25"


def test_who_says_nothing_for_10_s_is_not_there_unless_it_rings_no_longer_than_that() -> None:
    (short, long) = (
        over(replace(BPBD, ring_seconds=s), replace(BPBD, trunk="indosat")) for s in (10, 11)
    )
    assert story(short, "unreachable")[1:] == ["tried bpbd-117", "operators 25"]
    assert story(long, "unreachable")[1:] == ["117@indosat 20"]


def test_what_the_fences_do_not_hold_is_not_rung() -> None:
    beyond = replace(BPBD, number="118"), replace(BPBD, trunk="elsewhere")
    assert story(over(*beyond)) == ["fenced bpbd-117"] * 4 + ["operators 25"], "in both passes"


def test_of_a_plan_that_is_too_long_the_first_hops_are_walked() -> None:
    walk = over(*[replace(BPBD, ring_seconds=5)] * 20)
    assert walk.look(Walking(MAX_HOPS, dialled=True)) == Move(Waiting())


def test_who_was_dead_a_moment_ago_is_passed_over_while_there_is_anybody_else() -> None:
    both = over(BPBD, replace(BPBD, trunk="indosat"))
    assert story(both, "dead", "busy")[1:] == ["117@indosat 20", "operators 25"]


def test_where_all_were_dead_a_moment_ago_they_are_tried_all_the_same() -> None:
    both = over(BPBD, DAMKAR)
    passed = ["117@telkom 20", "113@telkom 20"]
    again = story(both, "dead", "dead", "dead", "busy")
    assert again == [*passed, *passed, "operators 25"], "and dead they are unreachable"
    state = both.after(both.after(Walking(), "dead"), "dead")
    assert isinstance(move := both.look(state), Move)
    assert isinstance(attempt := both.look(move.state), Attempt)
    assert attempt.becomes("dead") == "unreachable"
    assert attempt.lasts("dead") == DEAD_SECONDS


@pytest.mark.parametrize(
    ("operators", "backup", "wanted"),
    [
        ("out", "free", ["nobody operators", "backup 20"]),
        ("paused", "free", ["paused operators", "backup 20"]),
        ("busy", "free", ["operators 25"]),
        ("out", "out", ["nobody operators", "110@telkom 20"]),
        ("out", "paused", ["nobody operators", "paused backup", "110@telkom 20"]),
        ("paused", "out", ["paused operators", "nobody backup", "110@telkom 20"]),
    ],
)
def test_a_group_of_which_nobody_can_be_rung_is_passed_over(
    operators: Group, backup: Group, wanted: list[str]
) -> None:
    assert story(over(operators=operators, backup=backup)) == wanted


def test_a_recording_answers_only_when_nobody_at_all_has_logged_in() -> None:
    walk = over(operators="out", backup="out", simulated_operator=True)
    assert story(walk, "no-answer") == [
        *("nobody operators", "simulated-operator 20", "still-there"),
        *("nobody operators", "simulated-operator 20"),
    ]
    assert "backup 20" in story(over(operators="out", simulated_operator=True))


def test_the_last_hotline_is_rung_over_another_trunk_only_if_the_first_leads_nowhere() -> None:
    both = replace(over().line, last=(POLICE, replace(POLICE, trunk="indosat")))
    start = Waiting(at="last")
    assert story(Walk(both), "full", start=start) == ["110@telkom 20", "110@indosat 20"]
    assert story(Walk(both), "busy", start=start)[1] == "hold-on"


def test_only_operators_end_a_call_and_only_after_three_talks_ended_by_hand() -> None:
    told = story(over(), "ended", "ended", "ended", start=Waiting())
    assert told == [*["operators 25", "still-there"] * 3, "HungUp"]
    slipped = story(over(), "left", "ended", "ended", start=Waiting())
    assert slipped[-1] == "operators 25", "one slip of the hand is forgiven"
    lost: list[Outcome] = ["lost"] * 9
    died = story(over(), *lost, start=Waiting())
    assert died[-1] == "operators 25", "a telephone that dies ends no call"


def test_an_outcome_that_cannot_be_is_refused() -> None:
    for state in (Waiting(), Waiting(at="say"), HungUp(3)):
        with pytest.raises(ValueError, match="cannot become"):
            over().after(state, "busy")


def test_over_a_simulated_trunk_a_machine_answers_and_soon(shipped: Configuration) -> None:
    simulated = Hop("bpbd-117", "117", "simulated", 20)
    attempt = Walk(line(shipped, (simulated,))).look(Walking())
    assert isinstance(attempt, Attempt)
    assert attempt.machine
    assert attempt.lasts("answers") == 2


def test_behind_every_plan_stands_what_the_configuration_says(
    configured: Callable[..., Configuration],
) -> None:
    alone = configured(
        ("operators.yaml", "backup:\n  - {account: pengawas-1, name: Pengawas 1}\n", ""),
        ("operators.yaml", "overflow_seconds: 25", "overflow_seconds: 30"),
    )
    found = line(alone, operators="paused")
    assert (found.operators, found.backup) == ("paused", "out")
    assert [hop.number for hop in found.last] == ["110"]
    assert found.overflow_seconds == 30
    assert found.simulated_operator


hops = st.builds(
    Hop,
    hotline=st.just("h"),
    number=st.sampled_from(["110", "113", "117", "999"]),
    trunk=st.sampled_from(["telkom", "indosat"]),
    ring_seconds=st.integers(5, 40),
    confirm=st.booleans(),
)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.lists(hops, max_size=10), st.randoms(use_true_random=False))
def test_whatever_becomes_of_the_hops_an_operator_is_rung_in_time(
    plan: list[Hop], chance: object
) -> None:
    walk, state, spent = over(*plan), Walking(), 0.0
    while isinstance(state, Walking):
        for move in moves(walk, state):
            state = move.state  # type: ignore[assignment]
        if not isinstance(attempt := walk.look(state), Attempt) or attempt.by != "plan":
            break
        unserved = [o for o in attempt.outcomes if o not in ("answers", "ended")]
        outcome = chance.choice(unserved)  # type: ignore[attr-defined]
        spent += attempt.lasts(outcome)
        state = walk.after(state, outcome)  # type: ignore[assignment]
    # Who picks up when the time is over may still keep the caller a moment.
    assert spent <= MAX_RING_SECONDS + 10
    assert not isinstance(state, Served | HungUp)


def test_the_seconds_are_those_of_the_dialplan() -> None:
    for wanted in (
        f"RING_UNTIL=$[${{EPOCH}} + {MAX_RING_SECONDS}]",
        f"- {CONFIRM_SECONDS} * ${{CONFIRM}}",
        f"${{LEFT}} < {LEAST_RING_SECONDS}",
        "[${DIALLED} = 1 | ${PASS} = 2]?ops",
        f"${{RING}}^{DEAD_SECONDS},",
        f"${{I}} > {MAX_HOPS} ",
        f"Queue(backup,cCir,,,{BACKUP_SECONDS},",
        f"${{TALKS}} >= {TALKS}",
        f"${{SIMULATED_TRUNK}}:drilled)}},{BACKUP_SECONDS},",
    ):
        assert wanted in WRITTEN
