"""Who sees which screen, who may give which order, and which key brings in which agency."""

import string
from collections.abc import Callable
from typing import get_args

import pytest

from ivr.accounts import Role
from ivr.desk.console.keys import buttons
from ivr.desk.console.panels import PANELS, may_order, panels
from ivr.orders import BringIn, CallBack, Listen, Order, Pause, Person, Ready, Refusal
from ivr.said import Ours, label, refused
from ivr.words import Words
from routing.configuration import Configuration

AYU = Person("ayu", "operator-1")


def test_who_mends_the_line_sees_how_it_stands_and_no_caller() -> None:
    assert panels("operator") == ("calls", "caller", "callbacks", "history")
    assert panels("supervisor") == tuple(PANELS)
    assert panels("telecom") == ("wall",)


@pytest.mark.parametrize(
    ("order", "roles"),
    [
        (BringIn("c", "damkar-113"), {"operator", "supervisor"}),
        (CallBack("c", "0812"), {"operator", "supervisor"}),
        (Listen("c", "listen"), {"supervisor"}),
        (Pause("operator-1", "rest"), {"operator", "supervisor"}),
        (Pause("operator-2", "rest"), {"supervisor"}),
        (Ready("operator-1"), {"operator", "supervisor"}),
        (Ready("operator-2"), {"supervisor"}),
    ],
)
def test_an_order_is_for_its_roles(order: Order, roles: set[Role]) -> None:
    every: tuple[Role, ...] = ("operator", "supervisor", "telecom")
    assert {role for role in every if may_order(role, AYU, order)} == roles


def test_an_agency_has_the_key_that_its_callers_press(shipped: Configuration) -> None:
    keys = {button.agency: button.key for button in buttons(shipped)}
    assert keys == {
        "damkar": "1",
        "psc-119": "2",
        "bpbd": "3",
        "pln": "5",
        "basarnas": "6",
        "polresta": "7",
    }


def test_agencies_that_no_service_rings_first_get_keys_that_are_free(
    configured: Callable[..., Configuration],
) -> None:
    more = "\n".join(
        f"  extra-{n}:\n    name: Extra\n    spoken: {{id: x, en: x}}\n"
        f'    hotlines:\n      - {{name: x-{n}, number: "90{n}"}}'
        for n in string.digits
    )
    found = buttons(configured(("agencies.yaml", "  # Outside the agreement.\n", f"{more}\n")))
    keys = [button.key for button in found if button.key]
    assert sorted(keys) == sorted(string.digits)
    assert [button.key for button in found[-6:]] == [""] * 6


@pytest.mark.parametrize("word", [*get_args(Refusal), *get_args(Ours)])
def test_every_refusal_is_said_in_both_languages(word: str) -> None:
    assert refused(word, Words("id")) != refused(word, Words("en"))


def test_an_agency_is_called_as_on_its_button() -> None:
    assert label("psc-119") == "PSC 119"
