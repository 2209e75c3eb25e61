"""What differs between two configurations, in words of the YAML."""

from collections.abc import Callable

from routing.changes import changes
from routing.configuration import Configuration

Configured = Callable[..., Configuration]
TWO = "{account: operator-2, name: Operator 2, browser: False}"


def test_the_same_configuration_has_no_changes(shipped: Configuration) -> None:
    assert changes(shipped, shipped) == ()


def test_a_value_is_told_with_its_place_before_and_after(
    shipped: Configuration, configured: Configured
) -> None:
    quick = configured(("agencies.yaml", '"113", ring_seconds: 20', '"113", ring_seconds: 15'))
    place = "agencies.yaml: agencies.damkar.hotlines.damkar-113.ring_seconds"
    assert changes(shipped, quick) == (f"{place}: 20 -> 15",)
    assert changes(quick, shipped) == (f"{place}: 15 -> 20",)


def test_who_is_new_or_gone_is_told_by_name(shipped: Configuration, configured: Configured) -> None:
    fewer = configured(("operators.yaml", "  - {account: operator-2, name: Operator 2}\n", ""))
    assert changes(shipped, fewer) == (
        f"operators.yaml: operators.operator-2 removed, it was {TWO}",
    )
    (back,) = changes(fewer, shipped)
    assert back.startswith("operators.yaml: operators.operator-2 added: {account: operator-2")


def test_an_order_that_counts_is_told_and_what_is_moved_in_the_file_is_not_two_changes(
    shipped: Configuration, configured: Configured
) -> None:
    tree = configured(("menu.yaml", "agencies: [bpbd, damkar]", "agencies: [damkar, bpbd]"))
    assert changes(shipped, tree) == (
        "menu.yaml: services.fallen-tree.agencies: [bpbd, damkar] -> [damkar, bpbd]",
    )
    first, second = (f"  - {{account: operator-{n}, name: Operator {n}}}\n" for n in "12")
    swapped = configured(("operators.yaml", first + second, second + first))
    assert changes(shipped, swapped) == (
        "operators.yaml: operators: now in the order operator-2, operator-1",
    )


def test_what_was_not_said_before_is_nothing(
    shipped: Configuration, configured: Configured
) -> None:
    hours = 'number: "117", hours: [{opens: "07:00", closes: "16:00"}]'
    closed = configured(("agencies.yaml", 'number: "117"', hours))
    (line,) = changes(shipped, closed)
    assert line.startswith("agencies.yaml: agencies.bpbd.hotlines.bpbd-117.hours: nothing -> [{")
