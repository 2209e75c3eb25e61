"""Which key brings in which agency. No I/O.

Law: an agency has the key that callers press for it, so that an operator learns one set.
"""

from dataclasses import dataclass

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
