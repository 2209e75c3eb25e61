"""What is heard of the line through Asterisk's manager, as values: events, pictures, gaps. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

Fields = Mapping[str, str]
"""The headers of one message, by their names in small letters."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened. `at` is None where Asterisk did not say when."""

    at: float | None
    name: str
    fields: Fields


@dataclass(frozen=True, slots=True)
class Gap:
    """From here on nothing is known, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Resynchronised:
    """A picture: what Asterisk answered to QueueStatus and CoreShowChannels, and when."""

    at: float | None
    items: tuple[Fields, ...]


Heard = Event | Gap | Resynchronised

EVENTS = frozenset(
    {"Newchannel", "Newstate", "DialBegin", "BridgeEnter", "BridgeLeave", "Hangup"}
    | {"QueueCallerJoin", "QueueCallerLeave"}
    | {"QueueMemberStatus", "QueueMemberPause", "QueueMemberAdded", "QueueMemberRemoved"}
)
"""The events that change something here; `asterisk/etc/manager.conf` lets no other through."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One leg. `context` is the dialplan's, without a version; `callref` the call's LinkedID."""

    uniqueid: str
    callref: str
    name: str
    context: str
    ringing: bool
    bridged: bool

    @property
    def account(self) -> str:
        """The endpoint it belongs to: `operator-1` of PJSIP/operator-1-0000002a."""
        return self.name.removeprefix("PJSIP/").rpartition("-")[0]

    @property
    def is_callers(self) -> bool:
        """Whether the call began with it. An order of the console begins one of its own."""
        return self.uniqueid == self.callref and not self.name.startswith("Local/")

    @property
    def began_at(self) -> float | None:
        """When its call began, to the second: its reference holds it, `siaga-1795643698.0`."""
        found = _BEGAN.fullmatch(self.callref)
        return float(found[1]) if found else None


@dataclass(frozen=True, slots=True)
class Member:
    """A telephone as its queue knows it. `device` is Asterisk's device state (devicestate.h)."""

    queue: str
    account: str
    name: str
    device: int
    paused: bool


_RINGING = "5"  # AST_STATE_RINGING (channelstate.h)
_NAME = re.compile(r"[0-9A-Za-z._/@;-]{1,120}")
_VERSION = re.compile(r"-\d{8}T\d{6}Z-\d\d$")
_BEGAN = re.compile(r"(?:.*-)?(\d{9,11})\.\d+")


def channel_of(fields: Fields) -> Channel | None:
    """Read a leg, the same in an event and in a picture; None for what describes none."""
    uniqueid, callref, name = (fields.get(k, "") for k in ("uniqueid", "linkedid", "channel"))
    if not all(_NAME.fullmatch(text) for text in (uniqueid, callref, name)):
        return None
    return Channel(
        uniqueid,
        callref,
        name,
        context=_VERSION.sub("", fields.get("context", "")),
        ringing=fields.get("channelstate") == _RINGING,
        bridged=bool(fields.get("bridgeid")),
    )


def member_of(fields: Fields) -> Member | None:
    """Read a telephone; an event and a picture name its fields differently."""
    interface = fields.get("interface", fields.get("location", ""))
    device, queue = number(fields.get("status", "")), fields.get("queue", "")
    if not (_NAME.fullmatch(interface) and _NAME.fullmatch(queue)) or device is None:
        return None
    name = fields.get("membername", fields.get("name", ""))
    account = interface.removeprefix("PJSIP/")
    return Member(queue, account, name, device, paused=fields.get("paused") == "1")


def number(text: str) -> int | None:
    """Read a number that may be missing, or not be one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
