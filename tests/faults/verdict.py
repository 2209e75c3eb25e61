"""What became of a caller: judged by his own sound and signalling, and what Asterisk shows."""

import enum
from dataclasses import dataclass

from ivr.phone import Report

MOST_SILENCE_SECONDS = 3.0
_SEEN_SECONDS = 10.0
"""How old what Asterisk showed of a call may be when the caller's patience ends."""


class Verdict(enum.StrEnum):
    """The promise has three good ends."""

    HUMAN = "reached a human"
    OFFERED = "still being offered one"
    LEFT = "hung up himself"
    LOST = "LOST"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One caller's end. Times in seconds; `human_seconds` from the INVITE, None for nobody."""

    caller: str
    verdict: Verdict
    silence_seconds: float
    human_seconds: float | None
    why: str


@dataclass(frozen=True, slots=True)
class Result:
    """What one fault did to its callers.

    `met` counts the callers whom the fault really struck. `broken` are promises of the row itself
    that did not hold, beyond those to each caller.
    """

    outcomes: tuple[Outcome, ...]
    met: int
    broken: tuple[str, ...] = ()
    note: str = ""

    def count(self, verdict: Verdict) -> int:
        """Return how many callers ended so."""
        return sum(outcome.verdict is verdict for outcome in self.outcomes)

    @property
    def silence_seconds(self) -> float:
        """The longest silence any caller heard."""
        return max((outcome.silence_seconds for outcome in self.outcomes), default=0.0)

    @property
    def human_seconds(self) -> float | None:
        """The longest anybody waited for a human."""
        times = [o.human_seconds for o in self.outcomes if o.human_seconds is not None]
        return max(times, default=None)


def judge(
    caller: str,
    report: Report,
    *,
    human_seconds: float | None,
    meant_to_leave: bool,
    seen_at: float | None,
) -> Outcome:
    """Judge one caller. `seen_at` is when Asterisk last showed people being rung for him."""
    ended = report.marks.ended_at
    if human_seconds is not None:
        verdict = Verdict.HUMAN
    elif report.ended_by == "caller" and meant_to_leave and report.reason != "time was up":
        verdict = Verdict.LEFT
    elif report.ended_by == "caller" and seen_at and ended - seen_at < _SEEN_SECONDS:
        verdict = Verdict.OFFERED
    else:
        verdict = Verdict.LOST
    story = "; ".join(f"{event.seconds:.1f} {event}" for event in report.events[-8:])
    why = f"{report.ended_by}: {report.reason} [{story}]"
    return Outcome(caller, verdict, report.longest_silence_seconds, human_seconds, why)


@dataclass(frozen=True, slots=True)
class Expect:
    """What a row promises beyond the creed. `verdicts`: the ends that are right for its callers."""

    verdicts: frozenset[Verdict] = frozenset({Verdict.HUMAN, Verdict.OFFERED})
    silence_seconds: float = MOST_SILENCE_SECONDS
    why_silent: str = ""
    """Why a row may be silent for longer than others; it stands in the table."""
    human_seconds: float | None = None
    met_share: float = 1.0
    """The part of the callers whom the fault must strike; at least one in any case."""


HUMAN = Expect(frozenset({Verdict.HUMAN}))
LEFT = Expect(frozenset({Verdict.LEFT}))
KEPT = Expect()
# An agency that is known to be out of reach need not be tried by every caller.
SOME = Expect(HUMAN.verdicts, met_share=0.0)


def faults_of(result: Result, expect: Expect) -> list[str]:
    """Return why a row failed; nothing when its promise held."""
    found = list(result.broken)
    if result.met < max(1.0, expect.met_share * len(result.outcomes)):
        found.append(f"not exercised: {result.met} callers met it")
    wrong = [o for o in result.outcomes if o.verdict not in expect.verdicts]
    if wrong:
        found.append(f"{len(wrong)} callers not as promised, such as {wrong[0].why}")
    if result.silence_seconds > expect.silence_seconds:
        found.append(f"silent for {result.silence_seconds:.1f} s")
    limit, worst = expect.human_seconds, result.human_seconds
    if limit is not None and worst is not None and worst > limit:
        found.append(f"a human after {worst:.1f} s, not {limit:.0f}")
    return found
