"""What the stand-in may load: of pyst2 the part that works, and nothing slow before it speaks."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted([*ROOT.glob("ivr/**/*.py"), *ROOT.glob("routing/**/*.py")])


def imported(path: Path) -> set[str]:
    """Return the full name of each module that a file imports, wherever it does so."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "asterisk":
            found |= {f"asterisk.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def test_of_pyst2_only_the_agi_class_is_used_and_only_by_the_stand_in() -> None:
    users = {
        (path.stem, name)
        for path in MODULES
        for name in imported(path)
        if name.partition(".")[0] == "asterisk"
    }
    assert users == {("standin", "asterisk.agi")}


@pytest.mark.parametrize("slow", ["asyncio", "click", "pydantic_settings", "structlog", "uvloop"])
def test_what_is_slow_to_load_is_not_loaded_before_it_speaks(loaded: set[str], slow: str) -> None:
    assert slow not in loaded


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """Return what is loaded when the stand-in is."""
    done = subprocess.run(
        [sys.executable, "-c", "import ivr.standin, sys; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    return set(done.stdout.split())
