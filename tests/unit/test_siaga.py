"""The `siaga` command: what it takes, and what it says of what it cannot take."""

import pytest
from click.testing import CliRunner

from ivr.__main__ import main


@pytest.mark.parametrize("seconds", ["0", "-1", "soon"])
def test_a_drain_that_waits_for_nobody_is_refused(seconds: str) -> None:
    done = CliRunner().invoke(main, ["down", "--drain", "--seconds", seconds])
    assert done.exit_code == 2
    assert "--seconds" in done.stderr
