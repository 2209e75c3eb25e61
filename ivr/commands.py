"""Actions as AGI commands, and Asterisk's answers as events: one text for whoever carries them.

The controller carries them over a socket and the stand-in over pipes, so both floors say the same
to Asterisk for the same configuration. Law: a plan is complete or it has no token.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass

from ivr.agi import ChannelGone, Reply
from ivr.call import Action, Ask, Done, Event, Failed, HungUp, Key, NoKey, Route, Speak, Summon
from ivr.handover import commit_token, variables
from routing.plan import Plan

KEY_WAIT_MS = 50
"""What GET DATA waits after the file; the seconds a caller has are in the file itself."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `seconds` is how long its answer may take; None for one that plays nothing."""

    words: tuple[str, ...]
    seconds: float | None = None


Answer = Reply | ChannelGone
Commands = Generator[Command, Answer, Event]


def commands(action: Action, plan: Callable[[str], Plan], callref: str) -> Commands:
    """Yield the commands of one action, take the answer to each, and return what came of it.

    Raises ValueError for a plan or a call reference that does not belong in the dialplan.
    """
    match action:
        case Ask(prompt, limit_seconds):
            armed = yield Command(("SET", "AUTOHANGUP", f"{limit_seconds:.1f}"))
            if isinstance(armed, ChannelGone):
                return HungUp()
            listen = ("GET", "DATA", prompt, str(KEY_WAIT_MS), "1")
            return _key((yield Command(listen, limit_seconds + 1)))
        case Speak(language):
            return _done((yield Command(("SET", "VARIABLE", "CHANNEL(language)", language))))
        case Route(service):
            return (yield from _hand_over(plan(service), callref))
        case Summon(reason, priority):
            return (yield from _hand_over(Plan(reason, priority), callref))


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
        return Failed(f"GET DATA answered {answer.code}")
    if answer.result:
        return Key(answer.result)
    # A lone # ends GET DATA with nothing in it and no timeout (main/app.c:249).
    return NoKey() if answer.timeout else Key("#")


def _done(answer: Answer) -> Event:
    if isinstance(answer, ChannelGone):
        return HungUp()
    if answer.code != 200 or answer.result == "-2":
        return Failed(f"answered {answer.code} {answer.result}")
    return Done()
