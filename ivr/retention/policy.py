"""What may be erased, held and heard, and what is missing, decided from values. No I/O, no clock.

Law 1: what is held is never erased, by age or by hand, until somebody releases it.
Law 2: what is being erased can no longer be held or heard: its file may be gone already.
Law 3: erasing a sound leaves the record of its call, and of who erased it when.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from routing.agencies import WIB

BYTES_A_SECOND = 16_000
"""16 bits, 8 kHz, one channel: the sum of both sides (asterisk/dialplan.conf, record-call)."""
HEADER_BYTES = 44
AGE = "age"
"""Who erased what was kept long enough."""

State = Literal["kept", "held", "erasing", "erased"]


class RecordingError(Exception):
    """What was asked cannot be done with this recording; nothing was done.

    `message` says why and `remedy` what to do about it; as text they are one sentence.
    """

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}: {self.remedy}"


@dataclass(frozen=True, slots=True)
class Recording:
    """A row of `recordings`, and when its call began and ended. Times in seconds, UTC.

    `erased_by` without `erased_at`: the erasure was ordered and is not known to be done.
    """

    callref: str
    file: str
    began_at: float
    ended_at: float | None = None
    kept_until: float | None = None
    held_at: float | None = None
    held_by: str | None = None
    held_why: str | None = None
    erased_at: float | None = None
    erased_by: str | None = None

    @property
    def state(self) -> State:
        """What can happen to it next."""
        if self.erased_at is not None:
            return "erased"
        if self.erased_by is not None:
            return "erasing"
        return "kept" if self.held_at is None else "held"

    def due(self, now: float) -> bool:
        """Say whether it must be erased now: its time is over, or somebody has said so."""
        if self.state == "kept":
            return self.kept_until is not None and self.kept_until <= now
        return self.state == "erasing"


def held(recording: Recording, by: str, why: str, at: float) -> Recording:
    """Return the recording under a legal hold. Raises RecordingError."""
    _not_gone(recording)
    if recording.state == "held":
        raise RecordingError(
            f"{recording.callref} is {fate(recording)}",
            "release it first, to hold it for another reason",
        )
    return replace(recording, held_at=at, held_by=by, held_why=why)


def released(recording: Recording) -> Recording:
    """Return the recording without its hold. Raises RecordingError."""
    _not_gone(recording)
    if recording.state != "held":
        raise RecordingError(f"{recording.callref} is not held", "there is nothing to release")
    return replace(recording, held_at=None, held_by=None, held_why=None)


def condemned(recording: Recording, by: str) -> Recording:
    """Return the recording as one that is to be erased. Raises RecordingError."""
    if recording.state == "erasing":
        return recording  # who ordered it was cut short
    _not_gone(recording)
    if recording.state == "held":
        raise RecordingError(
            f"{recording.callref} is {fate(recording)}",
            f"siaga recording release {recording.callref}, if that is over",
        )
    if recording.ended_at is None:
        raise RecordingError(
            f"the call {recording.callref} still goes on", "erase it when it is over"
        )
    return replace(recording, erased_by=by)


def heard(recording: Recording) -> Recording:
    """Return the recording if it can be listened to. Raises RecordingError."""
    _not_gone(recording)
    return recording


def _not_gone(recording: Recording) -> None:
    if recording.state in ("erasing", "erased"):
        raise RecordingError(f"{recording.callref} is {fate(recording)}", "the record stays")


def fate(recording: Recording) -> str:
    """Say what became of a recording, for people: `erased 2026-11-24 12:12 by ayu`."""
    by = "as it was due" if recording.erased_by == AGE else f"by {recording.erased_by}"
    match recording.state:
        case "kept":
            return f"kept until {wib(recording.kept_until)}"
        case "held":
            since = wib(recording.held_at)
            return f"held since {since} by {recording.held_by}: {recording.held_why}"
        case "erasing":
            return f"being erased {by}"
        case "erased":
            return f"erased {wib(recording.erased_at)} {by}"


def wib(at: float | None) -> str:
    """Write a time as it is in Pekanbaru, to the minute."""
    return "-" if at is None else datetime.fromtimestamp(at, WIB).strftime("%Y-%m-%d %H:%M")


# ------------------------------------------------------------------------------- is it there at all

CLOSES_SECONDS = 2.0
"""Within it Asterisk has written the end of a file."""
BUFFERED_SECONDS = 32_768 / BYTES_A_SECOND
"""What Asterisk holds back of a call that goes on (file.c, ast_writefile)."""
SHORT_SECONDS = 5.0
"""How much may lack. While no packet comes from either side, nothing is written."""
TOO_SHORT_A_CALL_SECONDS = 1.0
"""Who hangs up that soon may have gone before the recording began."""

Lack = Literal["never-begun", "no-file", "empty", "short"]


@dataclass(frozen=True, slots=True)
class Sound:
    """What there is of the sound of an answered call. `size` in bytes, None: there is no file.

    `cut_off`: Asterisk died with the call, so when it ended is not known.
    """

    callref: str
    answered_at: float
    ended_at: float | None
    cut_off: bool
    file: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Missing:
    """A call whose sound lacks, why, and how many seconds there are of how many."""

    callref: str
    why: Lack
    seconds: float
    of_seconds: float


def too_early(sound: Sound, now: float) -> bool:
    """Say whether it cannot be judged yet."""
    if sound.ended_at is None:
        return now - sound.answered_at < BUFFERED_SECONDS + SHORT_SECONDS
    return now - sound.ended_at < CLOSES_SECONDS


def missing(sound: Sound, now: float) -> Missing | None:
    """Return what lacks of a call's sound, None when it is whole or too early to say."""
    of_seconds = (now if sound.ended_at is None else sound.ended_at) - sound.answered_at
    if too_early(sound, now) or of_seconds < TOO_SHORT_A_CALL_SECONDS:
        return None
    seconds = max(0, (sound.size or 0) - HEADER_BYTES) / BYTES_A_SECOND
    if why := _lack(sound, seconds, of_seconds):
        return Missing(sound.callref, why, seconds, of_seconds)
    return None


def _lack(sound: Sound, seconds: float, of_seconds: float) -> Lack | None:
    if not sound.file:
        return "never-begun"
    if sound.size is None:
        return "no-file"
    held_back = 0.0 if sound.ended_at is not None and not sound.cut_off else BUFFERED_SECONDS
    if seconds >= of_seconds - held_back - SHORT_SECONDS:
        return None
    if seconds == 0.0:
        return "empty"
    return None if sound.cut_off else "short"


# --------------------------------------------------------------------------------- is there room

LOW_BYTES = 4 << 30
LOW_HOURS = 48.0
NONE_BYTES = 512 << 20
"""What is left then is the journal's and the database's: no further call is recorded."""

Level = Literal["enough", "low", "none"]


@dataclass(frozen=True, slots=True)
class Room:
    """The room for further recordings. `hours`: at the pace of the last day, nothing erased."""

    free_bytes: int
    hours: float
    level: Level


def room(free_bytes: int, seconds_a_day: float) -> Room:
    """Judge the room on the disk. `seconds_a_day`: how much was recorded in the last 24 hours.

    At least one call is thought to go on all the time, so that a quiet day tells no tale.
    """
    bytes_an_hour = max(seconds_a_day / 24, 3600.0) * BYTES_A_SECOND
    hours = free_bytes / bytes_an_hour
    if free_bytes < NONE_BYTES:
        return Room(free_bytes, hours, "none")
    low = free_bytes < LOW_BYTES or hours < LOW_HOURS
    return Room(free_bytes, hours, "low" if low else "enough")


# ------------------------------------------------------------------------------------- the header


def header(first: bytes, size: int) -> bytes:
    """Return the first bytes of a WAV file with the lengths that a file of `size` bytes has.

    Asterisk writes them when it closes the file; they are 0 while the call goes on, and for ever
    after Asterisk died. What is no header of that kind is returned as it is.
    """
    if len(first) < HEADER_BYTES or first[:4] != b"RIFF" or first[36:40] != b"data":
        return first
    riff, data = (length.to_bytes(4, "little") for length in (size - 8, size - HEADER_BYTES))
    return first[:4] + riff + first[8:40] + data + first[HEADER_BYTES:]
