"""What the dialplan does with a plan: who is rung, for how long, and what comes after it.

Law 1: every rule here is one of asterisk/dialplan.conf and names its context. The dialplan counts.
Law 2: no clock and no chance. What becomes of an attempt is told by whoever asks.
Law 3: the caller stands alone. Left out are a crowd from one number (`CROWD` in ops), and what the
console orders. That another caller found a hotline dead is an outcome of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal, cast, get_args

from routing.attempts import CONFIRM_SECONDS, Attempt, By, Outcome
from routing.configuration import MAX_HOPS, MAX_RING_SECONDS, Configuration
from routing.plan import Hop, hops_of
from routing.site import DIALLED

Group = Literal["free", "busy", "paused", "out"]
"""How all phones of a group are: nobody can be rung who talks, pauses or is not logged in."""

Label = Literal["again", "backup", "simulated", "last", "say", "left"]
"""Where in ops a caller is; `simulated` is what follows `nobody` there."""

LEAST_RING_SECONDS = 5
BACKUP_SECONDS = 20
"""How long the backup rings (ops); so long at most the last hotline does, and a recording."""
TALKS = 3
"""So many talks that operators ended by hand are enough (ops, served)."""
_AFTER_SILENCE: Mapping[Label, Label] = {"again": "backup", "backup": "last", "simulated": "left"}
_THERE: tuple[Outcome, ...] = ("left", "busy", "no-answer", "wrong-number", "not-accepted")
"""After these another trunk to the same number changes nothing (failed-hop, reached)."""
_DIALLED: tuple[Outcome, ...] = tuple(o for o in get_args(Outcome) if o not in ("lost", "dead"))
_QUEUED: tuple[Outcome, ...] = ("answers", "no-answer", "left", "ended", "lost")


@dataclass(frozen=True, slots=True)
class Line:
    """What a walk leads over: the hops of a plan, and who stands behind them.

    `numbers` and `trunks` are what the fences hold. On the trunks in `machines` Asterisk itself
    answers. `ours` are our own numbers, each over each trunk: a carrier brings that call to us.
    """

    hops: tuple[Hop, ...]
    last: tuple[Hop, ...]
    numbers: frozenset[str]
    trunks: frozenset[str]
    machines: frozenset[str]
    ours: frozenset[tuple[str, str]]
    overflow_seconds: int
    simulated_operator: bool
    operators: Group = "free"
    backup: Group = "free"


def line(c: Configuration, hops: tuple[Hop, ...] = (), operators: Group = "free") -> Line:
    """Return what `c` puts behind `hops`, with the backup there."""
    hotlines, called = c.agencies.hotlines(), (*DIALLED, *c.site.also_called)
    return Line(
        hops=hops,
        last=tuple(
            hop
            for hotline in hotlines
            if hotline.name == c.operators.last_hotline
            for hop in hops_of(c, hotline)
        ),
        numbers=frozenset(hotline.dialled for hotline in hotlines),
        trunks=frozenset({*c.site.trunks, *(h.endpoint for h in hotlines if h.endpoint)}),
        machines=frozenset(name for name, trunk in c.site.trunks.items() if trunk.simulated),
        ours=frozenset(product((n.lstrip("+") for n in called), c.site.trunks)),
        overflow_seconds=c.operators.overflow_seconds,
        simulated_operator=c.site.simulated_operator,
        operators=operators if c.operators.operators else "out",
        backup="free" if c.operators.backup else "out",
    )


@dataclass(frozen=True, slots=True)
class Walking:
    """Before hop `i`, so many seconds after the first (walk-plan). `tried` was reached.

    In the first pass those that were dead a moment ago are passed over; there is a second one only
    if nobody was `dialled` in it.
    """

    i: int = 0
    spent: int = 0
    tried: str = ""
    passed: bool = False
    dialled: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """With the people (ops). `at` is the label there; `hop` counts the last hotline's."""

    at: Label = "again"
    hop: int = 0
    talks: int = 0
    forgiven: bool = False


@dataclass(frozen=True, slots=True)
class Served:
    """Somebody is with the caller."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class HungUp:
    """We ended the call, after operators had ended so many talks."""

    talks: int


State = Walking | Waiting | Served | HungUp

Note = Literal["fenced", "tried", "no-time", "nobody", "paused", "hold-on", "still-there"]
"""What passes without anybody being rung: a hop that is left out, a group nobody of whom can be
rung, or a prompt."""


@dataclass(frozen=True, slots=True)
class Move:
    """What passes by itself, and what is next. `note` is empty for what nobody hears or sees."""

    state: State
    note: Note | Literal[""] = ""
    who: str = ""


class Walk:
    """The walk over one line. Holds nothing of a call: the state does."""

    def __init__(self, over: Line) -> None:
        self.line = over

    def look(self, state: State) -> Attempt | Move | None:
        """Return who is rung now, or what passes by itself; None when the walk is over."""
        match state:
            case Walking():
                return self._hop(state)
            case Waiting():
                return self._people(state)
        return None

    def after(self, state: State, outcome: Outcome) -> State:
        """Return the state after an attempt that `look` gave for `state`."""
        attempt = self.look(state)
        outcome = attempt.becomes(outcome) if isinstance(attempt, Attempt) else outcome
        if not isinstance(attempt, Attempt) or outcome not in attempt.outcomes:
            raise ValueError(f"{outcome} cannot become of {attempt}")
        if outcome == "answers":
            return Served(attempt)
        if isinstance(state, Walking):
            return _after_hop(state, attempt, outcome)
        people = cast("Waiting", state)  # in the others nobody is rung
        return (
            _after_last(people, outcome) if people.at == "last" else _after_people(people, outcome)
        )

    def _hop(self, s: Walking) -> Attempt | Move:
        """walk-plan, from `next` to the Dial."""
        if s.i >= min(len(self.line.hops), MAX_HOPS):
            once_more = not (s.dialled or s.passed)
            return Move(replace(s, i=0, passed=True) if once_more else Waiting())
        hop, following = self.line.hops[s.i], replace(s, i=s.i + 1)
        if hop.number not in self.line.numbers or hop.trunk not in self.line.trunks:
            return Move(following, "fenced", hop.hotline)
        if hop.number == s.tried:
            return Move(following, "tried", hop.hotline)
        left = MAX_RING_SECONDS - s.spent - CONFIRM_SECONDS * hop.confirm
        if left < LEAST_RING_SECONDS:
            return Move(Waiting(), "no-time", hop.hotline)
        ring = hop.ring_seconds if 5 <= hop.ring_seconds <= 40 else 20
        attempt = self._dial("plan", min(ring, left), hop)
        return attempt if s.passed else replace(attempt, outcomes=(*attempt.outcomes, "dead"))

    def _dial(self, by: By, seconds: int, hop: Hop) -> Attempt:
        return Attempt(by, seconds, _DIALLED, hop, machine=hop.trunk in self.line.machines)

    def _people(self, s: Waiting) -> Attempt | Move:
        """Ops, from each of its labels."""
        match s.at:
            case "again":
                return self._queue(s, "operators", self._without_operators(), "backup")
            case "backup":
                return self._queue(s, "backup", "last", "last")
            case "simulated":
                outcomes: tuple[Outcome, ...] = ("answers", "no-answer")
                return Attempt("simulated-operator", BACKUP_SECONDS, outcomes, machine=True)
            case "last" if s.hop < len(self.line.last):
                hop = self.line.last[s.hop]
                return self._dial("last", min(hop.ring_seconds, BACKUP_SECONDS), hop)
            case "last":
                return Move(replace(s, at="say", hop=0))
            case "say":
                return Move(replace(s, at="again"), "hold-on")
        served = s.talks >= TALKS
        return Move(HungUp(s.talks) if served else replace(s, at="again"), "still-there")

    def _queue(
        self, s: Waiting, by: Literal["operators", "backup"], nobody: Label, paused: Label
    ) -> Attempt | Move:
        """Queue, unless it lets nobody in (joinempty of queues.conf)."""
        operators = by == "operators"
        match self.line.operators if operators else self.line.backup:
            case "out":
                return Move(replace(s, at=nobody), "nobody", by)
            case "paused":
                return Move(replace(s, at=paused), "paused", by)
        return Attempt(by, self.line.overflow_seconds if operators else BACKUP_SECONDS, _QUEUED)

    def _without_operators(self) -> Label:
        """Ops, from `nobody`."""
        if self.line.backup != "out":
            return "backup"
        return "simulated" if self.line.simulated_operator else "last"


def _after_hop(s: Walking, attempt: Attempt, outcome: Outcome) -> State:
    """walk-plan after the Dial: failed-hop, ring-escape, and `after`."""
    if outcome == "zero":
        return Waiting()
    if outcome == "ended":
        return Waiting(at="left")
    if outcome == "dead":
        return replace(s, i=s.i + 1)
    number = attempt.hop.number if attempt.hop else ""
    tried = number if outcome in _THERE else s.tried
    spent = s.spent + attempt.lasts(outcome)
    return replace(s, i=s.i + 1, spent=spent, tried=tried, dialled=True)


def _after_last(s: Waiting, outcome: Outcome) -> State:
    """last-hotline (routing/dialplan.py): over another trunk if the first leads nowhere."""
    if outcome == "zero":
        return replace(s, at="again", hop=0)
    nowhere = outcome in ("full", "unreachable", "refused", "wrong-number")
    return replace(s, hop=s.hop + 1) if nowhere else replace(s, at="say", hop=0)


def _after_people(s: Waiting, outcome: Outcome) -> State:
    """Ops after a queue, and its `left`."""
    if outcome == "no-answer":
        return replace(s, at=_AFTER_SILENCE[s.at])
    if outcome == "left" and not s.forgiven:
        return replace(s, at="left", forgiven=True)
    talks = s.talks + (outcome != "lost")
    return replace(s, at="left", talks=talks)
