"""Every fault of the campaign: its set-up, its callers, and what is promised to them.

What is not built yet has no row: the broker, the database, and what watches over AMI.
"""

import signal

import scripts
from crowd import Callers
from fault import Fault
from scenes_controller import KilledAt, KilledAtRandom, Lies, NoPython, Stopped
from scenes_machine import AsteriskKilled, DiskFull, During, FirstTrunkDead, Gone, apply
from scenes_network import HostileFrom, Overload, garbage
from scenes_people import CallerLeaves, OperatorsDo, OperatorsLeave
from scenes_trunk import AgenciesDo
from stage import Site
from verdict import HUMAN, KEPT, LEFT, Expect

from ivr.phone import Key, What

_KEYS = "12356"
"""Keys with one hotline each: faults of one batch do not meet at an agency."""

_HOLES = {
    "no reply at all": "Dial's R gives no ring tone before the far end rings",
    "100 then silence": "Dial's R gives no ring tone before the far end rings",
    "183 without SDP": "Dial's R gives no ring tone before the far end rings",
    "183 with SDP then silence": "early media without sound takes the ring tone away",
    "200 then nothing": "a dead line counts as a talk until rtp_timeout, 60 s",
}

# An agency that is known to be out of reach need not be tried by every caller.
_SOME = Expect(HUMAN.verdicts, met_share=0.0)

TRUNK = tuple(
    Fault(
        f"trunk: {script.name}",
        AgenciesDo((script,)),
        f"trunk-{n // len(_KEYS)}",
        callers=Callers(keys=(Key(_KEYS[n % len(_KEYS)]),)),
        expect=_SOME,
        hole=_HOLES.get(script.name, ""),
    )
    for n, script in enumerate(scripts.TRUNK)
)

_FOUR = Callers(keys=(Key("4"),))  # two hotlines, 117 and then 113
_PRESSED = "press-1"
_CONFIRMED = Site(confirm=True)

HOPS = (
    Fault(
        "hops: the first is full, the last is a person",
        AgenciesDo((scripts.FULL,)),
        "hop-1",
        callers=_FOUR,
    ),
    Fault("hops: all are full", AgenciesDo((scripts.FULL,) * 3), "people-1", callers=_FOUR),
    Fault(
        "press 1: a person presses it",
        AgenciesDo((scripts.PERSON_WHO_ACCEPTS,)),
        _PRESSED,
        _CONFIRMED,
    ),
    Fault(
        "press 1: nobody presses it",
        AgenciesDo((scripts.NEVER_PRESSES,)),
        _PRESSED,
        _CONFIRMED,
        Callers(keys=(Key("2"),)),
    ),
    Fault(
        "press 1: the agency hangs up instead",
        AgenciesDo((scripts.LEAVES_DURING_ACCEPT,)),
        _PRESSED,
        _CONFIRMED,
        Callers(keys=(Key("3"),)),
    ),
)

_OPERATOR = Callers(keys=(Key("0"),))
_LEAVES = Callers(keys=(Key("5"),), leaves=True)

PEOPLE = (
    Fault(
        "caller hangs up in the menu",
        CallerLeaves(What.PROMPT_STARTED),
        "people-1",
        callers=Callers(keys=(), leaves=True),
        expect=LEFT,
    ),
    Fault(
        "caller hangs up while an agency rings",
        CallerLeaves(What.RINGING, agencies=(scripts.RINGS_FOR_EVER,)),
        "people-1",
        callers=_LEAVES,
        expect=LEFT,
    ),
    Fault(
        "caller hangs up in the queue",
        CallerLeaves(What.RINGING, 10.0, operators=(scripts.RINGS_FOR_EVER,) * 20),
        "people-1",
        callers=Callers(keys=(Key("0"),), leaves=True),
        expect=LEFT,
    ),
    Fault(
        "caller hangs up while talking",
        CallerLeaves(What.OWN_VOICE),
        "people-1",
        callers=Callers(keys=(Key("2"),), leaves=True),
    ),
    Fault(
        "operators: all leave while callers wait",
        OperatorsLeave(),
        "operators-1",
        callers=_OPERATOR,
    ),
    Fault(
        "operators: nobody has logged in",
        OperatorsLeave(waiting=False),
        "operators-2",
        callers=_OPERATOR,
    ),
    Fault(
        "operators: nobody, and the last hotline rings for ever",
        OperatorsLeave(waiting=False, agencies=(scripts.RINGS_FOR_EVER,) * 9),
        "operators-3",
        callers=Callers(keys=(Key("0"),), patience_seconds=50.0),
        expect=KEPT,
    ),
    Fault(
        "operators: no telephone is answered",
        OperatorsDo((scripts.RINGS_FOR_EVER,) * 20),
        "operators-5",
        callers=_OPERATOR,
    ),
    Fault(
        "operators: the first telephone is cut off in the talk",
        OperatorsDo((scripts.DIES_WHILE_TALKING,)),
        "operators-5",
        callers=Callers(keys=(Key("0"),), patience_seconds=100.0),
        hole="a dead telephone counts as a talk until rtp_timeout, 60 s",
    ),
    Fault(
        "operators: the first telephone answers nothing",
        OperatorsDo((scripts.DEAF,)),
        "operators-5",
        callers=_OPERATOR,
    ),
    Fault(
        "operators: the first three refuse",
        OperatorsDo((scripts.BUSY,) * 3),
        "operators-5",
        callers=_OPERATOR,
    ),
)

_RELAYED = Site(relayed=True)
_COMMANDS = (
    ("the opening", b"", ("1",)),
    ("SET AUTOHANGUP", b'SET "AUTOHANGUP"', ("1",)),
    ("GET DATA", b'GET "DATA"', ("1",)),
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
        expect=_SOME,
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
        hole="a prompt that has ended leaves silence until the timer of its Ask is over",
    ),
    Fault("both Python floors killed", NoPython(signal.SIGKILL), "floors-1"),
    Fault(
        "controller killed, stand-in stopped", NoPython(signal.SIGSTOP), "floors-2", callers=_LATE
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
    ("one byte a second", Lies((b"NOOP 1234567890\n",), drip=1.0)),
    ("a connection and then nothing", Lies((), stays=True)),
    ("half a line and then nothing", Lies((b"NOOP 12345",), stays=True)),
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

_LIE_HOLES = {
    "one byte a second": "res_agi waits for the end of a line and for nothing else meanwhile",
    "half a line and then nothing": "res_agi waits for the end of a line and for nothing else",
    "a prompt that does not exist": "silence until the controller's first timer, 6 s",
}

LIES = tuple(
    Fault(
        f"controller says {name}",
        lies,
        "lies-stuck" if "half" in name else f"lies-{n // 6}",
        _RELAYED,
        hole=_LIE_HOLES.get(name, ""),
    )
    for n, (name, lies) in enumerate(_LIES)
)

_PAIR = ("elsewhere", "carrier")

MACHINE = (
    Fault("disk full", DiskFull(), "disk", Site(disk_kib=65_536)),
    Fault(
        "folders of the recordings and the journal gone", Gone(("recordings", "journal")), "gone-1"
    ),
    Fault(
        "prompt missing: menu",
        Gone(("applied/*/sounds/*/menu.alaw",)),
        "gone-2",
        callers=Callers(keys=()),
    ),
    Fault(
        "prompt missing: all of them",
        Gone(("applied/*/sounds/*/*.alaw",)),
        "gone-3",
        callers=Callers(keys=()),
    ),
    Fault(
        "first trunk: nobody listens there",
        FirstTrunkDead(),
        "dead-1",
        Site(outgoing=_PAIR),
        expect=_SOME,
    ),
    Fault(
        "first trunk: a name that nobody can look up",
        FirstTrunkDead(),
        "dead-2",
        Site(outgoing=_PAIR, nameless=True),
        expect=_SOME,
    ),
    Fault("garbage and malformed SIP during calls", During(garbage, 0.1), "network-1"),
    Fault("hostile From headers", HostileFrom(), "network-1"),
    Fault("siaga apply during calls", During(apply, 1.0), "apply"),
    Fault(
        "Asterisk killed with everybody on the line",
        AsteriskKilled(),
        "asterisk",
        callers=Callers(hold_seconds=60.0, per_second=4.0),
        alone=True,
    ),
    Fault(
        "overload",
        Overload((50, 100, 200, 400)),
        "overload",
        callers=Callers(keys=(Key("1"),)),
        alone=True,
    ),
)

FAULTS = (*TRUNK, *HOPS, *PEOPLE, *KILLED, *FLOORS, *LIES, *MACHINE)
