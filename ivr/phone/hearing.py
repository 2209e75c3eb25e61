"""What a caller hears, as a story: from 20 ms sounds to `prompt started`, `ringing`, `voice`.

Its laws:

1. The caller's ear is the only witness. Nothing here knows what Asterisk, a log or a plan says, so
   a recording after ringing is a voice like a person's, and music before it a prompt. Only our own
   voice heard back proves that somebody, or an echo, is there.
2. Times are seconds, handed in: no clock. An event carries the time it began, which is before the
   time it could be told: three frames for a voice, most of a ring for ringing.
3. Runs are counted in frames and not in seconds, so that packets which arrive in a bunch after a
   busy moment of the host do not change what was heard.
4. Silence is anything without sound: quiet packets, and no packets. The pause of a ring is not
   silence, because the caller knows the line is alive, unless the next ring does not come.
"""

import enum
import math
from dataclasses import dataclass

from ivr.phone.audio import FRAME_SECONDS, Sound

# Frames in a row before a sound counts. A soft tick of 40 ms begins and ends in frames that are
# half tick and pass for a voice: three in a row it never has.
_VOICE_FRAMES = 3
_OWN_FRAMES = 5
# Indonesia's ring is 1 s on and 4 s off; busy is 0.5 s on and off (ITU-T E.180 supplement 2).
_RING_FRAMES = 35
# A tone this long is no syllable: a ring that was answered, or one beat of a busy tone.
_BURST_FRAMES = 10
_BUSY_BURSTS = 3
_FRAMES = {
    Sound.VOICE: _VOICE_FRAMES,
    Sound.OWN_TONE: _OWN_FRAMES,
    Sound.RINGING: _RING_FRAMES,
}
_RING_PAUSE_SECONDS = 4.5

_PROMPT_PAUSE_SECONDS = 0.6  # a breath between sentences is shorter
_SILENCE_SECONDS = 2.0  # a caller wonders; a tick comes every second


class What(enum.StrEnum):
    """What happened, in the words of the timeline."""

    ANSWERED = "answered"
    PROMPT_STARTED = "prompt started"
    PROMPT_STOPPED = "prompt stopped"
    KEY_SENT = "key sent"
    KEY_LOST = "key not sent"
    RINGING = "ringing"
    BUSY = "busy tone"
    VOICE = "a voice"
    OWN_VOICE = "own voice heard back"
    SILENCE = "silence"
    SILENCE_ENDED = "silence ended"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a call's timeline: `seconds` after the INVITE, what, and the rest in words."""

    seconds: float
    what: What
    detail: str = ""

    def __str__(self) -> str:
        """Say it for people: `key 1 sent`, `silence ended (2.10 s)`."""
        if self.what in (What.KEY_SENT, What.KEY_LOST):
            return self.what.replace("key", f"key {self.detail}", 1)
        return f"{self.what} ({self.detail})" if self.detail else str(self.what)


class Hearing:
    """The ear of one call, from the answer on. Feed it sounds and the time; it returns events.

    `longest_silence` is in seconds and `first_sound` is a time, None until there was one.
    """

    def __init__(self, answered_at: float) -> None:
        self.longest_silence = 0.0
        self.first_sound: float | None = None
        self._events: list[Event] = []
        self._sound, self._run, self._run_at = Sound.SILENCE, 0, answered_at
        self._answered_at = answered_at
        self._heard_at = answered_at  # the end of the last sound
        self._paused_ring = False  # that sound was a ring
        self._quiet = False  # SILENCE was told
        self._prompt = self._ringing = self._connected = self._own = False
        self._voice_at = answered_at  # the end of the last voice
        self._bursts: list[float] = []  # 425 Hz too short for a ring: busy, or a ring cut short

    def hear(self, at: float, sound: Sound) -> list[Event]:
        """Take one frame that ended at `at`. Return what it makes known, oldest first."""
        self._lasted(at)
        if sound is self._sound:
            self._run += 1
        else:
            self._run_ended()
            self._sound, self._run = sound, 1
            self._run_at = max(self._answered_at, at - FRAME_SECONDS)
        if sound is not Sound.SILENCE:
            self._noise(at)
            self._judge(at)
        return self._told()

    def pass_time(self, at: float) -> list[Event]:
        """Let time pass without a frame: what is not heard is an event too."""
        self._lasted(at)
        return self._told()

    def settled(self) -> float:
        """Return the time before which no further event can begin."""
        open_since = [math.inf]
        if self._prompt:
            open_since.append(self._voice_at)
        if not self._quiet:
            open_since.append(self._heard_at)
        if len(self._bursts) < _BUSY_BURSTS:
            open_since += self._bursts[:1]
        if 0 < self._run < _FRAMES.get(self._sound, 0):
            open_since.append(self._run_at)
        return min(open_since)

    def finish(self, at: float) -> list[Event]:
        """End the call at `at`: close what is open, and count the last silence."""
        if self._prompt:
            self._prompt_stopped()
        self._count_silence(at - self._heard_at)
        if self._quiet:
            self._tell(at, What.SILENCE_ENDED, f"{at - self._heard_at:.2f} s, to the end")
        return self._told()

    def _lasted(self, at: float) -> None:
        if self._prompt and at - self._voice_at > _PROMPT_PAUSE_SECONDS:
            self._prompt_stopped()
        limit = _RING_PAUSE_SECONDS if self._paused_ring else _SILENCE_SECONDS
        if not self._quiet and at - self._heard_at > limit:
            self._quiet = True
            self._tell(self._heard_at, What.SILENCE)

    def _noise(self, at: float) -> None:
        if self.first_sound is None:
            self.first_sound = at
        gap = max(0.0, at - FRAME_SECONDS - self._heard_at)
        self._count_silence(gap)
        if self._quiet:
            self._quiet = False
            self._tell(at - FRAME_SECONDS, What.SILENCE_ENDED, f"{gap:.2f} s")
        self._heard_at = at
        self._paused_ring = self._sound is Sound.RINGING and self._run >= _BURST_FRAMES

    def _count_silence(self, seconds: float) -> None:
        if not self._paused_ring or seconds > _RING_PAUSE_SECONDS:
            self.longest_silence = max(self.longest_silence, seconds)

    def _judge(self, at: float) -> None:
        if self._sound is Sound.VOICE and self._run >= _VOICE_FRAMES:
            self._voice_at = at
            if self._run == _VOICE_FRAMES:
                self._voice()
        elif self._sound is Sound.RINGING and self._run == _RING_FRAMES:
            self._rings(self._run_at)
        elif self._sound is Sound.OWN_TONE and self._run == _OWN_FRAMES and not self._own:
            self._own = True
            self._tell(self._run_at, What.OWN_VOICE)

    def _run_ended(self) -> None:
        if self._sound is Sound.RINGING and _BURST_FRAMES <= self._run < _RING_FRAMES:
            self._bursts.append(self._run_at)
            if len(self._bursts) == _BUSY_BURSTS:
                self._tell(self._bursts[0], What.BUSY)

    def _voice(self) -> None:
        if len(self._bursts) == 1:  # answered in the middle of the first ring
            self._rings(self._bursts[0])
        self._bursts.clear()
        if self._ringing:
            self._ringing = False
            self._connected = True
            self._tell(self._run_at, What.VOICE)
        elif not self._prompt and not self._connected:
            self._prompt = True
            self._tell(self._run_at, What.PROMPT_STARTED)

    def _rings(self, since: float) -> None:
        self._bursts.clear()
        if self._prompt:
            self._prompt_stopped()
        if not self._ringing:
            self._ringing = True
            self._own = False  # whoever comes next must send it back too
            self._tell(since, What.RINGING)

    def _prompt_stopped(self) -> None:
        self._prompt = False
        self._tell(self._voice_at, What.PROMPT_STOPPED)

    def _tell(self, seconds: float, what: What, detail: str = "") -> None:
        self._events.append(Event(seconds, what, detail))

    def _told(self) -> list[Event]:
        told, self._events = self._events, []
        return told
