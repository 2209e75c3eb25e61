"""Which numbers are tried, and that operators stand behind every one of them."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest

from routing.agencies import WIB
from routing.configuration import Configuration
from routing.plan import OPERATORS, Hop, Plan, plan

NOON = datetime(2024, 1, 1, 12, 0, tzinfo=WIB)
DAMKAR = '{name: damkar-113, number: "113", ring_seconds: 20}'
BPBD = '{name: bpbd-117, number: "117", ring_seconds: 20}'

Configured = Callable[..., Configuration]


def quarters() -> Iterator[datetime]:
    """Return each quarter hour of a week."""
    return (NOON + timedelta(minutes=15 * n) for n in range(7 * 24 * 4))


def test_every_service_ends_with_the_operators_in_each_quarter_hour_of_a_week(
    shipped: Configuration,
) -> None:
    for service in shipped.menu.services:
        for at in quarters():
            assert plan(shipped, service, at).steps()[-1] is OPERATORS


def test_a_closed_hotline_leaves_the_operators_and_the_others(configured: Configured) -> None:
    hours = 'hours: [{days: [mon], opens: "08:00", closes: "16:00"}]'
    office = configured(("agencies.yaml", DAMKAR, DAMKAR.replace("}", f", {hours}}}")))
    for at in quarters():
        open_now = at.weekday() == 0 and 8 <= at.hour < 16
        numbers = [hop.number for hop in plan(office, "fallen-tree", at).hops]
        assert numbers == (["117", "113"] if open_now else ["117"])
        assert plan(office, "fire", at).steps()[-1] is OPERATORS


def test_a_fallen_tree_is_for_bpbd_then_damkar_then_the_operators(shipped: Configuration) -> None:
    assert plan(shipped, "fallen-tree", NOON).steps() == (
        Hop("bpbd-117", "117", "simulated", 20),
        Hop("damkar-113", "113", "simulated", 20),
        OPERATORS,
    )


@pytest.mark.parametrize(
    ("service", "number", "priority"),
    [
        ("fire", "113", 9),
        ("medical", "119", 9),
        ("disaster", "117", 8),
        ("power", "0761123", 4),
        ("rescue", "115", 8),
        ("police", "110", 9),
    ],
)
def test_every_other_service_has_the_number_of_its_agency(
    shipped: Configuration, service: str, number: str, priority: int
) -> None:
    made = plan(shipped, service, NOON)
    assert [hop.number for hop in made.hops] == [number]
    assert made.priority == priority


def test_a_service_that_does_not_exist_is_for_the_operators_alone(shipped: Configuration) -> None:
    made = plan(shipped, "flood", NOON)
    assert made == Plan("flood", shipped.menu.no_choice.priority)
    assert made.steps() == (OPERATORS,)


def test_an_agency_without_a_number_is_for_the_operators_alone(configured: Configured) -> None:
    asked = configured(("menu.yaml", "agencies: [damkar]", "agencies: [dinas-sosial]"))
    assert plan(asked, "fire", NOON).steps() == (OPERATORS,)


def test_a_time_without_a_zone_is_refused(shipped: Configuration) -> None:
    with pytest.raises(ValueError, match="time zone"):
        plan(shipped, "fire", NOON.replace(tzinfo=None))


def two_trunks(*more: tuple[str, str, str]) -> tuple[tuple[str, str, str], ...]:
    """Return the edits for two carriers, the second of them as a spare."""
    return (
        ("site.yaml", "# telkom", 'indosat: {gateway: "203.0.113.6:5060"}\n  telkom'),
        ("site.yaml", "outgoing: [simulated]", "outgoing: [telkom, indosat]"),
        ("agencies.yaml", BPBD, BPBD.replace("20", "10")),
        *more,
    )


def test_the_outgoing_trunks_are_tried_in_their_order(configured: Configured) -> None:
    site = configured(*two_trunks(("agencies.yaml", DAMKAR, DAMKAR.replace("20", "10"))))
    assert [hop.trunk for hop in plan(site, "fire", NOON).hops] == ["telkom", "indosat"]
    assert [hop.number for hop in plan(site, "fallen-tree", NOON).hops] == [
        "117",
        "117",
        "113",
        "113",
    ]


def test_a_hotline_with_a_trunk_of_its_own_uses_no_other(configured: Configured) -> None:
    own = '{name: damkar-113, number: "113", trunk: simulated, confirm: true}'
    site = configured(*two_trunks(("agencies.yaml", DAMKAR, own)))
    assert plan(site, "fire", NOON).hops == (
        Hop("damkar-113", "113", "simulated", 20, confirm=True),
    )


def test_a_hotline_with_a_sip_address_uses_an_endpoint_of_its_own(configured: Configured) -> None:
    sip = '{name: damkar-113, sip: "pos-1@10.1.2.3:5070", ring_seconds: 15}'
    site = configured(*two_trunks(("agencies.yaml", DAMKAR, sip)))
    assert plan(site, "fire", NOON).hops == (Hop("damkar-113", "pos-1", "sip-damkar-113", 15),)


def test_what_a_plan_writes_into_the_dialplan_is_only_small_letters_digits_and_hyphens(
    configured: Configured,
) -> None:
    sip = '{name: damkar-113, sip: "pos-1@10.1.2.3:5070", ring_seconds: 15}'
    site = configured(*two_trunks(("agencies.yaml", DAMKAR, sip)))
    for service in site.menu.services:
        made = plan(site, service, NOON)
        for value in (
            made.service,
            *(text for hop in made.hops for text in (hop.number, hop.trunk)),
        ):
            assert re.fullmatch("[0-9a-z-]{1,40}", value)


def test_a_fallen_tree_is_reported_to_perkim_too(shipped: Configuration) -> None:
    assert plan(shipped, "fallen-tree", NOON).reports == ("bpbd", "damkar", "perkim")


def test_a_service_is_reported_to_whom_it_rings(shipped: Configuration) -> None:
    assert plan(shipped, "fire", NOON).reports == ("damkar",)
