"""The conversation: what must hold on every path, and the stories of single callers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

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
from ivr.flow import MARGIN_SECONDS, Asking, Ended, Flow, Opening, State, Switching
from ivr.menu import Menu, ToLanguage, ToOperator, ToService, menu
from ivr.recordings import seconds_in_force
from routing.agencies import Language
from routing.loading import load

ROOT = Path(__file__).parents[2]
READ_SECONDS = 0.05
"""What Read waits after each file (asterisk/dialplan.conf)."""
SHIPPED = load(ROOT / "config")
SECONDS = seconds_in_force(SHIPPED, ROOT / "asterisk" / "sounds")

SPARSE = Menu(
    language="id",
    choices={
        "1": ToService("fire"),
        "9": ToLanguage("en"),
        "0": ToOperator("operator", 6),
    },
    no_choice=ToOperator("no-choice", 8),
    seconds={},
)
FLOWS = [
    pytest.param(Flow(menu(SHIPPED, SECONDS)), id="the shipped menu"),
    pytest.param(Flow(SPARSE), id="a menu with keys that mean nothing"),
]
SILENT, WRONG = NoKey(), Key("5")
EVENTS: tuple[Event, ...] = (
    *map(Key, "0123456789*#"),
    NoKey(),
    Done(),
    Failed("no such file"),
    HungUp(),
)

# ------------------------------------------------------------------ the walk

OPENINGS: tuple[Opening, ...] = ("menu", "repeat")
LANGUAGES: tuple[Language, ...] = ("id", "en")

MOST_PROMPTS = 4
"""On any path: two in each language."""


@dataclass(frozen=True)
class Journey:
    """What has happened to one caller so far, as far as it matters to them."""

    state: State
    action: Action | None
    heard: tuple[tuple[Language, str], ...] = ()
    handed_over: tuple[Action, ...] = ()
    last: Event | None = None
    hung_up: bool = False


def walk(flow: Flow) -> Iterator[Journey]:
    """Try every event in every state that any beginning leads to; yield each path at each step."""
    ahead = [
        _noted(Journey(*flow.start(prompt, language)))
        for prompt in OPENINGS
        for language in LANGUAGES
    ]
    seen = set(ahead)
    while ahead:
        path = ahead.pop()
        yield path
        for event in EVENTS if path.action else ():
            state, action = flow.step(path.state, event)
            hung_up = path.hung_up or isinstance(event, HungUp)
            step = replace(path, state=state, action=action, last=event, hung_up=hung_up)
            following = _noted(step)
            if following not in seen:
                seen.add(following)
                ahead.append(following)


def _noted(path: Journey) -> Journey:
    if isinstance(path.action, Ask):
        assert isinstance(path.state, Asking)
        heard = (*path.heard, (path.state.language, path.action.prompt))
        assert len(heard) <= MOST_PROMPTS, f"it does not end: {heard}"
        return replace(path, heard=heard)
    if isinstance(path.action, Route | Summon):
        return replace(path, handed_over=(*path.handed_over, path.action))
    return path


@pytest.fixture(params=FLOWS, scope="module")
def paths(request: pytest.FixtureRequest) -> list[Journey]:
    return list(walk(request.param))


def ends(paths: list[Journey]) -> list[Journey]:
    return [path for path in paths if path.action is None]


def test_every_path_ends_and_no_path_is_longer_than_four_prompts(paths: list[Journey]) -> None:
    assert ends(paths)
    assert max(len(path.heard) for path in paths) == MOST_PROMPTS
    assert all(isinstance(path.state, Ended) == (path.action is None) for path in paths)


def test_there_are_few_enough_states_to_know_them_all(paths: list[Journey]) -> None:
    assert len({path.state for path in paths}) == 10


def test_who_stays_on_the_line_is_handed_over_exactly_once(paths: list[Journey]) -> None:
    stayed = [path for path in ends(paths) if not path.hung_up]
    assert stayed
    assert {len(path.handed_over) for path in stayed} == {1}


def test_a_conversation_is_left_only_by_a_hangup_or_to_the_dialplan(paths: list[Journey]) -> None:
    for path in ends(paths):
        assert isinstance(path.state, Ended)
        if path.state.outcome == "left":
            assert path.hung_up or (path.handed_over and isinstance(path.last, Failed))
        else:
            assert not path.hung_up


def test_the_outcome_says_to_whom_the_caller_was_handed_over(paths: list[Journey]) -> None:
    outcomes: dict[type, Outcome] = {Route: "routed", Summon: "summoned"}
    for path in ends(paths):
        assert isinstance(path.state, Ended)
        if path.state.outcome != "left":
            assert path.state.outcome == outcomes[type(path.handed_over[-1])]


def test_nobody_hears_more_than_two_prompts_in_one_language(paths: list[Journey]) -> None:
    for path in paths:
        for language in ("id", "en"):
            assert [spoken for spoken, _ in path.heard].count(language) <= 2


def test_the_language_changes_at_most_once_and_never_back(paths: list[Journey]) -> None:
    for path in paths:
        languages = [language for language, _ in path.heard]
        assert languages == sorted(languages, key=("id", "en").index)
        assert [prompt for _, prompt in path.heard].count("menu") <= 2


def test_asterisk_waits_longer_than_any_prompt_lasts_before_it_takes_the_call() -> None:
    shipped = menu(SHIPPED, SECONDS)
    for path in walk(Flow(shipped)):
        if isinstance(path.action, Ask):
            seconds = shipped.prompt_seconds(*path.heard[-1])
            assert path.action.limit_seconds == seconds + MARGIN_SECONDS


@pytest.mark.parametrize("event", EVENTS, ids=repr)
def test_nothing_happens_after_the_end(event: Event) -> None:
    assert Flow(SPARSE).step(Ended("routed"), event) == (Ended("routed"), None)


# ------------------------------------------------------------------ stories

NO_CHOICE = Summon("no-choice", 8)


def story(
    flow: Flow, *events: Event, prompt: Opening = "menu", language: Language | None = None
) -> tuple[list[str | Action], Outcome | None]:
    """Tell what a caller lived through: prompts by name, other actions as they are, the outcome."""
    state, action = flow.start(prompt, language)
    lived: list[str | Action] = []
    for event in (*events, None):
        if action is None:
            break
        lived.append(action.prompt if isinstance(action, Ask) else action)
        if event is not None:
            state, action = flow.step(state, event)
    return lived, state.outcome if isinstance(state, Ended) else None


@pytest.fixture
def shipped() -> Flow:
    return Flow(menu(SHIPPED, SECONDS))


@pytest.fixture
def sparse() -> Flow:
    return Flow(SPARSE)


@pytest.mark.parametrize(
    ("key", "service"),
    [
        *(("1", "fire"), ("2", "medical"), ("3", "disaster"), ("4", "fallen-tree")),
        *(("5", "power"), ("6", "rescue"), ("7", "police")),
    ],
)
def test_one_key_is_one_service(shipped: Flow, key: str, service: str) -> None:
    assert story(shipped, Key(key), Done()) == (["menu", Route(service)], "routed")


def test_silence_is_asked_once_more_and_then_has_an_operator(shipped: Flow) -> None:
    told = story(shipped, SILENT, SILENT, Done())
    assert told == (["menu", "repeat", NO_CHOICE], "summoned")


def test_a_key_during_the_repeat_counts_as_in_the_menu(shipped: Flow) -> None:
    assert story(shipped, SILENT, Key("2"), Done())[0] == ["menu", "repeat", Route("medical")]


def test_two_wrong_keys_have_an_operator(sparse: Flow) -> None:
    assert story(sparse, WRONG, WRONG, Done()) == (["menu", "wrong", NO_CHOICE], "summoned")


def test_a_wrong_key_and_then_silence_has_an_operator(sparse: Flow) -> None:
    assert story(sparse, WRONG, SILENT, Done()) == (["menu", "wrong", NO_CHOICE], "summoned")


def test_silence_and_then_a_wrong_key_has_an_operator(sparse: Flow) -> None:
    assert story(sparse, SILENT, WRONG, Done()) == (["menu", "repeat", NO_CHOICE], "summoned")


def test_8_is_for_who_cannot_speak_and_goes_before_others(shipped: Flow) -> None:
    told = story(shipped, Key("8"), Done())
    assert told == (["menu", Summon("cannot-speak", 9)], "summoned")


@pytest.mark.parametrize("key", ["0", "*", "#"])
def test_0_star_and_hash_have_an_operator_at_once(shipped: Flow, key: str) -> None:
    told = story(shipped, Key(key), Done())
    assert told == (["menu", Summon("operator", 6)], "summoned")


def test_9_says_the_menu_in_english_and_1_is_fire_there_too(shipped: Flow) -> None:
    told = story(shipped, Key("9"), Done(), Key("1"), Done())
    assert told == (["menu", Speak("en"), "menu", Route("fire")], "routed")


def test_9_again_in_english_is_a_wrong_key(shipped: Flow) -> None:
    told = story(shipped, Key("9"), Done(), Key("9"), Key("9"), Done())
    assert told == (["menu", Speak("en"), "menu", "wrong", NO_CHOICE], "summoned")


def test_silence_in_english_is_asked_once_more_in_english(shipped: Flow) -> None:
    told = story(shipped, SILENT, Key("9"), Done(), SILENT, SILENT, Done())
    assert told == (["menu", "repeat", Speak("en"), "menu", "repeat", NO_CHOICE], "summoned")


def test_a_prompt_that_cannot_be_played_has_an_operator(shipped: Flow) -> None:
    assert story(shipped, Failed("510"), Done()) == (["menu", NO_CHOICE], "summoned")


def test_a_language_that_cannot_be_set_has_an_operator(shipped: Flow) -> None:
    told = story(shipped, Key("9"), Failed("510"), Done())
    assert told == (["menu", Speak("en"), NO_CHOICE], "summoned")


def test_a_plan_that_cannot_be_written_is_left_to_the_dialplan(shipped: Flow) -> None:
    assert story(shipped, Key("1"), Failed("510")) == (["menu", Route("fire")], "left")


@pytest.mark.parametrize("before", [(), (SILENT,), (Key("9"),), (Key("1"),)], ids=repr)
def test_a_caller_may_hang_up_anywhere(shipped: Flow, before: tuple[Event, ...]) -> None:
    assert story(shipped, *before, HungUp())[1] == "left"


@pytest.mark.parametrize("event", [SILENT, WRONG], ids=repr)
def test_who_has_heard_the_menu_is_asked_once_more_and_then_has_an_operator(
    sparse: Flow, event: Event
) -> None:
    told = story(sparse, event, Done(), prompt="repeat")
    assert told == (["repeat", NO_CHOICE], "summoned")


def test_who_has_heard_the_menu_may_still_choose(shipped: Flow) -> None:
    assert story(shipped, Key("2"), Done(), prompt="repeat")[0] == ["repeat", Route("medical")]


def test_who_has_heard_the_menu_may_still_change_the_language(shipped: Flow) -> None:
    told = story(shipped, Key("9"), Done(), SILENT, SILENT, Done(), prompt="repeat")
    assert told == (["repeat", Speak("en"), "menu", "repeat", NO_CHOICE], "summoned")


def test_who_has_come_to_english_is_gone_on_with_in_english_and_has_no_way_back(
    shipped: Flow,
) -> None:
    assert Flow(SPARSE).start(language="en")[0] == Asking("en", rounds=1, switched=True)
    told = story(shipped, Key("9"), Key("9"), Done(), language="en")
    assert told == (["menu", "wrong", NO_CHOICE], "summoned")


def test_the_prompt_begun_with_has_its_own_length() -> None:
    for language in LANGUAGES:
        _, action = Flow(menu(SHIPPED, SECONDS)).start("repeat", language)
        seconds = SECONDS[language, "repeat"] + MARGIN_SECONDS
        assert action == Ask("repeat", seconds)


def test_a_new_language_begins_with_a_fresh_count() -> None:
    state, action = Flow(SPARSE).step(Switching("en"), Done())
    assert state == Asking("en", rounds=1, switched=True)
    assert isinstance(action, Ask)


@pytest.mark.parametrize("language", ["id", "en"])
def test_a_silent_caller_is_on_the_way_to_an_operator_within_15_s(language: Language) -> None:
    prompts = [(language, "menu"), (language, "repeat")]
    assert sum(SECONDS[prompt] for prompt in prompts) < 15 - READ_SECONDS * len(prompts)
