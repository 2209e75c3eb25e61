"""The rules of the house, as far as a machine can see them: size, layers, and what is not here."""

import ast
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted([*ROOT.glob("ivr/**/*.py"), *ROOT.glob("routing/**/*.py")])
CORE = [
    *sorted(ROOT.glob("routing/*.py")),
    *(
        ROOT / "ivr" / f"{name}.py"
        for name in (
            *("call", "flow", "commands", "menu", "agi", "handover"),
            *("callrecord", "journal", "journalline", "counting", "figures", "period", "words"),
            *("accounts", "heard", "live", "messages"),
            *(
                "dispositions",
                "districts",
                "joining",
                "orders",
                "past",
                "ranking",
                "said",
                "weather",
            ),
        )
    ),
]
SHELL = {
    *("asyncio", "socket", "logging", "time", "structlog", "threading", "subprocess"),
    *("sqlalchemy", "sqlite3", "ssl", "random", "os"),
}
MAX_FUNCTION_LINES = 40
MAX_MODULE_LINES = 300
MEDIAN_FUNCTION_LINES = 8
P90_FUNCTION_LINES = 25

every_module = pytest.mark.parametrize(
    "path", MODULES, ids=[str(path.relative_to(ROOT)) for path in MODULES]
)
every_core_module = pytest.mark.parametrize(
    "path", CORE, ids=[str(path.relative_to(ROOT)) for path in CORE]
)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the name and length of each function: its lines, less those of its docstring."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, Function) and node.end_lineno is not None:
            lines = node.end_lineno - node.lineno + 1
            if ast.get_docstring(node) is not None:
                said = node.body[0]
                lines -= (said.end_lineno or said.lineno) - said.lineno + 1
            yield node.name, lines


def imported(path: Path) -> Iterator[str]:
    """Yield the full name of each module that a file imports, wherever it does so."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def top(name: str) -> str:
    return name.partition(".")[0]


@every_module
def test_a_function_can_be_seen_at_once(path: Path) -> None:
    assert [(name, n) for name, n in functions(path) if n > MAX_FUNCTION_LINES] == []


@every_module
def test_a_module_can_be_read_in_one_sitting(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= MAX_MODULE_LINES


@every_module
def test_a_module_opens_with_its_one_sentence(path: Path) -> None:
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    assert said.splitlines()[:1] != []


def test_functions_are_small_as_a_rule() -> None:
    lengths = [n for path in MODULES for _, n in functions(path)]
    assert statistics.median(lengths) <= MEDIAN_FUNCTION_LINES
    assert statistics.quantiles(lengths, n=10)[-1] <= P90_FUNCTION_LINES


@every_core_module
def test_the_core_knows_no_outside(path: Path) -> None:
    assert {name for name in imported(path) if top(name) in SHELL} == set()


@every_core_module
def test_the_core_leans_on_nothing_but_the_core(path: Path) -> None:
    ours = {f"{p.parent.name}.{p.stem}" for p in CORE} | {"routing", "ivr"}
    found = {name for name in imported(path) if top(name) in {"routing", "ivr"}}
    assert {name for name in found if is_module(name)} <= ours


@pytest.mark.parametrize("path", sorted(ROOT.glob("routing/*.py")), ids=lambda path: path.name)
def test_where_a_call_goes_knows_nothing_of_how_it_is_handled(path: Path) -> None:
    assert {name for name in imported(path) if top(name) == "ivr"} == set()


def is_module(name: str) -> bool:
    return (ROOT / name.replace(".", "/")).with_suffix(".py").exists()


def test_only_the_composition_root_knows_everyone() -> None:
    knows = [path.name for path in MODULES if "ivr.__main__" in set(imported(path))]
    assert knows == []


def test_there_is_no_python_in_what_the_pbx_reads() -> None:
    assert sorted(ROOT.glob("asterisk/**/*.py*")) == []


def test_asterisk_is_the_package_that_pyst2_installs() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import asterisk.agi; print(asterisk.agi.__file__)"],
        cwd=ROOT,  # where our own folder of that name is found first
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert "site-packages" in done.stdout
