"""Measures check and proof of a large configuration: `.venv/bin/python tests/bench/check.py`.

200 agencies with 1,000 hotlines, each with hours of its own. Each key rings as many hotlines as a
plan may hold: eight, whose windows open and close at other times.
"""

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from ivr.floors import differences
from routing.checking import check

AGENCIES, HOTLINES, WINDOWS = 200, (8, 2), 2
ROUNDS = 5
BAR_SECONDS = 3.0
CONFIG = Path(__file__).parents[2] / "config"


def agencies() -> str:
    """Return an `agencies.yaml` with so many; the last resort of what is shipped is the last."""
    lines = ["agencies:"]
    for a in range(AGENCIES):
        lines += [
            f"  agency-{a}:",
            f"    name: Agency {a}",
            "    spoken: {id: instansi, en: agency}",
        ]
        lines.append("    hotlines:")
        for h in range(HOTLINES[a % 2]):
            number = f"0761{a:03}{h}"
            windows = ", ".join(window(a + h, w) for w in range(WINDOWS))
            lines.append(
                f'      - {{name: hotline-{a}-{h}, number: "{number}", ring_seconds: 5, '
                f"hours: [{windows}]}}"
            )
    lines += ["  police:", "    name: Police", "    spoken: {id: polisi, en: police}"]
    lines.append('    hotlines: [{name: polisi-110, number: "110"}]')
    return "\n".join(lines) + "\n"


def window(n: int, w: int) -> str:
    """Return the nth window of hours: no two begin at the same minute."""
    day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[(n + w) % 7]
    return (
        f'{{days: [{day}], opens: "{(n + 7 * w) % 24:02}:{n % 60:02}", closes: "23:{n % 60:02}"}}'
    )


def menu(text: str) -> str:
    """Return the shipped menu, each key with an agency of these that has eight hotlines."""
    names = iter(range(0, AGENCIES, 2))
    lines = []
    for line in text.splitlines():
        head, found, _ = line.partition("agencies: [")
        lines.append(f"{head}{found}agency-{next(names)}]" if found else line)
    return "\n".join(line for line in lines if "reports:" not in line) + "\n"


def main() -> int:
    """Measure, and say whether the bar is met."""
    with tempfile.TemporaryDirectory() as parent:
        folder = shutil.copytree(CONFIG, Path(parent) / "config")
        (folder / "agencies.yaml").write_text(agencies())
        (folder / "menu.yaml").write_text(menu((folder / "menu.yaml").read_text()))
        taken = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            checked = check(folder, None, differences)
            taken.append(time.perf_counter() - began)
        hotlines = len(checked.configuration.agencies.hotlines())
    sys.stdout.write(
        f"{AGENCIES} agencies, {hotlines} hotlines, {len(checked.warnings)} warnings: "
        f"{statistics.median(taken):.2f} s, worst {max(taken):.2f} s of {ROUNDS} "
        f"(at most {BAR_SECONDS:.0f} s)\n"
    )
    return 0 if max(taken) < BAR_SECONDS else 1


if __name__ == "__main__":
    raise SystemExit(main())
