"""The 112 conversation, as a state machine without I/O.

Law 1: what a caller hears and where the call goes is decided here and in `routing`, nowhere else.
Law 2: one action out, one event in. Whoever performs the action brings back exactly one event.
Law 3: every end is a hand-over to people, unless the caller left. We never hang up.
Law 4: a caller is asked at most twice in one language, and may change language once. Then a person.
What a caller heard from another before us counts.
"""

from dataclasses import dataclass, replace
from typing import Literal

from ivr.call import Action, Ask, Event, Failed, HungUp, Key, NoKey, Outcome, Route, Speak, Summon
from ivr.menu import Menu, ToLanguage, ToOperator, ToService
from routing.agencies import Language

MARGIN_SECONDS = 2.0
"""How much longer than its prompt an Ask may take before we take Asterisk for stuck."""

ROUNDS = 2

Opening = Literal["menu", "repeat"]
"""The prompt that a conversation begins with."""


@dataclass(frozen=True, slots=True)
class Asking:
    """The caller is hearing a prompt. `rounds` counts the prompts in this language so far."""

    language: Language
    rounds: int = 1
    switched: bool = False


@dataclass(frozen=True, slots=True)
class Switching:
    """Asterisk is being told the new language; the menu comes next."""

    language: Language


@dataclass(frozen=True, slots=True)
class HandingOver:
    """The plan is being written; with `Done` the call is out of our hands."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Ended:
    """The conversation is over."""

    outcome: Outcome


State = Asking | Switching | HandingOver | Ended
Step = tuple[State, Action | None]


class Flow:
    """The conversation over one menu. Holds nothing of a call: the state does."""

    def __init__(self, menu: Menu) -> None:
        self._menu = menu

    def start(self, prompt: Opening = "menu", language: Language | None = None) -> Step:
        """Return the first state and the first action of a call.

        Who takes over from another who spoke the menu begins with `repeat`, which is the second
        round, and in the `language` the caller has come to; another one than the first is a switch.
        """
        language = language or self._menu.language
        rounds = 1 if prompt == "menu" else ROUNDS
        state = Asking(language, rounds, switched=language != self._menu.language)
        return state, self._ask(state, prompt)

    def step(self, state: State, event: Event) -> Step:
        """Return the state after `event`, and the one action that leads out of it.

        The action is None when the conversation is over.
        """
        match state, event:
            case Ended(), _:
                return state, None
            case HandingOver(), Failed():
                # Without a commit token the dialplan has its own menu: leave the caller to it.
                return Ended("left"), None
            case HandingOver(outcome), _ if not isinstance(event, HungUp):
                return Ended(outcome), None
            case _, HungUp():
                return Ended("left"), None
            case Asking(), Key(digit):
                return self._pressed(state, digit)
            case Asking(), NoKey():
                return self._again(state, "repeat")
            case Switching(language), _ if not isinstance(event, Failed):
                asking = Asking(language, switched=True)
                return asking, self._ask(asking, "menu")
            case _:
                return self._summon(self._menu.no_choice)

    def _pressed(self, state: Asking, digit: str) -> Step:
        match self._menu.choices.get(digit):
            case ToService(service):
                return HandingOver("routed"), Route(service)
            case ToOperator() as operator:
                return self._summon(operator)
            case ToLanguage(language) if not state.switched:
                return Switching(language), Speak(language)
            case _:
                return self._again(state, "wrong")

    def _again(self, state: Asking, prompt: str) -> Step:
        if state.rounds >= ROUNDS:
            return self._summon(self._menu.no_choice)
        state = replace(state, rounds=state.rounds + 1)
        return state, self._ask(state, prompt)

    def _summon(self, operator: ToOperator) -> Step:
        return HandingOver("summoned"), Summon(operator.reason, operator.priority)

    def _ask(self, state: Asking, prompt: str) -> Ask:
        seconds = self._menu.prompt_seconds(state.language, prompt)
        return Ask(prompt, seconds + MARGIN_SECONDS)
