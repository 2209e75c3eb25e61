"""The link to Asterisk's manager interface (AMI): panoramisk's, mended at its seams.

Law 1: nothing is sent twice. Whatever was not answered when a link ends, or in time, has failed.
Law 2: one link at a time, which is alive: it answers a ping every few seconds or is given up.
Law 3: nothing that Asterisk says, and nothing that a listener raises, ends a link.
Law 4: `close` is for good.
"""

import asyncio
import inspect
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn, cast

import panoramisk
import structlog
from panoramisk.ami_protocol import AMIProtocol

from ivr.ami import (
    Action,
    AmiError,
    Message,
    NotAmiError,
    NotSentError,
    RefusedError,
    Stream,
    UnansweredError,
)

log = structlog.get_logger()

Answer = Message | list[Message]
"""What an action's future gives: a list begins with the answer itself and ends with its mark."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long each wait may take, in seconds, and how many actions may wait for their answers.

    Who is gone is noticed after `ping_every_seconds` and `ping_seconds`. Between two tries there is
    a pause of at least `first_pause_seconds`, which grows to at most `last_pause_seconds`.
    """

    connect_seconds: float = 3.0
    action_seconds: float = 5.0
    ping_every_seconds: float = 2.0
    ping_seconds: float = 2.0
    first_pause_seconds: float = 1.0
    last_pause_seconds: float = 30.0
    pending: int = 64

    def pause_seconds(self, failures: int) -> float:
        """Return how long to wait after so many failures: at random, so that crowds disperse."""
        longest = self.first_pause_seconds * 2.0 ** min(failures, 16)
        return random.uniform(  # noqa: S311 - no secret
            self.first_pause_seconds, min(longest, self.last_pause_seconds)
        )


class Protocol(AMIProtocol):  # type: ignore[misc]
    """One connection. `lost` is done when it has ended; `responses` waits for answers."""

    def __init__(self, manager: "Manager") -> None:
        self._manager = manager
        self._stream = Stream()
        self._why: AmiError = UnansweredError("the link to Asterisk was lost")
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # noqa: D102 - asyncio names it
        super().connection_made(transport)
        self.factory = self._manager

    def send(self, data: Action, as_list: object = None) -> asyncio.Future[Answer]:
        """Write one action; return its answer to come. Raises NotSentError."""
        del as_list  # Asterisk says whether it is a list
        if self.closed:
            raise NotSentError("not connected to Asterisk")
        if data.id in self.responses:
            raise NotSentError(f"ActionID {data.id} waits for an answer already")
        future = cast("asyncio.Future[Answer]", data.future)
        future.add_done_callback(lambda _: self.responses.pop(data.id, None))
        self.responses[data.id] = data
        self.transport.write(str(data).encode())
        return future

    def data_received(self, data: bytes) -> None:  # noqa: D102 - asyncio names it
        try:
            for message in self._stream.receive(data):
                self.handle_message(message)
            self.version = self._stream.version
        except NotAmiError as error:
            self._why = error
            self.close()

    def handle_message(self, message: Message) -> None:
        """Give an answer to who waits for it, and tell an event, also one that is both."""
        if message.suspect:
            self._manager.doubt(message)
            return
        if action := self.responses.get(message.get("actionid", "")):
            action.add_message(message)
        if "event" in message:
            self._manager.dispatch(message)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: D102 - asyncio names it
        del exc  # a reset, a close and an end of file are the same
        self.close()
        if not self.lost.done():
            self.lost.set_result(None)

    def close(self) -> None:
        """End the connection at once. What was not answered has failed."""
        self.closed = True
        self.transport.abort()  # what is still to be written must not keep a dead link
        for action in list(self.responses.values()):
            action.fail(self._why)

    async def ended(self) -> None:
        """Wait for the end. Raises why."""
        await self.lost
        raise self._why


class Manager(panoramisk.Manager):  # type: ignore[misc]
    """Keeps a link: connects, logs in, looks whether it lives, and comes back when it is lost.

    Takes what panoramisk's takes: `host`, `port`, `username`, `secret`, and the hooks `on_connect`
    (before the login), `on_login`, `on_disconnect` (with the error, at each end and failure), and
    `on_doubt` (a message was not believed).
    """

    authenticated: bool

    def __init__(self, limits: Limits | None = None, **config: object) -> None:
        super().__init__(**{**config, "protocol_factory": lambda: Protocol(self)})
        self.limits = limits or Limits()
        self.callbacks.clear()  # what was not answered is not sent again
        self.patterns.clear()
        self._keeper: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Future[object]] = set()
        self._closed = False
        self._trouble, self._failures = "", 0
        self._on_doubt: Callable[[Manager], object] = self.config.get("on_doubt", lambda _: None)

    @property
    def linked(self) -> bool:
        """Whether an action can be sent now."""
        return self.authenticated and not self.protocol.closed

    def connect(self) -> "asyncio.Task[None]":
        """Begin to keep a link; return the task that does, until `close`. Raises NotSentError."""
        if self._closed:
            raise NotSentError("closed for good")
        if self._keeper is None:
            self.loop = asyncio.get_running_loop()
            self._keeper = self.loop.create_task(self._keep())
        return self._keeper

    def close(self) -> None:
        """End the link, and the wish for one."""
        self._closed = True
        if self._keeper:
            self._keeper.cancel()
        if self.protocol:
            self.protocol.close()

    def send_action(
        self, action: Mapping[str, object], as_list: object = None, **headers: object
    ) -> asyncio.Future[Answer]:
        """Send one action; return its answer to come, which Asterisk may also have refused.

        Raises NotSentError at once when it cannot be sent. The answer raises UnansweredError when
        the link ends before it comes, or after `action_seconds`.
        """
        del as_list  # Asterisk says whether it is a list
        if not self.linked:
            raise NotSentError(f"not connected to Asterisk: {self._trouble or 'not logged in yet'}")
        if len(self.protocol.responses) >= self.limits.pending:
            raise NotSentError(f"{self.limits.pending} actions wait for an answer already")
        return self._send({**action, **headers}, self.limits.action_seconds)

    def doubt(self, message: Message) -> None:
        """Hear of a message that is not to be believed."""
        log.warning("ami.suspect", headers=len(message))
        self._on_doubt(self)

    def dispatch(self, event: Message) -> list[str]:
        """Tell an event to who has registered for it; return the patterns that it matched."""
        event.manager = self
        matched = [pattern for pattern, regexp in self.patterns if regexp.match(event.event)]
        for callback in [c for pattern in matched for c in self.callbacks[pattern]]:
            try:
                if inspect.isawaitable(told := callback(self, event)):
                    self._follow(told)
            except Exception:  # Law 3
                log.exception("ami.listener_failed", event_name=event.event)
        return matched

    # -- inside

    def _send(self, headers: Mapping[str, object], seconds: float) -> asyncio.Future[Answer]:
        action = Action(headers)
        answer = cast("asyncio.Future[Answer]", self.protocol.send(action))
        error = UnansweredError(f"{headers.get('Action')} was not answered within {seconds:g} s")
        limit = self.loop.call_later(seconds, action.fail, error)
        answer.add_done_callback(lambda _: limit.cancel())
        return answer

    def _follow(self, told: Awaitable[object]) -> None:
        """Run what a listener goes on with, and log what comes of it."""

        def over(task: asyncio.Future[object]) -> None:
            self._tasks.discard(task)
            if not task.cancelled() and (error := task.exception()):
                log.error("ami.listener_failed", exc_info=error)

        task = asyncio.ensure_future(told)
        self._tasks.add(task)
        task.add_done_callback(over)

    async def _keep(self) -> None:
        while True:
            error = await self._link()
            self._failures = 1 if self.authenticated else self._failures + 1
            self.authenticated = False
            pause = self.limits.pause_seconds(self._failures)
            self._say(error, pause)
            self.on_disconnect(self, error)
            await asyncio.sleep(pause)

    async def _link(self) -> Exception:
        """Make one link and attend to it until it ends; return why it did."""
        try:
            async with asyncio.timeout(self.limits.connect_seconds):
                _, self.protocol = await self.loop.create_connection(
                    self.config["protocol_factory"], self.config["host"], self.config["port"]
                )
            self.on_connect(self)
            await self._log_in()
            await self._attend()
        except TimeoutError:
            return UnansweredError(f"no connection within {self.limits.connect_seconds:g} s")
        except (OSError, AmiError) as error:
            return error
        finally:
            if self.protocol:
                self.protocol.close()

    async def _log_in(self) -> None:
        """Log in. Raises RefusedError, with the remedy, when Asterisk does not let us."""
        headers = {
            "Action": "Login",
            "Username": self.config["username"],
            "Secret": self.config["secret"],
            "Events": self.config["events"],
        }
        answer = cast("Message", await self._send(headers, self.limits.connect_seconds))
        if not answer.success:
            raise RefusedError(
                f"Asterisk does not let {headers['Username']} log in to its manager: "
                f"{answer.get('message', 'no reason given')}; run `siaga apply`, which tells it"
            )
        self.authenticated, self._trouble = True, ""
        log.info("ami.logged_in", version=self.protocol.version)
        self.on_login(self)

    async def _attend(self) -> NoReturn:
        """Ask again and again whether Asterisk is there. Raises why it is not any more."""
        while True:
            await asyncio.wait({self.protocol.lost}, timeout=self.limits.ping_every_seconds)
            if self.protocol.lost.done():
                await self.protocol.ended()
            await self._send({"Action": "Ping"}, self.limits.ping_seconds)

    def _say(self, error: Exception, pause: float) -> None:
        """Say once what is wrong, loudly when only a person can mend it."""
        if str(error) != self._trouble:
            tell = log.error if isinstance(error, RefusedError | NotAmiError) else log.warning
            tell("ami.away", why=str(error), again_in_seconds=round(pause, 1))
        self._trouble = str(error)
