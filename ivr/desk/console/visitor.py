"""Who asks for a page."""

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from ivr import accounts
from ivr.accounts import Right, Role
from ivr.words import Lang


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who is logged in. `name` is for the audit, `shown` for people.

    `phone` is an account of operators.yaml; `until` is when they must log in again, in seconds UTC.
    """

    name: str
    role: Role
    phone: str | None
    language: Lang
    shown: str
    until: float

    def may(self, right: Right) -> bool:
        """Return whether this page, or a part of it, is for them."""
        return accounts.may(self.role, right)


def visitor(connection: HTTPConnection) -> Visitor:
    """Return who asks for a page that is not open to everybody: there is always one."""
    found = connection.state.visitor
    assert isinstance(found, Visitor)  # noqa: S101 - the guard sends others to log in
    return found
