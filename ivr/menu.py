"""What each key means and how long each prompt lasts: the menu as frozen values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from routing.agencies import Language
from routing.configuration import Configuration
from routing.dialplan import simulated_prompt

DEFAULT_PROMPT_SECONDS = 16.0
"""How long an unmeasured prompt is taken to last."""

MAX_SILENT_SECONDS = 15.0
"""From the first word to an operator's phone, for a caller who does nothing."""


@dataclass(frozen=True, slots=True)
class ToService:
    """The key of a service."""

    service: str


@dataclass(frozen=True, slots=True)
class ToOperator:
    """A key that leads to an operator at once."""

    reason: str
    priority: int


@dataclass(frozen=True, slots=True)
class ToLanguage:
    """The key of the second language."""

    language: Language


Choice = ToService | ToOperator | ToLanguage


@dataclass(frozen=True, slots=True)
class Menu:
    """Everything the conversation knows. Seconds are those of the prompt's file, wait included."""

    language: Language
    choices: Mapping[str, Choice]
    no_choice: ToOperator
    seconds: Mapping[tuple[Language, str], float]

    def prompt_seconds(self, language: Language, prompt: str) -> float:
        """Return how long a prompt lasts, with the wait that follows it."""
        return self.seconds.get((language, prompt), DEFAULT_PROMPT_SECONDS)


def silent_seconds(menu: Menu, language: Language) -> float:
    """Return how long a caller who does nothing hears prompts before an operator is rung."""
    return sum(menu.prompt_seconds(language, prompt) for prompt in ("menu", "repeat"))


def menu(configuration: Configuration, seconds: Mapping[tuple[Language, str], float]) -> Menu:
    """Return the menu that `configuration` describes, with prompts lasting `seconds`."""
    file = configuration.menu
    operator = ToOperator("operator", file.operator.priority)
    choices: dict[str, Choice] = {s.key: ToService(name) for name, s in file.services.items()}
    choices |= {
        file.operator.key: operator,
        "*": operator,
        "#": operator,
        file.cannot_speak.key: ToOperator("cannot-speak", file.cannot_speak.priority),
        file.english.key: ToLanguage(file.languages[1]),
    }
    return Menu(
        language=file.languages[0],
        choices=choices,
        no_choice=ToOperator("no-choice", file.no_choice.priority),
        seconds=seconds,
    )


@dataclass(frozen=True, slots=True)
class Sentence:
    """What one prompt says.

    `tail_seconds` of soft ticking follow the speech, in which the caller may still press a key.
    `aside` is a short sentence said in that wait, where it delays nobody. It has speech of its own
    but is never played alone.
    """

    name: str
    language: Language
    text: str
    tail_seconds: float = 0.0
    aside: "Sentence | None" = None

    @property
    def prompt(self) -> str:
        """The prompt as Asterisk is told to play it, such as `id/menu`."""
        return f"{self.language}/{self.name}"


def sentences(configuration: Configuration) -> Iterator[Sentence]:
    """Yield every sentence a caller, agency or operator may hear, in every language."""
    file = configuration.menu
    first, second = file.languages
    english = Sentence("menu-aside", second, file.english.spoken)
    waits = {
        "menu": file.wait_seconds,
        "wrong": file.wait_seconds,
        "repeat": file.repeat_wait_seconds,
    }
    for language in file.languages:
        choices = spoken_choices(configuration, language)
        for name, texts in file.prompts.items():
            if name == "simulated-agency":
                continue
            text = texts[language].replace("{choices}", choices)
            aside = english if (name, language) == ("menu", first) else None
            yield Sentence(name, language, text, waits.get(name, 0.0), aside)
        yield from _simulated(configuration, language)


def _simulated(configuration: Configuration, language: Language) -> Iterator[Sentence]:
    template = configuration.menu.prompts["simulated-agency"][language]
    for agency in configuration.agencies.agencies.values():
        for hotline in agency.hotlines:
            spoken = (agency.spoken or {}).get(language, agency.name)
            name = simulated_prompt(hotline)
            yield Sentence(name, language, template.replace("{agency}", spoken))


def spoken_choices(configuration: Configuration, language: Language) -> str:
    """Return the keys with their names in the order of the keypad, 0 last: `1 fire, 2 medical`."""
    file = configuration.menu
    named = {s.key: s.spoken[language] for s in file.services.values()}
    if file.operator.spoken:
        named[file.operator.key] = file.operator.spoken[language]
    order = sorted(named, key="1234567890".index)
    return ", ".join(f"{key} {named[key]}" for key in order)
