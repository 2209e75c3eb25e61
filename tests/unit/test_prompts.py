"""What a prompt says, when it must be built again, and the arithmetic of its sound."""

import math
from array import array
from dataclasses import replace
from pathlib import Path

import pytest

from ivr import prompts
from ivr.menu import Sentence
from ivr.prompts import PromptError, clauses, digest, spoken, stale

MENU = Sentence("menu", "id", "112 Pekanbaru: tekan 1 kebakaran.", 4.0)


def listing(*sentences: Sentence) -> str:
    lines = (f"{each.prompt}.alaw  {digest(each)}  {each.text}\n" for each in sentences)
    return "# head\n" + "".join(lines)


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


def test_a_listed_prompt_with_the_same_text_is_not_stale() -> None:
    assert stale([MENU], listing(MENU)) == []


def test_a_prompt_that_was_never_built_is_stale() -> None:
    assert stale([MENU], "") == ["id/menu"]


@pytest.mark.parametrize(
    "changed",
    [replace(MENU, text="112 Pekanbaru: tekan 2 medis."), replace(MENU, tail_seconds=5.0)],
)
def test_a_changed_text_or_tail_makes_its_prompt_stale(changed: Sentence) -> None:
    english = replace(MENU, language="en")
    assert stale([changed, english], listing(MENU, english)) == ["id/menu"]


def test_a_changed_aside_makes_its_prompt_stale() -> None:
    listed = listing(MENU)
    assert stale([replace(MENU, aside=("en", "English, 9."))], listed) == ["id/menu"]


def test_a_new_builder_makes_every_prompt_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    before = listing(MENU)
    monkeypatch.setattr(prompts, "_VERSION", "next")
    assert stale([MENU], before) == ["id/menu"]


def test_spaces_and_line_breaks_do_not_make_a_prompt_stale() -> None:
    assert stale([replace(MENU, text="112 Pekanbaru:\n  tekan 1 kebakaran.")], listing(MENU)) == []


def test_a_recording_is_not_stale_whatever_the_text() -> None:
    assert stale([MENU], "", present={"id/menu"}) == []


def test_a_listed_file_that_is_gone_is_stale() -> None:
    assert stale([MENU], listing(MENU), present=set()) == ["id/menu"]


def test_lines_that_are_not_ours_are_passed_over() -> None:
    assert stale([MENU], "<<<<<<< HEAD\nid/menu.alaw\n" + listing(MENU) + "\nreadme 1 2\n") == []


def test_an_empty_file_is_no_recording(tmp_path: Path) -> None:
    (tmp_path / "id").mkdir()
    (tmp_path / "id/menu.alaw").touch()
    (tmp_path / "id/wrong.alaw").write_bytes(b"\xd5")
    assert prompts.files(tmp_path) == {"id/wrong"}


def test_a_folder_that_was_never_built_has_no_files_and_no_list(tmp_path: Path) -> None:
    assert prompts.files(tmp_path / "none") == frozenset()
    assert prompts.placeholders(tmp_path / "none") == ""


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


def test_a_build_with_nothing_stale_needs_no_tools(
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


def test_a_second_is_eight_thousand_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.alaw"
    path.write_bytes(bytes(12_000))
    assert prompts.seconds(path) == 1.5


def test_a_tail_ticks_once_a_second_from_half_a_second() -> None:
    tail = prompts.ticks(4.0)
    loud = [second for second in range(40) if any(tail[second * 800 : second * 800 + 800])]
    assert len(tail) == 32_000
    assert loud == [5, 15, 25, 35]


def test_a_tick_is_soft_and_has_soft_edges() -> None:
    tick = prompts.ticks(1.0)[4000:4320]
    flat = tick[80:240]
    rms = math.sqrt(sum(sample**2 for sample in flat) / len(flat))
    assert 20 * math.log10(rms / 32768) == pytest.approx(-30, abs=0.5)
    assert max(map(abs, tick[:8])) < max(flat) / 10 > max(map(abs, tick[-8:]))


def test_a_tail_too_short_for_a_tick_is_silence() -> None:
    assert prompts.ticks(0.4) == array("h", [0] * 3200)
    assert len(prompts.ticks(0.0)) == 0


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
