"""What an operator says a call was, as values."""

from dataclasses import dataclass
from typing import Literal, TypeGuard, get_args

Disposition = Literal["normal", "ghost", "prank", "information"]
DISPOSITIONS: tuple[Disposition, ...] = get_args(Disposition)

MAX_NOTE = 500


@dataclass(frozen=True, slots=True)
class Said:
    """The word of an operator on one call. `at` is in seconds since the epoch, UTC.

    `district` is a key of `ivr/districts.py`, empty where it is not known.
    """

    callref: str
    at: float
    by: str
    disposition: Disposition
    district: str = ""
    note: str = ""


def is_disposition(text: str) -> TypeGuard[Disposition]:
    """Return whether a text is one of the four."""
    return text in DISPOSITIONS
