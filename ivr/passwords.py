"""Passwords as argon2 keeps them: slow to make and to compare, for whoever stole them too.

Law: to compare takes as long for an account that is not there.
"""

from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ivr.accounts import normalised

HASHER = PasswordHasher(time_cost=3, memory_cost=1 << 16, parallelism=1)
"""RFC 9106, 4 (the second choice, 64 MiB), but in one thread: the other cores are the callers'."""


class Passwords:
    """Makes and compares hashes. Each takes a fifth of a second of one core."""

    def __init__(self, hasher: PasswordHasher = HASHER) -> None:
        self._hasher = hasher

    def hash(self, password: str) -> str:
        """Return what may be kept of a password."""
        return self._hasher.hash(_bytes(password))

    def fits(self, kept: str | None, password: str) -> bool:
        """Return whether this is the password that a hash was made of; of None none is."""
        nobody = self._nobody  # made now or never, so that it costs everyone the same
        try:
            self._hasher.verify(kept or nobody, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False
        return kept is not None

    def is_old(self, kept: str) -> bool:
        """Return whether a hash was made at another price than is asked today."""
        return self._hasher.check_needs_rehash(kept)

    @cached_property
    def _nobody(self) -> str:
        return self._hasher.hash(b"")


def _bytes(password: str) -> bytes:
    return normalised(password).encode(errors="surrogatepass")
