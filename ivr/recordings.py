"""What the files of speech say, who says it, and whether that is still what `config/` says.

Its laws:

1. A file holds speech and nothing else. The wait after it is added when a configuration is put in
   force, so that it is the configured one whoever spoke (ivr/sounds.py).
2. PROMPTS.txt notes for each file which text it says and which sound that is. A sound that it does
   not note may be somebody's recording: it is neither used nor overwritten.
3. A recording is noted for a text once. After that only another recording can say another text:
   a key that moved must never be announced by the voice that names the old one.
"""

import enum
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from ivr import sounds
from ivr.alaw import RATE, decode
from ivr.menu import MAX_SILENT_SECONDS, Sentence, menu, sentences, silent_seconds
from routing.agencies import Language
from routing.configuration import Configuration

HELD_SECONDS = 8.0
"""How long the line ticks before a caller who is held hears again that he is not forgotten."""
PROMPTS = "PROMPTS.txt"

_HEAD = """\
# What the speech in this folder says, and who says it. `siaga prompts` writes this list.
# placeholder: a machine, until a person records the text. recorded: a person.
# How to put a recording in a placeholder's place: README.md, "Going live".
# Each line: file, placeholder or recorded, hash of the text, hash of the sound, text.
"""
# Raise it when the same text would sound different: placeholders are then made again.
_VOICE = "2"
# The first bytes of files that hold more than sound, by the name of their kind.
_NOT_RAW: Mapping[bytes, str] = {
    b"RIFF": "WAV",
    b"ID3": "MP3",
    b"OggS": "Ogg",
    b"fLaC": "FLAC",
    b".snd": "AU",
}
_AUDIBLE = 1000  # of 32768: about -30 dBov

Kind = Literal["placeholder", "recorded"]


class PromptError(Exception):
    """A prompt cannot be built or used. The message says what to change or install."""


@dataclass(frozen=True, slots=True)
class Note:
    """A line of PROMPTS.txt: who speaks, and the hashes of the text and of the sound."""

    kind: Kind
    said: str
    sound: str
    text: str


class State(enum.Enum):
    """How a file of speech stands to its text and to its note."""

    GOOD = "says the text"
    MISSING = "there is no sound"
    STALE = "a placeholder of another text"
    OUTDATED = "a recording of another text"
    UNKNOWN = "not the sound that was noted"


def speeches(spoken: Iterable[Sentence]) -> list[Sentence]:
    """Return every sentence that has a file of speech: those given, and their asides.

    Raises PromptError if two share a file.
    """
    found = [one for each in spoken for one in (each, each.aside) if one is not None]
    names = [each.prompt for each in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise PromptError(f"more than one text for {', '.join(sorted(twice))}: give each its name")
    return found


def read_notes(folder: Path) -> dict[str, Note]:
    """Read PROMPTS.txt, by prompt (`id/menu`). No file reads as empty; odd lines are left out."""
    path = folder / PROMPTS
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = (line.split(maxsplit=4) for line in text.splitlines())
    return {
        fields[0].removesuffix(".alaw"): Note(cast("Kind", fields[1]), *fields[2:])
        for fields in lines
        if len(fields) == 5 and fields[0].endswith(".alaw") and fields[1] in get_args(Kind)
    }


def write_notes(folder: Path, notes: Mapping[str, Note]) -> None:
    """Write PROMPTS.txt."""
    lines = (
        f"{name}.alaw  {each.kind}  {each.said}  {each.sound}  {each.text}\n"
        for name, each in notes.items()
    )
    write(folder / PROMPTS, (_HEAD + "".join(sorted(lines))).encode())


def note_of(sentence: Sentence, kind: Kind, sound: bytes) -> Note:
    """Return the note of a `sound` that says `sentence`."""
    text = " ".join(sentence.text.split())
    made_of = f"{text}\n{_VOICE}" if kind == "placeholder" else text
    return Note(kind, _hash(made_of.encode()), _hash(sound), text)


def speech(folder: Path, sentence: Sentence) -> bytes:
    """Read the speech of `sentence` as A-law; no file reads as empty. Raises OSError."""
    path = folder / f"{sentence.prompt}.alaw"
    return path.read_bytes() if path.exists() else b""


def state(sentence: Sentence, sound: bytes, note: Note | None) -> State:
    """Judge what is there of `sentence`."""
    if not sound:
        return State.MISSING
    if note is None or note.sound != _hash(sound):
        return State.UNKNOWN
    if note == note_of(sentence, note.kind, sound):
        return State.GOOD
    return State.STALE if note.kind == "placeholder" else State.OUTDATED


def unusable(sound: bytes) -> str:
    """Say why nobody would hear this as A-law, or nothing."""
    for start, name in _NOT_RAW.items():
        if sound.startswith(start):
            return f"is a file of kind {name}, not raw A-law: README.md has the command"
    if max(map(abs, decode(bytes(set(sound)))), default=0) < _AUDIBLE:
        return "is silent: record it again"
    return ""


def accept(spoken: Iterable[Sentence], name: str, folder: Path) -> Note:
    """Note the recording of `name` (`id/menu`) that lies in `folder`, as saying today's text.

    Raises PromptError if there is no such prompt, or no new recording of it.
    """
    found = {each.prompt: each for each in speeches(spoken)}
    if (sentence := found.get(name.removesuffix(".alaw"))) is None:
        raise PromptError(f"there is no prompt {name!r}; write one of: {', '.join(sorted(found))}")
    name, notes = sentence.prompt, read_notes(folder)
    path, sound = folder / f"{name}.alaw", speech(folder, sentence)
    if why := unusable(sound) if sound else "is missing or empty: save the recording there":
        raise PromptError(f"{path} {why}")
    new, old = note_of(sentence, "recorded", sound), notes.get(name)
    if old and old.sound == new.sound and old != new:
        said = "the placeholder" if old.kind == "placeholder" else f"what said {old.text!r}"
        raise PromptError(
            f"{path} still is {said}: save a recording of {new.text!r} over it. If it says just "
            f"that already, delete its line in {folder / PROMPTS} and try again"
        )
    write_notes(folder, {**notes, name: new})
    return new


def seconds_in_force(
    configuration: Configuration, folder: Path
) -> dict[tuple[Language, str], float]:
    """Return how long each prompt will last once it is finished: the speech there, and the wait."""
    return {
        (each.language, each.name): len(sound) / RATE + each.tail_seconds
        for each in sentences(configuration)
        if (sound := speech(folder, each))
    }


def finish(configuration: Configuration, folder: Path, target: Path) -> None:
    """Write every prompt of `configuration`, as it is played, from the speech in `folder`.

    And `held`, which goes round and round while somebody holds the caller (musiconhold.conf).

    Raises PromptError for speech that is missing or does not fit.
    """
    for each in sentences(configuration):
        write(target / f"{each.prompt}.alaw", _finished(each, folder))
        if each.name == "still-there":
            held = sounds.finished(speech(folder, each), HELD_SECONDS)
            write(target / each.language / "held.alaw", held)


def wrong(configuration: Configuration, folder: Path) -> list[str]:
    """Return what keeps the speech in `folder` from going with `configuration`, line by line."""
    notes = read_notes(folder)
    lines = [
        f"{folder}/{each.prompt}.alaw {why}"
        for each in speeches(sentences(configuration))
        if (why := _why(each, speech(folder, each), notes.get(each.prompt)))
    ]
    return lines or [*_misfits(configuration, folder), *_long_silences(configuration, folder)]


def _why(sentence: Sentence, sound: bytes, note: Note | None) -> str:
    if sound and (why := unusable(sound)):
        return why
    name, said = sentence.prompt, note.text if note else ""
    match state(sentence, sound, note):
        case State.GOOD:
            return ""
        case State.MISSING:
            back = "put the recording back, or " if note and note.kind == "recorded" else ""
            return f"is missing or empty; {back}run `make sounds`"
        case State.STALE:
            return "does not say what config/ says; run `make sounds`"
        case State.OUTDATED:
            return f"is old: record {name} again: it still says {said!r}, not {sentence.text!r}"
        case State.UNKNOWN:
            return (
                f"is not the sound that {PROMPTS} notes. If it is a recording of {sentence.text!r},"
                f" run `siaga prompts --recorded {name}`; if not, delete it and run `make sounds`"
            )


def _misfits(configuration: Configuration, folder: Path) -> Iterable[str]:
    for each in sentences(configuration):
        try:
            _finished(each, folder)
        except PromptError as error:
            yield str(error)


def _long_silences(configuration: Configuration, folder: Path) -> Iterable[str]:
    heard = menu(configuration, seconds_in_force(configuration, folder))
    for language in configuration.menu.languages:
        silent = silent_seconds(heard, language)
        if silent > MAX_SILENT_SECONDS:
            yield (
                f"{folder}/{language}: a caller who does nothing waits {silent:.1f} s for an "
                f"operator, over {MAX_SILENT_SECONDS:.0f} s; shorten `menu`, `repeat` or a wait"
            )


def _finished(sentence: Sentence, folder: Path) -> bytes:
    sound = speech(folder, sentence)
    aside = speech(folder, sentence.aside) if sentence.aside else b""
    if not sound or (sentence.aside and not aside):
        raise PromptError(f"{folder}/{sentence.prompt}: speech is missing; run `make sounds`")
    try:
        return sounds.finished(sound, sentence.tail_seconds, aside)
    except ValueError as error:
        said = sentence.aside.prompt if sentence.aside else sentence.prompt
        raise PromptError(f"{folder}/{said}.alaw {error}: shorten it") from error


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def write(path: Path, content: bytes) -> None:
    """Replace a file at once, so that whoever reads it finds the old or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_bytes(content)
    fresh.replace(path)
