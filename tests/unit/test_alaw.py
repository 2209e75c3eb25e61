"""A-law against the text of G.711."""

import bisect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.alaw import decode, encode

samples = st.integers(-32768, 32767)


# G.711 table 1a: where each of the 128 intervals of a sign begins, full scale being 4096.
BEGINS = [
    *range(0, 64, 2),
    *(begin for chord in range(6) for begin in range(64 << chord, 128 << chord, 4 << chord)),
]


def reference(sample: int) -> int:
    """Encode by looking the sample up in the table of intervals."""
    size = (sample if sample >= 0 else -sample - 1) // 8
    interval = bisect.bisect_right(BEGINS, size) - 1
    return (interval + (128 if sample >= 0 else 0)) ^ 0x55


@given(samples)
def test_a_law_is_that_of_g711(sample: int) -> None:
    assert encode([sample])[0] == reference(sample)


@pytest.mark.parametrize(
    ("sample", "code"),
    [(0, 0xD5), (-1, 0x55), (32767, 0xAA), (-32768, 0x2A), (8, 0xD5), (16, 0xD4)],
)
def test_a_law_has_the_values_of_the_table(sample: int, code: int) -> None:
    assert encode([sample])[0] == code


def test_a_byte_survives_the_round_trip() -> None:
    every = bytes(range(256))
    assert encode(decode(every)) == every


@given(samples)
def test_a_sample_comes_back_within_half_a_step(sample: int) -> None:
    (back,) = decode(encode([sample]))
    assert abs(back - sample) <= max(8, abs(sample) / 32 + 1)


@given(st.integers(32768, 10**9))
def test_a_sample_beyond_full_scale_is_clipped(sample: int) -> None:
    assert encode([sample, -sample - 1]) == encode([32767, -32768])
