"""What the screens show of the records: counted beside the calls, and never in their way.

Law: while the records are out of reach, what was last counted stays, with the time of it.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import structlog
from sqlalchemy import Connection

from ivr.counting import figures
from ivr.desk.console.records import Records
from ivr.figures import Figures
from ivr.period import Period, today
from ivr.ranking import ToCall, ranked
from ivr.records import worklist
from ivr.records.alarms import Alarm, alarms
from ivr.records.errors import RecordsError
from ivr.records.figures import count
from ivr.records.weather import Hotline, of_hotlines
from ivr.records.worklist import Claim, Tried
from ivr.weather import Weather

EVERY_SECONDS = 10.0
"""Also when nothing has changed: a claim ends, a day begins."""
BETWEEN_SECONDS = 1.0
ALARM_SECONDS = 86400
ALARMS = 8

log = structlog.get_logger()


@dataclass(frozen=True, eq=False)
class Counted:
    """What was counted `at`, in seconds UTC; None while nothing was.

    Two of them are the same only if they are one: what is drawn of it is kept by that.
    """

    at: float | None = None
    callbacks: tuple[ToCall, ...] = ()
    claims: Mapping[str, Claim] = field(default_factory=dict)
    tried: Mapping[str, list[Tried]] = field(default_factory=dict)
    weather: Mapping[Hotline, Weather] = field(default_factory=dict)
    alarms: tuple[Alarm, ...] = ()
    figures: Figures | None = None


def read(connection: Connection, hotlines: Iterable[Hotline], now: float) -> Counted:
    """Count all of it. `now` is in seconds UTC."""
    missed = ranked(worklist.missed(connection))
    day: Period = today(now)
    return Counted(
        at=now,
        callbacks=missed,
        claims=worklist.claims(connection, now),
        tried=worklist.attempts(connection, sorted(one.ani for one in missed)),
        weather=of_hotlines(connection, hotlines, now),
        alarms=tuple(alarms(connection, now - ALARM_SECONDS, ALARMS)),
        figures=figures(day, count(connection, day)),
    )


class Counting:
    """Counts again when something has changed, and tells `wake` when it has."""

    def __init__(
        self,
        records: Records,
        hotlines: Callable[[], Iterable[Hotline]],
        wake: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._records, self._hotlines, self._wake, self._clock = records, hotlines, wake, clock
        self._news = asyncio.Event()
        self.now, self._why = Counted(), ""

    def changed(self) -> None:
        """Say that the records are no longer what they were."""
        self._news.set()

    async def run(self) -> None:
        """Count for ever."""
        while True:
            self._news.clear()
            await self.count()
            await asyncio.sleep(BETWEEN_SECONDS)
            try:
                async with asyncio.timeout(EVERY_SECONDS):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def count(self) -> None:
        """Count once."""
        hotlines, now = tuple(self._hotlines()), self._clock()
        try:
            self.now, why = await self._records.read(lambda c: read(c, hotlines, now)), ""
        except RecordsError as error:
            why = str(error)
        if why not in ("", self._why):
            log.warning("screens.not_counted", why=why)
        self._why = why
        self._wake()
