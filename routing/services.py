"""What a caller may ask for: services, keys and sentences, as frozen values from `menu.yaml`."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from routing.agencies import Language, Name, Seconds, Spoken, Text, Value, form
from routing.remedies import KEY

Key = Annotated[str, form("[0-9]", "not a key of a telephone", KEY)]
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
    priority: Priority
    spoken: Spoken
    agencies: Annotated[tuple[Name, ...], Field(min_length=1)]
    reports: tuple[Name, ...] = ()


class OperatorKey(Value):
    """A key that leads straight to an operator."""

    key: Key
    priority: Priority
    spoken: Spoken | None = None


class NoChoice(Value):
    """How a caller waits for an operator who pressed nothing, or nothing that means anything."""

    priority: Priority


class LanguageKey(Value):
    """The key that says the same menu in the second language.

    `spoken` is said in that language while the line waits for a key.
    """

    key: Key
    spoken: Annotated[Text, Field(min_length=1, max_length=60)]


def _different(languages: tuple[Language, ...]) -> tuple[Language, ...]:
    if len(set(languages)) < len(languages):
        raise ValueError("the same language twice; write [id, en]")
    return languages


class MenuFile(Value):
    """The file `menu.yaml`."""

    languages: Annotated[
        tuple[Language, ...], Field(min_length=2, max_length=2), AfterValidator(_different)
    ]
    wait_seconds: Annotated[Seconds, Field(le=10)]
    repeat_wait_seconds: Annotated[Seconds, Field(le=10)]
    services: Annotated[Mapping[Name, Service], Field(min_length=1)]
    operator: OperatorKey
    cannot_speak: OperatorKey
    no_choice: NoChoice
    english: LanguageKey
    prompts: Mapping[PromptName, Spoken]

    def bound_keys(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return every bound key with the place in the file that binds it."""
        return (
            *((s.key, ("services", name, "key")) for name, s in self.services.items()),
            (self.operator.key, ("operator", "key")),
            (self.cannot_speak.key, ("cannot_speak", "key")),
            (self.english.key, ("english", "key")),
        )
