"""The prompts as espeak-ng and sox really make them: short enough, loud enough, never silent.

These tests need both programs and fail without them: `apt-get install espeak-ng sox`.
"""

import math
import subprocess
from array import array
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest

from ivr import prompts
from ivr.menu import Sentence
from ivr.prompts import PromptError

CHOICES = "1 kebakaran, 2 medis, 3 bencana, 4 pohon tumbang, 5 listrik, 6 SAR, 7 polisi, 0 petugas"
MENU = Sentence("menu", "id", f"112 Pekanbaru: tekan {CHOICES}.", 4.0)
REPEAT = Sentence("repeat", "id", "Tekan angka, atau tunggu.", 0.4)
ACCEPT = Sentence("accept", "en", "Emergency call from 112. Press 1 to accept.")
SENTENCES = [MENU, REPEAT, ACCEPT]
FRAME = 40  # samples: 5 ms


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sounds")
    prompts.build(SENTENCES, folder)
    return folder


def heard(path: Path, *effects: str) -> "array[int]":
    """Decode a finished file as a telephone would."""
    alaw = ("-t", "al", "-r", "8000", "-c", "1", str(path))
    command = ("sox", "-D", *alaw, "-t", "raw", "-e", "signed", "-b", "16", "-", *effects)
    return array("h", subprocess.run(command, capture_output=True, check=True, timeout=30).stdout)


def dbov(samples: "array[int]") -> float:
    return 20 * math.log10(math.sqrt(sum(each**2 for each in samples) / len(samples)) / 32768)


def frames(samples: "array[int]") -> "list[array[int]]":
    return [samples[i : i + FRAME] for i in range(0, len(samples) - FRAME + 1, FRAME)]


def silences(samples: "array[int]") -> list[float]:
    """How long nothing is heard, in seconds, for each silence in turn."""
    quiet = (max(map(abs, frame)) < 100 for frame in frames(samples))
    runs = ((is_quiet, len(list(run))) for is_quiet, run in groupby(quiet))
    return [length * FRAME / 8000 for is_quiet, length in runs if is_quiet]


def test_a_caller_who_does_nothing_has_heard_both_prompts_before_an_operator_is_due(
    tmp_path: Path,
) -> None:
    menu, repeat = prompts.build([MENU, REPEAT], tmp_path)
    assert menu.speech_seconds <= 8.9
    assert repeat.speech_seconds <= 1.5
    assert menu.seconds == pytest.approx(menu.speech_seconds + 4.0)
    assert prompts.seconds(menu.path) + prompts.seconds(repeat.path) < 14.8


def test_every_prompt_starts_at_once_and_is_never_silent_for_long(folder: Path) -> None:
    for sentence in SENTENCES:
        samples = heard(folder / f"{sentence.prompt}.alaw")
        assert max(map(abs, samples[:480])) > 500, sentence.prompt
        assert max(silences(samples)) <= 1.2, sentence.prompt


def test_the_options_of_the_menu_are_kept_apart(folder: Path) -> None:
    speech = heard(folder / "id/menu.alaw")[: -4 * 8000]
    pauses = [silence for silence in silences(speech) if silence >= 0.08]
    assert len(pauses) == CHOICES.count(",") + 1  # and one after the greeting
    assert max(pauses) <= 0.13


def test_all_prompts_are_equally_loud_and_none_clips(folder: Path) -> None:
    for sentence in SENTENCES:
        samples = heard(folder / f"{sentence.prompt}.alaw")
        speech = samples[: len(samples) - round(sentence.tail_seconds * 8000)]
        active = [frame for frame in frames(speech) if max(map(abs, frame)) >= 100]
        assert dbov(array("h", b"".join(active))) == pytest.approx(-20, abs=1), sentence.prompt
        # 32256 is the loudest A-law value.
        assert max(map(abs, samples)) < 32256, sentence.prompt


def test_nothing_is_sent_below_the_telephone_band(folder: Path) -> None:
    path = folder / "en/accept.alaw"
    assert dbov(heard(path, "sinc", "-200")) < dbov(heard(path)) - 30


def test_the_same_sentences_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    prompts.build(SENTENCES, tmp_path)
    for path in (prompts.PLACEHOLDERS, *(f"{each.prompt}.alaw" for each in SENTENCES)):
        assert (folder / path).read_bytes() == (tmp_path / path).read_bytes(), path


def test_a_finished_build_leaves_nothing_stale_and_no_temporary_file(folder: Path) -> None:
    text = prompts.placeholders(folder)
    assert prompts.stale(SENTENCES, text, prompts.files(folder)) == []
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == {prompts.PLACEHOLDERS, "id/menu.alaw", "id/repeat.alaw", "en/accept.alaw"}
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines == sorted(lines)
    assert lines[2] == f"id/repeat.alaw  {prompts.digest(REPEAT)}  {REPEAT.text}"


def test_only_what_changed_is_built_again(tmp_path: Path) -> None:
    prompts.build([REPEAT, ACCEPT], tmp_path)
    assert prompts.build([REPEAT, ACCEPT], tmp_path) == []
    changed = replace(REPEAT, text="Tekan angka.")
    assert [built.prompt for built in prompts.build([changed, ACCEPT], tmp_path)] == ["id/repeat"]
    forced = prompts.build([changed, ACCEPT], tmp_path, force=True)
    assert [built.prompt for built in forced] == ["id/repeat", "en/accept"]


def test_a_recording_in_place_of_a_placeholder_stays(tmp_path: Path) -> None:
    prompts.build([REPEAT, ACCEPT], tmp_path)
    listed = prompts.placeholders(tmp_path).splitlines(keepends=True)
    kept = "".join(line for line in listed if not line.startswith("id/repeat"))
    (tmp_path / prompts.PLACEHOLDERS).write_text(kept, encoding="utf-8")
    (tmp_path / "id/repeat.alaw").write_bytes(b"a voice")
    prompts.build([replace(REPEAT, text="Lain."), ACCEPT], tmp_path, force=True)
    assert (tmp_path / "id/repeat.alaw").read_bytes() == b"a voice"
    assert "id/repeat" not in prompts.placeholders(tmp_path)


def test_a_build_that_is_killed_while_it_writes_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_: Path) -> float:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(prompts, "seconds", killed)
        with pytest.raises(KeyboardInterrupt):
            prompts.build([REPEAT, ACCEPT], tmp_path)
    assert prompts.files(tmp_path) == {"id/repeat"}
    assert [built.prompt for built in prompts.build([REPEAT, ACCEPT], tmp_path)] == [
        "id/repeat",
        "en/accept",
    ]


@pytest.mark.parametrize("text", ["", "   ", "..."])
def test_a_text_without_words_is_refused_by_name(text: str, tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="id/empty"):
        prompts.build([Sentence("empty", "id", text)], tmp_path)


def test_an_aside_is_said_in_the_wait_and_takes_no_time_of_its_own(tmp_path: Path) -> None:
    plain, aside = tmp_path / "plain", tmp_path / "aside"
    prompts.build([MENU], plain)
    prompts.build([replace(MENU, aside=("en", "English, 9."))], aside)
    alike = heard(plain / "id/menu.alaw"), heard(aside / "id/menu.alaw")
    assert len(alike[0]) == len(alike[1])
    wait = len(alike[0]) - round(MENU.tail_seconds * prompts.RATE)
    assert alike[0][:wait] == alike[1][:wait]
    assert dbov(alike[1][wait:]) > dbov(alike[0][wait:]) + 6


def test_an_aside_longer_than_the_wait_is_refused(tmp_path: Path) -> None:
    crowded = replace(REPEAT, aside=("en", "English, 9."))
    with pytest.raises(PromptError, match="does not fit in the wait"):
        prompts.build([crowded], tmp_path)
