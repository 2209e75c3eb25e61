"""Every fault of the campaign: its set-up, its callers, and what is promised to them."""

import scripts
from crowd import Callers
from fault import Fault
from faults_controller import CONTROLLER
from scenes_desk import Struck, broker_killed, database_gone, desk_killed, desk_stopped
from scenes_machine import AsteriskKilled, DiskFull, During, FirstTrunkDead, Gone, apply
from scenes_network import HostileFrom, Overload, garbage
from scenes_people import CallerLeaves, OperatorsDo, OperatorsLeave
from scenes_trunk import AgenciesDo
from stage import Site
from verdict import HUMAN, KEPT, LEFT, SOME, Expect

from ivr.phone import Key, What

_KEYS = "12356"
"""Keys with one hotline each: faults of one batch do not meet at an agency."""


TRUNK = tuple(
    Fault(
        f"trunk: {script.name}",
        AgenciesDo((script,)),
        f"trunk-{n // len(_KEYS)}",
        callers=Callers(keys=(Key(_KEYS[n % len(_KEYS)]),)),
        expect=SOME,
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
        expect=Expect(
            HUMAN.verdicts,
            silence_seconds=7.0,
            why_silent="nothing tells a telephone without power from one whose owner listens, "
            "until its sound is missed for rtp_timeout (asterisk/etc/pjsip.conf)",
        ),
    ),
    Fault(
        "operators: the first telephone answers without a sound",
        OperatorsDo((scripts.MUTE,)),
        "operators-6",
        callers=_OPERATOR,
    ),
    Fault(
        "operators: the first holds the caller",
        OperatorsDo((scripts.HOLDS,)),
        "operators-6",
        callers=Callers(keys=(Key("0"),), hold_seconds=15.0),
    ),
    Fault(
        "operators: the first two hang up at once",
        OperatorsDo((scripts.HANGS_UP_AT_ONCE,) * 2),
        "operators-6",
        callers=Callers(keys=(Key("0"),), patience_seconds=60.0),
    ),
    Fault(
        "operators: nobody, and the last hotline is an announcement of 12 s",
        OperatorsLeave(waiting=False, agencies=(scripts.ANNOUNCEMENT,) * 9),
        "operators-7",
        callers=Callers(keys=(Key("0"),), patience_seconds=75.0),
        expect=KEPT,
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
        expect=SOME,
    ),
    Fault(
        "first trunk: a name that nobody can look up",
        FirstTrunkDead(),
        "dead-2",
        Site(outgoing=_PAIR, nameless=True),
        expect=SOME,
    ),
    Fault("garbage and malformed SIP during calls", During(garbage, 0.1), "network-1"),
    Fault(
        "hostile From headers",
        HostileFrom(),
        "network-2",
        Site(operators=8),  # one of them claims to be operator 9
        Callers(per_second=0.5),
    ),
    Fault(
        "hostile From: the account of an operator",
        HostileFrom(("<sip:operator-1@127.0.0.1>",)),
        "network-2",
        Site(operators=8),
        hole="who claims an operator's account is asked for its secret, and carriers send numbers. "
        "The caller hears his exchange's tone at once; another telephone brings him in",
    ),
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
        Overload((25, 50, 100, 200, 400)),
        "overload",
        callers=Callers(keys=(Key("1"),)),
        alone=True,
        short=False,
    ),
)

DESK = tuple(
    Fault(
        name,
        Struck(strike),
        f"desk-{n}",
        Site(watched=True),
        callers=Callers(keys=(Key("0"),) if n % 2 else (Key("1"),)),
        expect=Expect(HUMAN.verdicts, met_share=0.9),
    )
    for n, (name, strike) in enumerate(
        (
            ("AMI cut: the desk is killed", desk_killed),
            ("AMI not read: the desk is stopped", desk_stopped),
            ("broker killed", broker_killed),
            ("database gone", database_gone),
        )
    )
)

FAULTS = (*TRUNK, *HOPS, *PEOPLE, *CONTROLLER, *MACHINE, *DESK)
