"""Speaks the placeholder prompts: synthetic audio that serves until a person records the text.

Its laws:

1. A file that PLACEHOLDERS.txt does not list is a recording: never stale, never overwritten.
2. The same sentences give the same bytes: no dither, no clock, no chance.
3. Everything is spoken before anything is written, so a build that fails changes nothing. A build
   that is killed while it writes leaves its prompts stale, never half a file.
"""

import hashlib
import math
import re
import shutil
import subprocess
from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ivr.menu import Sentence

PLACEHOLDERS = "PLACEHOLDERS.txt"
RATE = 8000  # Hz; also the bytes per second of a finished file

# Part of every hash. Raise it when the same text would sound different.
_VERSION = "1"
_HEAD = """\
# Synthetic placeholders, spoken by a machine until a person records the same text.
# To replace one: save the recording over the file (raw A-law, 8000 Hz, mono) and delete its line.
# A file without a line is never overwritten. Each line: file, hash of what it says, text.
"""
_BEING_BUILT = "0" * 16

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
_ASIDE_AFTER_SECONDS = 0.35

_FULL_SCALE = 32768
_SPEECH_DBOV, _TICK_DBOV = -20.0, -30.0
_PEAK = 0.95 * _FULL_SCALE
_SILENCE_DB = -42.0  # below the peak of its clause
_BEFORE, _AFTER = RATE * 10 // 1000, RATE * 15 // 1000  # samples kept around the sound

_TICK_HZ = 600
_TICK, _TICK_EDGE = RATE * 40 // 1000, RATE * 10 // 1000
_FIRST_TICK, _TICK_PERIOD = RATE // 2, RATE

_WAV = ("--ignore-length", "-t", "wav", "-")
_RAW = ("-t", "raw", "-r", str(RATE), "-e", "signed-integer", "-b", "16", "-c", "1", "-")
_ALAW = ("-t", "al", "-r", str(RATE), "-c", "1", "-")

Samples: TypeAlias = "array[int]"


class PromptError(Exception):
    """A prompt cannot be built. The message says what to change or install."""


@dataclass(frozen=True, slots=True)
class Built:
    """One file the build wrote, with its length and the part of it that is speech."""

    prompt: str
    path: Path
    speech_seconds: float
    seconds: float


def seconds(path: Path) -> float:
    """How long the A-law file at `path` plays, in seconds. Raises OSError if it is not there."""
    return path.stat().st_size / RATE


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


def digest(sentence: Sentence) -> str:
    """Sixteen hex digits that change when the sentence would sound different."""
    made_of = f"{_line(sentence.text)}\n{sentence.tail_seconds:.3f}\n{sentence.aside}\n{_VERSION}"
    return hashlib.sha256(made_of.encode()).hexdigest()[:16]


def stale(
    sentences: Iterable[Sentence], placeholders_text: str, present: Collection[str] | None = None
) -> list[str]:
    """Name every prompt (`id/menu`) whose text is not the one built, or that is missing.

    `placeholders_text` is what PLACEHOLDERS.txt says, and is believed unless `present` tells what
    `files` found: then a recording (there, not listed) is not stale, a listed file now gone is.
    """
    listed = _parse(placeholders_text)
    found = listed if present is None else present
    return [
        sentence.prompt
        for sentence in sentences
        if sentence.prompt not in found
        or (sentence.prompt in listed and listed[sentence.prompt][0] != digest(sentence))
    ]


def files(folder: Path) -> frozenset[str]:
    """Name the prompts (`id/menu`) that have audio under `folder`; an empty file has none."""
    return frozenset(
        path.relative_to(folder).with_suffix("").as_posix()
        for path in folder.glob("*/*.alaw")
        if path.stat().st_size
    )


def placeholders(folder: Path) -> str:
    """Read PLACEHOLDERS.txt in `folder`; no such file reads as empty."""
    path = folder / PLACEHOLDERS
    return path.read_text(encoding="utf-8") if path.exists() else ""


def build(sentences: Sequence[Sentence], folder: Path, *, force: bool = False) -> list[Built]:
    """Speak what is stale into `<folder>/<language>/<name>.alaw` and say what was written.

    `force` speaks every placeholder again, but no recording. espeak-ng and sox are needed only if
    there is something to speak. Raises PromptError without them, or if two sentences share a file.
    """
    names = [sentence.prompt for sentence in sentences]
    if twice := {name for name in names if names.count(name) > 1}:
        raise PromptError(f"more than one text for {', '.join(sorted(twice))}: give each its name")
    text, present = placeholders(folder), files(folder)
    listed = {name: line for name, line in _parse(text).items() if name in present}
    due = {*stale(sentences, text, present), *(listed if force else ())}
    speeches = [
        (each, _speech(each.prompt, each.text, each.language))
        for each in sentences
        if each.prompt in due
    ]
    if not speeches:
        return []
    audio = [_encode(speech + _tail(each)) for each, speech in speeches]
    # Listed before they exist: without its line a fresh file would pass for a recording.
    listed |= {each.prompt: (_BEING_BUILT, each.text) for each, _ in speeches}
    _write(folder / PLACEHOLDERS, _render(listed))
    built = []
    for (each, speech), data in zip(speeches, audio, strict=True):
        path = folder / f"{each.prompt}.alaw"
        _write(path, data)
        built.append(Built(each.prompt, path, len(speech) / RATE, seconds(path)))
    listed |= {each.prompt: (digest(each), each.text) for each, _ in speeches}
    _write(folder / PLACEHOLDERS, _render(listed))
    return built


def ticks(tail_seconds: float) -> Samples:
    """Make a tail for a waiting caller: silence with a soft tick each second, as 8 kHz samples."""
    peak = _FULL_SCALE * math.sqrt(2) * 10 ** (_TICK_DBOV / 20)
    turn = 2 * math.pi * _TICK_HZ / RATE
    tick = array("h", (round(peak * _edge(i) * math.sin(turn * i)) for i in range(_TICK)))
    tail = _silence(tail_seconds)
    for start in range(_FIRST_TICK, len(tail) - _TICK + 1, _TICK_PERIOD):
        tail[start : start + _TICK] = tick
    return tail


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
    gain = min(_FULL_SCALE * 10 ** (_SPEECH_DBOV / 20) / rms, _PEAK / max(map(abs, samples)))
    return array("h", (round(gain * sample) for sample in samples))


def _edge(i: int) -> float:
    # Raised cosine: a tick that starts at once is a click.
    inside = min(i + 0.5, _TICK - i - 0.5, _TICK_EDGE)
    return 0.5 - 0.5 * math.cos(math.pi * inside / _TICK_EDGE)


def _silence(length_seconds: float) -> Samples:
    return array("h", bytes(2 * round(length_seconds * RATE)))


def _speech(prompt: str, text: str, language: str) -> Samples:
    """Speak clause by clause: pauses are then ours, and every option is as loud as the next."""
    if not re.search(r"\w", text):
        raise PromptError(f"{prompt}: nothing to say in {text!r}: give it words")
    speech = array("h")
    for clause, pause_seconds in clauses(spoken(text, language)):
        speech += level(trim(_say(clause, language))) + _silence(pause_seconds)
    return speech


def _tail(sentence: Sentence) -> Samples:
    """Make the wait after a prompt: ticks, and before them the aside, which costs no time there."""
    if sentence.aside is None:
        return ticks(sentence.tail_seconds)
    language, text = sentence.aside
    said = _silence(_ASIDE_AFTER_SECONDS) + _speech(sentence.prompt, text, language)
    rest_seconds = sentence.tail_seconds - len(said) / RATE
    if rest_seconds < 0:
        raise PromptError(f"{sentence.prompt}: {text!r} does not fit in the wait: shorten it")
    return said + ticks(rest_seconds)


def _say(clause: str, language: str) -> Samples:
    voice = ("-v", language, "-s", str(_SPEED[language]), "-b", "1")
    wav = _run(("espeak-ng", *voice, "--stdin", "--stdout"), clause.encode())
    # Half volume first: the filter may overshoot.
    raw = _run(("sox", "-D", *_WAV, *_RAW, "vol", "0.5", "sinc", "300-3400"), wav)
    return array("h", raw)


def _encode(samples: Samples) -> bytes:
    return _run(("sox", "-D", *_RAW, *_ALAW), samples.tobytes())


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


def _line(text: str) -> str:
    return " ".join(text.split())


def _parse(placeholders_text: str) -> dict[str, tuple[str, str]]:
    """Prompt -> (hash, text). A line that is not ours is left out: its file counts as recorded."""
    lines = (line.split(maxsplit=2) for line in placeholders_text.splitlines())
    return {
        fields[0].removesuffix(".alaw"): (fields[1], fields[2])
        for fields in lines
        if len(fields) == 3 and fields[0].endswith(".alaw")
    }


def _render(listed: Mapping[str, tuple[str, str]]) -> bytes:
    lines = (f"{name}.alaw  {made_of}  {_line(text)}\n" for name, (made_of, text) in listed.items())
    return (_HEAD + "".join(sorted(lines))).encode()


def _write(path: Path, content: bytes) -> None:
    """Replace a file at once, so that a call that plays it hears the old or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_bytes(content)
    fresh.replace(path)
