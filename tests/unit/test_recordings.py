"""What a file of speech says, and what keeps it from a caller when that is no longer true."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr import recordings
from ivr.__main__ import main
from ivr.alaw import RATE
from ivr.menu import Sentence, sentences
from ivr.recordings import (
    PROMPTS,
    Note,
    PromptError,
    State,
    accept,
    note_of,
    read_notes,
    state,
    unusable,
    write_notes,
    wrong,
)
from routing.configuration import Configuration

SHIPPED_SOUNDS = Path(__file__).parents[2] / "asterisk" / "sounds"
MENU = Sentence("menu", "id", "112 Pekanbaru: tekan 1 kebakaran.", 4.0)
VOICE = b"\x2a\xaa" * 4000  # a second
OTHER = b"\x2a\xaa\x2a" * 4000

Configured = Callable[..., Configuration]
FIRE_AND_MEDICAL_SWAPPED = (
    ("menu.yaml", 'key: "1"', 'key: "x"'),
    ("menu.yaml", 'key: "2"', 'key: "1"'),
    ("menu.yaml", 'key: "x"', 'key: "2"'),
)


def placeholder(sentence: Sentence = MENU, sound: bytes = VOICE) -> Note:
    return note_of(sentence, "placeholder", sound)


def recorded(sentence: Sentence = MENU, sound: bytes = VOICE) -> Note:
    return note_of(sentence, "recorded", sound)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The shipped speech, for a test to spoil."""
    return Path(shutil.copytree(SHIPPED_SOUNDS, tmp_path / "sounds"))


@pytest.fixture
def all_recorded(folder: Path, shipped: Configuration) -> Path:
    """The same, as if a person had recorded every sentence and somebody had accepted it."""
    everything = recordings.speeches(sentences(shipped))
    notes = {each.prompt: recorded(each, recordings.speech(folder, each)) for each in everything}
    write_notes(folder, notes)
    assert wrong(shipped, folder) == []
    return folder


# ------------------------------------------------------------------ one file and its note


@pytest.mark.parametrize("noted", [placeholder(), recorded()])
def test_a_sound_that_was_noted_for_its_text_is_good(noted: Note) -> None:
    assert state(MENU, VOICE, noted) is State.GOOD
    assert state(replace(MENU, tail_seconds=9.0), VOICE, noted) is State.GOOD
    assert state(replace(MENU, text="112 Pekanbaru:\n  tekan 1 kebakaran."), VOICE, noted) is (
        State.GOOD
    )


def test_another_text_wants_a_placeholder_made_and_a_recording_recorded_again() -> None:
    changed = replace(MENU, text="112 Pekanbaru: tekan 2 kebakaran.")
    assert state(changed, VOICE, placeholder()) is State.STALE
    assert state(changed, VOICE, recorded()) is State.OUTDATED


def test_a_note_whose_text_was_edited_by_hand_is_not_believed() -> None:
    changed = replace(MENU, text="112 Pekanbaru: tekan 2 kebakaran.")
    assert state(changed, VOICE, replace(recorded(), text=changed.text)) is State.OUTDATED


@pytest.mark.parametrize("noted", [None, placeholder(), recorded()])
def test_another_sound_is_unknown_and_no_sound_is_missing(noted: Note | None) -> None:
    assert state(MENU, OTHER, noted) is State.UNKNOWN
    assert state(MENU, b"", noted) is State.MISSING


def test_a_better_voice_wants_placeholders_made_again_and_no_recording(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = placeholder(), recorded()
    monkeypatch.setattr(recordings, "_VOICE", "next")
    assert [state(MENU, VOICE, noted) for noted in before] == [State.STALE, State.GOOD]


def test_notes_are_read_as_they_were_written_sorted_and_other_lines_are_passed_over(
    tmp_path: Path,
) -> None:
    notes = {"id/menu": recorded(), "en/menu": placeholder(replace(MENU, language="en"))}
    write_notes(tmp_path, notes)
    path = tmp_path / PROMPTS
    lines = path.read_text().splitlines()
    assert lines[-1] == (
        f"id/menu.alaw  recorded  {recorded().said}  {recorded().sound}  {MENU.text}"
    )
    assert lines[-2].startswith("en/menu.alaw  placeholder  ")
    path.write_text("<<<<<<< HEAD\nid/menu.alaw\nid/x.alaw sung 1 2 3\n" + path.read_text())
    assert read_notes(tmp_path) == notes
    assert read_notes(tmp_path / "none") == {}


@pytest.mark.parametrize(
    ("start", "kind"),
    [(b"RIFF", "WAV"), (b"ID3", "MP3"), (b"OggS", "Ogg"), (b"fLaC", "FLAC"), (b".snd", "AU")],
)
def test_a_file_that_is_not_raw_a_law_is_named_by_its_kind(start: bytes, kind: str) -> None:
    assert f"is a file of kind {kind}, not raw A-law" in unusable(start + VOICE)


def test_a_sound_that_nobody_would_hear_is_refused() -> None:
    assert "is silent" in unusable(b"\xd5\x55\xd4" * RATE)
    assert unusable(VOICE) == ""


# ------------------------------------------------------------------ the whole menu


def test_what_is_shipped_says_what_config_says_and_marks_every_placeholder(
    shipped: Configuration,
) -> None:
    assert wrong(shipped, SHIPPED_SOUNDS) == []
    spoken = {each.prompt for each in recordings.speeches(sentences(shipped))}
    assert {
        path.relative_to(SHIPPED_SOUNDS).as_posix() for path in SHIPPED_SOUNDS.rglob("*.*")
    } == {
        PROMPTS,
        *(f"{name}.alaw" for name in spoken),
    }
    assert {note.kind for note in read_notes(SHIPPED_SOUNDS).values()} == {"placeholder"}


def test_keys_that_moved_want_every_recording_that_names_them_again(
    all_recorded: Path, configured: Configured
) -> None:
    lines = wrong(configured(*FIRE_AND_MEDICAL_SWAPPED), all_recorded)
    again = [line.partition(" again: it still says ")[0].split()[-1] for line in lines]
    assert again == ["id/menu", "id/wrong", "en/menu", "en/wrong"]
    assert "still says '112 Pekanbaru: tekan 1 kebakaran, 2 medis," in lines[0]
    assert "not '112 Pekanbaru: tekan 1 medis, 2 kebakaran," in lines[0]


def test_keys_that_moved_want_placeholders_made_again(folder: Path, configured: Configured) -> None:
    lines = wrong(configured(*FIRE_AND_MEDICAL_SWAPPED), folder)
    assert len(lines) == 4
    assert all(line.endswith("; run `make sounds`") for line in lines)


def test_an_aside_that_changed_is_named_by_its_own_file(
    all_recorded: Path, configured: Configured
) -> None:
    (line,) = wrong(configured(("menu.yaml", '"English, 9."', '"For English, 9."')), all_recorded)
    assert "record en/menu-aside again: it still says 'English, 9.', not 'For English, 9.'" in line


def test_a_sound_that_somebody_saved_is_told_with_how_to_accept_it(
    folder: Path, shipped: Configuration
) -> None:
    (folder / "id/repeat.alaw").write_bytes(VOICE)
    (line,) = wrong(shipped, folder)
    assert line.startswith(f"{folder}/id/repeat.alaw is not the sound that PROMPTS.txt notes.")
    assert "run `siaga prompts --recorded id/repeat`" in line
    accept(sentences(shipped), "id/repeat", folder)
    assert wrong(shipped, folder) == []


def test_a_list_that_is_gone_makes_every_sound_unknown(
    folder: Path, shipped: Configuration
) -> None:
    (folder / PROMPTS).unlink()
    lines = wrong(shipped, folder)
    assert len(lines) == len(recordings.speeches(sentences(shipped)))
    assert all("siaga prompts --recorded" in line for line in lines)


def test_a_recording_that_is_gone_can_be_put_back_or_spoken_by_a_machine(
    all_recorded: Path, shipped: Configuration
) -> None:
    (all_recorded / "id/menu.alaw").unlink()
    (all_recorded / "id/wrong.alaw").write_bytes(b"")
    lines = wrong(shipped, all_recorded)
    assert [line.split()[0] for line in lines] == [
        f"{all_recorded}/id/menu.alaw",
        f"{all_recorded}/id/wrong.alaw",
    ]
    assert all("put the recording back, or run `make sounds`" in line for line in lines)


def test_a_file_that_is_not_sound_is_refused_before_it_is_asked_about(
    folder: Path, shipped: Configuration
) -> None:
    (folder / "id/menu.alaw").write_bytes(b"RIFF" + VOICE)
    (line,) = wrong(shipped, folder)
    assert "WAV" in line
    assert "--recorded" not in line


def record(folder: Path, configuration: Configuration, name: str, seconds: float) -> None:
    (folder / f"{name}.alaw").write_bytes(VOICE[:2] * round(seconds * RATE / 2))
    accept(sentences(configuration), name, folder)


def test_a_recording_that_keeps_a_silent_caller_too_long_is_refused(
    folder: Path, shipped: Configuration
) -> None:
    record(folder, shipped, "id/repeat", 1.0)
    record(folder, shipped, "id/menu", 9.6)  # and 4 s, and 0.4 s
    assert wrong(shipped, folder) == []
    record(folder, shipped, "id/menu", 9.7)
    (line,) = wrong(shipped, folder)
    assert line.startswith(f"{folder}/id: a caller who does nothing waits 15.1 s for an operator")


def test_an_aside_that_does_not_fit_in_the_wait_is_refused(
    folder: Path, shipped: Configuration
) -> None:
    record(folder, shipped, "en/menu-aside", 3.85)
    (line,) = wrong(shipped, folder)
    assert line == (
        f"{folder}/en/menu-aside.alaw is 0.2 s too long for the wait it is said in: shorten it"
    )


# ------------------------------------------------------------------ accepting a recording


def test_what_said_another_text_is_not_accepted_for_this_one(
    all_recorded: Path, configured: Configured
) -> None:
    swapped = list(sentences(configured(*FIRE_AND_MEDICAL_SWAPPED)))
    with pytest.raises(PromptError, match="still is what said '112 Pekanbaru: tekan 1 kebakaran"):
        accept(swapped, "id/menu", all_recorded)
    (all_recorded / "id/menu.alaw").write_bytes(VOICE)
    assert "tekan 1 medis, 2 kebakaran" in accept(swapped, "id/menu", all_recorded).text


def test_a_placeholder_is_not_accepted_as_a_recording(folder: Path, shipped: Configuration) -> None:
    with pytest.raises(PromptError, match="still is the placeholder"):
        accept(sentences(shipped), "id/menu", folder)


def test_accepting_twice_changes_nothing(folder: Path, shipped: Configuration) -> None:
    record(folder, shipped, "id/menu", 8.0)
    before = (folder / PROMPTS).read_text()
    accept(sentences(shipped), "id/menu.alaw", folder)
    assert (folder / PROMPTS).read_text() == before


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("id/manu", VOICE, "there is no prompt 'id/manu'; write one of: en/accept, "),
        ("id/menu", b"", "is missing or empty: save the recording there"),
        ("id/menu", b"RIFF" + VOICE, "is a file of kind WAV"),
        ("id/menu", b"\xd5" * RATE, "is silent"),
    ],
)
def test_what_cannot_be_accepted_is_refused_with_the_reason(
    name: str, content: bytes, why: str, folder: Path, shipped: Configuration
) -> None:
    (folder / f"{name}.alaw").write_bytes(content)
    before = (folder / PROMPTS).read_text()
    with pytest.raises(PromptError, match=why):
        accept(sentences(shipped), name, folder)
    assert (folder / PROMPTS).read_text() == before


# ------------------------------------------------------------------ what is played


def test_every_prompt_is_finished_into_one_file_with_the_configured_wait(
    folder: Path, tmp_path: Path, configured: Configured
) -> None:
    patient = configured(("menu.yaml", "wait_seconds: 4", "wait_seconds: 6"))
    recordings.finish(patient, folder, tmp_path / "played")
    found = {path.relative_to(tmp_path / "played") for path in tmp_path.glob("played/*/*")}
    held = {Path(f"{language}/held.alaw") for language in ("id", "en")}
    assert found == {Path(f"{each.prompt}.alaw") for each in sentences(patient)} | held
    for each in sentences(patient):
        speech = (folder / f"{each.prompt}.alaw").read_bytes()
        played = (tmp_path / "played" / f"{each.prompt}.alaw").read_bytes()
        assert played.startswith(speech)
        assert len(played) == len(speech) + round(each.tail_seconds * RATE)
    aside = (folder / "en/menu-aside.alaw").read_bytes()
    assert aside in (tmp_path / "played/id/menu.alaw").read_bytes()
    assert aside not in (tmp_path / "played/en/menu.alaw").read_bytes()


@pytest.mark.parametrize("name", ["id/menu", "en/menu-aside"])
def test_nothing_is_finished_without_its_speech(
    name: str, folder: Path, tmp_path: Path, shipped: Configuration
) -> None:
    (folder / f"{name}.alaw").unlink()
    with pytest.raises(PromptError, match="id/menu: speech is missing"):
        recordings.finish(shipped, folder, tmp_path / "played")


# ------------------------------------------------------------------ the command


def siaga(folder: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, words, env={"SIAGA_SOUNDS": str(folder)})
    return done.exit_code, done.output


def test_staff_put_a_recording_in_a_placeholders_place(folder: Path) -> None:
    assert siaga(folder, "check")[0] == 0
    (folder / "id/repeat.alaw").write_bytes(VOICE)
    status, said = siaga(folder, "check")
    assert status == 1
    assert "siaga prompts --recorded id/repeat" in said
    status, said = siaga(folder, "prompts")
    assert status == 1
    assert "left to a person" in said
    assert (folder / "id/repeat.alaw").read_bytes() == VOICE
    status, said = siaga(folder, "prompts", "--recorded", "id/repeat")
    assert (status, said) == (
        0,
        "id/repeat is noted as a recording of 'Tekan angka, atau tunggu.'\n",
    )
    assert siaga(folder, "check")[0] == 0
    assert siaga(folder, "prompts") == (0, "")
