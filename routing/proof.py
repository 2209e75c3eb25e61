"""No caller gets stuck: every service, every minute of a week, every outcome of every attempt.

Law 1: it goes over the states of routing/walk.py, each once with each of its outcomes. That is
every path, because what follows a state depends on nothing before it.
Law 2: a caller is stuck who is hung up on, who is answered by ourselves, and who is led round and
round without the people behind the agencies being rung: operators, backup, the last hotline.
Law 3: times are folded only where the plan is the same. A plan changes when a window opens or
closes: those minutes are looked at beside each quarter hour.
Law 4: what the walk leaves out is left out here (routing/walk.py).
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise, product
from typing import cast

from routing.agencies import WIB, Hotline
from routing.attempts import Attempt, Outcome
from routing.configuration import Configuration, Conflict
from routing.plan import Hop, plan, service_hotlines
from routing.remedies import Place
from routing.walk import (
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

MONDAY = datetime(2024, 1, 1, tzinfo=WIB)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
GROUPS: tuple[Group, ...] = ("free", "busy", "paused", "out")
OURSELVES = "that is ourselves, and our own menu"

Walks = Callable[[Line], Walk]


@dataclass(frozen=True, slots=True)
class Time:
    """A plan's hops, from the first moment of the week at which they are the plan."""

    at: datetime
    hops: tuple[Hop, ...]
    closed: tuple[str, ...]

    def __str__(self) -> str:
        """Say when, for people: `Saturday 02:00`."""
        return f"{DAYS[self.at.weekday()]} {self.at:%H:%M}"


def dead_ends(c: Configuration, walks: Walks = Walk) -> Iterator[Conflict]:
    """Yield each service at which a caller can get stuck, and the shortest way there, in words."""
    behind = list(_behind(c))
    broken = [on for on in behind if stuck(walks(on), Waiting())]
    on = broken[0] if broken else behind[0]
    sound = frozenset() if broken else frozenset(reach(walks(on), Waiting()))
    if broken:
        way = stuck(walks(on), Waiting())
        yield _conflict(("no_choice",), "no key", way)
    for service, found in c.menu.services.items():
        for time in times(c, service):
            over = replace(on, hops=time.hops)
            if way := stuck(walks(over), Walking(), sound):
                closed = tuple(f"{name} closed" for name in time.closed)
                place = ("services", service, "agencies")
                yield _conflict(place, f"{time}, key {found.key}", (*closed, *way))
                break


def _conflict(place: Place, who: str, way: tuple[str, ...]) -> Conflict:
    message = f"a caller gets stuck: {who}: {' -> '.join(way)}"
    if way[-1] == OURSELVES:
        return Conflict("menu.yaml", place, message, "write the agency's own number")
    remedy = "see that somebody is behind it: operators, backup and last_hotline in operators.yaml"
    return Conflict("menu.yaml", place, message, remedy)


def _behind(c: Configuration) -> Iterator[Line]:
    """Yield whom a caller may find behind the hops, everybody there first."""
    alone = line(c)
    if any(h.name == c.operators.last_hotline and h.hours for h in c.agencies.hotlines()):
        alone = replace(alone, last=())  # it is closed at times
    nobody: tuple[Group, ...] = ("out",)
    groups = (nobody if group == "out" else GROUPS for group in (alone.operators, alone.backup))
    for operators, backup in product(*groups):
        yield replace(alone, operators=operators, backup=backup)


def times(c: Configuration, service: str) -> Iterator[Time]:
    """Yield each plan that `service` has in a week, once."""
    hotlines = service_hotlines(c, service)
    seen: set[tuple[Hop, ...]] = set()
    for minute in moments(hotlines):
        at = MONDAY + timedelta(minutes=minute)
        hops = plan(c, service, at).hops
        if hops not in seen:
            seen.add(hops)
            yield Time(at, hops, tuple(h.name for h in hotlines if not h.is_open(at)))


def moments(hotlines: tuple[Hotline, ...]) -> list[int]:
    """Return each quarter hour of a week, and when a window opens or closes, in minutes."""
    clocks = {
        int(clock[:2]) * 60 + int(clock[3:])
        for hotline in hotlines
        for window in hotline.hours or ()
        for clock in (window.opens, window.closes)
    }
    clocks |= set(range(0, 24 * 60, 15))
    return sorted(day * 24 * 60 + clock for day in range(7) for clock in clocks)


def reach(walk: Walk, start: State) -> dict[State, tuple[State, str] | None]:
    """Return every state that `start` can lead to, with the one before it and what lies between."""
    came: dict[State, tuple[State, str] | None] = {start: None}
    pending = deque([start])
    while pending:
        state = pending.popleft()
        for words, following in ways(walk, state):
            if following not in came:
                came[following] = (state, words)
                pending.append(following)
    return came


def ways(walk: Walk, state: State) -> Iterator[tuple[str, State]]:
    """Yield each state that can come next, with what happens between, in words."""
    found = walk.look(state)
    if isinstance(found, Move):
        yield _said(found), found.state
    elif found is not None:
        for outcome in found.outcomes:
            yield f"{_who(found)} {_OUTCOMES.get(outcome, outcome)}", walk.after(state, outcome)


def stuck(walk: Walk, start: State, sound: frozenset[State] = frozenset()) -> tuple[str, ...]:
    """Return a way from `start` to where a caller is stuck, in words; nothing if there is none.

    From the states in `sound` it is known that there is none.
    """
    came = reach(_Known(walk, sound), start)
    for state in came:
        if why := _end(walk, state, sound):
            return (*_way(came, state), why)
    # Where none of those people is rung it must not go round: else it may go round for ever.
    # In the order in which they were come to, so that the same configuration is told the same.
    silent = dict.fromkeys(s for s in came if s not in sound and not _rings(walk, s))
    onward = {s: [f for _, f in ways(walk, s) if f in silent] for s in silent}
    try:
        TopologicalSorter(onward).prepare()
    except CycleError as error:
        first = next(state for state in came if state in error.args[1])
        return (*_way(came, first), *_round(walk, first, error.args[1]))
    return ()


class _Known(Walk):
    """A walk that stops where it is known how it goes on."""

    def __init__(self, walk: Walk, sound: frozenset[State]) -> None:
        super().__init__(walk.line)
        self._walk, self._sound = walk, sound

    def look(self, state: State) -> Attempt | Move | None:
        return None if state in self._sound else self._walk.look(state)

    def after(self, state: State, outcome: Outcome) -> State:
        return self._walk.after(state, outcome)


def _rings(walk: Walk, state: State) -> bool:
    """Return whether somebody behind the agencies is rung, and may answer."""
    found = walk.look(state)
    behind = isinstance(found, Attempt) and found.by != "plan" and "answers" in found.outcomes
    return behind and not _ours(walk, cast("Attempt", found))


def _ours(walk: Walk, attempt: Attempt) -> bool:
    hop = attempt.hop
    return hop is not None and (hop.number, hop.trunk) in walk.line.ours


def _end(walk: Walk, state: State, sound: frozenset[State]) -> str:
    """Return why a caller is stuck whose walk ends in `state`; nothing if he is not."""
    if state in sound or walk.look(state) is not None:
        return ""
    if isinstance(state, Served):
        return OURSELVES if _ours(walk, state.attempt) else ""
    if isinstance(state, HungUp) and state.talks >= TALKS:
        return ""
    return "hung up on"


def _way(came: Mapping[State, tuple[State, str] | None], state: State) -> tuple[str, ...]:
    words: list[str] = []
    while before := came[state]:
        state = before[0]
        words += [before[1]] if before[1] else []
    return tuple(reversed(words))


def _round(walk: Walk, first: State, found: list[State]) -> tuple[str, ...]:
    """Say what a caller goes through from `first` to `first`; `found` has it backwards."""
    states = list(reversed(found[1:]))
    turn = states.index(first)
    states = [*states[turn:], *states[:turn], first]
    words = (
        next(words for words, following in ways(walk, a) if following == b)
        for a, b in pairwise(states)
    )
    return (*filter(None, words), "nobody, round and round")


_OUTCOMES: Mapping[Outcome, str] = {
    "left": "leaves at once",
    "ended": "hangs up after a talk",
    "lost": "dies in the talk",
    "no-answer": "does not answer",
    "wrong-number": "does not exist",
    "not-accepted": "is not accepted",
    "zero": "rings, 0 is pressed",
    "dead": "was dead a moment ago",
}


def _who(attempt: Attempt) -> str:
    return attempt.hop.hotline if attempt.hop else attempt.by


def _said(move: Move) -> str:
    match move.note:
        case "":
            return ""
        case "nobody":
            return f"no phone of {move.who} logged in"
        case "paused":
            return f"all of {move.who} paused"
        case "hold-on" | "still-there":
            return f"`{move.note}` is said"
        case "no-time":
            return f"no time left for {move.who}"
        case "tried":
            return f"{move.who} reached already"
    return f"{move.who} outside the fences"
