"""Which key brings in which agency, and which hotline it would ring. No I/O.

Law: an agency has the key that callers press for it, so that an operator learns one set.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ivr.joining import Joining
from ivr.weather import Weather
from routing.configuration import Configuration


@dataclass(frozen=True, slots=True)
class Button:
    """An agency that can be rung: its key (empty when all are taken) and its hotlines in order."""

    agency: str
    name: str
    key: str
    hotlines: tuple[str, ...]


def buttons(configuration: Configuration) -> tuple[Button, ...]:
    """Return the agencies that have a hotline, those with a caller's key first, by key."""
    known = {n: one for n, one in configuration.agencies.agencies.items() if one.hotlines}
    keys: dict[str, str] = {}
    for service in configuration.menu.services.values():
        first = next((x for x in service.agencies if x in known and x not in keys), None)
        # The first service that rings an agency first gives it its key.
        if first == service.agencies[0]:
            keys[first] = service.key
    free = (key for key in "1234567890" if key not in keys.values())
    for agency in known:
        if agency not in keys:
            keys[agency] = next(free, "")
    ordered = sorted(known, key=lambda agency: keys[agency] or "~")
    return tuple(
        Button(name, known[name].name, keys[name], tuple(x.name for x in known[name].hotlines))
        for name in ordered
    )


@dataclass(frozen=True, slots=True)
class AgencyButton:
    """A button that brings an agency in: the hotline it would ring, and how that stands."""

    agency: str
    name: str
    key: str
    hotline: str
    weather: Weather
    state: str = ""
    since: float | None = None


def agency_buttons(
    configuration: Configuration,
    joinings: Collection[Joining],
    weather: Mapping[tuple[str, str], Weather],
) -> tuple[AgencyButton, ...]:
    """Return the buttons of a call: each rings the first hotline that was not tried in it.

    `weather` is that of hotlines, by agency and number.
    """
    last = {one.agency: one for one in joinings}
    tried = {one.hotline for one in joinings}
    dialled = {hotline.name: hotline.dialled for hotline in configuration.agencies.hotlines()}
    made = []
    for button in buttons(configuration):
        fresh = (name for name in button.hotlines if name not in tried)
        hotline = next(fresh, button.hotlines[0])
        sky = weather.get((button.agency, dialled[hotline]), Weather())
        joining = last.get(button.agency)
        state = (joining.state, joining.since) if joining else ("", None)
        made.append(AgencyButton(button.agency, button.name, button.key, hotline, sky, *state))
    return tuple(made)
