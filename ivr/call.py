"""The words of a call: what the conversation may ask to be done, and what can happen.

One action goes out, one event comes back. All of them are frozen values.
"""

from dataclasses import dataclass
from typing import Literal

from routing.agencies import Language

# ------------------------------------------------------------------ actions: what we can do


@dataclass(frozen=True, slots=True)
class Ask:
    """Play one prompt file and listen for one key, from its first syllable to its end.

    `limit_seconds` is the longest it can take.
    """

    prompt: str
    limit_seconds: float


@dataclass(frozen=True, slots=True)
class Speak:
    """Go on in another language."""

    language: Language


@dataclass(frozen=True, slots=True)
class Route:
    """Hand the call over to the agencies of a service, and the operators behind them."""

    service: str


@dataclass(frozen=True, slots=True)
class Summon:
    """Hand the call over to an operator. `reason` is what the operator is shown."""

    reason: str
    priority: int


Action = Ask | Speak | Route | Summon

# ------------------------------------------------------------------ events: what can happen


@dataclass(frozen=True, slots=True)
class Key:
    """The caller pressed a key: one of 0 to 9, * and #."""

    digit: str


@dataclass(frozen=True, slots=True)
class NoKey:
    """The prompt and its wait ended with nothing pressed."""


@dataclass(frozen=True, slots=True)
class Done:
    """The action was performed; there is nothing to tell."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Asterisk would not do it."""

    why: str


@dataclass(frozen=True, slots=True)
class HungUp:
    """The caller is gone, or Asterisk took the call away from us."""


Event = Key | NoKey | Done | Failed | HungUp

Outcome = Literal["routed", "summoned", "left"]
"""How the conversation ended: with agencies, with an operator, or the caller left the menu."""
