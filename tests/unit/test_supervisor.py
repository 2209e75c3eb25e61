"""What the commands say when the machine does not let them, and what they ask the kernel."""

import errno
import os
from pathlib import Path

import pytest

from ivr.supervisor import explained

STATE = Path("var")


@pytest.mark.parametrize(
    ("number", "file", "said"),
    [
        (errno.ENOSPC, None, "no space left in var: make room"),
        (errno.EDQUOT, "var/applied/x", "no space left in var: make room"),
        (errno.ENOSPC, "asterisk/sounds/id/menu.alaw", "no space left in asterisk/sounds/id/menu"),
        (errno.EROFS, "var/started.json", "var is read-only: mount it for writing"),
        (errno.ENOENT, "config/site.yaml", "No such file or directory: 'config/site.yaml'"),
    ],
)
def test_what_the_machine_refuses_is_said_with_its_remedy(
    number: int, file: str | None, said: str
) -> None:
    assert said in explained(OSError(number, os.strerror(number), file), STATE)


def test_of_two_files_the_one_that_could_not_be_written_counts() -> None:
    error = OSError(errno.ENOSPC, "", "config/site.yaml", None, "var/building-x/config/site.yaml")
    assert explained(error, STATE).startswith("no space left in var: ")


@pytest.mark.parametrize(("user", "said"), [(1000, "use sudo"), (0, "denied: 'var/secrets'")])
def test_who_may_not_is_told_to_use_sudo_unless_that_was_done(
    user: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert explained(PermissionError(errno.EACCES, "denied", "var/secrets"), STATE).endswith(said)
