"""What a caller may ask for: services, keys and sentences, as frozen values from `menu.yaml`."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from routing.agencies import Form, Language, Name, Seconds, Spoken, Text, Value
from routing.remedies import KEY

Key = Annotated[str, Form("[0-9]", "not a key of a telephone", KEY)]
Priority = Annotated[int, Field(ge=0, le=20)]
"""Order in the operators' queue: higher is answered first (app_queue.c:8911)."""

PromptName = Literal[
    "menu",
    "repeat",
    "wrong",
    "accept",
    "hold-on",
    "still-there",
    "simulated-agency",
    "simulated-operator",
]


class Service(Value):
    """One kind of help: its key, and the agencies to ring in order.

    `reports` names agencies that are told but not rung, beside those in `agencies`.
    """

    key: Key
    """The key of the telephone; no two alike."""
    priority: Priority
    """Place among those who wait for an operator; higher is answered first."""
    spoken: Spoken
    """Its name in the menu."""
    agencies: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Who is rung, in this order."""
    reports: tuple[Name, ...] = ()
    """Who is told but not rung."""


class OperatorKey(Value):
    """A key that leads straight to an operator."""

    key: Key
    """The key of the telephone."""
    priority: Priority
    """Place among those who wait for an operator; higher is answered first."""
    spoken: Spoken | None = None
    """Its name in the menu, if it is said there."""


class NoChoice(Value):
    """How a caller waits for an operator who pressed nothing, or nothing that means anything."""

    priority: Priority
    """Place among those who wait for an operator; higher is answered first."""


class LanguageKey(Value):
    """The key that says the same menu in the second language.

    `spoken` is said in that language while the line waits for a key.
    """

    key: Key
    """The key of the telephone."""
    spoken: Annotated[Text, Field(min_length=1, max_length=60)]
    """Said in the second language while the line waits for a key."""


def _different(languages: tuple[Language, ...]) -> tuple[Language, ...]:
    if len(set(languages)) < len(languages):
        raise ValueError("the same language twice; write [id, en]")
    return languages


class MenuFile(Value):
    """The file `menu.yaml`."""

    languages: Annotated[
        tuple[Language, ...], Field(min_length=2, max_length=2), AfterValidator(_different)
    ]
    """The first is what every caller hears, the second is behind the key of `english`."""
    wait_seconds: Annotated[Seconds, Field(le=10)]
    """How long the line waits for a key after the menu."""
    repeat_wait_seconds: Annotated[Seconds, Field(le=10)]
    """The same after the short repeat."""
    services: Annotated[Mapping[Name, Service], Field(min_length=1)]
    """What a caller may ask for, each under a name of your choice."""
    operator: OperatorKey
    """The key that leads straight to an operator; * and # always do too."""
    cannot_speak: OperatorKey
    """The key of a caller who cannot speak."""
    no_choice: NoChoice
    """A caller who presses nothing, or twice a key that means nothing."""
    english: LanguageKey
    """The key of the second language."""
    prompts: Mapping[PromptName, Spoken]
    """The sentences that are spoken."""

    def bound_keys(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return every bound key with the place in the file that binds it."""
        return (
            *((s.key, ("services", name, "key")) for name, s in self.services.items()),
            (self.operator.key, ("operator", "key")),
            (self.cannot_speak.key, ("cannot_speak", "key")),
            (self.english.key, ("english", "key")),
        )
