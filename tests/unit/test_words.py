"""Whatever people are shown by name has words in both languages."""

import re
from pathlib import Path

import pytest

from ivr.desk.health import PARTS
from ivr.words import Words

ROOT = Path(__file__).parents[2]
DIALPLAN = (ROOT / "asterisk" / "dialplan.conf").read_text()
CODE = "".join(path.read_text() for path in sorted(ROOT.glob("ivr/**/*.py")))
TAIL = (ROOT / "ivr" / "tail" / "files.py").read_text()

SAME = {"controller", "disk", "recordings"}
"""Called so in one of the languages, too."""
ALARMS = {
    *re.findall(r"\(ALARM,what=([a-z-]+)", DIALPLAN),
    *re.findall(r"upkeep\.alarm\([^)]*?\"([a-z-]+)\"", CODE),
    *(f"journal-{what}" for what in ("shrank", "changed", "gone", "lost")),
    *("not-recorded", "recording-disk"),
}


@pytest.mark.parametrize("name", sorted(ALARMS | PARTS))
def test_alarms_and_parts_of_the_line_have_words_in_both_languages(name: str) -> None:
    assert len(ALARMS) > 10
    for words in (Words("id"), Words("en")):
        assert words.name(name) != name or name in SAME


@pytest.mark.parametrize("what", ["shrank", "changed", "gone", "lost"])
def test_the_journal_s_alarms_are_those_that_the_desk_tells_once(what: str) -> None:
    from ivr.desk.ingest import ONCE  # noqa: PLC0415 - the list above says which

    assert what in ONCE
