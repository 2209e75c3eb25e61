"""For this service, now: which numbers are tried, in what order.

Law 1: a plan always ends with the operators. No service, hour or missing agency changes that.
Law 2: no clock in here. The time comes in, so that any hour can be asked about.
"""

from dataclasses import dataclass
from datetime import datetime

from routing.agencies import Hotline
from routing.configuration import Configuration


@dataclass(frozen=True, slots=True)
class Hop:
    """One attempt: a number over a trunk, rung for so many seconds."""

    hotline: str
    number: str
    trunk: str
    ring_seconds: int
    confirm: bool = False


@dataclass(frozen=True, slots=True)
class Operators:
    """The last step of every plan: a person of our own."""


OPERATORS = Operators()


@dataclass(frozen=True, slots=True)
class Plan:
    """What to try for one call.

    `priority` is its place in the operators' queue, higher first. `reports` names the agencies
    that are told of the call: those that are rung, and those that only need to know.
    """

    service: str
    priority: int
    hops: tuple[Hop, ...] = ()
    reports: tuple[str, ...] = ()

    def steps(self) -> tuple[Hop | Operators, ...]:
        """Return every step in order; the last is always the operators."""
        return (*self.hops, OPERATORS)


def plan(configuration: Configuration, service: str, at: datetime) -> Plan:
    """Return what to try for `service` at `at`, an aware time.

    A service that does not exist gives a plan with no hops: its caller goes to the operators.
    Raises ValueError when `at` has no zone, because its hour would be a guess.
    """
    if at.tzinfo is None:
        raise ValueError("`at` needs a time zone")
    found = configuration.menu.services.get(service)
    if found is None:
        return Plan(service, configuration.menu.no_choice.priority)
    hops = tuple(
        hop
        for hotline in service_hotlines(configuration, service)
        if hotline.is_open(at)
        for hop in hops_of(configuration, hotline)
    )
    return Plan(service, found.priority, hops, (*found.agencies, *found.reports))


def service_hotlines(configuration: Configuration, service: str) -> tuple[Hotline, ...]:
    """Return the hotlines of a service in order, open or not."""
    agencies = configuration.agencies.agencies
    return tuple(
        hotline
        for agency in configuration.menu.services[service].agencies
        for hotline in agencies[agency].hotlines
    )


def hops_of(configuration: Configuration, hotline: Hotline) -> tuple[Hop, ...]:
    """Return one hop for each trunk that leads to the hotline, in order of preference."""
    own = hotline.endpoint or hotline.trunk
    trunks = (own,) if own else configuration.site.outgoing
    return tuple(
        Hop(hotline.name, hotline.dialled, trunk, hotline.ring_seconds, hotline.confirm)
        for trunk in trunks
    )
