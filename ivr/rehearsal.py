"""What one caller would live through, from a configuration: nothing is dialled, nobody is rung.

Law 1: nothing is decided here. What is asked is `ivr.flow` or the static menu, where the call goes
is `routing.plan`, who is rung is `routing.walk`.
Law 2: what people do in their own time is taken to last as is written here and in attempts.py.
"""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, TypeAlias

from ivr.call import Action, Ask, Done, Event, Key, NoKey, Route, Speak, Summon
from ivr.flow import Flow
from ivr.menu import DEFAULT_PROMPT_SECONDS, menu
from routing.agencies import Language
from routing.attempts import Attempt, Outcome
from routing.configuration import Configuration
from routing.plan import hops_of, plan, service_hotlines
from routing.staticmenu import Asked, Laid, StaticHop, StaticMenu
from routing.walk import Group, HungUp, Line, Move, Note, State, Waiting, Walk, Walking, line

PRESS_SECONDS = 4.0
"""Taken for how long a caller listens before pressing a key."""
SILENCE = "."
"""In the keys: at this prompt nothing is pressed."""
ROUNDS = 2
"""So often the people are rung before it is said that it goes on like that."""
OF_GROUPS: tuple[Outcome, ...] = ("no-answer", "left")
"""What may become of ringing a group of our own phones."""

Floor = Literal["controller", "stand-in", "static"]
What = Literal[
    "floor",
    "hears",
    "presses",
    "waits",
    "plan",
    "closed",
    "rings",
    "dead",
    "queues",
    "over",
    "person",
    "machine",
    "goes-on",
    "hung-up",
]
Lengths: TypeAlias = Mapping[tuple[Language, str], float]
"""How many seconds each prompt lasts, its wait inside."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is rehearsed.

    `keys` holds one key a prompt, `.` for none; a 0 left over is pressed while it rings. `fates`
    says what becomes of who is rung (see `targets`); the others answer.
    """

    at: datetime
    keys: str = ""
    floor: Floor = "controller"
    fates: Mapping[str, Outcome] = field(default_factory=dict)
    operators: Group = "free"
    backup: Group = "free"


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happens, so many seconds after the call was answered.

    `who` is a floor, prompt, key, service, hotline or group; it lasts `seconds`, or that at most.
    """

    at: float
    what: What | Note
    who: str = ""
    seconds: float = 0.0
    language: str = ""
    number: str = ""
    trunk: str = ""
    priority: int = 0
    outcome: str = ""


Told: TypeAlias = Iterator[Happening]


def targets(c: Configuration) -> Mapping[str, str]:
    """Return what a fate may be told of, and what each is.

    A hotline, number, trunk, number over one trunk (`117@telkom`), or group.
    """
    hotlines = c.agencies.hotlines()
    return {
        **dict.fromkeys(("operators", "backup"), "group"),
        **dict.fromkeys(c.site.trunks, "trunk"),
        **{hotline.dialled: "number" for hotline in hotlines},
        **{hotline.name: "hotline" for hotline in hotlines},
        **{f"{hop.number}@{hop.trunk}": "hop" for h in hotlines for hop in hops_of(c, h)},
    }


def rehearse(c: Configuration, lengths: Lengths, case: Case) -> Told:
    """Yield what happens from the first word to a person, or to where it only repeats itself."""
    caller = _Caller(c, lengths, case)
    yield Happening(0.0, "floor", case.floor)
    laid = yield from (caller.static() if case.floor == "static" else caller.flow())
    yield Happening(caller.now, "plan", laid.name, priority=laid.priority)
    if laid.name in c.menu.services:
        for hotline in service_hotlines(c, laid.name):
            if not hotline.is_open(case.at):
                yield Happening(caller.now, "closed", hotline.name, number=hotline.dialled)
    yield from caller.walk(laid)


class _Caller:
    """One caller; the clock stands at `now`."""

    def __init__(self, c: Configuration, lengths: Lengths, case: Case) -> None:
        self._c, self._lengths, self._case = c, lengths, case
        self._keys = list(case.keys)
        self._language: Language = c.menu.languages[0]
        self.now = 0.0

    def flow(self) -> Generator[Happening, None, Laid]:
        """Be asked by Python: the controller, or the stand-in."""
        flow = Flow(menu(self._c, self._lengths))
        state, action = flow.start()
        while not isinstance(action, Route | Summon):
            event = yield from self._does(action)
            state, action = flow.step(state, event)
        if isinstance(action, Summon):
            return Laid(action.reason, action.priority)
        made = plan(self._c, action.service, self._case.at)
        hops = (StaticHop(h.number, h.trunk, h.ring_seconds, h.confirm) for h in made.hops)
        return Laid(made.service, made.priority, tuple(hops))

    def static(self) -> Generator[Happening, None, Laid]:
        """Be asked by the dialplan."""
        static = StaticMenu(self._c)
        now: Asked | Laid = static.start()
        while isinstance(now, Asked):
            self._language = now.language
            key = yield from self._hears(now.prompt)
            now = static.step(now, key, self._case.at)
        return now

    def _does(self, action: Action | None) -> Generator[Happening, None, Event]:
        match action:
            case Ask(prompt):
                key = yield from self._hears(prompt)
                return Key(key) if key else NoKey()
            case Speak(language):
                self._language = language
        return Done()

    def _hears(self, prompt: str) -> Generator[Happening, None, str]:
        """Hear a prompt and press a key; nothing when it is silence."""
        seconds = self._seconds(prompt)
        yield Happening(self.now, "hears", prompt, seconds, self._language)
        key = self._keys.pop(0).replace(SILENCE, "") if self._keys else ""
        self.now += min(PRESS_SECONDS, seconds) if key else seconds
        yield Happening(self.now, "presses" if key else "waits", key)
        return key

    def _seconds(self, prompt: str) -> float:
        return self._lengths.get((self._language, prompt), DEFAULT_PROMPT_SECONDS)

    def walk(self, laid: Laid) -> Told:
        """Be led over the plan, and the people behind it."""
        walk, rounds = Walk(self._line(laid)), 0
        state: State = Walking()
        while (found := walk.look(state)) is not None:
            if isinstance(found, Move):
                yield from self._passes(found)
                state = found.state
                rounds += isinstance(state, Waiting) and state.at == "again"
                if rounds > ROUNDS:
                    yield Happening(self.now, "goes-on")
                    return
                continue
            outcome = self._fate(found)
            yield from self._attempt(found, outcome)
            state = walk.after(state, outcome)
        if isinstance(state, HungUp):
            yield Happening(self.now, "hung-up")

    def _line(self, laid: Laid) -> Line:
        c, case = self._c, self._case
        names = {(h.number, h.trunk): h for x in c.agencies.hotlines() for h in hops_of(c, x)}
        hops = (
            replace(names[h.number, h.trunk], ring_seconds=h.ring_seconds, confirm=h.confirm)
            for h in laid.hops
        )
        over = line(c, tuple(hops), case.operators)
        return replace(over, backup=case.backup if c.operators.backup else "out")

    def _passes(self, move: Move) -> Told:
        if not move.note:
            return
        spoken = move.note in ("hold-on", "still-there")
        seconds = self._seconds(move.note) if spoken else 0.0
        language = self._language if spoken else ""
        yield Happening(self.now, move.note, move.who, seconds, language)
        self.now += seconds + (move.note == "hold-on")  # ops, say: it waits a second more

    def _fate(self, attempt: Attempt) -> Outcome:
        if attempt.hop and "0" in self._keys:
            self._keys.clear()
            return "zero"
        hop, case = attempt.hop, self._case
        one = f"{hop.number}@{hop.trunk}" if hop else ""
        names = (one, hop.hotline, hop.number, hop.trunk) if hop else (attempt.by,)
        waits = self._is_busy(attempt)
        default: Outcome = "no-answer" if waits else "answers"
        return attempt.becomes(next((case.fates[n] for n in names if n in case.fates), default))

    def _is_busy(self, attempt: Attempt) -> bool:
        states: Mapping[str, Group] = {
            "operators": self._case.operators,
            "backup": self._case.backup,
        }
        return states.get(attempt.by) == "busy"

    def _attempt(self, attempt: Attempt, outcome: Outcome) -> Told:
        hop = attempt.hop
        who = hop.hotline if hop else attempt.by
        number, trunk = (hop.number, hop.trunk) if hop else ("", "")
        if outcome == "dead":
            yield Happening(self.now, "dead", who, number=number, trunk=trunk)
            return
        waits = self._is_busy(attempt)
        what: What = "queues" if waits else "rings"
        yield Happening(self.now, what, who, attempt.seconds, number=number, trunk=trunk)
        self.now += attempt.lasts(outcome)
        if outcome == "answers":
            yield Happening(
                self.now, "machine" if attempt.machine else "person", who, number=number
            )
        elif not waits or outcome != "no-answer":
            yield Happening(self.now, "over", who, number=number, outcome=outcome)
