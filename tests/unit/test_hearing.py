"""What a caller is said to have heard, from frames and gaps whose times the test chooses."""

import pytest

from ivr.phone.audio import Sound
from ivr.phone.hearing import Event, Hearing, What

FRAME = 0.02


class Ear:
    """A Hearing that was answered at 1 s and is fed in seconds of one sound after another."""

    def __init__(self) -> None:
        self.hearing = Hearing(1.0)
        self.now = 1.0
        self.events: list[Event] = []

    def hear(self, sound: Sound, seconds: float) -> "Ear":
        for _ in range(round(seconds / FRAME)):
            self.now += FRAME
            self.events += self.hearing.hear(self.now, sound)
        return self

    def wait(self, seconds: float) -> "Ear":
        """Let time pass without a packet."""
        self.now += seconds
        self.events += self.hearing.pass_time(self.now)
        return self

    def end(self) -> "Ear":
        self.events += self.hearing.finish(self.now)
        return self

    def voice(self, seconds: float = 1.0) -> "Ear":
        return self.hear(Sound.VOICE, seconds)

    def silence(self, seconds: float) -> "Ear":
        return self.hear(Sound.SILENCE, seconds)

    def ring(self, seconds: float = 1.0) -> "Ear":
        return self.hear(Sound.RINGING, seconds)

    @property
    def story(self) -> list[What]:
        return [event.what for event in self.events]

    def at(self, what: What) -> float:
        return round(next(event.seconds for event in self.events if event.what is what), 2)


def test_a_call_is_told_from_prompt_to_voice() -> None:
    ear = Ear().silence(0.2).voice(2).silence(0.4).ring().silence(4).ring(0.3).voice(1).end()
    assert ear.story == [What.PROMPT_STARTED, What.PROMPT_STOPPED, What.RINGING, What.VOICE]
    assert ear.at(What.PROMPT_STARTED) == 1.2
    assert ear.at(What.PROMPT_STOPPED) == 3.2
    assert ear.at(What.RINGING) == 3.6
    assert ear.at(What.VOICE) == 8.9


def test_no_event_ever_begins_before_what_was_settled() -> None:
    ear = Ear()
    story = [
        *((Sound.SILENCE, 0.2), (Sound.VOICE, 2), (Sound.OWN_TONE, 0.3), (Sound.SILENCE, 2.6)),
        *((Sound.VOICE, 0.4), (Sound.RINGING, 0.4), (Sound.VOICE, 0.5), (Sound.SILENCE, 0.3)),
        *((Sound.RINGING, 1), (Sound.SILENCE, 6), (Sound.VOICE, 0.5), (Sound.TICK, 0.1)),
        *((Sound.RINGING, 0.5), (Sound.SILENCE, 0.5)) * 4,
        (Sound.VOICE, 0.5),
    ]
    for sound, seconds in story:
        for _ in range(round(seconds / FRAME)):
            settled, told = min(ear.hearing.settled(), ear.now), len(ear.events)
            ear.hear(sound, FRAME)
            assert all(event.seconds >= settled - 1e-9 for event in ear.events[told:])
    assert {What.BUSY, What.OWN_VOICE, What.SILENCE, What.RINGING} <= set(ear.story)


def test_a_key_pressed_into_a_prompt_waits_for_the_prompt_no_longer_than_its_voice() -> None:
    ear = Ear().voice(1)
    assert ear.hearing.settled() == pytest.approx(2.0)
    assert ear.silence(0.5).hearing.settled() == pytest.approx(2.0)
    assert ear.silence(2).hearing.settled() == float("inf")


def test_a_breath_does_not_end_a_prompt() -> None:
    ear = Ear().voice(1).silence(0.5).voice(1).end()
    assert ear.story == [What.PROMPT_STARTED, What.PROMPT_STOPPED]
    assert ear.at(What.PROMPT_STOPPED) == 3.5


def test_a_prompt_that_stops_with_its_packets_has_stopped() -> None:
    ear = Ear().voice(1).wait(0.7)
    assert ear.story == [What.PROMPT_STARTED, What.PROMPT_STOPPED]
    assert ear.at(What.PROMPT_STOPPED) == 2.0


def test_a_second_prompt_is_told_again() -> None:
    ear = Ear().voice(1).silence(1).voice(1).end()
    assert ear.story == [What.PROMPT_STARTED, What.PROMPT_STOPPED] * 2


def test_ticks_after_a_menu_are_not_ringing_nor_voice_nor_silence() -> None:
    ear = Ear().voice(1)
    for _ in range(6):
        ear.silence(0.94).voice(FRAME).hear(Sound.TICK, FRAME).voice(FRAME)
    assert ear.end().story == [What.PROMPT_STARTED, What.PROMPT_STOPPED]
    assert ear.at(What.PROMPT_STOPPED) == 2.0
    assert ear.hearing.longest_silence == pytest.approx(0.94)


def test_ringing_is_told_once_for_all_its_rings() -> None:
    ear = Ear().ring().silence(4).ring().silence(4).ring().end()
    assert ear.story == [What.RINGING]


def test_a_ring_that_is_answered_early_was_ringing() -> None:
    ear = Ear().ring(0.4).silence(0.2).voice().end()
    assert ear.story == [What.RINGING, What.VOICE]
    assert ear.at(What.RINGING) == 1.0


def test_a_syllable_of_the_rings_pitch_is_no_ring() -> None:
    assert Ear().ring(0.1).voice().end().story == [What.PROMPT_STARTED, What.PROMPT_STOPPED]


def test_a_busy_tone_is_no_ringing() -> None:
    ear = Ear()
    for _ in range(4):
        ear.ring(0.5).silence(0.5)
    assert ear.end().story == [What.BUSY]
    assert ear.at(What.BUSY) == 1.0


def test_a_voice_that_pauses_is_still_the_same_voice() -> None:
    assert Ear().ring().voice(1).silence(1.5).voice(1).end().story == [What.RINGING, What.VOICE]


def test_ringing_after_a_voice_is_the_next_agency() -> None:
    ear = Ear().ring().voice(1).silence(0.3).ring().voice(1).end()
    assert ear.story == [What.RINGING, What.VOICE] * 2


def test_our_own_tone_is_heard_back_once() -> None:
    ear = Ear().hear(Sound.OWN_TONE, 1).silence(0.2).hear(Sound.OWN_TONE, 1).end()
    assert ear.story == [What.OWN_VOICE]
    assert ear.at(What.OWN_VOICE) == 1.0


def test_our_own_tone_must_come_back_from_the_next_agency_too() -> None:
    ear = Ear().hear(Sound.OWN_TONE, 1).ring().hear(Sound.OWN_TONE, 1).end()
    assert ear.story == [What.OWN_VOICE, What.RINGING, What.OWN_VOICE]


def test_a_moment_of_our_own_tone_proves_nothing() -> None:
    assert Ear().hear(Sound.OWN_TONE, 0.08).silence(0.2).end().story == []


def test_two_seconds_of_nothing_are_told_from_their_beginning_to_their_end() -> None:
    ear = Ear().voice(1).silence(3).voice(1).end()
    assert ear.story[2:4] == [What.SILENCE, What.SILENCE_ENDED]
    assert (ear.at(What.SILENCE), ear.at(What.SILENCE_ENDED)) == (2.0, 5.0)
    assert ear.hearing.longest_silence == pytest.approx(3)
    assert str(ear.events[3]) == "silence ended (3.00 s)"


def test_no_packets_are_silence_too() -> None:
    ear = Ear().voice(1).wait(2.1)
    assert What.SILENCE in ear.story
    assert ear.voice(0.1).end().hearing.longest_silence == pytest.approx(2.1)


def test_silence_counts_from_the_answer_and_to_the_end() -> None:
    ear = Ear().silence(2.5).end()
    assert ear.story == [What.SILENCE, What.SILENCE_ENDED]
    assert ear.hearing.longest_silence == pytest.approx(2.5)
    assert ear.hearing.first_sound is None


def test_the_pause_of_a_ring_is_not_silence() -> None:
    ear = Ear().ring().silence(4).ring().silence(2).voice().end()
    assert What.SILENCE not in ear.story
    assert ear.hearing.longest_silence == 0


def test_a_ring_that_does_not_come_again_leaves_silence() -> None:
    ear = Ear().ring().silence(6).end()
    assert ear.story == [What.RINGING, What.SILENCE, What.SILENCE_ENDED]
    assert ear.hearing.longest_silence == pytest.approx(6)


def test_the_first_sound_is_any_sound() -> None:
    assert Ear().silence(0.5).hear(Sound.TICK, FRAME).hearing.first_sound == pytest.approx(1.52)


def test_frames_in_a_bunch_are_heard_as_if_they_had_come_in_time() -> None:
    hearing = Hearing(1.0)
    events = [event for _ in range(40) for event in hearing.hear(2.0, Sound.RINGING)]
    assert [event.what for event in events] == [What.RINGING]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (Event(1, What.KEY_SENT, "1"), "key 1 sent"),
        (Event(1, What.KEY_LOST, "#"), "key # not sent"),
        (Event(1, What.ANSWERED), "answered"),
        (Event(1, What.ENDED, "far end: BYE"), "ended (far end: BYE)"),
    ],
)
def test_an_event_says_itself_in_words(event: Event, said: str) -> None:
    assert str(event) == said
