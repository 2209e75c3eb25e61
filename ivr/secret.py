"""Secrets of this line: made at their first use, readable by root alone, and in no repository."""

import contextlib
import os
import secrets
from pathlib import Path

FOLDER = "secrets"
TEST_CALLS = "test.calls"
"""The secret by which a call counts as a test."""


def secret(state: Path, account: str) -> str:
    """Return the password of an account, made at its first use and readable by root alone."""
    path = state / FOLDER / account
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        # Written before it gets its name: an empty file would be an empty password for ever.
        new = path.with_name(f".{account}.{os.getpid()}")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(24) + "\n")
        with contextlib.suppress(FileExistsError):  # another process was first: theirs counts
            os.link(new, path)
        new.unlink()
    return path.read_text(encoding="ascii").strip()


def word_of_tests(state: Path) -> str:
    """Return what makes a call count as a test, nothing where this user may not know it."""
    try:
        return (state / FOLDER / TEST_CALLS).read_text(encoding="ascii").strip()
    except OSError:
        return ""
