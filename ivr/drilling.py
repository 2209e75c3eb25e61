"""A drill: which calls of our own are placed, and whether each came where it should. No I/O.

Law 1: what a drill proves is read from the journal, as of any call: who asked, who was rung over
which trunk, who was joined and when. That the caller then heard somebody, the telephone says.
Law 2: it rings nobody (asterisk/dialplan.conf, drill), so of a number it proves the way there and
not that it is the right one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from ivr.callrecord import CallRecord
from routing.configuration import Configuration
from routing.plan import plan

Floor = Literal["controller", "stand-in", "static"]
FLOORS: tuple[Floor, ...] = get_args(Floor)
NUMBERS = "00009"
"""How the number of a drill's caller begins. Nobody has it."""


@dataclass(frozen=True, slots=True)
class Try:
    """One call: the key it presses (empty: none), what that asks for, the floor that asks."""

    key: str
    service: str
    floor: Floor
    caller: str


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one call. `reached` is who answered: an agency, `operator`, empty for nobody.

    `number` and `trunk` are those that were rung, `seconds` is from the INVITE to who answered.
    `why` says what is wrong, empty when all is well; `is_elsewhere`: nothing is, but that
    another floor asked.
    """

    key: str
    service: str
    floor: Floor
    reached: str = ""
    number: str = ""
    trunk: str = ""
    seconds: float | None = None
    why: str = ""
    is_elsewhere: bool = False


def tries(
    configuration: Configuration, floors: Sequence[Floor] = FLOORS, *, quick: bool = False
) -> Iterator[Try]:
    """Yield a call for each key and for none, on each floor, with a caller's number of its own.

    The `quick` press a key: who presses none hears two prompts first.
    """
    menu = configuration.menu
    keys = {one.key: name for name, one in menu.services.items()}
    keys |= {menu.operator.key: "operator", menu.cannot_speak.key: "cannot-speak", "": "no-choice"}
    keys = {key: name for key, name in keys.items() if key or not quick}
    every = ((key, name, floor) for floor in floors for key, name in keys.items())
    for n, (key, name, floor) in enumerate(every):
        yield Try(key, name, floor, f"{NUMBERS}{n:04}")


def judged(
    one: Try, heard: bool, record: CallRecord | None, configuration: Configuration, at: datetime
) -> Tried:
    """Judge a call. `heard` is whether its caller heard somebody, `at` when it was placed."""
    if record is None:
        return Tried(one.key, one.service, one.floor, why="the journal does not know this call")
    hops = plan(configuration, one.service, at).hops
    hop = record.hops[-1] if record.hops else None
    human = record.talks[0] if record.talks else None
    reached = human.who if human and human.kind == "agency" else "operator" if human else ""
    rung = (hop.number, hop.trunk) if hop else ("", "")
    promised = (hops[0].number, hops[0].trunk) if hops else None
    wrong = _wrong(one, record, promised, rung, heard=heard)
    is_elsewhere = not wrong and bool(one.key) and record.floor != one.floor
    return Tried(
        one.key,
        one.service,
        one.floor,
        reached=reached,
        number=rung[0],
        trunk=rung[1],
        seconds=round(human.at - record.began_at, 1) if human else None,
        why=f"{record.floor} asked, not the {one.floor}" if is_elsewhere else wrong,
        is_elsewhere=is_elsewhere,
    )


def faults(found: Sequence[Tried]) -> tuple[Tried, ...]:
    """Return the calls that are a fault of the version they were placed in.

    That another floor asked is none: a controller may be down, and all else came as it should.
    """
    return tuple(one for one in found if one.why and not one.is_elsewhere)


def _wrong(
    one: Try,
    record: CallRecord,
    promised: tuple[str, str] | None,
    rung: tuple[str, str],
    *,
    heard: bool,
) -> str:
    """Return what is wrong with a call, whichever floor asked."""
    if not record.floor:
        return "no floor asked"
    if record.service != one.service:
        return f"the key was taken for {record.service or 'nothing'}"
    if not record.talks:
        return "nobody answered"
    if (record.talks[0].kind == "agency") != bool(promised):
        return "an agency should answer" if promised else "an operator should answer"
    if promised and rung != promised:
        return f"{' over '.join(rung)} was rung, and the plan is {' over '.join(promised)}"
    return "" if heard else "the caller heard nobody"
