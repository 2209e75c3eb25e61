"""Who looked at whom: each look at a caller's number is in the audit, once an hour.

Law: an operator sees the caller also while the audit cannot be written; the log then says who did.
"""

from collections.abc import Callable, Iterable

import structlog

from ivr.desk.console.records import Records
from ivr.records import audit
from ivr.records.errors import RecordsError

AGAIN_SECONDS = 3600
MOST = 20_000

log = structlog.get_logger()


class Looks:
    """The looks of one desk. `clock` is in seconds UTC."""

    def __init__(self, records: Records, clock: Callable[[], float]) -> None:
        self._records, self._clock = records, clock
        self._noted: dict[tuple[str, str, str], float] = {}

    async def note(self, who: str, what: str, subjects: Iterable[str]) -> None:
        """Note that somebody saw these: calls by their reference, or a live screen."""
        now = self._clock()
        new = [x for x in subjects if now - self._noted.get((who, what, x), 0) >= AGAIN_SECONDS]
        if not new:
            return
        try:
            await self._records.write(lambda c: audit.note(c, now, who, what, new))
        except RecordsError as error:
            log.warning("audit.not_written", who=who, what=what, subjects=new, why=str(error))
            return
        if len(self._noted) > MOST:
            self._noted.clear()
        self._noted.update({(who, what, subject): now for subject in new})
