"""The live screens of one desk, and what keeps them as the line is.

Its two tasks, `feed.run` and `counting.run`, run apart: what is wrong with one darkens no other.
"""

from collections.abc import Iterator

from ivr.desk.console.counted import Counting
from ivr.desk.console.drawing import Drawing
from ivr.desk.console.feed import Feed
from ivr.desk.console.records import Records
from ivr.desk.console.screens import Screens
from ivr.records.weather import Hotline


class Board:
    """What the pages of one console share. `wake` it when something may have changed."""

    def __init__(self, screens: Screens, records: Records) -> None:
        self.screens = screens
        self.drawing = Drawing(screens)
        self.feed = Feed(self.drawing.draw, screens.clock)
        self.counting = Counting(records, self._hotlines, self.feed.wake, screens.clock)
        screens.counted = lambda: self.counting.now
        screens.changed = self.counting.changed
        self.wake = self.feed.wake

    def changed(self) -> None:
        """Say that the records are no longer what they were."""
        self.feed.wake()
        self.counting.changed()

    async def count(self) -> None:
        """Count now."""
        await self.counting.count()

    def _hotlines(self) -> Iterator[Hotline]:
        for agency, one in self.screens.configuration().agencies.agencies.items():
            for hotline in one.hotlines:
                yield agency, hotline.dialled
