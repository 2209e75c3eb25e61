"""MQTT: tells the outbox to a broker and hears what agencies acknowledge. The desk runs one.

Law 1: a row leaves the outbox when the broker has acknowledged it and has it on disk, not before.
So a broker or a desk that dies loses nothing, and what it leaves in doubt is told twice, with the
same id.
Law 2: of one topic only one message is in doubt at a time: order holds, whatever breaks.
Law 3: a broker never stops the desk. It is tried again, with more and more patience, for ever.
Law 4: what comes from outside is dealt with or refused, counted, and never believed further.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import aiomqtt
import structlog

from ivr import messages
from ivr.messages import Message
from ivr.mqtt import Limits, Link, connected, refused, until_one_ends
from ivr.mqtturl import Broker, UrlError
from ivr.records.errors import RecordsError

REFUSAL_LOG_SECONDS = 60.0
"""A flood of nonsense is one line a minute in the log, with its count."""

log = structlog.get_logger()

Refusals = dict[str, BaseException]
"""What the broker has refused, by topic, and with what word."""


class Queued(Protocol):
    """A row of the outbox. A larger `id` goes out later."""

    @property
    def id(self) -> int: ...  # noqa: D102
    @property
    def topic(self) -> str: ...  # noqa: D102
    @property
    def body(self) -> str: ...  # noqa: D102
    @property
    def retain(self) -> bool: ...  # noqa: D102


class Outbox(Protocol):
    """The outbox and the reports in the database. Called in threads: each call may wait for it."""

    def waiting(self, limit: int, after: int = -1) -> Sequence[Queued]:
        """Return the first rows that no broker has acknowledged, in the order of their ids.

        `after` is an id: those that come after it.
        """

    def sent(self, ids: Sequence[int]) -> None:
        """Remove rows: a broker has them."""

    def acknowledged(self, report_id: str, agency: str, by: str, at: float) -> bool:
        """Note that an agency knows of a report; the first word counts.

        Return whether there is such a report to that agency.
        """


@dataclass(frozen=True, slots=True)
class BusState:
    """How it goes. `trouble` says what is wrong, empty for nothing; counts are since the start."""

    trouble: str = "not connected yet"
    sent: int = 0
    acknowledged: int = 0
    refused: int = 0


class Bus:
    """The desk's voice and ear at one broker.

    `find` says where that is, each time anew: what is edited counts at the next connection. It is
    called in a thread and may raise.
    """

    def __init__(
        self,
        find: Callable[[], Broker],
        outbox: Outbox,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.state = BusState()
        self._find = find
        self._broker = Broker("", 0)
        self._outbox = outbox
        self._limits = limits or Limits()
        self._clock = clock
        self._states: dict[str, Message] = {}
        self._untold: dict[str, Message] = {}
        self._news = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._refusal_logged_at = float("-inf")
        self._width = 1

    # -- what the desk says

    def wake(self) -> None:
        """Look into the outbox now: there is a new row. From any thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._news.set)

    def tell(self, state: Message) -> None:
        """Tell the newest state of something, now and at each new connection. In the loop only."""
        if self._states.get(state.topic) != state:
            self._states[state.topic] = self._untold[state.topic] = state
            self._news.set()

    async def run(self) -> None:
        """Tell and hear until cancelled. Raises nothing of the broker's or the database's."""
        self._loop = asyncio.get_running_loop()
        wait = 0.0
        while True:
            began = self._loop.time()
            try:
                await self._serve()
            except Exception as error:  # noqa: BLE001 - Law 3, whatever it was
                self._trouble(error)
            lasted = self._loop.time() - began
            wait = self._patience(0.0 if lasted > self._limits.longest_retry_seconds else wait)
            await asyncio.sleep(wait)

    def _patience(self, last: float) -> float:
        """Return how long to wait: any time from the shortest to three times the last, limited.

        So many that lost one broker do not all come back at once. A link that did not last counts
        as a failure, or one that is refused after its greeting would be tried each second.
        """
        first, longest = self._limits.first_retry_seconds, self._limits.longest_retry_seconds
        return min(longest, random.uniform(first, max(3 * last, 2 * first)))  # noqa: S311 - no secret

    # -- one connection

    async def _serve(self) -> None:
        self._broker = await asyncio.to_thread(self._find)
        connected_at = self._clock()
        here = messages.desk_state(here=True, connected_at=connected_at)
        gone = messages.desk_state(here=False, connected_at=connected_at)
        async with connected(self._broker, gone, self._limits) as link:
            try:
                await until_one_ends(self._say(link, here), self._hear(link))
            except asyncio.CancelledError:
                with contextlib.suppress(aiomqtt.MqttError):
                    await link.say(gone, self._limits.farewell_seconds)
                raise

    async def _say(self, link: Link, here: Message) -> None:
        if not await link.listen(messages.ACKNOWLEDGEMENTS):
            log.error(
                "bus.deaf",
                topic=messages.ACKNOWLEDGEMENTS,
                remedy="let our user read it at the broker; reports go out meanwhile",
            )
        await link.say(here)
        self._untold = dict(self._states)  # the broker may have forgotten them
        while True:
            self._news.clear()
            await self._tell_states(link)
            told = await self._tell_outbox(link)
            self._well()
            if not told:
                await self._rest()

    async def _rest(self) -> None:
        """Wait for news. Who else writes to the outbox is noticed within `look_seconds`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.look_seconds):
                await self._news.wait()

    async def _tell_states(self, link: Link) -> None:
        while self._untold:
            _, state = self._untold.popitem()
            await link.say(state)  # if it fails, all are told at the next connection

    async def _tell_outbox(self, link: Link) -> int:
        """Tell what waits, as far as one look saw it; return how much that was.

        Past what the broker refuses it looks further: that keeps nothing waiting but its own topic.
        Raises the first refusal, when everything else was told.
        """
        seen, after = 0, -1
        refusals: Refusals = {}
        while True:
            look = partial(self._outbox.waiting, self._limits.look_rows, after)
            waiting = list(await asyncio.to_thread(look))
            seen += len(waiting)
            await self._tell_in_order(link, waiting, refusals)
            if not refusals:
                return seen
            if not waiting:
                raise next(iter(refusals.values()))
            after = waiting[-1].id

    async def _tell_in_order(
        self, link: Link, waiting: Sequence[Queued], refusals: Refusals
    ) -> None:
        """Tell rows, those of one topic one after the other. Add topics that are refused."""
        while waiting := [row for row in waiting if row.topic not in refusals]:
            first_of: dict[str, Queued] = {}
            for row in waiting:
                first_of.setdefault(row.topic, row)
            now = list(first_of.values())[: self._width]
            refusals |= await self._tell_at_once(link, now)
            waiting = [row for row in waiting if row not in now]

    async def _tell_at_once(self, link: Link, rows: Sequence[Queued]) -> Refusals:
        """Tell rows of different topics; return which are refused, and with what."""
        width, self._width = self._width, 1  # of a link that breaks here the next tries one alone
        says = (link.say(Message(row.topic, row.body, row.retain)) for row in rows)
        answers = await asyncio.gather(*says, return_exceptions=True)
        failures = {x.topic: y for x, y in zip(rows, answers, strict=True) if y is not None}
        for failure in failures.values():
            if not refused(failure):
                raise failure
        await link.settle()
        told = [row.id for row in rows if row.topic not in failures]
        await asyncio.to_thread(self._outbox.sent, told)
        self.state = replace(self.state, sent=self.state.sent + len(told))
        self._width = min(2 * width, self._limits.in_flight)
        return failures

    async def _hear(self, link: Link) -> None:
        async for message in link.messages:
            await self._heard(message)
            if message.retain and message.payload:
                await link.forget(str(message.topic))
            link.dealt_with(message)

    async def _heard(self, message: aiomqtt.Message) -> None:
        topic = str(message.topic)
        try:
            word = messages.acknowledgement(topic, bytes(message.payload))
        except messages.RefusedError as error:
            self._refuse(topic, str(error))
            return
        at = self._clock()
        known = self._outbox.acknowledged
        if not await asyncio.to_thread(known, word.report, word.agency, word.by, at):
            self._refuse(topic, "no such report to that agency")
            return
        self.state = replace(self.state, acknowledged=self.state.acknowledged + 1)
        log.info("bus.acknowledged", report=word.report, agency=word.agency)

    # -- what goes wrong

    def _refuse(self, topic: str, why: str) -> None:
        self.state = replace(self.state, refused=self.state.refused + 1)
        assert self._loop is not None  # noqa: S101 - `run` is what hears
        if self._loop.time() - self._refusal_logged_at >= REFUSAL_LOG_SECONDS:
            self._refusal_logged_at = self._loop.time()
            log.warning("bus.refused", topic=topic[:200], why=why, so_far=self.state.refused)

    def _well(self) -> None:
        """Say that it goes well again. A broker that lets us in may still refuse what we say."""
        if self.state.trouble:
            self.state = replace(self.state, trouble="")
            log.info("bus.well", **self._where())

    def _trouble(self, error: BaseException) -> None:
        """Say once, loudly, what is wrong now, and what to do about it."""
        if isinstance(error, aiomqtt.MqttError) and error.__cause__:
            error = error.__cause__  # what ended the link, and not who noticed first
        trouble = f"{error}" or type(error).__name__
        if trouble == self.state.trouble:
            return
        self.state = replace(self.state, trouble=trouble)
        remedy = _remedy(error)
        unforeseen = None if remedy else error  # with its traceback
        log.error("bus.trouble", why=trouble, remedy=remedy, exc_info=unforeseen, **self._where())

    def _where(self) -> dict[str, object]:
        broker = self._broker
        return {"host": broker.host, "port": broker.port, "user": broker.user}


def _remedy(error: BaseException) -> str:
    """Return what to do about an error, nothing for one that is a fault of ours."""
    if isinstance(error, UrlError):
        return "set it, and start the desk anew"
    if isinstance(error, RecordsError):
        return error.remedy
    if refused(error):
        return "look at our user, its password and its rights at the broker"
    if isinstance(error, aiomqtt.MqttError | OSError):
        return "see that the broker runs and can be reached; what waits is told then"
    return ""
