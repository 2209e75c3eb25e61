"""What is known of one call to 112, as frozen values: who rang, what was tried, who answered.

Law 1: only a person counts. A menu has answered nobody; who left a caller at once did not serve.
Law 2: a record written as JSON and read again is the same record.
Law 3: no duration is negative, though a clock may be set back in a call.
"""

import json
import math
from dataclasses import dataclass
from typing import Any, Literal

from routing.endpoints import DRILL

SERVED_SECONDS = 10
"""Who leaves a caller sooner did not serve (asterisk/dialplan.conf, walk-plan and ops)."""

Kind = Literal["agency", "operator"]
Stage = Literal["menu", "ringing", "queue", "talking", "ended"]
Outcome = Literal[
    "connected-agency",
    "connected-operator",
    "abandoned-menu",
    "abandoned-ringing",
    "abandoned-queue",
    "cut-off",
    "test",
]
"""How the call ended. `cut-off`: with Asterisk, or nobody has noted it. `test`: in no figure."""


@dataclass(frozen=True, slots=True)
class Step:
    """One question of the menu, and the key that answered it: empty for none."""

    at: float
    prompt: str
    key: str


@dataclass(frozen=True, slots=True)
class Hop:
    """One attempt to reach an agency. Seconds count from `at`.

    `ring_seconds` ends when somebody is joined with the caller or the attempt is over. `status` is
    Asterisk's DIALSTATUS, `CANCEL` when the caller left or the operator took it back, empty while
    it goes on. `cause` is the Q.850 cause, 0 if none came. `by` is the telephone of the operator
    who brought the agency in beside his own talk, `hotline` what he ordered: empty for a plan's.
    """

    at: float
    step: str
    agency: str
    number: str
    trunk: str
    status: str = ""
    cause: int = 0
    ring_seconds: float | None = None
    talk_seconds: float | None = None
    hotline: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Talk:
    """A person joined with the caller. `served` is false for one who left at once."""

    at: float
    kind: Kind
    who: str
    seconds: float | None = None
    served: bool = True


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call to 112. Times are seconds since the epoch, UTC; None for what has not happened.

    `began_at` is the INVITE. `service` is what the caller asked for or why an operator was asked,
    `floor` who asked the caller. `alarms` are what staff must look at.
    """

    callref: str
    began_at: float
    ani: str
    dnis: str
    trunk: str
    test: bool = False
    answered_at: float | None = None
    steps: tuple[Step, ...] = ()
    service: str = ""
    language: str = ""
    floor: str = ""
    hops: tuple[Hop, ...] = ()
    queued_at: float | None = None
    talks: tuple[Talk, ...] = ()
    recording: str = ""
    alarms: tuple[str, ...] = ()
    stage: Stage = "menu"
    ended_at: float | None = None
    outcome: Outcome | None = None

    @property
    def is_drill(self) -> bool:
        """Whether it is a call of ours that rang nobody: it tells nothing of an agency."""
        return self.trunk == DRILL

    @property
    def human(self) -> Talk | None:
        """The first person who served."""
        return next((talk for talk in self.talks if talk.served), None)

    @property
    def human_seconds(self) -> float | None:
        """From the INVITE to the first person who served."""
        return max(self.human.at - self.began_at, 0.0) if self.human else None

    @property
    def queue_seconds(self) -> float | None:
        """From when operators were asked to the first who served, or to the end."""
        if self.queued_at is None:
            return None
        queued_at = self.queued_at
        served = (t.at for t in self.talks if t.served and t.at >= queued_at)
        until = next(served, self.ended_at)
        return max(until - queued_at, 0.0) if until is not None else None

    @property
    def talk_seconds(self) -> float:
        """How long the caller was with people."""
        return sum(talk.seconds or 0.0 for talk in self.talks)

    def served(self, hop: Hop) -> bool:
        """Return whether the agency that a hop of this call rang has served the caller."""
        if hop.by:
            return self._served_beside(hop)
        talks = [x.at for x in self.talks if x.served and x.kind == "agency" and x.at >= hop.at]
        if not talks:  # nor is the next hop looked for: a caller may go round and round
            return False
        return min(talks) < min((x.at for x in self.hops if x.at > hop.at), default=math.inf)

    def _served_beside(self, hop: Hop) -> bool:
        """Return whether an agency that was brought in was there for long, or to the end."""
        if hop.ring_seconds is None or hop.status not in ("", "ANSWER"):
            return False
        if hop.talk_seconds is None or hop.talk_seconds >= SERVED_SECONDS:
            return True
        left_at = hop.at + hop.ring_seconds + hop.talk_seconds
        return self.ended_at is not None and left_at > self.ended_at - 0.001


@dataclass(frozen=True, slots=True)
class Change:
    """A record that is new (`before` is None) or no longer what it was."""

    before: CallRecord | None
    after: CallRecord


def to_json(record: CallRecord) -> str:
    """Return a record as one line of JSON: an object with the names of its fields."""
    return _ENCODER.encode(record)


def _fields(value: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever json does not know
    return {name: getattr(value, name) for name in value.__slots__}


_ENCODER = json.JSONEncoder(
    default=_fields, ensure_ascii=False, allow_nan=False, separators=(",", ":")
)


def from_json(text: str) -> CallRecord:
    """Return the record that `to_json` wrote. Raises ValueError, KeyError or TypeError for others.

    A field that was not known when it was written has its default.
    """
    told = json.loads(text)
    return CallRecord(
        **{
            **told,
            "steps": tuple(Step(**step) for step in told["steps"]),
            "hops": tuple(Hop(**hop) for hop in told["hops"]),
            "talks": tuple(Talk(**talk) for talk in told["talks"]),
            "alarms": tuple(told["alarms"]),
        }
    )
