"""Controller, stand-in and static menu: whoever asks the caller, a key means the same."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from ivr.call import Event, Key
from ivr.floors import differences
from ivr.flow import Asking, Flow, State, Step
from ivr.menu import menu
from routing import staticmenu
from routing.configuration import Configuration
from routing.dialplan import static_keys
from routing.plan import plan
from routing.proof import MONDAY
from routing.staticmenu import Asked, Laid, StaticMenu

Configured = Callable[..., Configuration]
DAMKAR = 'number: "113", ring_seconds: 20'
RESCUE = """\
  rescue:
    key: "6"
    priority: 8
    spoken: {id: SAR, en: rescue}
    agencies: [basarnas]
"""
NIGHT = 'hours: [{days: [fri, sat], opens: "22:00", closes: "06:07"}]'


def test_every_key_means_the_same_at_every_floor_as_shipped(shipped: Configuration) -> None:
    assert list(differences(shipped)) == []


def test_every_key_means_the_same_with_hours_two_trunks_and_keys_that_mean_nothing(
    configured: Configured,
) -> None:
    site = configured(
        ("agencies.yaml", DAMKAR, f"{DAMKAR}, confirm: true, {NIGHT}"),
        ("site.yaml", "# telkom", "telkom"),
        ("site.yaml", "outgoing: [simulated]", "outgoing: [simulated, telkom]"),
        ("menu.yaml", RESCUE, ""),
    )
    assert list(differences(site)) == []


def test_the_static_menu_lays_out_the_same_plan_in_each_quarter_hour_of_a_week(
    configured: Configured,
) -> None:
    site = configured(("agencies.yaml", DAMKAR, f"{DAMKAR}, {NIGHT}"))
    static = StaticMenu(site)
    for n in range(7 * 24 * 4):
        at = MONDAY + timedelta(minutes=15 * n)
        laid = static.step(static.start(), "4", at)
        assert isinstance(laid, Laid)
        numbers = [hop.number for hop in laid.hops]
        assert numbers == [hop.number for hop in plan(site, "fallen-tree", at).hops]


def broken(lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staticmenu, "static_keys", lambda _: iter(lines))


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("(113,simulated,20,0)", "(117,simulated,20,0)", ("services", "fire", "key")),
        ("PLAN_ID=cannot-speak", "PLAN_ID=operator", ("cannot_speak", "key")),
        ("exten => k7,", "exten => kX,", ("services", "police", "key")),
        ("exten => k*,", "exten => kX,", ("operator",)),
    ],
)
def test_a_static_menu_that_differs_is_found_at_its_key(
    old: str,
    new: str,
    place: tuple[str, ...],
    shipped: Configuration,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = [line.replace(old, new) for line in static_keys(shipped)]
    broken(lines, monkeypatch)
    assert place in {found.place for found in differences(shipped)}


class AsksForEver(Flow):
    """A conversation that forgets how often it has asked."""

    def step(self, state: State, event: Event) -> Step:
        after, action = super().step(state, event)
        return (Asking(after.language), action) if isinstance(after, Asking) else (after, action)


def test_a_conversation_that_asks_for_ever_is_found(shipped: Configuration) -> None:
    flow = AsksForEver(menu(shipped, {}))
    assert any("asked still" in f.message for f in differences(shipped, flow))


def test_a_key_that_means_something_else_in_python_is_found(shipped: Configuration) -> None:
    class Swapped(Flow):
        def step(self, state: State, event: Event) -> Step:
            return super().step(state, Key("2") if event == Key("1") else event)

    (first, *_) = differences(shipped, Swapped(menu(shipped, {})))
    assert first.message.startswith("after 1 Python gives Route(service='medical')")


def test_the_second_language_is_asked_for_once(shipped: Configuration) -> None:
    static = StaticMenu(shipped)
    english = static.step(static.start(), "9", MONDAY)
    assert english == Asked("menu", "en")
    assert isinstance(english, Asked)
    assert static.step(english, "9", MONDAY) == Asked("wrong", "en")


def test_a_command_that_is_not_known_is_refused_and_not_passed_over(
    shipped: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [line.replace("Goto(walk-plan,s,1)", "Hangup()") for line in static_keys(shipped)]
    broken(lines, monkeypatch)
    with pytest.raises(ValueError, match="Hangup"):
        StaticMenu(shipped).step(Asked("menu", "id"), "1", MONDAY)
