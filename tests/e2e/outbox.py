"""An outbox in memory, for tests whose subject is the bus and not the database."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    id: int
    topic: str
    body: str
    retain: bool = False


class Memory:
    """Forgets when its process ends, and can be broken on purpose."""

    def __init__(self, rows: Sequence[Row] = ()) -> None:
        self.rows = list(rows)
        self.reports = {("siaga-1.0-damkar", "damkar")}
        self.stored: list[tuple[str, str, str]] = []
        self.told: list[int] = []
        self.broken: Exception | None = None

    def _work(self) -> None:
        if self.broken:
            raise self.broken

    def waiting(self, limit: int, after: int = -1) -> Sequence[Row]:
        self._work()
        return tuple([row for row in self.rows if row.id > after][:limit])

    def sent(self, ids: Sequence[int]) -> None:
        self._work()
        self.rows = [row for row in self.rows if row.id not in ids]
        self.told.append(len(ids))

    def acknowledged(self, report_id: str, agency: str, by: str, at: float) -> bool:
        self._work()
        assert at > 1.7e9
        word = (report_id, agency, by)
        if (report_id, agency) not in self.reports:
            return False
        if word[:2] not in [first[:2] for first in self.stored]:
            self.stored.append(word)
        return True


def calls(n: int, topics: int = 1) -> list[Row]:
    """Return rows about so many calls in turn, each saying which row it is."""
    return [Row(i, f"siaga112/calls/c{i % topics}", f"{i}") for i in range(n)]
