"""The conversation as AGI commands, and Asterisk's answers as events: one text for both floors.

The controller carries it over a socket and the stand-in over pipes, so both say the same to
Asterisk for the same configuration. Law: a plan is complete or it has no token.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass

from ivr.agi import ChannelGone, Environment, Reply
from ivr.call import (
    Action,
    Ask,
    Done,
    Event,
    Failed,
    HungUp,
    Key,
    NoKey,
    Outcome,
    Route,
    Speak,
    Summon,
)
from ivr.flow import Ended, Flow, Step
from ivr.handover import commit_token, variables
from routing.plan import Plan


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `seconds` is how long its answer may take; None for one that plays nothing."""

    words: tuple[str, ...]
    seconds: float | None = None


Answer = Reply | ChannelGone
Commands = Generator[Command, Answer, Event]
PlanNow = Callable[[str], Plan]
"""Gives what to try for a service at this moment."""


def conversation(
    flow: Flow, began: Step, plan: PlanNow, opening: Environment, heard: Callable[[Event], None]
) -> Generator[Command, Answer, Outcome]:
    """Yield the commands of a whole call, take the answer to each, and return how it ended.

    `began` is where the caller stands (Flow.start); `heard` is told of each event. Raises as
    `commands` does.
    """
    state, action = began
    while action is not None:
        event = yield from commands(action, plan, opening)
        heard(event)
        state, action = flow.step(state, event)
    assert isinstance(state, Ended)  # noqa: S101 - the walk over the flow proves it
    return state.outcome


def commands(action: Action, plan: PlanNow, opening: Environment) -> Commands:
    """Yield the commands of one action, take the answer to each, and return what came of it.

    Raises ValueError for a plan or a call reference that does not belong in the dialplan.
    """
    match action:
        case Ask(prompt, limit_seconds):
            # The dialplan plays, listens and keeps the key: if we die, the caller need not press
            # again. What it ticks and how long it waits for our next word is its affair too.
            asked = yield Command(("GOSUB", opening.ask, "s", "1", prompt), limit_seconds)
            if (failed := _done(asked)) != Done():
                return failed
            return _key((yield Command(("GET", "VARIABLE", "KEY"))))
        case Speak(language):
            return _done((yield Command(("SET", "VARIABLE", "CHANNEL(language)", language))))
        case Route(service):
            return (yield from _hand_over(plan(service), opening.callref))
        case Summon(reason, priority):
            return (yield from _hand_over(Plan(reason, priority), opening.callref))


def _hand_over(plan: Plan, callref: str) -> Commands:
    pairs = ",".join(f"{name}={value}" for name, value in variables(plan).items())
    written = _done((yield Command(("EXEC", "MSet", pairs))))
    if written != Done():
        return written
    token = commit_token(plan, callref)
    return _done((yield Command(("SET", "VARIABLE", "PLAN_COMMIT", token))))


def _key(answer: Answer) -> Event:
    if isinstance(answer, ChannelGone):
        return HungUp()
    if answer.code != 200:
        return Failed(f"answered {answer.code}")
    return Key(answer.value) if answer.value else NoKey()


def _done(answer: Answer) -> Event:
    if isinstance(answer, ChannelGone):
        return HungUp()
    if answer.code != 200 or answer.result == "-2":
        return Failed(f"answered {answer.code} {answer.result}")
    return Done()
