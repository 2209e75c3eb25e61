"""A fault as a frozen value: one row of the table."""

from dataclasses import dataclass, field
from typing import Protocol

from crowd import Callers, Crowd
from stage import Site
from verdict import HUMAN, Expect, Result


class Scene(Protocol):
    """What happens to the callers of a fault."""

    async def play(self, crowd: Crowd) -> Result:
        """Let the callers dial and the fault strike; return what came of it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of the table.

    Faults of one `batch` strike on one stage at the same time, each its own callers. No more
    than `most_callers` dial. `alone`: nothing else may run. `hole`: why it is known to fail today.
    `short`: part of `make test` too.
    """

    name: str
    scene: Scene
    batch: str
    site: Site = field(default_factory=Site)
    callers: Callers = field(default_factory=Callers)
    expect: Expect = HUMAN
    most_callers: int = 1_000_000
    alone: bool = False
    hole: str = ""
    short: bool = True
