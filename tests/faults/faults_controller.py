"""The faults of the controller and of the floors below it."""

import signal

import scripts
from crowd import Callers
from fault import Fault
from scenes_controller import KilledAt, KilledAtRandom, Lies, NoPython, Stopped
from stage import Site
from verdict import HUMAN, SOME, Expect

from ivr.phone import Key

_RELAYED = Site(relayed=True)
_COMMANDS = (
    ("the opening", b"", ("1",)),
    ("GOSUB ask", b"GOSUB", ("1",)),
    ("GET VARIABLE KEY", b'GET "VARIABLE" "KEY"', ("1",)),
    ("SET VARIABLE language", b'SET "VARIABLE" "CHANNEL(language)"', ("9", "1")),
    ("EXEC MSet", b'EXEC "MSet"', ("1",)),
    ("SET VARIABLE PLAN_COMMIT", b'SET "VARIABLE" "PLAN_COMMIT"', ("1",)),
)


def _presses(keys: tuple[str, ...]) -> Callers:
    pressed = tuple(Key(key, after_seconds=0.5 + 4.0 * n) for n, key in enumerate(keys))
    return Callers(keys=pressed, per_second=0.5)


KILLED = (
    *(
        Fault(
            f"controller killed at {name}",
            KilledAt(command),
            f"killed-{n // 2}",
            _RELAYED,
            _presses(keys),
        )
        for n, (name, command, keys) in enumerate(_COMMANDS)
    ),
    Fault(
        "controller killed in half a line of EXEC MSet",
        KilledAt(b'EXEC "MSet"', half=True),
        "killed-3",
        _RELAYED,
        _presses(("1",)),
    ),
    Fault(
        "controller killed in half a line of PLAN_COMMIT",
        KilledAt(b'SET "VARIABLE" "PLAN_COMMIT"', half=True),
        "killed-3",
        _RELAYED,
        _presses(("1",)),
    ),
    Fault(
        "controller killed at random moments",
        KilledAtRandom(),
        "killed-random",
        callers=Callers(per_second=0.5),
        expect=SOME,
    ),
)

_LATE = Callers(keys=(Key("1", after_seconds=9.0),))

FLOORS = (
    Fault("controller stopped, then calls come", Stopped(), "stopped-1", callers=_LATE),
    Fault(
        "controller stopped in the middle of the menu",
        Stopped(mid_prompt=True),
        "stopped-2",
        callers=Callers(keys=(Key("1", after_seconds=9.0),), per_second=10.0),
        expect=Expect(HUMAN.verdicts, met_share=0.5),
    ),
    Fault("both Python floors killed", NoPython(signal.SIGKILL), "floors-1"),
    Fault(
        "controller killed, stand-in stopped",
        NoPython(signal.SIGSTOP),
        "floors-2",
        callers=_LATE,
        # No more than STAND_INS run at once (routing/dialplan.py): the rest have the static menu.
        expect=Expect(HUMAN.verdicts, met_share=0.25),
    ),
)


def _plan(commit: bytes, **values: str) -> tuple[bytes, ...]:
    lines = [f'SET VARIABLE "{name}" "{value}"\n'.encode() for name, value in values.items()]
    return (*lines, b'SET VARIABLE "PLAN_COMMIT" "' + commit + b'"\n')


def _hop(number: str = "113", trunk: str = "carrier", ring: str = "20") -> dict[str, str]:
    return {"PLAN_1_NUM": number, "PLAN_1_TRK": trunk, "PLAN_1_RING": ring, "PLAN_N": "1"}


_GOOD = b"{callref}:1"
_DICE = bytes(range(1, 256)) * 8
_LIES = (
    ("binary garbage", Lies((_DICE + b"\n",) * 3)),
    ("a line of 5 kB", Lies((b"GET DATA " + b"x" * 5000 + b"\n",))),
    ("unknown commands", Lies((b"FLY\n", b"GET\n", b"SET VARIABLE\n", b"EXEC Nothing x\n"))),
    ("a flood of commands", Lies((b"NOOP\n" * 2000,))),
    ("a connection and then nothing", Lies((), stays=True)),
    ("a prompt that does not exist", Lies((b"GET DATA no-such-prompt 50 1\n",), stays=True)),
    ("a plan without a token", Lies(_plan(_GOOD, **_hop())[:-1])),
    ("a token with a wrong count", Lies(_plan(b"{callref}:2", **_hop()))),
    ("a token of another call", Lies(_plan(b"another:1", **_hop()))),
    ("a forbidden number", Lies(_plan(_GOOD, **_hop(number="999")))),
    ("a number that is a formula", Lies(_plan(_GOOD, **_hop(number="113&PJSIP/999@carrier")))),
    ("a forbidden trunk", Lies(_plan(_GOOD, **_hop(trunk="operator-1")))),
    ("PLAN_N=99", Lies(_plan(b"{callref}:99", **{**_hop(), "PLAN_N": "99"}))),
    ("PLAN_N=-1", Lies(_plan(b"{callref}:-1", **{**_hop(), "PLAN_N": "-1"}))),
    ("ring 9999", Lies(_plan(_GOOD, **_hop(ring="9999")), agencies=(scripts.RINGS_FOR_EVER,))),
)

_HALF = (
    "res_agi.c:4415 reads to the end of a line and looks at nothing else, at the cost of a core. "
    "Ours cannot do it: a line is one write, and a reply that is late makes it close. The caller "
    "hears nothing until that controller ends, and then the next floor"
)
# Two such callers take both cores from everybody: they have the machine to themselves.
_STUCK = (
    ("one byte a second", Lies((b"NOOP 1234567890\n",), drip=1.0)),
    ("half a line and then nothing", Lies((b"NOOP 12345",), stays=True)),
)

LIES = (
    *(
        Fault(
            f"controller says {name}",
            lies,
            f"lies-{n // 6}",
            _RELAYED,
        )
        for n, (name, lies) in enumerate(_LIES)
    ),
    *(
        Fault(
            f"controller says {name}",
            lies,
            "stuck",
            _RELAYED,
            callers=Callers(patience_seconds=25.0),
            most_callers=1,
            alone=True,
            hole=_HALF,
        )
        for name, lies in _STUCK
    ),
)

CONTROLLER = (*KILLED, *FLOORS, *LIES)
