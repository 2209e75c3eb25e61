"""Speaks the placeholders: synthetic speech that serves until a person records the text.

Its laws:

1. Only a missing file and a placeholder that is just as it was made are ever written
   (ivr/recordings.py): no recording, and no sound that nobody knows.
2. The same sentences give the same bytes: no dither, no clock, no chance.
3. Everything is spoken before anything is written, so a build that fails changes nothing. A build
   that is killed while it writes leaves prompts missing, never half a file.
"""

import math
import re
import shutil
import subprocess
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ivr import recordings
from ivr.alaw import FULL_SCALE, RATE, encode
from ivr.menu import Sentence
from ivr.recordings import Note, PromptError, State, note_of

_REMEDY = "apt-get install espeak-ng sox"
_TOOL_TIMEOUT_SECONDS = 30
# Words a minute. The Indonesian menu must end within 8.9 s: config/menu.yaml promises an operator
# 15 s after the first word to a caller who does nothing.
_SPEED: Mapping[str, int] = {"id": 195, "en": 185}
_DIGITS: Mapping[str, str] = {
    "id": "nol satu dua tiga empat lima enam tujuh delapan sembilan",
    "en": "zero one two three four five six seven eight nine",
}

# Silence after a clause, by the mark that ends it. An option of the menu ends in a comma.
_PAUSE_SECONDS: Mapping[str, float] = {",": 0.085, ":": 0.1, ";": 0.1}
_LONG_PAUSE_SECONDS = 0.25

_SPEECH_DBOV = -20.0
_PEAK = 0.95 * FULL_SCALE
_SILENCE_DB = -42.0  # below the peak of its clause
_BEFORE, _AFTER = RATE * 10 // 1000, RATE * 15 // 1000  # samples kept around the sound

_WAV = ("--ignore-length", "-t", "wav", "-")
_RAW = ("-t", "raw", "-r", str(RATE), "-e", "signed-integer", "-b", "16", "-c", "1", "-")

Samples: TypeAlias = "array[int]"


@dataclass(frozen=True, slots=True)
class Built:
    """One placeholder that was spoken, and how long it speaks."""

    prompt: str
    seconds: float


def spoken(text: str, language: str) -> str:
    """Write `text` out as it is to be said in `language`.

    Digits are said one by one, because 112 is "satu satu dua" and never "seratus dua belas".
    Capitals together are a word ("SAR"), capitals apart are letters ("P L N").
    Raises PromptError for a language without digits here.
    """
    if language not in _DIGITS:
        raise PromptError(f"no voice for {language!r}: record it, or use {', '.join(_DIGITS)}")
    digits = _DIGITS[language].split()
    text = re.sub(r"[0-9]", lambda found: f" {digits[int(found[0])]} ", text)
    text = re.sub(r"\b[A-Z]{2,}\b", lambda found: found[0].lower(), text)
    return re.sub(r" ([,.:;!?])", r"\1", " ".join(text.split()))


def clauses(text: str) -> list[tuple[str, float]]:
    """Cut `text` after each mark; each clause comes with the seconds of silence that follow it."""
    parts = re.split(r"(?<=[,.:;!?])\s+", text.strip())
    pauses = [_PAUSE_SECONDS.get(part[-1:], _LONG_PAUSE_SECONDS) for part in parts]
    return list(zip(parts, [*pauses[:-1], 0.0], strict=True))


def build(sentences: Sequence[Sentence], folder: Path, *, force: bool = False) -> list[Built]:
    """Speak what is missing or stale into `<folder>/<language>/<name>.alaw`; return what it was.

    `force` speaks every placeholder again. espeak-ng and sox are needed only if there is something
    to speak. Raises PromptError without them, or if two sentences share a file.
    """
    notes = recordings.read_notes(folder)
    found = recordings.speeches(sentences)
    due = [each for each in found if _due(each, folder, notes, force=force)]
    built = [(each, _speech(each)) for each in due]
    # A file is missing, or it is the noted one, whenever this is killed: never one nobody knows.
    for each in due:
        (folder / f"{each.prompt}.alaw").unlink(missing_ok=True)
    if due:
        made = {each.prompt: note_of(each, "placeholder", sound) for each, sound in built}
        recordings.write_notes(folder, notes | made)
    for each, sound in built:
        recordings.write(folder / f"{each.prompt}.alaw", sound)
    return [Built(each.prompt, len(sound) / RATE) for each, sound in built]


def _due(sentence: Sentence, folder: Path, notes: Mapping[str, Note], *, force: bool) -> bool:
    note = notes.get(sentence.prompt)
    match recordings.state(sentence, recordings.speech(folder, sentence), note):
        case State.MISSING | State.STALE:
            return True
        case State.GOOD:
            return force and note is not None and note.kind == "placeholder"
        case _:
            return False


def trim(samples: Samples) -> Samples:
    """Cut the silence before and after the sound, but for a breath of 10 and 15 ms."""
    floor = max(map(abs, samples), default=0) * 10 ** (_SILENCE_DB / 20)
    loud = [i for i, sample in enumerate(samples) if abs(sample) > floor]
    if not loud:
        return array("h")
    return samples[max(0, loud[0] - _BEFORE) : loud[-1] + 1 + _AFTER]


def level(samples: Samples) -> Samples:
    """Scale to -20 dBov RMS, or to just below clipping where that comes first."""
    if not any(samples):
        return samples
    rms = math.sqrt(sum(sample * sample for sample in samples) / len(samples))
    gain = min(FULL_SCALE * 10 ** (_SPEECH_DBOV / 20) / rms, _PEAK / max(map(abs, samples)))
    return array("h", (round(gain * sample) for sample in samples))


def _silence(length_seconds: float) -> Samples:
    return array("h", bytes(2 * round(length_seconds * RATE)))


def _speech(sentence: Sentence) -> bytes:
    """Speak clause by clause: pauses are then ours, and every option is as loud as the next."""
    if not re.search(r"\w", sentence.text):
        raise PromptError(f"{sentence.prompt}: nothing to say in {sentence.text!r}: give it words")
    speech = array("h")
    for clause, pause_seconds in clauses(spoken(sentence.text, sentence.language)):
        speech += level(trim(_say(clause, sentence.language))) + _silence(pause_seconds)
    return encode(speech)


def _say(clause: str, language: str) -> Samples:
    voice = ("-v", language, "-s", str(_SPEED[language]), "-b", "1")
    wav = _run(("espeak-ng", *voice, "--stdin", "--stdout"), clause.encode())
    # Half volume first: the filter may overshoot.
    raw = _run(("sox", "-D", *_WAV, *_RAW, "vol", "0.5", "sinc", "300-3400"), wav)
    return array("h", raw)


def _run(command: Sequence[str], given: bytes) -> bytes:
    """Pipe `given` through a tool. Raises PromptError if it is missing, slow or fails."""
    if shutil.which(command[0]) is None:
        raise PromptError(f"{command[0]} is not installed, prompts cannot be spoken: {_REMEDY}")
    try:
        done = subprocess.run(  # noqa: S603 - fixed commands; the text goes through stdin
            command, input=given, capture_output=True, check=True, timeout=_TOOL_TIMEOUT_SECONDS
        )
    except subprocess.SubprocessError as error:
        said = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip()
        raise PromptError(f"{error}: {said}") from error
    return done.stdout
