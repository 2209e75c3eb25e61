"""Who sees which screen, and who may give which order: decided here and nowhere else. No I/O."""

from collections.abc import Mapping
from typing import Literal

from ivr.accounts import Right, Role, may
from ivr.orders import Listen, Order, Pause, Person, Ready

Panel = Literal["calls", "caller", "callbacks", "history", "wall"]

PANELS: Mapping[Panel, tuple[Right, str, tuple[str, str]]] = {
    "calls": ("see-calls", "P", ("Panggilan", "Calls")),
    "caller": ("see-calls", "C", ("Penelepon", "Caller")),
    "callbacks": ("take-calls", "B", ("Panggil balik", "Call-backs")),
    "history": ("see-calls", "R", ("Riwayat", "History")),
    "wall": ("see-figures", "W", ("Pengawas", "Supervisor")),
}
"""Each screen: the right that opens it, its key, its name in Indonesian and English."""


def panels(role: Role) -> tuple[Panel, ...]:
    """Return the screens of a role, in the order of the page."""
    return tuple(panel for panel, (right, _, _) in PANELS.items() if may(role, right))


def may_order(role: Role, by: Person, order: Order) -> bool:
    """Return whether a role may give an order.

    To listen in is a supervisor's, and so is another's telephone; one's own is one's own.
    """
    match order:
        case Listen():
            return may(role, "hear-recordings")
        case Pause(account=account) | Ready(account=account):
            return may(role, "take-calls") and (account == by.phone or may(role, "hear-recordings"))
        case _:
            return may(role, "take-calls")
