"""Every fault of the campaign: its set-up, its callers, and what is promised to them."""

from dataclasses import dataclass, field
from typing import Protocol

import scripts
from crowd import Callers, Crowd
from scenes_trunk import AgenciesDo
from stage import Site
from verdict import HUMAN, Expect, Result

from ivr.phone import Key


class Scene(Protocol):
    """What happens to the callers of a fault."""

    async def play(self, crowd: Crowd) -> Result:
        """Let the callers dial and the fault strike; return what came of it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of the table.

    Faults of one `batch` strike on one stage at the same time, each its own callers. `share` is the
    part of N that dials. `alone`: nothing else may run. `hole`: why it is known to fail today.
    """

    name: str
    scene: Scene
    batch: str
    site: Site = field(default_factory=Site)
    callers: Callers = field(default_factory=Callers)
    expect: Expect = HUMAN
    share: float = 1.0
    alone: bool = False
    hole: str = ""


_KEYS = "12356"
"""Keys with one hotline each: faults of one batch do not meet at an agency."""

_HOLES = {
    "no reply at all": "Dial's R gives no ring tone before the far end rings",
    "100 then silence": "Dial's R gives no ring tone before the far end rings",
    "183 without SDP": "Dial's R gives no ring tone before the far end rings",
    "183 with SDP then silence": "early media without sound takes the ring tone away",
    "200 then nothing": "a dead line counts as a talk until rtp_timeout, 60 s",
}

TRUNK = tuple(
    Fault(
        f"trunk: {script.name}",
        AgenciesDo((script,)),
        f"trunk-{n // len(_KEYS)}",
        callers=Callers(keys=(Key(_KEYS[n % len(_KEYS)]),)),
        hole=_HOLES.get(script.name, ""),
    )
    for n, script in enumerate(scripts.TRUNK)
)

FAULTS = TRUNK
