"""The menu as values: what each key means, what is said, and how long it takes."""

import pytest

from ivr.menu import (
    DEFAULT_PROMPT_SECONDS,
    Menu,
    Sentence,
    ToLanguage,
    ToOperator,
    ToService,
    menu,
    sentences,
    silent_seconds,
    spoken_choices,
)
from routing.configuration import Configuration


@pytest.fixture(scope="module")
def spoken(shipped: Configuration) -> dict[str, Sentence]:
    return {sentence.prompt: sentence for sentence in sentences(shipped)}


def test_every_key_of_a_telephone_means_something(shipped: Configuration) -> None:
    operator = ToOperator("operator", 6)
    assert menu(shipped, {}).choices == {
        "1": ToService("fire"),
        "2": ToService("medical"),
        "3": ToService("disaster"),
        "4": ToService("fallen-tree"),
        "5": ToService("power"),
        "6": ToService("rescue"),
        "7": ToService("police"),
        "8": ToOperator("cannot-speak", 9),
        "9": ToLanguage("en"),
        "0": operator,
        "*": operator,
        "#": operator,
    }


def test_the_menu_begins_in_the_first_language(shipped: Configuration) -> None:
    assert menu(shipped, {}).language == "id"


def test_who_chooses_nothing_waits_in_front_of_who_asked_for_an_operator(
    shipped: Configuration,
) -> None:
    assert menu(shipped, {}).no_choice == ToOperator("no-choice", 8)


def test_a_prompt_that_was_never_measured_is_taken_to_be_long() -> None:
    measured = Menu("id", {}, ToOperator("no-choice", 8), {("id", "menu"): 12.5})
    assert measured.prompt_seconds("id", "menu") == 12.5
    assert measured.prompt_seconds("en", "menu") == DEFAULT_PROMPT_SECONDS


def test_a_silent_caller_hears_the_menu_and_its_repeat() -> None:
    seconds = {("id", "menu"): 12.5, ("id", "repeat"): 2.0, ("id", "wrong"): 12.0}
    measured = Menu("id", {}, ToOperator("no-choice", 8), {**seconds})  # type: ignore[dict-item]
    assert silent_seconds(measured, "id") == 14.5


def test_choices_are_spoken_in_the_order_of_the_keys_with_zero_last(
    shipped: Configuration,
) -> None:
    assert spoken_choices(shipped, "id") == (
        "1 kebakaran, 2 medis, 3 bencana, 4 pohon tumbang, 5 listrik, 6 SAR, 7 polisi, 0 petugas"
    )
    assert spoken_choices(shipped, "en").startswith("1 fire, 2 medical, 3 disaster")


def test_an_operator_key_without_a_name_is_not_spoken(shipped: Configuration) -> None:
    quiet = shipped.menu.operator.model_copy(update={"spoken": None})
    changed = shipped.menu.model_copy(update={"operator": quiet})
    configuration = Configuration(shipped.agencies, changed, shipped.operators, shipped.site)
    assert spoken_choices(configuration, "id").endswith("7 polisi")


def test_the_menu_names_the_choices_and_then_waits(spoken: dict[str, Sentence]) -> None:
    assert spoken["id/menu"].text.startswith("112 Pekanbaru: tekan 1 kebakaran, ")
    assert spoken["id/menu"].tail_seconds == 4
    assert spoken["id/hold-on"].tail_seconds == 0


def test_english_is_offered_once_in_the_wait_after_the_first_menu(
    spoken: dict[str, Sentence],
) -> None:
    offering = {name: sentence.aside for name, sentence in spoken.items() if sentence.aside}
    assert offering == {"id/menu": Sentence("menu-aside", "en", "English, 9.")}


def test_each_simulated_agency_says_who_it_is_in_both_languages(
    spoken: dict[str, Sentence],
) -> None:
    assert "terhubung ke Damkar" in spoken["id/simulated-damkar-113"].text
    assert "connected to the fire brigade" in spoken["en/simulated-damkar-113"].text
    assert "id/simulated-agency" not in spoken


def test_an_agency_without_a_spoken_name_is_called_by_its_own(shipped: Configuration) -> None:
    known = shipped.agencies.agencies
    damkar = known["damkar"].model_copy(update={"spoken": None})
    agencies = shipped.agencies.model_copy(update={"agencies": {**known, "damkar": damkar}})
    changed = Configuration(agencies, shipped.menu, shipped.operators, shipped.site)
    texts = {sentence.prompt: sentence.text for sentence in sentences(changed)}
    assert "Dinas Pemadam Kebakaran" in texts["id/simulated-damkar-113"]


def test_nothing_is_said_with_a_gap_in_it(spoken: dict[str, Sentence]) -> None:
    assert [name for name, sentence in spoken.items() if "{" in sentence.text] == []
