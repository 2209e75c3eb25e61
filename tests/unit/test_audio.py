"""Levels, and telling tones from voices and from nothing."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.alaw import RATE, decode, encode
from ivr.phone import audio
from ivr.phone.audio import FRAME, Sound


def sine(hz: float, dbov: float, *, count: int = FRAME, start: int = 0) -> bytes:
    peak = 32768 * math.sqrt(2) * 10 ** (dbov / 20)
    turn = 2 * math.pi * hz / RATE
    return encode(round(peak * math.sin(turn * i)) for i in range(start, start + count))


def noise(dbov: float) -> bytes:
    chance = random.Random(112)
    peak = 32768 * math.sqrt(3) * 10 ** (dbov / 20)
    return encode(round(chance.uniform(-peak, peak)) for _ in range(FRAME))


@given(st.binary())
def test_any_bytes_are_sound(alaw: bytes) -> None:
    assert isinstance(audio.classify(alaw), Sound)
    assert audio.level(alaw) <= 0
    assert len(decode(alaw)) == len(alaw)


@pytest.mark.parametrize("dbov", [-40.0, -20.0, -6.0])
def test_a_level_is_what_it_was_made_with(dbov: float) -> None:
    assert audio.level(sine(1000, dbov)) == pytest.approx(dbov, abs=0.2)


def test_nothing_at_all_has_no_level() -> None:
    assert audio.level(b"") == -math.inf


@pytest.mark.parametrize(("dbov", "silent"), [(-44.0, False), (-46.0, True), (-70.0, True)])
def test_silence_ends_at_45_below_full_scale(dbov: float, silent: bool) -> None:
    assert audio.is_silent(sine(1000, dbov)) is silent
    assert (audio.classify(sine(1000, dbov)) is Sound.SILENCE) is silent


def test_the_silence_we_send_is_silent() -> None:
    assert audio.silence() == (b"\xd5" * FRAME,)
    assert audio.classify(audio.silence()[0]) is Sound.SILENCE


@pytest.mark.parametrize("dbov", [-40.0, -20.0, -4.0])
@pytest.mark.parametrize("start", [0, 37, 80])
@pytest.mark.parametrize(
    ("hz", "sound"),
    [(425, Sound.RINGING), (1004, Sound.OWN_TONE), (600, Sound.TICK)],
)
def test_a_tone_is_known_at_any_level_and_phase(
    hz: int, sound: Sound, start: int, dbov: float
) -> None:
    assert audio.classify(sine(hz, dbov, start=start)) is sound


@pytest.mark.parametrize("hz", [300, 350, 480, 700, 950, 1100, 1400])
def test_another_tone_is_none_of_ours(hz: int) -> None:
    assert audio.classify(sine(hz, -15)) is Sound.VOICE


def test_noise_is_a_voice() -> None:
    assert audio.classify(noise(-20)) is Sound.VOICE


def test_a_frame_half_filled_by_a_tone_is_not_the_tone() -> None:
    half = sine(600, -15, count=FRAME // 2) + audio.silence()[0][: FRAME // 2]
    assert audio.classify(half) is Sound.VOICE


def test_a_tone_has_all_its_energy_at_its_frequency() -> None:
    assert audio.share(decode(sine(1004, -15)), 1004) == pytest.approx(1, abs=0.02)
    assert audio.share(decode(sine(1004, -15)), 425) < 0.05
    assert audio.share((0,) * FRAME, 425) == 0


def test_our_tone_joins_its_own_beginning() -> None:
    frames = audio.tone(1004)
    assert (len(frames), {len(frame) for frame in frames}) == (50, {FRAME})
    assert {audio.classify(frame) for frame in frames} == {Sound.OWN_TONE}
    seam = (frames[-1] + frames[0])[80:240]
    assert audio.share(decode(seam), 1004) == pytest.approx(1, abs=0.02)
