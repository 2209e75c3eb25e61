"""The live feed: what has changed on the screens, drawn once and sent to every console as it is.

Law 1: a change is told at once, and what follows it within TELL_SECONDS in one telling.
Law 2: fifty consoles cost one drawing a language, and the same bytes for all.
Law 3: what time alone changes (an agency that nobody answers) is told with the next beat.
Law 4: whoever is too slow is let go: the page comes back and gets the whole picture.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from ivr.desk.console.pieces import Pieces, changed, event
from ivr.words import Lang

TELL_SECONDS = 0.05
BEAT_SECONDS = 3.0
"""A page that hears nothing for four beats says so (static/feed.js)."""
WAITING = 200
"""Tellings that may wait for one console: ten seconds of a storm."""

Drawn = Mapping[str, Pieces]
"""The pieces of each live screen, by its name."""
Draw = Callable[[Lang], Drawn]


@dataclass(eq=False, slots=True)
class _Reader:
    """One console. None in the queue: it is let go."""

    language: Lang
    screens: frozenset[str]
    queue: asyncio.Queue[bytes | None] = field(default_factory=lambda: asyncio.Queue(WAITING + 1))

    def give(self, told: bytes) -> None:
        if self.queue.qsize() < WAITING:
            self.queue.put_nowait(told)
        else:
            self.let_go()

    def let_go(self) -> None:
        if not self.queue.full():
            self.queue.put_nowait(None)


class Feed:
    """What every console is told. `draw` gives the screens as they are now, in one language."""

    def __init__(self, draw: Draw, clock: Callable[[], float]) -> None:
        self._draw, self._clock = draw, clock
        self._readers: set[_Reader] = set()
        self._drawn: dict[Lang, Drawn] = {}
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Say that something may have changed."""
        self._news.set()

    @property
    def readers(self) -> int:
        """How many consoles listen."""
        return len(self._readers)

    def close(self) -> None:
        """Let every console go: each comes back when there is a desk again."""
        for reader in self._readers:
            reader.let_go()

    async def run(self) -> None:
        """Tell the consoles for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._telling())
            tasks.create_task(self._beating())

    async def follow(self, language: Lang, screens: Iterable[str]) -> AsyncIterator[bytes]:
        """Yield what a console is told, first of all everything; end when it is too slow."""
        with self._reading(_Reader(language, frozenset(screens))) as reader:
            for name, pieces in self._now(language).items():
                if name in reader.screens:
                    yield event(name, changed(None, pieces))
            yield event("beat", self._clock())
            while (told := await reader.queue.get()) is not None:
                yield told

    @contextmanager
    def _reading(self, reader: _Reader) -> Iterator[_Reader]:
        self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.discard(reader)

    def _now(self, language: Lang) -> Drawn:
        """Return the screens as the consoles of a language have them; drawn, for the first one."""
        if sum(reader.language == language for reader in self._readers) == 1:
            self._drawn[language] = self._draw(language)
        return self._drawn[language]

    def _tell(self) -> None:
        for language in {reader.language for reader in self._readers}:
            before, after = self._drawn.get(language, {}), self._draw(language)
            self._drawn[language] = after
            for name, pieces in after.items():
                if told := changed(before.get(name), pieces):
                    self._send(language, name, event(name, told))

    def _send(self, language: Lang, name: str, told: bytes) -> None:
        for reader in self._readers:
            if reader.language == language and name in reader.screens:
                reader.give(told)

    async def _telling(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            self._tell()
            await asyncio.sleep(TELL_SECONDS)

    async def _beating(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            told = event("beat", self._clock())
            for reader in self._readers:
                reader.give(told)
            self._news.set()
