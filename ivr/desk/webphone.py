"""Who sits at which telephone in a browser. No I/O.

Law 1: one browser at a telephone. A second one is told who has it, and takes it only if it insists.
Law 2: a telephone is a person's by their account (`siaga user add --phone`), never by their word.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

Close = Literal["no-phone", "taken", "displaced", "logged-out", "crowded", "away"]
CODES: Mapping[Close, int] = {
    "logged-out": 4401,
    "no-phone": 4404,
    "taken": 4409,
    "displaced": 4410,
    "crowded": 4429,
    "away": 4503,
}
"""Why the desk closes a telephone's connection, as a WebSocket says it (static/phone/socket.js)."""


@dataclass(frozen=True, slots=True)
class Seat:
    """A telephone, who sits at it, and in which browser: `tab` is that page's own mark."""

    account: str
    shown: str
    tab: str


@dataclass(frozen=True, slots=True)
class Seated:
    """The seat is theirs; `displaced` sat there in another browser."""

    seats: "Seats"
    displaced: Seat | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The seat is not theirs: why, and who has it if somebody does."""

    why: Close
    by: str = ""


@dataclass(frozen=True, slots=True)
class Seats:
    """Who sits where, by account."""

    taken: Mapping[str, Seat] = field(default_factory=dict)

    def sit(self, wanted: Seat, phones: Collection[str], *, insists: bool) -> Seated | Refused:
        """Let somebody sit down at one of `phones`, the telephones in browsers."""
        if wanted.account not in phones:
            return Refused("no-phone")
        there = self.taken.get(wanted.account)
        if there is not None and there.tab != wanted.tab and not insists:
            return Refused("taken", there.shown)
        return Seated(Seats({**self.taken, wanted.account: wanted}), there)

    def leave(self, seat: Seat) -> "Seats":
        """Let somebody stand up, unless another sits there by now."""
        if self.taken.get(seat.account) is not seat:
            return self
        return Seats({k: v for k, v in self.taken.items() if k != seat.account})
