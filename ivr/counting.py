"""From what was counted, in the database or elsewhere, to the figures of a period."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ivr.figures import (
    ABANDONED,
    ANSWER_SECONDS,
    ENDINGS,
    REASONS,
    AnswerRate,
    Ending,
    Figures,
    Handoff,
    Tally,
    Waits,
    reason,
)
from ivr.period import Period, day_and_hour


@dataclass(frozen=True, slots=True)
class Cell:
    """Calls that are alike, in one hour since the epoch, UTC. `ending` is None for test calls.

    Nobody answered the `early` ones, and they ended within 5 s of the INVITE; the `late` ones only
    after 10 s. `queued` came to the operators; the wait of `queue_early` of them ended with the
    call, within 5 s.
    """

    hour: int
    ending: Ending | None
    service: str
    floor: str
    calls: int
    early: int = 0
    late: int = 0
    queued: int = 0
    queue_early: int = 0


@dataclass(frozen=True, slots=True)
class Attempts:
    """Attempts to reach an agency that are alike. `status` and `cause` as in a Hop."""

    agency: str
    status: str
    cause: int
    served: bool
    attempts: int


@dataclass(frozen=True, slots=True)
class Counted:
    """All that is counted of a period.

    `human` and `queue` as in Figures; `rings` are the seconds from when an agency was rung to when
    it was joined, of the attempts that served.
    """

    cells: tuple[Cell, ...] = ()
    human: Waits = field(default_factory=Waits)
    queue: Waits = field(default_factory=Waits)
    attempts: tuple[Attempts, ...] = ()
    rings: Mapping[str, Waits] = field(default_factory=dict)


def figures(period: Period, of: Counted) -> Figures:
    """Return the figures of a period, from what was counted of it."""
    counted = [cell for cell in of.cells if cell.ending is not None]
    ended = [cell for cell in counted if cell.ending != "open"]
    calls = _tally(counted)
    left = [cell for cell in ended if cell.ending in ABANDONED]
    queued = sum(cell.queued for cell in ended)
    early = sum(cell.early for cell in left)
    queue_early = sum(cell.queue_early for cell in ended if cell.ending != "cut-off")
    hours = {hour: list[Cell]() for hour in range(24)}
    days = {day: list[Cell]() for day in period.days}
    for cell in counted:
        day, hour = day_and_hour(cell.hour)
        hours[hour].append(cell)
        days[day].append(cell)
    return Figures(
        period=period,
        tests=sum(cell.calls for cell in of.cells if cell.ending is None),
        calls=calls,
        by_service=_grouped(counted, "service"),
        by_floor=_grouped(counted, "floor"),
        by_hour={hour: _tally(of_hour) for hour, of_hour in hours.items()},
        by_day={day: _tally(of_day) for day, of_day in days.items()},
        late=sum(cell.late for cell in left),
        human=of.human,
        queued=queued,
        queue=of.queue,
        rate=AnswerRate(of.human.within(ANSWER_SECONDS), calls.ended, early),
        queue_rate=AnswerRate(of.queue.within(ANSWER_SECONDS), queued, queue_early),
        handoffs=_handoffs(of.attempts, of.rings),
    )


def _tally(cells: Iterable[Cell]) -> Tally:
    by = dict.fromkeys(ENDINGS, 0)
    for cell in cells:
        if cell.ending is not None:
            by[cell.ending] += cell.calls
    return Tally(by)


def _grouped(cells: Iterable[Cell], what: Literal["service", "floor"]) -> dict[str, Tally]:
    """Return the tally of each service or floor, the one with most calls first."""
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(getattr(cell, what), []).append(cell)
    tallies = {name: _tally(group) for name, group in groups.items()}
    return dict(sorted(tallies.items(), key=lambda one: (-one[1].calls, one[0])))


def _handoffs(attempts: Iterable[Attempts], rings: Mapping[str, Waits]) -> tuple[Handoff, ...]:
    groups: dict[str, list[Attempts]] = {}
    for each in attempts:
        groups.setdefault(each.agency, []).append(each)
    handoffs = (
        _handoff(agency, of_agency, rings.get(agency, Waits()))
        for agency, of_agency in groups.items()
    )
    return tuple(sorted(handoffs, key=lambda one: (-one.attempts, one.agency)))


def _handoff(agency: str, attempts: Iterable[Attempts], reached: Waits) -> Handoff:
    failed = dict.fromkeys(REASONS, 0)
    others: Counter[str] = Counter()
    for each in attempts:
        if each.status in ("", "CANCEL"):
            others[each.status] += each.attempts
        elif not each.served:
            failed[reason(each.status, each.cause)] += each.attempts
    return Handoff(agency, reached, failed, others["CANCEL"], others[""])
