"""The plan contract: a plan as the channel variables that the dialplan walks.

Law 1: names and values are `[A-Za-z0-9_]` and `[0-9a-z-]`, so nothing in them is ever evaluated.
Law 2: the commit token goes last and repeats the count. Half a plan is no plan.
"""

import re
from collections.abc import Iterator

from routing.plan import Plan

_VALUE = re.compile(r"[0-9a-z-]{0,40}")
_CALLREF = re.compile(r"[0-9A-Za-z.-]{1,80}")


def variables(plan: Plan) -> dict[str, str]:
    """Return the variables of a plan, all but the token.

    Raises ValueError for a value that does not belong in the dialplan: better no plan than that.
    """
    values = dict(_variables(plan))
    for name, value in values.items():
        if not _VALUE.fullmatch(value):
            raise ValueError(f"{name} cannot be {value!r}: only [0-9a-z-]")
    return values


def commit_token(plan: Plan, callref: str) -> str:
    """Return the value of PLAN_COMMIT that makes `plan` the plan of the call `callref`."""
    if not _CALLREF.fullmatch(callref):
        raise ValueError(f"not a call reference: {callref!r}")
    return f"{callref}:{len(plan.hops)}"


def _variables(plan: Plan) -> Iterator[tuple[str, str]]:
    for i, hop in enumerate(plan.hops, 1):
        yield f"PLAN_{i}_NUM", hop.number
        yield f"PLAN_{i}_TRK", hop.trunk
        yield f"PLAN_{i}_RING", str(hop.ring_seconds)
        yield f"PLAN_{i}_CONFIRM", str(int(hop.confirm))
    yield "PLAN_N", str(len(plan.hops))
    yield "PLAN_PRIO", str(plan.priority)
    yield "PLAN_ID", plan.service
