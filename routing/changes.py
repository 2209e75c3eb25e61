"""What differs between two configurations, in words that staff know from their YAML.

Law: who has a name or an account is found by it, so that a line that was moved is no change and one
that was renamed is one gone and one new.
"""

from collections.abc import Iterator, Mapping, Sequence

from routing.configuration import Configuration

_FILES = ("menu", "agencies", "operators", "site")
_NAMES = ("account", "name")


def changes(before: Configuration, after: Configuration) -> tuple[str, ...]:
    """Return what `after` says otherwise, a line each: `agencies.yaml: damkar: ...`."""
    found = []
    for file in _FILES:
        old, new = (getattr(one, file).model_dump(mode="json") for one in (before, after))
        found += [f"{file}.yaml: {line}" for line in _differences("", old, new)]
    return tuple(found)


def _differences(place: str, old: object, new: object) -> Iterator[str]:
    if old == new:
        return
    known, found = _named(old), _named(new)
    if known is None or found is None:
        yield f"{place}: {_said(old)} -> {_said(new)}"
        return
    for name in (x for x in known if x not in found):
        yield f"{_at(place, name)} removed, it was {_said(known[name])}"
    for name in (x for x in found if x not in known):
        yield f"{_at(place, name)} added: {_said(found[name])}"
    for name in known:
        if name in found:
            yield from _differences(_at(place, name), known[name], found[name])
    if list(known) != list(found) and known.keys() == found.keys():
        yield f"{place}: now in the order {', '.join(found)}"


def _named(value: object) -> Mapping[str, object] | None:
    """Return the parts of a value by their names, None for one that has none."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, str) or not isinstance(value, Sequence):
        return None
    named = {_name(one): one for one in value}
    return None if "" in named or len(named) < len(value) else named


def _name(one: object) -> str:
    """Return what something is called, an empty text for what has no name."""
    known = one if isinstance(one, Mapping) else {}
    return next((str(known[key]) for key in _NAMES if key in known), "")


def _at(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _said(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {_said(v)}" for k, v in value.items() if v is not None) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(_said, value)) + "]"
    return "nothing" if value is None else str(value)
