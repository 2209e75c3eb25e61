"""The FastAGI server: performs the actions of the conversation, and reports what came of them.

Law 1: nothing is decided here. If a caller's way depends on a line of this file, it is misplaced.
Law 2: when in doubt, close. Without a commit token the dialplan takes the caller on (Law 3 of
`asterisk/dialplan.conf`), so every error in here ends at a person.
Law 3: nobody outside can hold us: silence, garbage and crowds are each limited.
"""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, cast

import structlog

from ivr import agi
from ivr.call import Action, Event, Failed, HungUp, Outcome
from ivr.commands import Command, commands
from ivr.flow import Ended, Flow, State
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


async def converse(
    flow: Flow,
    perform: Callable[[Action], Awaitable[Event]],
    seen: Callable[[State, Event], None],
) -> Outcome:
    """Drive one call from its first prompt to its hand-over; tell `seen` of each step."""
    state, action = flow.start()
    while action is not None:
        event = await perform(action)
        state, action = flow.step(state, event)
        seen(state, event)
    assert isinstance(state, Ended)  # noqa: S101 - the walk over the flow proves it
    return state.outcome


class Session(asyncio.Protocol):
    """One connection from Asterisk: one call."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._agi = agi.Connection()
        self._transport: asyncio.Transport | None = None
        self._socket: socket.socket | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._waiter: asyncio.Future[agi.Event] | None = None
        self._opening = agi.Environment({})
        self._service = server.service
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

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
        self._deadline = asyncio.get_running_loop().call_later(
            self._server.limits.header_seconds, self.refuse, "no opening lines in time"
        )
        self._acknowledge_at_once()

    def data_received(self, data: bytes) -> None:  # noqa: D102 - asyncio names it
        self._acknowledge_at_once()
        try:
            events = self._agi.receive(data)
        except agi.RemoteProtocolError as error:
            self.refuse(str(error))
            return
        for event in events:
            self._heard(event)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: D102 - asyncio names it
        del error  # a reset, a close and an end of file are the same hang-up
        if self._deadline:
            self._deadline.cancel()
        for event in self._agi.receive(b""):
            self._heard(event)
        self._server.forget(self)
        self.closed.set_result(None)

    # -- what a call needs

    async def perform(self, action: Action) -> Event:
        """Perform one action; return the one event that came of it. Raises only our own bugs."""
        try:
            return await self._perform(action)
        except agi.LocalProtocolError as error:
            return HungUp() if self._agi.gone else Failed(str(error))
        except TimeoutError:
            return Failed(f"no answer in time to {type(action).__name__}")

    async def _perform(self, action: Action) -> Event:
        steps = commands(action, self._service.plan, self._opening)
        try:
            command = next(steps)
            while True:
                command = steps.send(await self._answer(command))
        except StopIteration as performed:
            return cast("Event", performed.value)

    async def _answer(self, command: Command) -> agi.Reply | agi.ChannelGone:
        if self._transport is None or self._agi.gone:
            return agi.ChannelGone()
        line = self._agi.send(*command.words)
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(line)
        async with asyncio.timeout(command.seconds or self._server.limits.reply_seconds):
            answer = await self._waiter
        assert not isinstance(answer, agi.Environment)  # noqa: S101 - it comes once, first
        return answer

    async def _converse(self, environment: agi.Environment) -> None:
        self._opening = environment
        bound = log.bind(callref=environment.callref, ani=mask(environment.ani))
        tell = bound.debug if environment.is_probe else bound.info
        tell("call.began")
        try:
            outcome = await converse(
                self._service.flow,
                self.perform,
                lambda state, event: tell("call.step", heard=repr(event), state=repr(state)),
            )
            tell("call.handed_over", outcome=outcome)
        except asyncio.CancelledError:
            bound.warning("call.cut", why="the controller is stopping")
            raise
        except Exception:  # noqa: BLE001 - Law 2: whatever our mistake was, close
            bound.exception("call.failed")
        finally:
            if self._transport:
                self._transport.close()

    # -- inside

    def _heard(self, event: agi.Event) -> None:
        if isinstance(event, agi.Environment):
            if self._deadline:
                self._deadline.cancel()
            self._server.start(self._converse(event))
        elif self._waiter and not self._waiter.done():
            self._waiter.set_result(event)

    def refuse(self, reason: str) -> None:
        """Close at once: the dialplan goes on without us."""
        log.warning("agi.refused", reason=reason, callref=self._opening.callref or None)
        if self._transport:
            self._transport.abort()

    def _acknowledge_at_once(self) -> None:
        """Ask for an immediate ACK of what comes next; the kernel forgets it after each use.

        Asterisk writes an answer in several small pieces and would wait 40 ms for our ACK between
        them, with Nagle's algorithm on its side (tcp(7), TCP_QUICKACK).
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
        self._tasks: set[asyncio.Task[None]] = set()
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
        for task in set(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for session in set(self._sessions):
            session.refuse("the controller is stopping")

    @property
    def calls(self) -> int:
        """How many calls are in the menu now."""
        return len(self._tasks)

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

    def start(self, conversation: Awaitable[None]) -> None:
        """Run a conversation, and keep hold of it until it ends."""
        task = asyncio.ensure_future(conversation)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
