"""No caller gets stuck, and the proof of it can fail."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.agencies import WIB, Hours
from routing.attempts import Attempt, Outcome
from routing.configuration import Configuration
from routing.plan import Hop, plan
from routing.proof import DAYS, MONDAY, OURSELVES, dead_ends, reach, stuck, times, ways
from routing.walk import HungUp, Line, Move, Served, State, Waiting, Walk, Walking, line

Configured = Callable[..., Configuration]
DAMKAR = 'number: "113", ring_seconds: 20'
BPBD = 'number: "117", ring_seconds: 20'
OFFICE = 'hours: [{days: [mon, tue], opens: "08:07", closes: "16:00"}]'
REAL = ("site.yaml", "simulated_operator: true", "simulated_operator: false")


def without_people(c: Configuration, **more: object) -> Configuration:
    """Return what the loader never gives: a configuration without anybody of our own."""
    nobody = {"operators": (), "backup": (), "last_hotline": "nobody", **more}
    return replace(c, operators=c.operators.model_copy(update=nobody))


def told(c: Configuration, walks: Callable[[Line], Walk] = Walk) -> list[str]:
    return [found.message for found in dead_ends(c, walks)]


def test_no_caller_gets_stuck_in_what_is_shipped(shipped: Configuration) -> None:
    assert told(shipped) == []


def test_no_caller_gets_stuck_though_all_agencies_are_closed(configured: Configured) -> None:
    assert told(configured(("agencies.yaml", BPBD, f"{BPBD}, {OFFICE}"), REAL)) == []


def test_without_anybody_of_our_own_every_key_is_a_dead_end_and_the_way_is_told(
    configured: Configured,
) -> None:
    alone = without_people(configured(("agencies.yaml", BPBD, f"{BPBD}, {OFFICE}"), REAL))
    found = told(alone)
    assert len(found) == 1 + len(alone.menu.services)
    nobody = "no phone of operators logged in"
    assert found[0] == (
        f"a caller gets stuck: no key: {nobody} -> `hold-on` is said -> nobody, round and round"
    )
    (disaster,) = (each for each in found if "key 3" in each)
    assert disaster.startswith(
        f"a caller gets stuck: Monday 00:00, key 3: bpbd-117 closed -> {nobody} -> "
    )


@pytest.mark.parametrize("behind", ["operators", "backup", "last_hotline"])
def test_one_of_the_three_behind_the_agencies_is_enough_unless_it_may_be_away(
    behind: str, configured: Configured
) -> None:
    site = configured(REAL)
    alone = without_people(site, **{behind: getattr(site.operators, behind)})
    assert bool(told(alone)) == (behind != "last_hotline")


def test_a_last_hotline_that_closes_is_a_dead_end(configured: Configured) -> None:
    site = configured(REAL)
    hotlines = site.agencies.agencies["polresta"].hotlines
    closing = hotlines[0].model_copy(update={"hours": (Hours(opens="08:00", closes="16:00"),)})
    police = site.agencies.agencies["polresta"].model_copy(update={"hotlines": (closing,)})
    agencies = {**site.agencies.agencies, "polresta": police}
    broken = replace(site, agencies=site.agencies.model_copy(update={"agencies": agencies}))
    assert "nobody, round and round" in told(broken)[0]


def test_a_hotline_that_leads_back_to_us_is_a_dead_end(shipped: Configuration) -> None:
    damkar = shipped.agencies.agencies["damkar"]
    ours = damkar.hotlines[0].model_copy(update={"number": "112"})
    agencies = {
        **shipped.agencies.agencies,
        "damkar": damkar.model_copy(update={"hotlines": (ours,)}),
    }
    broken = replace(shipped, agencies=shipped.agencies.model_copy(update={"agencies": agencies}))
    first, second = told(broken)
    way = f"damkar-113 answers -> {OURSELVES}"
    assert first == f"a caller gets stuck: Monday 00:00, key 1: {way}"
    assert second == f"a caller gets stuck: Monday 00:00, key 4: bpbd-117 busy -> {way}"


def test_the_112_of_another_city_called_directly_is_not_ours(configured: Configured) -> None:
    other = ("agencies.yaml", DAMKAR, 'sip: "112@10.1.2.3", ring_seconds: 20')
    assert told(configured(other, REAL)) == []


# ------------------------------------------------------------------ a walk that is broken


class HangsUp(Walk):
    """After the last hop it hangs up."""

    def look(self, state: State) -> Attempt | Move | None:
        over = isinstance(state, Walking) and state.i >= len(self.line.hops)
        return Move(HungUp(0)) if over else super().look(state)


class ForgetsTheOperators(Walk):
    """After the last hop it begins again."""

    def look(self, state: State) -> Attempt | Move | None:
        over = isinstance(state, Walking) and state.i >= len(self.line.hops)
        return Move(Walking()) if over else super().look(state)


class Lingers(Walk):
    """After the backup it says for ever that the caller is to hold on."""

    def look(self, state: State) -> Attempt | Move | None:
        last = isinstance(state, Waiting) and state.at == "last"
        return Move(Waiting(at="say")) if last else super().look(state)

    def after(self, state: State, outcome: Outcome) -> State:
        after = super().after(state, outcome)
        return Waiting(at="last") if isinstance(after, Waiting) else after


def test_a_walk_that_hangs_up_after_the_last_hop_is_found_with_the_way(
    shipped: Configuration,
) -> None:
    found = told(shipped, HangsUp)
    assert len(found) == len(shipped.menu.services)
    assert found[0].endswith("Monday 00:00, key 1: damkar-113 busy -> hung up on")


def test_a_walk_that_begins_again_is_found_whether_anybody_is_rung_in_it_or_not(
    configured: Configured,
) -> None:
    closed = configured(("agencies.yaml", BPBD, f"{BPBD}, {OFFICE}"))
    found = told(closed, ForgetsTheOperators)
    assert len(found) == len(closed.menu.services)
    stuck_at = "a caller gets stuck: Monday 00:00, key"
    assert found[0].startswith(f"{stuck_at} 1: damkar-113 ")
    assert found[0].endswith(" -> nobody, round and round")
    assert f"{stuck_at} 3: bpbd-117 closed -> nobody, round and round" in found


def test_a_walk_that_comes_back_to_nobody_is_found(configured: Configured) -> None:
    assert told(configured(REAL), Lingers)


# ------------------------------------------------------------------ every time of the week


def test_a_plan_is_looked_at_once_and_whenever_a_window_opens_or_closes(
    configured: Configured,
) -> None:
    office = configured(("agencies.yaml", BPBD, f"{BPBD}, {OFFICE}"))
    found = [(str(time), len(time.hops), time.closed) for time in times(office, "disaster")]
    assert found == [("Monday 00:00", 0, ("bpbd-117",)), ("Monday 08:07", 1, ())]
    assert [str(time) for time in times(office, "fire")] == ["Monday 00:00"]
    assert DAYS[MONDAY.weekday()] == "Monday"


clocks = st.times().map(lambda clock: clock.strftime("%H:%M"))
weekdays = st.lists(st.sampled_from(["mon", "sat", "sun"]), min_size=1, max_size=2).map(tuple)
windows = st.builds(Hours, days=weekdays, opens=clocks, closes=clocks)


@settings(derandomize=True, deadline=None, max_examples=10)
@given(st.lists(windows, min_size=1, max_size=2), windows)
def test_no_plan_of_any_minute_of_a_week_is_missed(
    shipped: Configuration, first: list[Hours], second: Hours
) -> None:
    bpbd, damkar = (shipped.agencies.agencies[name] for name in ("bpbd", "damkar"))
    agencies = {
        **shipped.agencies.agencies,
        "bpbd": bpbd.model_copy(
            update={
                "hotlines": (bpbd.hotlines[0].model_copy(update={"hours": tuple(first)}),),
            }
        ),
        "damkar": damkar.model_copy(
            update={
                "hotlines": (damkar.hotlines[0].model_copy(update={"hours": (second,)}),),
            }
        ),
    }
    site = replace(shipped, agencies=shipped.agencies.model_copy(update={"agencies": agencies}))
    monday = datetime(2026, 11, 23, tzinfo=WIB)
    week = (monday + timedelta(minutes=n) for n in range(7 * 24 * 60))
    every = {plan(site, "fallen-tree", at).hops for at in week}
    assert {time.hops for time in times(site, "fallen-tree")} == every


# ------------------------------------------------------------------ against every single path

HOPS = st.builds(
    Hop,
    hotline=st.just("h"),
    number=st.sampled_from(["110", "113", "999"]),
    trunk=st.sampled_from(["telkom", "indosat"]),
    ring_seconds=st.sampled_from([5, 15, 40]),
    confirm=st.booleans(),
)
LINES = st.builds(
    Line,
    hops=st.lists(HOPS, max_size=2).map(tuple),
    last=st.lists(HOPS, max_size=1).map(tuple),
    numbers=st.just(frozenset({"110", "113"})),
    trunks=st.just(frozenset({"telkom", "indosat"})),
    machines=st.just(frozenset()),
    ours=st.sampled_from([frozenset(), frozenset({("113", "telkom")})]),
    overflow_seconds=st.just(25),
    simulated_operator=st.booleans(),
    operators=st.sampled_from(["out", "paused"]),
    backup=st.sampled_from(["out", "paused"]),
)


def every_path(walk: Walk, state: State, before: tuple[State, ...] = ()) -> list[tuple[State, ...]]:
    """Return each path from `state` to an end, or to a state that it was in before."""
    path = (*before, state)
    following = [] if state in before else [each for _, each in ways(walk, state)]
    return [more for each in following for more in every_path(walk, each, path)] or [path]


def ends_badly(walk: Walk, path: tuple[State, ...]) -> bool:
    """Say of one path whether its caller is stuck, by looking at nothing but the path."""

    def ours(attempt: Attempt) -> bool:
        hop = attempt.hop
        return hop is not None and (hop.number, hop.trunk) in walk.line.ours

    def rings(state: State) -> bool:
        found = walk.look(state)
        return isinstance(found, Attempt) and found.by != "plan" and not ours(found)

    *before, end = path
    if end in before:
        return not any(map(rings, before[before.index(end) :]))
    if isinstance(end, Served):
        return ours(end.attempt)
    return not (isinstance(end, HungUp) and end.talks >= 3)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(LINES, st.sampled_from([Walk, HangsUp, ForgetsTheOperators, Lingers]))
def test_it_finds_what_trying_every_path_finds(over: Line, walks: type[Walk]) -> None:
    walk = walks(over)
    paths = every_path(walk, Walking())
    assert set(reach(walk, Walking())) == {state for path in paths for state in path}
    assert bool(stuck(walk, Walking())) == any(ends_badly(walk, path) for path in paths)


def test_a_state_is_visited_once_however_many_paths_lead_to_it(shipped: Configuration) -> None:
    hop = plan(shipped, "fire", MONDAY).hops[0]
    many = tuple(replace(hop, number=number, ring_seconds=5) for number in "12345678")
    wide = replace(line(shipped, many), numbers=frozenset("12345678"))
    assert len(reach(Walk(wide), Walking())) < 2000, "of 13 ** 8 paths"
