"""README.md beside this file: the page of figures, a section of it written by each measurement."""

import os
import platform
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).with_name("README.md")
HEAD = """\
# Benchmarks

Written by `make bench`; do not edit. Absolute numbers are those of one machine, with the callers
and the agencies running on it too: ratios count.
"""
SECTIONS = {
    "line": "The line: from the wire",
    "agi": "The FastAGI server, beside its peers",
}
"""Each section's heading, in the order of the page. Its key marks where it begins."""


def write(name: str, text: str) -> None:
    """Put a section in its place, beside those of other measurements, and print it."""
    known = _sections(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}"
    today = datetime.now(UTC).date().isoformat()
    known[name] = (
        f"{text.strip()}\n\nMachine: {machine}; {today}, Python {platform.python_version()}.\n"
    )
    parts = [f"<!-- {n} -->\n## {SECTIONS[n]}\n\n{known[n]}" for n in SECTIONS if n in known]
    PAGE.write_text("\n".join((HEAD, *parts)), encoding="utf-8")
    sys.stdout.write(known[name])


def _sections(page: str) -> dict[str, str]:
    found = re.findall(r"<!-- (\w+) -->\n## [^\n]*\n\n(.*?)(?=\n<!-- |\Z)", page, re.DOTALL)
    return {name: text.strip() + "\n" for name, text in found if name in SECTIONS}
