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

from ivr import prompts, recordings, sounds
from ivr.alaw import RATE
from ivr.menu import Sentence
from ivr.recordings import PROMPTS, PromptError, State

CHOICES = "1 kebakaran, 2 medis, 3 bencana, 4 pohon tumbang, 5 listrik, 6 SAR, 7 polisi, 0 petugas"
MENU = Sentence("menu", "id", f"112 Pekanbaru: tekan {CHOICES}.", 4.0)
REPEAT = Sentence("repeat", "id", "Tekan angka, atau tunggu.", 0.4)
ACCEPT = Sentence("accept", "en", "Emergency call from 112. Press 1 to accept.")
ASIDE = Sentence("menu-aside", "en", "English, 9.")
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


def states(spoken: list[Sentence], folder: Path) -> list[State]:
    notes = recordings.read_notes(folder)
    return [
        recordings.state(each, recordings.speech(folder, each), notes.get(each.prompt))
        for each in spoken
    ]


def test_a_caller_who_does_nothing_has_heard_both_prompts_before_an_operator_is_due(
    tmp_path: Path,
) -> None:
    menu, repeat = prompts.build([MENU, REPEAT], tmp_path)
    assert menu.seconds <= 8.9
    assert repeat.seconds <= 1.5
    assert menu.seconds + MENU.tail_seconds + repeat.seconds + REPEAT.tail_seconds < 14.8


def test_every_prompt_starts_at_once_and_is_never_silent_for_long(folder: Path) -> None:
    for sentence in SENTENCES:
        played = folder / f"{sentence.name}-played.alaw"
        speech = recordings.speech(folder, sentence)
        played.write_bytes(sounds.finished(speech, sentence.tail_seconds))
        samples = heard(played)
        assert max(map(abs, samples[:480])) > 500, sentence.prompt
        assert max(silences(samples)) <= 1.2, sentence.prompt


def test_the_options_of_the_menu_are_kept_apart(folder: Path) -> None:
    speech = heard(folder / "id/menu.alaw")
    pauses = [silence for silence in silences(speech) if silence >= 0.08]
    assert len(pauses) == CHOICES.count(",") + 1  # and one after the greeting
    assert max(pauses) <= 0.13


def test_all_prompts_are_equally_loud_and_none_clips(folder: Path) -> None:
    for sentence in SENTENCES:
        samples = heard(folder / f"{sentence.prompt}.alaw")
        active = [frame for frame in frames(samples) if max(map(abs, frame)) >= 100]
        assert dbov(array("h", b"".join(active))) == pytest.approx(-20, abs=1), sentence.prompt
        # 32256 is the loudest A-law value.
        assert max(map(abs, samples)) < 32256, sentence.prompt


def test_nothing_is_sent_below_the_telephone_band(folder: Path) -> None:
    path = folder / "en/accept.alaw"
    assert dbov(heard(path, "sinc", "-200")) < dbov(heard(path)) - 30


def test_the_same_sentences_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    prompts.build(SENTENCES, tmp_path)
    for path in (PROMPTS, *(f"{each.prompt}.alaw" for each in SENTENCES)):
        assert (folder / path).read_bytes() == (tmp_path / path).read_bytes(), path


def test_a_finished_build_leaves_nothing_to_do_and_no_temporary_file(tmp_path: Path) -> None:
    prompts.build(SENTENCES, tmp_path)
    assert set(states(SENTENCES, tmp_path)) == {State.GOOD}
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    assert found == {PROMPTS, "id/menu.alaw", "id/repeat.alaw", "en/accept.alaw"}


def test_only_what_changed_is_built_again(tmp_path: Path) -> None:
    prompts.build([REPEAT, ACCEPT], tmp_path)
    assert prompts.build([REPEAT, ACCEPT], tmp_path) == []
    changed = replace(REPEAT, text="Tekan angka.")
    assert [built.prompt for built in prompts.build([changed, ACCEPT], tmp_path)] == ["id/repeat"]
    forced = prompts.build([changed, ACCEPT], tmp_path, force=True)
    assert [built.prompt for built in forced] == ["id/repeat", "en/accept"]


def test_a_recording_stays_whatever_the_text(tmp_path: Path) -> None:
    prompts.build([REPEAT, ACCEPT], tmp_path)
    (tmp_path / "id/repeat.alaw").write_bytes(b"a voice")
    recordings.accept([REPEAT], "id/repeat", tmp_path)
    changed = replace(REPEAT, text="Lain.")
    assert [b.prompt for b in prompts.build([changed, ACCEPT], tmp_path, force=True)] == [
        "en/accept"
    ]
    assert (tmp_path / "id/repeat.alaw").read_bytes() == b"a voice"
    assert states([changed, REPEAT], tmp_path) == [State.OUTDATED, State.GOOD]


def test_a_sound_saved_over_a_placeholder_stays_though_nobody_noted_it(tmp_path: Path) -> None:
    prompts.build([REPEAT, ACCEPT], tmp_path)
    (tmp_path / "id/repeat.alaw").write_bytes(b"a voice")
    prompts.build([replace(REPEAT, text="Lain."), ACCEPT], tmp_path, force=True)
    assert (tmp_path / "id/repeat.alaw").read_bytes() == b"a voice"
    assert states([REPEAT], tmp_path) == [State.UNKNOWN]


@pytest.mark.parametrize("written", [1, 2])
def test_a_build_that_is_killed_while_it_writes_is_finished_by_the_next(
    written: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts.build([REPEAT, ACCEPT], tmp_path)
    changed = [replace(REPEAT, text="Tekan."), replace(ACCEPT, text="Press.")]
    write, left = recordings.write, iter([True] * written)  # PROMPTS.txt, then a sound

    def killed(path: Path, content: bytes) -> None:
        if not next(left, False):
            raise KeyboardInterrupt
        write(path, content)

    with monkeypatch.context() as patched:
        patched.setattr(recordings, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            prompts.build(changed, tmp_path)
    assert states(changed, tmp_path) == [State.GOOD] * (written - 1) + [State.MISSING] * (
        3 - written
    )
    prompts.build(changed, tmp_path)
    assert states(changed, tmp_path) == [State.GOOD, State.GOOD]


@pytest.mark.parametrize("text", ["", "   ", "..."])
def test_a_text_without_words_is_refused_by_name(text: str, tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="id/empty"):
        prompts.build([Sentence("empty", "id", text)], tmp_path)


def test_an_aside_has_speech_of_its_own_short_enough_for_the_wait(tmp_path: Path) -> None:
    menu = replace(MENU, aside=ASIDE)
    _, aside = prompts.build([menu], tmp_path)
    assert aside.prompt == "en/menu-aside"
    assert sounds.ASIDE_AFTER_SECONDS + aside.seconds < MENU.tail_seconds
    played = sounds.finished(
        recordings.speech(tmp_path, menu), 4.0, recordings.speech(tmp_path, ASIDE)
    )
    assert len(played) == len(recordings.speech(tmp_path, menu)) + 4 * RATE
