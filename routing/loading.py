"""YAML into values, or every problem at once with file, line, column, key, value and remedy.

Law 1: nothing is guessed. An unknown key is a problem, and so is a value of another kind.
Law 2: one problem, one line. The reader mends them all in one go.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from yaml import ScalarNode

from routing.agencies import NAME, Agencies
from routing.configuration import Configuration, Names, Readable, conflicts
from routing.document import Document, Problem, read
from routing.endpoints import Listening
from routing.loops import called_back, loops
from routing.remedies import Place, instead
from routing.rings import pretence
from routing.services import MenuFile
from routing.site import Operators, Site

FILES: Mapping[str, type[BaseModel]] = {
    "agencies.yaml": Agencies,
    "menu.yaml": MenuFile,
    "operators.yaml": Operators,
    "site.yaml": Site,
}
_M = TypeVar("_M", bound=BaseModel)
_COMMA = re.compile("[0-9]+,[0-9]+")


class ConfigurationError(Exception):
    """The files of `config/` cannot be used. `problems` holds each reason, in file order."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.file, p.line, p.column)))
        super().__init__("\n".join(map(str, self.problems)))


def load(folder: Path, own: Listening | None = None) -> Configuration:
    """Read the four files of `folder`; raise ConfigurationError with every problem in them.

    With `own`, the addresses of this machine, it is judged whether the line may be run here: no way
    out leads back, and no recording is an operator where real telephones ring.
    """
    return load_with_places(folder, own)[0]


def load_with_places(
    folder: Path, own: Listening | None = None
) -> tuple[Configuration, Mapping[str, Document]]:
    """Do the same, and return also where everything stands in the files, by their names."""
    documents = {name: read(folder / name) for name in FILES}
    agencies = _validate(documents["agencies.yaml"], Agencies)
    menu = _validate(documents["menu.yaml"], MenuFile)
    operators = _validate(documents["operators.yaml"], Operators)
    site = _validate(documents["site.yaml"], Site)
    agency_data = documents["agencies.yaml"].data
    readable = Readable(
        *(agencies, menu, operators, site),
        agency_names=_names_under("agencies", agency_data),
        hotline_names=_hotline_names(agency_data),
        trunk_names=_names_under("trunks", documents["site.yaml"].data),
    )
    found = [*conflicts(readable), *called_back(agencies)]
    if own is not None:
        found += [*loops(site, agencies, own), *pretence(readable)]
    for conflict in found:
        documents[conflict.file].problem(conflict.place, conflict.message, conflict.remedy)
    problems = [p for d in documents.values() for p in d.problems]
    if problems or not (agencies and menu and operators and site):
        raise ConfigurationError(problems)
    return Configuration(agencies, menu, operators, site), documents


def _names_under(key: str, data: object) -> Names:
    """Return the names of a group in a file that may have mistakes; None when it cannot be seen."""
    group = data.get(key) if isinstance(data, dict) else None
    return _well_formed(group) if isinstance(group, dict) else None


def _hotline_names(data: object) -> Names:
    """Return the names of all hotlines; None unless each can be seen."""
    try:
        agencies = cast("Any", data)["agencies"].values()
        lists = [agency.get("hotlines") or () for agency in agencies]
        names = [str(hotline["name"]) for hotlines in lists for hotline in hotlines]
    except (TypeError, KeyError, AttributeError):
        return None
    return _well_formed(names)


def _well_formed(names: Collection[str]) -> Names:
    """Return the names, or None when one has a mistake: what it will be is not known."""
    return tuple(names) if all(re.fullmatch(NAME, name) for name in names) else None


def _validate(document: Document, model: type[_M]) -> _M | None:
    """Return the file as a value, or None after noting what is wrong in it."""
    if not document.values:
        return None
    try:
        value = model.model_validate_json(json.dumps(document.data))
    except ValidationError as error:
        for place, detail in _distinct(error.errors(), document.noted):
            about_key = detail["type"] == "extra_forbidden" or place != detail["loc"]
            mark = document.keys.get(place) if about_key else None
            found = document.values.get(place)
            text = str(found.value) if isinstance(found, ScalarNode) else ""
            document.problem(place, *_explain(detail, model, text), mark)
        return None
    return None if document.problems else value


def _distinct(
    details: list[ErrorDetails], noted: set[Place]
) -> Iterator[tuple[Place, ErrorDetails]]:
    """Yield what is not the consequence of another problem, with the place it stands at."""
    found = {detail["loc"] for detail in details}
    around = {loc[:i] for loc in found for i in range(len(loc))}
    for detail in details:
        loc = detail["loc"]
        place = loc[:-1] if loc[-1:] == ("[key]",) else loc
        # A list is also too short when each of its entries is wrong.
        if place not in noted and loc not in around:
            yield place, detail


def _explain(detail: ErrorDetails, model: type[BaseModel], text: str) -> tuple[str, str]:
    """Return what the mistake is and what to write instead of `text`, the scalar in the file."""
    kind, context = detail["type"], detail.get("ctx", {})
    name = str(detail["loc"][-1]) if detail["loc"] else ""
    if kind == "extra_forbidden":
        close = get_close_matches(name, _names(model, "properties"), n=1)
        return "unknown key", f"did you mean {close[0]}?" if close else "remove it"
    if kind == "value_error":  # ours: "what is wrong; what to write"
        message, _, remedy = str(context["error"]).partition("; ")
        return message, remedy
    if kind == "string_type":
        return "must be text", instead(detail["loc"], text)
    if kind == "float_type" and _COMMA.fullmatch(text):
        return "must be a number", f"use a decimal point: {text.replace(',', '.')}"
    if kind == "tuple_type" and detail["input"] is None:
        optional = name not in _names(model, "required")
        return "empty", f"remove `{name}:` or add an entry" if optional else "add an entry"
    message, remedy = _WORDS.get(kind, (detail["msg"], "see config/README.md"))
    return message, remedy.format(name=name, **context)


_WORDS = {
    "missing": ("missing", "add `{name}:`"),
    "bool_type": ("must be true or false", "write one of these two words, without quotes"),
    "int_type": ("must be a whole number", "write it in digits, without quotes"),
    "float_type": ("must be a number", "write it in digits, without quotes"),
    "greater_than_equal": ("too small", "write {ge} or more"),
    "less_than_equal": ("too big", "write {le} or less"),
    "literal_error": ("not a choice here", "write one of: {expected}"),
    "tuple_type": ("must be a list", "write it in brackets, as in [a, b]"),
    "too_short": ("too short", "write at least {min_length}"),
    "too_long": ("too long", "write at most {max_length}"),
    "dict_type": ("must be a group of keys", "write `key: value` lines under it"),
    "model_type": ("must be a group of keys", "write `key: value` lines under it"),
}


def _names(model: type[BaseModel], which: str) -> list[str]:
    """Return every field name in the schema of `model`: its `properties`, or those `required`."""
    schema = model.model_json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    return sorted({name for part in parts for name in part.get(which, ())})
