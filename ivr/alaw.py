"""G.711 A-law: the sound of a telephone line, one byte a sample, 8000 a second."""

from collections.abc import Iterable

RATE = 8000  # Hz, and the bytes per second of A-law
FULL_SCALE = 32768


def _expand(code: int) -> int:
    """Decode one A-law byte into a 16-bit sample (ITU-T G.711 table 1a)."""
    code ^= 0x55  # G.711 inverts the even bits on the line
    segment, step = (code >> 4) & 7, code & 15
    size = (step << 4) + 8 if segment == 0 else ((step << 4) + 0x108) << (segment - 1)
    return size if code & 0x80 else -size


def _compress(sample: int) -> int:
    """Encode one 16-bit sample into an A-law byte (ITU-T G.711 table 1a)."""
    # A sample is 12 bits and a sign: -1 is the first step below nought, hence the complement.
    size = (sample if sample >= 0 else ~sample) >> 4
    segment = max(0, size.bit_length() - 4)
    step = size & 15 if segment == 0 else (size >> (segment - 1)) & 15
    return ((segment << 4 | step) | (0x80 if sample >= 0 else 0)) ^ 0x55


_SAMPLE = tuple(_expand(code) for code in range(256))
_CODE = bytes(_compress(high << 4) for high in range(-2048, 2048))  # the low 4 bits never matter


def encode(samples: Iterable[int]) -> bytes:
    """Compress 16-bit `samples` into A-law. One beyond full scale is clipped."""
    return bytes(_CODE[(max(-FULL_SCALE, min(FULL_SCALE - 1, s)) >> 4) + 2048] for s in samples)


def decode(alaw: bytes) -> tuple[int, ...]:
    """Expand A-law into 16-bit samples. Every byte is a sample; nothing can be wrong."""
    return tuple(map(_SAMPLE.__getitem__, alaw))
