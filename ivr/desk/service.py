"""The desk: reads the journal, watches Asterisk, tells the broker and whoever asks.

Law 1: no call waits for it, and it stops for nothing: what fails is told and tried again.
Law 2: what is slow or may block is done in a thread, so that `/healthz` always answers.
"""

import asyncio
import functools
import time
from collections.abc import Callable, Iterator, Sequence

import structlog
from sqlalchemy import Engine

from ivr import applied, messages, mqtturl
from ivr.bus import Bus
from ivr.callrecord import CallRecord, Change
from ivr.desk import states
from ivr.desk.actions import Actions, Known
from ivr.desk.console.board import Board
from ivr.desk.console.door import Door
from ivr.desk.console.phone import Phones
from ivr.desk.console.records import Records
from ivr.desk.console.screens import Screens
from ivr.desk.gauges import gauges
from ivr.desk.health import Health, Trouble
from ivr.desk.ingest import Ingest, Looked
from ivr.desk.keeping import keep_recordings
from ivr.desk.metrics import Metrics, Reading
from ivr.desk.noting import Ended, Noted, unwritable
from ivr.desk.picture import Picture
from ivr.desk.web import Sources
from ivr.live import Live, fold
from ivr.messages import Followed
from ivr.records.engine import reading
from ivr.records.errors import GoneError, RecordsError
from ivr.records.outbox import Outbox
from ivr.records.query import open_calls
from ivr.settings import Settings
from ivr.watch import Watch
from routing.loading import ConfigurationError

LOOK_SECONDS = 0.1
"""Between two looks into the journal, when the last one found all there was."""
RETRY_SECONDS = 1.0
HOUSE_SECONDS = 60.0
TELL_SECONDS = 1.0

log = structlog.get_logger()


class InForce:
    """The configuration in force, read again when another one is."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._version, self.configuration = applied.in_force(settings)

    def follow(self) -> None:
        """Take the configuration that came into force since."""
        newest = applied.version(self._settings)
        if newest in ("", self._version):
            return
        try:
            self._version, self.configuration = applied.in_force(self._settings)
        except (ConfigurationError, OSError) as error:
            log.warning("configuration.refused", version=newest, why=str(error))
            self._version = newest

    def concerned(self, service: str) -> Sequence[str]:
        """Return the agencies that a service concerns: those to ring and those to tell."""
        known = self.configuration.menu.services.get(service)
        return (*known.agencies, *known.reports) if known else ()


class Desk:
    """What the tasks of the desk share."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._settings, self._clock = settings, clock
        self.in_force = InForce(settings)
        self.ingest = Ingest(settings, self._follow)
        self.health = Health(time.monotonic())
        self.live = Live()
        self.metrics = Metrics()
        self.hotlines = states.Hotlines(())
        self.noted, self.ended = Noted(), Ended()
        self.picture, self._records = Picture(), Records(self._engine)
        self.board = Board(self._screens(), self._records)
        self.bus: Bus | None = None
        self.free_bytes: int | None = None
        self._opened = asyncio.Event()
        self._all_read = False
        self._told: dict[str, states.State] = {}

    def _follow(self, change: Change) -> Followed:
        return messages.follow(change, self.in_force.concerned)

    def see_free(self, free_bytes: int) -> None:
        """Take how much room the disk has."""
        self.free_bytes = free_bytes

    def tell(self, part: str, trouble: str) -> None:
        """Take the word of one part."""
        trouble = self._settings.for_people(trouble)
        before = self.health.said.get(part)
        self.health = self.health.told(part, time.monotonic(), trouble)
        if trouble != (before.trouble if before else ""):
            if trouble:
                log.error("desk.trouble", part=part, why=trouble)
            else:
                log.info("desk.well", part=part)

    # -- records

    async def read_journal(self) -> None:
        """Read the journal for ever."""
        await self._open()
        next_house, house = 0.0, ""
        while True:
            try:
                looked = await asyncio.to_thread(self.ingest.look)
                if gone := self._ended_unnoted():
                    self._changed(await asyncio.to_thread(self.ingest.cut_off, gone))
                if time.monotonic() >= next_house:
                    next_house = time.monotonic() + HOUSE_SECONDS
                    house = await asyncio.to_thread(self.ingest.keep_house)
            except (RecordsError, OSError) as error:
                self._all_read = False
                self.tell("journal", str(error))
                await asyncio.sleep(RETRY_SECONDS)
                continue
            self.tell("house", house)
            self._take(looked)
            if not looked.is_behind:
                await asyncio.sleep(LOOK_SECONDS)

    async def _open(self) -> None:
        """Open the database, whatever time it takes to be there. Once: all tasks share it."""
        while not self._opened.is_set():
            try:
                engine, going = await asyncio.to_thread(self._going)
            except RecordsError as error:
                self.tell("journal", str(error))
                await asyncio.sleep(RETRY_SECONDS)
                continue
            self.metrics.open_at_start({call.callref: call.stage for call in going})
            self.noted.named((call.callref for call in going), time.monotonic())
            self.hotlines = states.Hotlines(going)
            self.picture.opened(going)
            self.bus = Bus(functools.partial(mqtturl.chosen, self._settings), Outbox(engine))
            self._opened.set()

    def _going(self) -> tuple[Engine, list[CallRecord]]:
        """Return the open database, and the calls in it that go on. Raises RecordsError."""
        engine = self.ingest.open()
        with reading(engine) as connection:
            return engine, open_calls(connection)

    def _take(self, looked: Looked) -> None:
        self._all_read = not looked.is_behind and not looked.trouble
        self.tell("journal", looked.trouble)
        self.metrics.read(looked.lines, looked.bad_lines, looked.lag_seconds)
        self._changed(looked.changes)

    def _changed(self, changes: Sequence[Change]) -> None:
        self.noted.named((x.after.callref for x in changes), time.monotonic())
        for change in changes:
            self.metrics.changed(change)
            self.hotlines.changed(change)
        if not changes:
            return
        self.picture.changed(changes)
        self.board.changed()
        if self.bus:
            self.bus.wake()

    def _ended_unnoted(self) -> list[str]:
        going, channels = self.metrics.going, self.live.channels
        return self.ended.unnoted(going, channels, time.monotonic(), all_read=self._all_read)

    async def noting(self) -> str:
        """Return why calls are not noted, nothing if they are. Raises OSError."""
        folder = self._settings.state / "journal"
        if trouble := await asyncio.to_thread(unwritable, folder):
            return trouble
        live = self.live.calls
        calls = None if live is None else [call.callref for call in live]
        missing = self.noted.missing(calls, time.monotonic(), all_read=self._all_read)
        if not missing:
            return ""
        log = self._settings.state / "asterisk" / "log" / "messages"
        return f"{len(missing)} live calls are not in the journal, {missing[0]} first: see {log}"

    async def keep_recordings(self) -> None:
        """Look for ever whether calls are recorded and whether there is room; erase what is due."""
        await self._opened.wait()
        at = lambda: self._clock() if self.ingest.calendar.believed else 0.0  # noqa: E731
        tell = functools.partial(self.tell, "recordings")
        await keep_recordings(self.ingest.engine, self._settings, at, tell)

    # -- the line, live

    async def watch(self) -> None:
        """Watch Asterisk for ever."""
        secret = lambda: applied.watcher_secret(self._settings)  # noqa: E731
        async with Watch(self._settings, secret) as watch:
            async for heard in watch:
                self.live = fold(self.live, heard)
                self.board.wake()

    async def tell_states(self) -> None:
        """Tell the broker the state of queues and hotlines, as they change."""
        while True:
            await asyncio.to_thread(self.in_force.follow)
            self.tell("ami", self.live.why)
            bus, now = self.bus, self._clock()
            self.tell("broker", bus.state.trouble if bus else "the database is not open yet")
            if bus:
                self._tell_states(bus, now)
            await asyncio.sleep(TELL_SECONDS)

    def _tell_states(self, bus: Bus, now: float) -> None:
        hotlines = self.hotlines.states(self.in_force.configuration, now)
        known: tuple[states.State, ...] = (
            *states.queue_states(self.live, now),
            *hotlines.values(),
        )
        for state in known:
            message = states.message(state)
            if states.is_news(self._told.get(message.topic), state):
                self._told[message.topic] = state
                bus.tell(message)

    async def talk(self) -> None:
        """Tell the broker what waits, and hear it, for ever."""
        await self._opened.wait()
        assert self.bus is not None  # noqa: S101 - it is there when the database is
        await self.bus.run()

    # -- who asks

    def sources(self) -> Sources:
        """Return where the pages get their answers."""
        return Sources(
            red=lambda: self.health.red(time.monotonic()),
            warnings=lambda: self.health.warnings(time.monotonic()),
            registry=self.metrics.registry,
            door=Door(self._records, clock=self._clock),
            board=self.board,
            phones=self._phones(),
        )

    def _phones(self) -> Phones:
        configuration = lambda: self.in_force.configuration  # noqa: E731
        secret = functools.partial(applied.phone_secret, self._settings)
        return Phones(configuration, secret, self._settings.ws_bind)

    def _screens(self) -> Screens:
        live, going = (lambda: self.live), (lambda: self.picture.calls)
        configuration = lambda: self.in_force.configuration  # noqa: E731
        known = Known(live, going, configuration)
        return Screens(
            configuration=configuration,
            live=live,
            records=going,
            trouble=self._trouble,
            actions=Actions(self._settings, known, self._records, self._clock),
            recordings=self._settings.state / "recordings",
            clock=self._clock,
        )

    def _engine(self) -> Engine:
        """Return the open database, for pages. Raises RecordsError until it is open."""
        if not self._opened.is_set():
            raise GoneError("the records are not open yet", "/healthz says why; try again")
        return self.ingest.engine

    def gauges(self) -> Iterator[Reading]:
        """Yield what Prometheus is told of this moment."""
        bad = {trouble.part for trouble in self._trouble()}
        at = self._clock()
        yield from gauges(self.metrics.open_calls, bad, self.live, self.free_bytes, at)

    def _trouble(self) -> tuple[Trouble, ...]:
        now = time.monotonic()
        return (*self.health.red(now), *self.health.warnings(now))
