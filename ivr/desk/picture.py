"""The records of the calls that go on, for the screens: as the journal last told them."""

from collections.abc import Iterable, Mapping

from ivr.callrecord import CallRecord, Change


class Picture:
    """The calls that go on. What it gives is not to be changed."""

    def __init__(self) -> None:
        self._calls: dict[str, CallRecord] = {}

    @property
    def calls(self) -> Mapping[str, CallRecord]:
        """Their records, by reference."""
        return self._calls

    def opened(self, calls: Iterable[CallRecord]) -> None:
        """Take the calls that the records had when they were opened."""
        self._calls = {call.callref: call for call in calls} | self._calls

    def changed(self, changes: Iterable[Change]) -> None:
        """Take what has changed; who has ended is gone from here."""
        for change in changes:
            if change.after.outcome is None:
                self._calls[change.after.callref] = change.after
            else:
                self._calls.pop(change.after.callref, None)
