"""What a telephone's ear can tell from 20 ms of A-law: level, and single tones.

Its laws:

1. Pure arithmetic: bytes in, numbers and names out.
2. A frame is 160 bytes of A-law, 20 ms at 8000 Hz. A shorter last frame is judged as it is.
3. Levels are in dBov as RFC 6464 section 3 has them: 0 dBov is a full-scale square wave, so a
   full-scale sine is -3 dBov.
4. Cheap: fifty calls share one process. A silent frame costs one table look-up a sample and no
   Goertzel; the rest cost one Goertzel for each tone until one fits.
"""

import enum
import math
from functools import lru_cache

from ivr.alaw import FULL_SCALE, RATE, decode, encode

FRAME = 160  # samples and bytes in a frame
FRAME_SECONDS = FRAME / RATE

SILENCE_DBOV = -45.0
TONE_DBOV = -15.0  # our own tone: clear, and far from the overload point
OWN_TONE_HZ = 1004
RINGING_HZ = 425  # Indonesia's ring, busy and dial tone (ITU-T E.180 supplement 2)
TICK_HZ = 600  # a tick after a menu: the line waits for a key

# How much of a frame's energy must lie at one frequency. A frame half filled by a tone has 0.5.
_TONE_SHARE = 0.8
_SILENT_SQUARE = (FULL_SCALE * 10 ** (SILENCE_DBOV / 20)) ** 2


class Sound(enum.Enum):
    """What a frame sounds like."""

    SILENCE = "silence"
    RINGING = "ringing"
    OWN_TONE = "own tone"
    TICK = "tick"
    VOICE = "voice"


# In the order they are tried: while a test talks, its own tone is what comes back most.
_TONES = (
    (OWN_TONE_HZ, Sound.OWN_TONE),
    (RINGING_HZ, Sound.RINGING),
    (TICK_HZ, Sound.TICK),
)


_SQUARE = tuple(sample * sample for sample in decode(bytes(range(256))))


def level(alaw: bytes) -> float:
    """Measure the root mean square of `alaw`, in dBov. Nothing at all is minus infinity."""
    energy = sum(map(_SQUARE.__getitem__, alaw))
    return 10 * math.log10(energy / len(alaw) / FULL_SCALE**2) if energy else -math.inf


def is_silent(alaw: bytes) -> bool:
    """Say whether `alaw` is below -45 dBov: the level at which a listener hears nothing."""
    return sum(map(_SQUARE.__getitem__, alaw)) < len(alaw) * _SILENT_SQUARE or not alaw


def share(samples: tuple[int, ...], hz: int) -> float:
    """Measure how much of the energy of `samples` lies at `hz`: about 1 for that tone alone.

    Goertzel's recursion: one bin of a Fourier transform, 50 Hz wide for a frame of 20 ms.
    """
    turn = _turn(hz)
    last = before = 0.0
    for sample in samples:
        last, before = sample + turn * last - before, last
    power = last * last + before * before - turn * last * before
    energy = sum(sample * sample for sample in samples)
    return 2 * power / (len(samples) * energy) if energy else 0.0


def classify(alaw: bytes) -> Sound:
    """Name what a frame of A-law sounds like. What is neither silent nor a known tone is voice."""
    if is_silent(alaw):
        return Sound.SILENCE
    samples = decode(alaw)
    return next((sound for hz, sound in _TONES if share(samples, hz) > _TONE_SHARE), Sound.VOICE)


@lru_cache(maxsize=8)
def tone(hz: int, dbov: float = TONE_DBOV) -> tuple[bytes, ...]:
    """Make one second of a sine as 50 frames. A whole number of Hz joins its own beginning."""
    peak = FULL_SCALE * math.sqrt(2) * 10 ** (dbov / 20)
    turn = 2 * math.pi * hz / RATE
    second = encode([round(peak * math.sin(turn * i)) for i in range(RATE)])
    return tuple(second[at : at + FRAME] for at in range(0, RATE, FRAME))


@lru_cache(maxsize=1)
def silence() -> tuple[bytes, ...]:
    """Make one frame of digital silence."""
    return (encode([0] * FRAME),)


@lru_cache(maxsize=8)
def _turn(hz: int) -> float:
    return 2 * math.cos(2 * math.pi * hz / RATE)
