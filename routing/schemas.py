"""JSON Schemas of the four files, with which an editor completes and checks the YAML.

Law: they are made of the models. What a key means is the text below it there.
"""

import ast
import inspect
import json
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import PurePath
from typing import Any

from routing import agencies, services, site
from routing.loading import FILES

FOLDER = "schema"
"""Beside the files, which name it in their first line."""


def schemas() -> Mapping[str, str]:
    """Return the text of each schema by the name of its file, such as `menu.json`."""
    meanings = {name: text for m in (agencies, services, site) for name, text in _meanings(m)}
    made = {}
    for name, model in FILES.items():
        schema = model.model_json_schema()
        for part in (schema, *schema.get("$defs", {}).values()):
            for key, value in part.get("properties", {}).items():
                _explain(value, meanings.get((part["title"], key), ""))
        whole = {"$schema": "http://json-schema.org/draft-07/schema#", **_untitled(schema)}
        made[f"{PurePath(name).stem}.json"] = json.dumps(whole, indent=2) + "\n"
    return made


def _meanings(module: object) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield what stands below each key of each model: `("Trunk", "gateway")` and the text.

    Pydantic could do it (use_attribute_docstrings), at each start of the stand-in.
    """
    for model in ast.parse(inspect.getsource(module)).body:  # type: ignore[arg-type]
        body = model.body if isinstance(model, ast.ClassDef) else []
        for key, text in pairwise(body):
            if isinstance(key, ast.AnnAssign) and isinstance(text, ast.Expr):
                name, meaning = ast.unparse(key.target), ast.literal_eval(text.value)
                yield (model.name, name), meaning  # type: ignore[attr-defined]


def _explain(value: dict[str, Any], meaning: str) -> None:
    if "$ref" in value:  # what stands beside a reference is not read
        value["allOf"] = [{"$ref": value.pop("$ref")}]
    value["description"] = meaning


def _untitled(part: Any) -> Any:  # noqa: ANN401 - JSON is anything
    """Return a schema without the titles, which only repeat the names of the keys.

    A name that is not of the pattern is wrong, not merely another.
    """
    if isinstance(part, dict):
        if "patternProperties" in part:
            part["additionalProperties"] = False
        return {key: _untitled(value) for key, value in part.items() if key != "title"}
    return [_untitled(each) for each in part] if isinstance(part, list) else part
