"""What a caller is played: speech, and after it the wait in which the line ticks softly for a key.

Its laws:

1. Pure arithmetic on A-law, apart from asking how long a finished file is.
2. A prompt is one file, its wait inside: Asterisk plays it whole, and any key ends it.
"""

import math
from pathlib import Path

from ivr.alaw import FULL_SCALE, RATE, encode
from ivr.menu import sentences
from routing.agencies import Language
from routing.configuration import Configuration

ASIDE_AFTER_SECONDS = 0.35
"""The silence between a prompt and the aside in its wait."""

_TICK_DBOV, _TICK_HZ = -30.0, 600
_TICK, _TICK_EDGE = RATE * 40 // 1000, RATE * 10 // 1000
_FIRST_TICK, _TICK_PERIOD = RATE // 2, RATE


def prompt_seconds(configuration: Configuration, folder: Path) -> dict[tuple[Language, str], float]:
    """Return how long each prompt of `configuration` lasts that is finished in `folder`."""
    paths = {(s.language, s.name): folder / f"{s.prompt}.alaw" for s in sentences(configuration)}
    return {key: path.stat().st_size / RATE for key, path in paths.items() if path.exists()}


def finished(speech: bytes, tail_seconds: float, aside: bytes = b"") -> bytes:
    """Return `speech` with its wait. The aside is said in the wait and costs no time there.

    Raises ValueError when the aside is longer than the wait.
    """
    said = silence(ASIDE_AFTER_SECONDS) + aside if aside else b""
    over_seconds = len(said) / RATE - tail_seconds
    if over_seconds > 0:
        raise ValueError(f"is {over_seconds:.1f} s too long for the wait it is said in")
    return speech + said + ticks(-over_seconds)


def ticks(length_seconds: float) -> bytes:
    """Make the sound of a line that waits: silence with a soft tick each second."""
    peak = FULL_SCALE * math.sqrt(2) * 10 ** (_TICK_DBOV / 20)
    turn = 2 * math.pi * _TICK_HZ / RATE
    tick = encode(round(peak * _edge(i) * math.sin(turn * i)) for i in range(_TICK))
    tail = bytearray(silence(length_seconds))
    for start in range(_FIRST_TICK, len(tail) - _TICK + 1, _TICK_PERIOD):
        tail[start : start + _TICK] = tick
    return bytes(tail)


def silence(length_seconds: float) -> bytes:
    """Make nothing to hear."""
    return encode([0]) * round(length_seconds * RATE)


def _edge(i: int) -> float:
    # Raised cosine: a tick that starts at once is a click.
    inside = min(i + 0.5, _TICK - i - 0.5, _TICK_EDGE)
    return 0.5 - 0.5 * math.cos(math.pi * inside / _TICK_EDGE)
