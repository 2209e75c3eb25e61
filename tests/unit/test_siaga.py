"""The `siaga` command: what it takes, and what it says of what it cannot take."""

import pytest
from click.testing import CliRunner

from ivr.__main__ import main


@pytest.mark.parametrize("seconds", ["0", "-1", "soon"])
def test_a_drain_that_waits_for_nobody_is_refused(seconds: str) -> None:
    done = CliRunner().invoke(main, ["down", "--drain", "--seconds", seconds])
    assert done.exit_code == 2
    assert "--seconds" in done.stderr


@pytest.mark.parametrize("group", [[], ["recording"], ["user"]])
def test_no_line_of_the_help_is_cut_off_at_eighty_columns(group: list[str]) -> None:
    shown = CliRunner().invoke(main, [*group, "--help"], terminal_width=80).stdout
    listed = shown.partition("Commands:\n")[2]
    assert len(listed.splitlines()) >= 4
    assert not [line for line in listed.splitlines() if line.endswith("...")]
