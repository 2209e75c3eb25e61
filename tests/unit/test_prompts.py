"""What a placeholder says, and the arithmetic of its sound."""

import math
from array import array
from dataclasses import replace
from pathlib import Path

import pytest

from ivr import prompts
from ivr.menu import Sentence
from ivr.prompts import clauses, spoken
from ivr.recordings import PromptError

MENU = Sentence("menu", "id", "112 Pekanbaru: tekan 1 kebakaran.", 4.0)


@pytest.mark.parametrize(
    ("language", "text", "said"),
    [
        ("id", "Anda terhubung ke 112.", "Anda terhubung ke satu satu dua."),
        ("en", "Emergency call from 112. Press 1.", "Emergency call from one one two. Press one."),
        ("id", "PSC119, 0 petugas", "psc satu satu sembilan, nol petugas"),
    ],
)
def test_digits_are_said_one_by_one(language: str, text: str, said: str) -> None:
    assert spoken(text, language) == said


def test_capitals_together_are_a_word_and_apart_are_letters() -> None:
    assert spoken("SAR, B P B D, P L N", "id") == "sar, B P B D, P L N"


def test_a_language_without_a_voice_is_refused_by_name() -> None:
    with pytest.raises(PromptError, match="'min'"):
        spoken("Tolong", "min")


def test_every_option_is_a_clause_with_its_own_pause_and_the_last_has_none() -> None:
    cut = clauses("satu satu dua: tekan satu, dua medis. Tunggu.")
    assert [clause for clause, _ in cut] == [
        "satu satu dua:",
        "tekan satu,",
        "dua medis.",
        "Tunggu.",
    ]
    colon, comma, stop, last = (pause for _, pause in cut)
    assert 0 == last < comma < colon < stop <= 1.2


def test_a_build_without_tools_says_what_to_install_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PromptError, match="apt-get install espeak-ng sox"):
        prompts.build([MENU], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_tool_that_fails_is_quoted_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "espeak-ng"
    tool.write_text("#!/bin/sh\necho no such voice >&2\nexit 3\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PromptError, match="no such voice"):
        prompts.build([MENU], tmp_path / "sounds")
    assert not (tmp_path / "sounds").exists()


def test_a_build_with_nothing_to_speak_needs_no_tools(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "id").mkdir()
    (tmp_path / "id/menu.alaw").write_bytes(b"a voice")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert prompts.build([MENU], tmp_path, force=True) == []
    assert (tmp_path / "id/menu.alaw").read_bytes() == b"a voice"


def test_two_texts_for_one_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="id/menu"):
        prompts.build([MENU, replace(MENU, text="Lain.")], tmp_path)


def test_trimming_leaves_a_breath_around_the_sound() -> None:
    sound = array("h", [0] * 4000 + [9000, -9000] * 400 + [3] * 4000)
    assert len(prompts.trim(sound)) == 80 + 800 + 120
    assert len(prompts.trim(array("h", [0] * 50))) == 0


def test_quiet_and_loud_speech_end_at_the_same_level() -> None:
    for amplitude in (300, 20_000):
        wave = array("h", (round(amplitude * math.sin(i / 3)) for i in range(8000)))
        levelled = prompts.level(wave)
        rms = math.sqrt(sum(sample**2 for sample in levelled) / len(levelled))
        assert 20 * math.log10(rms / 32768) == pytest.approx(-20, abs=0.05)


def test_levelling_never_clips_and_leaves_silence_alone() -> None:
    click = array("h", [1000] + [0] * 8000)
    assert max(prompts.level(click)) == round(0.95 * 32768)
    assert prompts.level(array("h", [0, 0])) == array("h", [0, 0])
