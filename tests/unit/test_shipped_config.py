"""The configuration we ship, and the page that explains it."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from routing.agencies import WEEKDAYS, Language
from routing.configuration import MAX_HOPS, MAX_RING_SECONDS, SECTIONS, Configuration
from routing.loading import FILES, ConfigurationError, load
from routing.services import PromptName
from routing.site import HIDDEN

CONFIG = Path(__file__).parents[2] / "config"
README = (CONFIG / "README.md").read_text(encoding="utf-8")


def test_the_fourteen_agencies_are_those_of_the_agreement_and_three_outside(
    shipped: Configuration,
) -> None:
    assert set(shipped.agencies.agencies) == {
        *("polresta", "kodim-0301", "satpol-pp", "bpbd", "dinas-kesehatan", "damkar"),
        *("pupr", "perkim", "dinas-sosial", "pmi", "dishub"),
        *("pln", "basarnas", "psc-119"),
    }
    assert shipped.agencies.agencies["psc-119"].part_of == "dinas-kesehatan"


def test_the_six_numbers_are_those_we_know_and_none_is_invented(shipped: Configuration) -> None:
    numbers = {
        name: [hotline.number for hotline in agency.hotlines]
        for name, agency in shipped.agencies.agencies.items()
        if agency.hotlines
    }
    assert numbers == {
        "damkar": ["113"],
        "bpbd": ["117"],
        "psc-119": ["119"],
        "polresta": ["110"],
        "pln": ["0761123"],
        "basarnas": ["115"],
    }


def test_the_keys_are_those_of_the_design(shipped: Configuration) -> None:
    menu = shipped.menu
    assert {service.key: name for name, service in menu.services.items()} == {
        "1": "fire",
        "2": "medical",
        "3": "disaster",
        "4": "fallen-tree",
        "5": "power",
        "6": "rescue",
        "7": "police",
    }
    assert (menu.operator.key, menu.cannot_speak.key, menu.english.key) == ("0", "8", "9")


def test_a_fresh_machine_is_a_simulation_that_only_it_can_call(shipped: Configuration) -> None:
    site = shipped.site
    assert site.incoming == ("127.0.0.1",)
    assert [name for name, trunk in site.trunks.items() if trunk.simulated] == ["simulated"]
    assert site.outgoing == ("simulated",)
    assert site.simulated_operator


def test_going_live_is_an_edit_of_one_file(configured: Callable[..., Configuration]) -> None:
    live = configured(
        ("site.yaml", '["127.0.0.1"]', '["203.0.113.5"]'),
        ("site.yaml", "  simulated: {simulated: true}\n", ""),
        ("site.yaml", "# telkom", "telkom"),
        ("site.yaml", "outgoing: [simulated]", "outgoing: [telkom]"),
        ("site.yaml", "simulated_operator: true", "simulated_operator: false"),
    )
    assert live.site.outgoing == ("telkom",)


def models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield a model and every model that its fields are made of."""
    yield model
    pending = [field.annotation for field in model.model_fields.values()]
    while pending:
        annotation = pending.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from models(annotation)
        pending.extend(get_args(annotation))


@pytest.mark.parametrize("file", FILES)
def test_the_page_names_every_key_of_every_file_in_its_part(file: str) -> None:
    _, _, part = README.partition(f"\n## {file}\n")
    part = part.partition("\n## ")[0]
    for model in models(FILES[file]):
        for key in model.model_fields:
            assert f"`{key}`" in part, f"{file}: {model.__name__}.{key}"


def test_the_page_gives_the_default_of_every_key_that_has_one() -> None:
    for file in FILES:
        for model in models(FILES[file]):
            for key, field in model.model_fields.items():
                if isinstance(field.default, bool | int):
                    default = str(field.default).lower()
                    assert re.search(rf"^\| `{key}` \|.*\| `{default}` \|", README, re.MULTILINE)


def test_the_page_names_every_choice_and_every_account_that_is_none() -> None:
    for choice in (*WEEKDAYS, *get_args(Language), *get_args(PromptName), *HIDDEN):
        assert f"`{choice}`" in README


def test_the_page_names_the_limits_of_a_service() -> None:
    assert f"at most {MAX_RING_SECONDS} seconds" in README
    assert f"at most {MAX_HOPS} attempts" in README


def test_the_page_says_what_to_do_after_an_edit() -> None:
    assert README.index("`siaga check`") < README.index("`siaga apply`")


def test_the_mistake_on_the_page_is_what_is_really_printed(edited: Callable[..., Path]) -> None:
    folder = edited(("agencies.yaml", '"0761123"', "0761123"))
    with pytest.raises(ConfigurationError) as caught:
        load(folder)
    (problem,) = caught.value.problems
    assert f"\n{str(problem).replace(str(folder), 'config')}\n" in README


def test_the_examples_of_hours_on_the_page_can_be_used(
    configured: Callable[..., Configuration],
) -> None:
    (example,) = re.findall(r"`(hours: .*?)`", README)
    night = configured(("agencies.yaml", '"113", ring', f'"113", {example}, ring'))
    (hotline,) = night.agencies.agencies["damkar"].hotlines
    assert hotline.hours is not None
    assert hotline.hours[0].crosses_midnight


def test_no_shipped_name_is_one_of_asterisks_own(shipped: Configuration) -> None:
    names = {*shipped.site.trunks, *(phone.account for phone in shipped.operators.phones())}
    assert names.isdisjoint(SECTIONS)
