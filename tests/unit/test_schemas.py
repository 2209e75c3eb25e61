"""The JSON Schemas with which an editor completes and checks `config/`."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from jsonschema import Draft7Validator

from ivr.__main__ import main
from routing.loading import FILES
from routing.schemas import FOLDER, schemas

CONFIG = Path(__file__).parents[2] / "config"
TEXTS = schemas()


def wrong(file: str, text: str) -> list[str]:
    """Return where an editor would underline something."""
    schema = json.loads(TEXTS[file.replace("yaml", "json")])
    data = yaml.safe_load(text)
    return ["/".join(map(str, e.path)) for e in Draft7Validator(schema).iter_errors(data)]


@pytest.mark.parametrize("name", TEXTS)
def test_the_published_schemas_are_those_of_the_models(name: str) -> None:
    published = (CONFIG / FOLDER / name).read_text(encoding="utf-8")
    assert published == TEXTS[name], "run `siaga schema`"


def test_the_hidden_command_writes_them(
    edited: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = edited()
    stale = folder / FOLDER / "menu.json"
    stale.write_text("{}")
    monkeypatch.setenv("SIAGA_CONFIG", str(folder))
    done = CliRunner().invoke(main, ["schema"])
    assert (done.exit_code, done.output) == (0, "")
    assert stale.read_text(encoding="utf-8") == TEXTS["menu.json"]


@pytest.mark.parametrize("file", FILES)
def test_each_shipped_file_names_its_schema_and_is_good_by_it(file: str) -> None:
    text = (CONFIG / file).read_text(encoding="utf-8")
    schema = f"{FOLDER}/{Path(file).stem}.json"
    assert text.splitlines()[0] == f"# yaml-language-server: $schema={schema}"
    Draft7Validator.check_schema(json.loads(TEXTS[Path(schema).name]))
    assert wrong(file, text) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "place"),
    [
        ("agencies.yaml", '"113"', "113", "agencies/damkar/hotlines/0/number"),
        ("agencies.yaml", '"113"', '"+62113"', "agencies/damkar/hotlines/0/number"),
        ("agencies.yaml", "  damkar:", "  Damkar:", "agencies"),
        ("menu.yaml", "wait_seconds: 4\n", "wait_seconds: 40\n", "wait_seconds"),
        ("menu.yaml", "repeat:", "repeats:", "prompts"),
        ("site.yaml", "simulated_operator", "simulated_operators", ""),
        ("operators.yaml", "overflow_seconds: 25", "overflow_seconds: 4", "overflow_seconds"),
    ],
)
def test_an_editor_underlines_a_slip(file: str, old: str, new: str, place: str) -> None:
    text = (CONFIG / file).read_text(encoding="utf-8").replace(old, new, 1)
    assert place in wrong(file, text)


def properties(part: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every key of a schema with what is said of it."""
    if isinstance(part, dict):
        yield from part.get("properties", {}).items()
        for value in part.values():
            yield from properties(value)


@pytest.mark.parametrize("name", TEXTS)
def test_every_key_says_what_it_means(name: str) -> None:
    found = list(properties(json.loads(TEXTS[name])))
    assert found
    assert all(value["description"].endswith(".") for _, value in found)
