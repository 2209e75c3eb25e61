"""Whoever asks the caller, a key means the same: the menu of Python against the dialplan's own.

Law 1: both go through every key and every silence side by side, from the first word on.
Law 2: a caller is asked at most four times, twice in each language; then comes a person.
"""

from collections.abc import Iterator

from ivr.call import Ask, Done, Key, NoKey, Route, Speak, Summon
from ivr.flow import Flow, Step
from ivr.menu import menu
from routing.configuration import Configuration, Conflict
from routing.plan import plan
from routing.proof import MONDAY, times
from routing.staticmenu import Asked, Laid, StaticHop, StaticMenu

KEYS = ("", *"0123456789*#")
MOST_PROMPTS = 4
REMEDY = "this is a fault of Siaga 112, not of config/: report it; what is in force stays"


def differences(c: Configuration, flow: Flow | None = None) -> Iterator[Conflict]:
    """Yield where the floors would not do the same, or would ask for ever. Nothing when all agree.

    The stand-in has the controller's conversation (ivr/standin.py), so there are two to compare.
    """
    flow, static = flow or Flow(menu(c, {})), StaticMenu(c)
    pending = [(asking(flow, flow.start()), static.start(), "")]
    while pending:
        step, asked, before = pending.pop()
        for key in KEYS:
            now = asking(flow, flow.step(step[0], Key(key) if key else NoKey()))
            following = static.step(asked, key, MONDAY)
            pressed = f"{before} {key or 'silence'}".strip()
            if alike(now, following):
                pending += [(now, following, pressed)] if isinstance(following, Asked) else []
            else:
                message = f"after {pressed} Python gives {now[1]}, the static menu {following}"
                yield _conflict(c, key, message)
            if len(pressed.split()) == MOST_PROMPTS and isinstance(now[1], Ask):
                yield _conflict(c, key, f"after {pressed} a caller is asked still")
                return
    yield from _plans(c, static)


def asking(flow: Flow, step: Step) -> Step:
    """Return the step at which the caller is asked or handed over: the language is told at once."""
    state, action = step
    return flow.step(state, Done()) if isinstance(action, Speak) else step


def alike(step: Step, following: Asked | Laid) -> bool:
    """Return whether both ask the same in the same language, or hand over to the same."""
    state, action = step
    match action, following:
        case Ask(prompt), Asked():
            return (prompt, getattr(state, "language", "")) == (
                following.prompt,
                following.language,
            )
        case Summon(reason, priority), Laid():
            return following == Laid(reason, priority)
        case Route(service), Laid():
            return following.name == service
    return False


def _plans(c: Configuration, static: StaticMenu) -> Iterator[Conflict]:
    """Yield each service that the static menu lays out otherwise than `plan` at some time."""
    for name, service in c.menu.services.items():
        for time in times(c, name):
            found = static.step(static.start(), service.key, time.at)
            made = plan(c, name, time.at)
            hops = (StaticHop(h.number, h.trunk, h.ring_seconds, h.confirm) for h in made.hops)
            if found != (wanted := Laid(name, made.priority, tuple(hops))):
                message = f"{time} Python gives {wanted}, the static menu {found}"
                yield _conflict(c, service.key, message)
                break


def _conflict(c: Configuration, key: str, message: str) -> Conflict:
    place = dict(c.menu.bound_keys()).get(key, ("operator",))
    return Conflict("menu.yaml", place, message, REMEDY)
