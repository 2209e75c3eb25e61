"""What a caller is played: speech, and the wait after it."""

import math

import pytest

from ivr import sounds
from ivr.alaw import RATE, decode
from ivr.phone.audio import FRAME, Sound, classify

VOICE = b"\x2a" * RATE  # a second; any loud byte will do
QUIET = sounds.silence(1.0)


def test_speech_is_played_as_it_is_and_the_wait_is_the_configured_one() -> None:
    for wait_seconds in (0.0, 0.4, 4.0):
        assert sounds.finished(VOICE, wait_seconds) == VOICE + sounds.ticks(wait_seconds)
        assert len(sounds.finished(VOICE, wait_seconds)) == (1 + wait_seconds) * RATE


def test_a_wait_ticks_once_a_second_from_half_a_second() -> None:
    tail = sounds.ticks(4.0)
    tenths = [tail[start : start + 800] for start in range(0, len(tail), 800)]
    assert len(tail) == 4 * RATE
    assert [n for n, tenth in enumerate(tenths) if tenth not in QUIET] == [5, 15, 25, 35]


def test_a_tick_is_soft_and_has_soft_edges() -> None:
    tick = decode(sounds.ticks(1.0)[4000:4320])
    flat = tick[80:240]
    rms = math.sqrt(sum(sample**2 for sample in flat) / len(flat))
    assert 20 * math.log10(rms / 32768) == pytest.approx(-30, abs=0.5)
    assert max(map(abs, tick[:8])) < max(flat) / 10 > max(map(abs, tick[-8:]))


def test_a_telephone_tells_the_wait_from_a_voice() -> None:
    tail = sounds.ticks(4.0)
    frames = [classify(tail[start : start + FRAME]) for start in range(0, len(tail), FRAME)]
    assert set(frames) == {Sound.SILENCE, Sound.TICK}
    assert frames.count(Sound.TICK) == 8


def test_a_wait_too_short_for_a_tick_is_silence() -> None:
    assert sounds.ticks(0.4) == sounds.silence(0.4) == b"\xd5" * 3200
    assert sounds.ticks(0.0) == b""


def test_an_aside_is_said_in_the_wait_and_takes_no_time_of_its_own() -> None:
    played = sounds.finished(VOICE, 4.0, b"\xaa" * RATE)
    assert len(played) == len(sounds.finished(VOICE, 4.0))
    gap = sounds.silence(sounds.ASIDE_AFTER_SECONDS)
    assert played == VOICE + gap + b"\xaa" * RATE + sounds.ticks(4 - 1.35)


def test_an_aside_may_fill_the_wait_but_not_more() -> None:
    assert sounds.finished(VOICE, 1.35, b"\xaa" * RATE).endswith(b"\xaa")
    with pytest.raises(ValueError, match=r"is 0\.4 s too long for the wait"):
        sounds.finished(VOICE, 1.0, b"\xaa" * RATE)
