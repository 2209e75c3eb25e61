"""The FastAGI server: carries the commands of the conversation to Asterisk, and its answers back.

Law 1: nothing is decided here. If a caller's way depends on a line of this file, it is misplaced.
Law 2: when in doubt, close. Without a commit token the dialplan takes the caller on (Law 3 of
`asterisk/dialplan.conf`), so every error in here ends at a person.
Law 3: nobody outside can hold us: silence, garbage and crowds are each limited.
Law 4: a call costs one object and no task. What Asterisk says moves its conversation on at once.
"""

import asyncio
import contextlib
import socket
from collections.abc import Generator
from dataclasses import dataclass
from typing import Protocol, cast

import structlog

from ivr import agi
from ivr.call import Event, Outcome
from ivr.commands import Answer, Command, conversation
from ivr.flow import Flow
from ivr.listener import Listener
from ivr.logs import mask
from routing.plan import Plan

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Limits:
    """What the far end can cost us. A refused call goes to the stand-in.

    `reply_seconds` is how long a command that plays nothing may take.
    """

    peers: frozenset[str] = frozenset({"127.0.0.1"})
    sessions: int = 2000
    header_seconds: float = 2.0
    reply_seconds: float = 2.0


class Service(Protocol):
    """What a call needs to know at the moment it begins, from one configuration."""

    @property
    def flow(self) -> Flow:
        """The conversation."""

    def plan(self, service: str) -> Plan:
        """Return what to try for `service` now."""


class Session(asyncio.Protocol):
    """One connection from Asterisk: one call."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._agi = agi.Connection()
        self._transport: asyncio.Transport | None = None
        self._socket: socket.socket | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._opening = agi.Environment({})
        self._steps: Generator[Command, Answer | None, Outcome] | None = None
        self._heard = list[Event]()
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def is_call(self) -> bool:
        """Whether its conversation goes on."""
        return self._steps is not None

    # -- what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # noqa: D102 - asyncio names it
        # Not checked: uvloop's transport has the methods, not the class.
        self._transport = transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        refusal = self._server.admit(self, peer[0] if peer else "")
        if refusal:
            log.warning("agi.refused", reason=refusal, peer=peer)
            transport.abort()
            return
        self._socket = transport.get_extra_info("socket")
        self._within(self._server.limits.header_seconds, "no opening lines in time")

    def data_received(self, data: bytes) -> None:  # noqa: D102 - asyncio names it
        try:
            events = self._agi.receive(data)
        except agi.RemoteProtocolError as error:
            self.refuse(str(error))
            return
        if self._agi.is_midway:
            self._acknowledge()
        for event in events:
            self._take(event)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: D102 - asyncio names it
        del error  # a reset, a close and an end of file are the same hang-up
        for event in self._agi.receive(b""):
            self._take(event)
        if self._deadline:
            self._deadline.cancel()
        self._server.forget(self)
        self.closed.set_result(None)

    # -- the call

    def _take(self, event: agi.Event) -> None:
        if isinstance(event, agi.Environment):
            self._begin(event)
        elif self._steps is not None:
            self._go_on(event)

    def _begin(self, opening: agi.Environment) -> None:
        self._opening = opening
        self._log("call.began")
        self._steps = self._conversation()
        self._go_on(None)

    def _conversation(self) -> Generator[Command, Answer | None, Outcome]:
        service = self._server.service
        flow = service.flow
        steps = conversation(flow, flow.start(), service.plan, self._opening, self._heard.append)
        return (yield from steps)

    def _go_on(self, answer: Answer | None) -> None:
        """Give the conversation an answer, and Asterisk the command that follows from it."""
        assert self._steps is not None  # noqa: S101 - both who call see to it
        try:
            command = self._steps.send(answer)
            while self._agi.gone:
                command = self._steps.send(agi.ChannelGone())
            line = self._agi.send(*command.words)
        except StopIteration as ended:
            self._over("call.handed_over", outcome=ended.value)
        except Exception:  # noqa: BLE001 - Law 2: whatever our mistake was, close
            self._over("call.failed", exc_info=True)
        else:
            limit = command.seconds or self._server.limits.reply_seconds
            self._within(limit, f"no answer in time to {command.words[0]}")
            if self._transport:
                self._transport.write(line)

    def _within(self, seconds: float, otherwise: str) -> None:
        if self._deadline:
            self._deadline.cancel()
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(seconds, self.refuse, otherwise)

    def _over(self, event: str, **said: object) -> None:
        self._steps = None
        self._log(event, heard=[repr(event) for event in self._heard], **said)
        if self._deadline:
            self._deadline.cancel()
        if self._transport:
            self._transport.close()

    def _log(self, event: str, **said: object) -> None:
        if self._opening.is_probe and "exc_info" not in said:
            return
        tell = log.error if "exc_info" in said else log.info
        tell(event, callref=self._opening.callref, ani=mask(self._opening.ani), **said)

    # -- its end

    def refuse(self, reason: str) -> None:
        """Close at once: the dialplan goes on without us."""
        heard = [repr(event) for event in self._heard]
        what = "call.cut" if self.is_call else "agi.refused"
        log.warning(what, reason=reason, callref=self._opening.callref or None, heard=heard)
        self._steps = None
        if self._transport:
            self._transport.abort()

    def _acknowledge(self) -> None:
        """Send the ACK of a piece at once: our next command, which would carry it, is not due yet.

        Asterisk writes its opening, and some answers, in several small pieces, and with Nagle's
        algorithm on its side each would wait 40 ms for our ACK of the last (tcp(7), TCP_QUICKACK).
        """
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


class Server:
    """Listens for Asterisk, and holds what all sessions share."""

    def __init__(self, service: Service, limits: Limits | None = None) -> None:
        self.service = service
        self.limits = limits or Limits()
        self._sessions: set[Session] = set()
        self._listener: Listener | None = None

    async def listen(self, host: str, port: int) -> int:
        """Begin to take calls; return the port, which is chosen for us when `port` is 0."""
        self._listener = await Listener.open(host, port, lambda: Session(self))
        return self._listener.port

    async def drain(self, seconds: float) -> None:
        """Take no more calls, and give those inside up to `seconds` to be handed over."""
        if self._listener:
            await self._listener.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._sessions:  # a connection without a call yet may become one
                    await asyncio.wait({session.closed for session in self._sessions})
        for session in set(self._sessions):
            session.refuse("the controller is stopping")

    @property
    def calls(self) -> int:
        """How many calls are in the menu now."""
        return sum(session.is_call for session in self._sessions)

    def admit(self, session: Session, peer: str) -> str:
        """Let a session in; return why not otherwise."""
        if peer not in self.limits.peers:
            return "not from a PBX of ours"
        if len(self._sessions) >= self.limits.sessions:
            return f"more than {self.limits.sessions} sessions"
        self._sessions.add(session)
        return ""

    def forget(self, session: Session) -> None:
        """Make room: the session is closed."""
        self._sessions.discard(session)
