"""The database, for pages: each question in a thread, so that the desk answers others meanwhile.

Law: the pages have threads of their own. A database that is held up keeps no thread from who reads
the journal.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, Engine

from ivr.records.engine import reading, writing

THREADS = 4
T = TypeVar("T")


class Records:
    """The database of one desk. `engine` gives it once it is open, and raises RecordsError before.

    Both methods may raise RecordsError, and whatever the work raises.
    """

    def __init__(self, engine: Callable[[], Engine]) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(THREADS, "console")

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Return what the work reads; it sees one moment."""
        return await self._run(lambda: self._read(work))

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Return what the work returns, when all that it wrote is there."""
        return await self._run(lambda: self._write(work))

    async def use(self, job: Callable[[Engine], T]) -> T:
        """Return what a job makes of the open database."""
        return await self._run(lambda: job(self._engine()))

    async def _run(self, job: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, job)

    def _read(self, work: Callable[[Connection], T]) -> T:
        with reading(self._engine()) as connection:
            return work(connection)

    def _write(self, work: Callable[[Connection], T]) -> T:
        with writing(self._engine()) as connection:
            return work(connection)
