"""The shipped configuration, and copies of it with one thing changed."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from routing.configuration import Configuration
from routing.loading import load

CONFIG = Path(__file__).parents[2] / "config"

Edit = tuple[str, str, str]
"""A file, what stands in it, and what stands there instead."""


@pytest.fixture(scope="session")
def shipped() -> Configuration:
    """The configuration as it is shipped."""
    return load(CONFIG)


@pytest.fixture
def edited(tmp_path: Path) -> Callable[..., Path]:
    """Make a copy of `config/` with some edits, and return its folder."""

    def copy(*edits: Edit) -> Path:
        folder = shutil.copytree(CONFIG, tmp_path / "config", dirs_exist_ok=True)
        for file, old, new in edits:
            text = (folder / file).read_text(encoding="utf-8")
            assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
            (folder / file).write_text(text.replace(old, new), encoding="utf-8")
        return folder

    return copy


@pytest.fixture
def configured(edited: Callable[..., Path]) -> Callable[..., Configuration]:
    """Load the shipped configuration with some edits."""
    return lambda *edits: load(edited(*edits))
