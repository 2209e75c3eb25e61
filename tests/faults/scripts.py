"""What a telephone at the far end does with a call: steps, and the scripts made of them.

A script is played from the INVITE on. After its last step the telephone stays as it is: it goes on
ringing, talking or saying nothing, until the other side ends the call.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer the INVITE with a status, with sound to agree on if `sdp`."""

    status: int
    sdp: bool = False
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Pause:
    """Let some seconds pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class HangUp:
    """Send a BYE."""


@dataclass(frozen=True, slots=True)
class Press:
    """Press a key, as a SIP INFO."""

    key: str


@dataclass(frozen=True, slots=True)
class Echo:
    """Send back every packet of sound from now on: the caller hears his own voice."""


@dataclass(frozen=True, slots=True)
class Speak:
    """Answer every packet of sound with one of a tone from now on."""

    hz: int


@dataclass(frozen=True, slots=True)
class Die:
    """From now on answer nothing and send nothing: the power is cut."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Press the key that holds a call: no sound is sent or wanted (RFC 3264 section 8.4)."""


Step = Reply | Pause | HangUp | Press | Echo | Speak | Hold | Die


@dataclass(frozen=True, slots=True)
class Script:
    """A telephone's behaviour. `human`: whoever is joined with it talks to a person."""

    name: str
    steps: tuple[Step, ...]
    human: bool = False


def reason(cause: int) -> tuple[tuple[str, str], ...]:
    """Return the Reason header (RFC 3326) with a Q.850 cause."""
    return (("Reason", f"Q.850;cause={cause}"),)


_ANSWERS = (Reply(180), Pause(1.2), Reply(200, sdp=True))

PERSON = Script("a person", (*_ANSWERS, Echo()), human=True)
PERSON_WHO_ACCEPTS = Script(
    "a person who presses 1", (*_ANSWERS, Echo(), Pause(1.5), Press("1")), human=True
)
RINGS_FOR_EVER = Script("180 for ever", (Reply(180),))
DIES_WHILE_TALKING = Script("dies while talking", (*_ANSWERS, Echo(), Pause(2.0), Die()))
NEVER_PRESSES = Script("never presses 1", _ANSWERS)
LEAVES_DURING_ACCEPT = Script("hangs up during accept", (*_ANSWERS, Pause(1.0), HangUp()))
FULL = Script("503", (Reply(503),))
DEAF = Script("no reply at all", (Die(),))
BUSY = Script("486", (Reply(486),))
MUTE = Script("answers without a sound", _ANSWERS)
HANGS_UP_AT_ONCE = Script("hangs up after 3 s", (*_ANSWERS, Echo(), Pause(3.0), HangUp()))
HOLDS = Script("holds the caller", (*_ANSWERS, Echo(), Pause(2.0), Hold()), human=True)
ANNOUNCEMENT = Script("speaks for 12 s", (*_ANSWERS, Echo(), Pause(12.0), HangUp()))

TRUNK = (
    DEAF,
    Script("100 then silence", (Reply(100), Die())),
    Script("183 with SDP then silence", (Reply(183, sdp=True), Die())),
    Script("183 without SDP", (Reply(183),)),
    RINGS_FOR_EVER,
    Script("200 then BYE after 1 s", (*_ANSWERS, Pause(1.0), HangUp())),
    Script("200 then nothing", (*_ANSWERS, Die())),
    Script("302", (Reply(302, headers=(("Contact", "<sip:113@127.0.0.9:5060>"),)),)),
    *(Script(str(code), (Reply(code),)) for code in (403, 404, 486, 488, 500, 503, 504)),
    *(
        Script(f"{status} with Q.850 {cause}", (Reply(status, headers=reason(cause)),))
        for status, cause in (
            (404, 1),
            (486, 17),
            (480, 18),
            (403, 21),
            (503, 34),
            (503, 38),
            (500, 41),
        )
    ),
)
