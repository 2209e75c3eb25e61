"""Watches the line: what Asterisk's manager tells, with a picture at the start and after each gap.

    async with Watch(settings, secret) as watch:
        async for heard in watch:
            live = fold(live, heard)

Law 1: a gap is told before anything that comes after it, and only a picture ends it.
Law 2: events wait while a picture is taken, and are told after it: told before, what Asterisk saw
earlier would undo them. Told twice they do no harm (`ivr/live.py`).
Law 3: nobody is acted on by name: a channel is asked for its unique id first.
"""

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self, cast

import structlog

from ivr.ami import AmiError, Message, NotSentError, RefusedError
from ivr.heard import EVENTS, Channel, Event, Fields, Gap, Heard, Resynchronised
from ivr.manager import Limits, Manager
from ivr.settings import Settings

log = structlog.get_logger()

ACCOUNT = "desk"
"""The account that `siaga apply` makes (routing/endpoints.py)."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a picture is taken, in seconds, and how much may wait for a slow listener.

    One is taken at least every `picture_seconds`, at most one in `between_seconds`, and after a
    failure the next in `retry_seconds`.
    """

    picture_seconds: float = 5.0
    between_seconds: float = 0.25
    retry_seconds: float = 1.0
    waiting: int = 20_000
    link: Limits = field(default_factory=Limits)


class Watch:
    """What is heard of the line, as an iterator that ends with `close`.

    `secret` returns the password of the account, and is asked before each login. While the line
    cannot be watched there is a Gap with the reason, once, and tries go on for ever.
    """

    def __init__(
        self, settings: Settings, secret: Callable[[], str], pace: Pace | None = None
    ) -> None:
        host, _, port = settings.ami_bind.rpartition(":")
        self._pace = pace or Pace()
        self._secret = secret
        self._wanted, self._news = asyncio.Event(), asyncio.Event()
        self._manager = Manager(
            self._pace.link,
            host="127.0.0.1" if host == "0.0.0.0" else host,  # noqa: S104 - bound to all, asked at one
            port=int(port),
            username=ACCOUNT,
            on_connect=self._connected,
            on_login=lambda _: self._wanted.set(),
            on_disconnect=lambda _, error: self._lost(str(error)),
            on_doubt=lambda _: self._wanted.set(),
        )
        self._manager.register_event("*", self._happened)
        self._told: deque[Heard] = deque()
        self._held: list[Event] | None = None
        self._known, self._why = False, ""
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    async def __aenter__(self) -> Self:
        self._tasks = (self._manager.connect(), asyncio.create_task(self._pictures()))
        for task in self._tasks:
            task.add_done_callback(lambda _: self._news.set())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop watching, for good."""
        self._manager.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Heard:
        while not self._told:
            for task in self._tasks:
                if task.done() and not task.cancelled():
                    task.result()  # a mistake of ours is told to who listens
                if task.done():
                    raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._told.popleft()

    async def act(self, action: str, channel: Channel, /, **headers: str) -> Fields:
        """Do something to one leg of a call, such as Hangup; return what Asterisk answered.

        Raises RefusedError when that leg is gone, its name is another's now, or Asterisk refuses;
        NotSentError when it was not sent; UnansweredError when nobody knows whether it was done.
        """
        link = self._manager.protocol
        found = await self._list("Status", Channel=channel.name)
        if channel.uniqueid not in {item.get("uniqueid") for item in found}:
            raise RefusedError(f"{channel.name} is not {channel.uniqueid} any more")
        if link is not self._manager.protocol:  # another Asterisk gives the same names again
            raise NotSentError("the link to Asterisk was lost in between")
        headers = {**headers, "Action": action, "Channel": channel.name}
        answer = cast("Message", await self._manager.send_action(headers))
        if not answer.success:
            raise RefusedError(f"{action}: {answer.get('message', 'refused')}")
        return answer.fields

    # -- what the manager tells

    def _connected(self, manager: Manager) -> None:
        manager.config["secret"] = self._secret()

    def _happened(self, _: Manager, message: Message) -> None:
        if message["event"] not in EVENTS:
            return
        event = Event(_seconds(message), message["event"], message.fields)
        if event.name == "QueueCallerJoin":
            self._wanted.set()  # only a picture knows a caller's priority
        if self._held is not None:
            self._held.append(event)
            if len(self._held) > self._pace.waiting:
                self._slow()
        elif self._known:
            self._tell(event)

    def _lost(self, why: str) -> None:
        """Tell of a gap, unless it is known already."""
        if self._known or why != self._why:
            log.warning("watch.gap", why=why)
            self._tell(Gap(why))
        self._known, self._why, self._held = False, why, None

    def _tell(self, heard: Heard) -> None:
        self._told.append(heard)
        self._news.set()
        if len(self._told) > self._pace.waiting:
            self._slow()

    def _slow(self) -> None:
        """Forget what nobody has listened to."""
        self._told.clear()
        self._lost("who listens is too slow")
        self._wanted.set()

    # -- pictures

    async def _pictures(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pace.picture_seconds):
                    await self._wanted.wait()
            behind = self._told and not self._wanted.is_set()  # then a picture more is no help
            self._wanted.clear()
            if behind or not self._manager.linked:
                continue
            pause = self._pace.between_seconds
            try:
                await self._take_picture()
            except AmiError as error:
                if not self._manager.linked:
                    continue  # told, and to be taken after the next login
                self._lost(f"no picture of the line: {error}")
                self._wanted.set()
                pause = self._pace.retry_seconds
            await asyncio.sleep(pause)

    async def _take_picture(self) -> None:
        """Ask for everything there is, and tell it. Raises AmiError."""
        self._held = []
        try:
            items = [*await self._list("QueueStatus"), *await self._list("CoreShowChannels")]
            pong = cast("Message", await self._manager.send_action({"Action": "Ping"}))
            held = self._held
        finally:
            self._held = None
        if held is None:
            return  # a gap began meanwhile, and nobody knows what was held
        self._known, self._why = True, ""
        self._tell(Resynchronised(_seconds(pong), tuple(items)))
        for event in held:
            self._tell(event)

    async def _list(self, name: str, **headers: str) -> list[Fields]:
        answer = await self._manager.send_action({"Action": name, **headers})
        first, *items = answer if isinstance(answer, list) else [answer]
        if not first.success:
            raise RefusedError(f"{name}: {first.get('message', 'refused')}")
        return [item.fields for item in items]


def _seconds(message: Message) -> float | None:
    """Return when Asterisk said it, by its own clock."""
    try:
        at = float(message.get("timestamp", ""))
    except ValueError:
        return None
    return at if math.isfinite(at) else None
