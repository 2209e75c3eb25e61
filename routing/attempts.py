"""One attempt to reach somebody: what may become of it, and how long that takes.

What a far end does in its own time is taken to last as is written here; the rest is the dialplan's.
"""

from dataclasses import dataclass
from typing import Literal

from routing.plan import Hop

Outcome = Literal[
    "answers",
    "busy",
    "no-answer",
    "full",
    "unreachable",
    "refused",
    "wrong-number",
    "not-accepted",
    "left",
    "ended",
    "lost",
    "zero",
    "dead",
]
"""What becomes of an attempt. Of those who picked up, `answers` stays with the caller, `left` goes
within 10 s, `ended` later, the phone of `lost` dies in the talk, and with `not-accepted` there was
no sound or no 1. `zero`: the caller pressed 0 while it rang. `dead`: it said nothing to a caller
within the last 60 s, and is passed over at first. The others are words of figures.py."""

By = Literal["plan", "operators", "backup", "simulated-operator", "last"]
"""What rings: a hop of the plan, phones of our own, or the last hotline."""

CONFIRM_SECONDS = 20
"""What is kept for listening and asking twice for a 1 (walk-plan, LEFT)."""
DEAD_SECONDS = 10
"""Who has not even said that it rings by then is not there (`^10` of Dial)."""
TOLD_SECONDS, PICK_UP_SECONDS, SOUND_SECONDS = 1, 5, 2
"""Taken for how long a far end needs to say no, and to pick up; and what has-sound listens."""
SIMULATED_SECONDS = 2
"""When the simulation picks up (simulated-answer)."""
TALK_SECONDS = 5
"""Taken for how long one who leaves at once had talked: under 10 s."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody is rung for so many seconds at most, or waited for in the queue.

    A `machine` is not a person: Asterisk answers in the far end's place.
    """

    by: By
    seconds: int
    outcomes: tuple[Outcome, ...]
    hop: Hop | None = None
    machine: bool = False

    def becomes(self, outcome: Outcome) -> Outcome:
        """Return how the dialplan sees it.

        What is passed over only at first is still dead later, and Dial stops a short ring before
        it misses a sign of life.
        """
        if outcome == "dead" and outcome not in self.outcomes:
            outcome = "unreachable"
        short = outcome == "unreachable" and self.seconds <= DEAD_SECONDS
        return "no-answer" if short else outcome

    def lasts(self, outcome: Outcome) -> int:
        """Return how many seconds pass until the outcome, as far as it can be known beforehand."""
        match self.becomes(outcome):
            case "dead":
                return 0
            case "busy" | "full" | "refused" | "wrong-number":
                return TOLD_SECONDS
            case "unreachable":
                return DEAD_SECONDS
            case "no-answer":
                return self.seconds
        picked_up = min(SIMULATED_SECONDS if self.machine else PICK_UP_SECONDS, self.seconds)
        if outcome == "not-accepted":
            confirm = self.hop is not None and self.hop.confirm
            return picked_up + (CONFIRM_SECONDS if confirm else SOUND_SECONDS)
        return picked_up + (TALK_SECONDS if outcome == "left" else 0)
