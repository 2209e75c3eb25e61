"""What was counted becomes figures, and each means what it says."""

import pytest

from ivr.counting import Attempts, Cell, Counted, figures
from ivr.figures import Ending, Figures, Waits, reason
from ivr.period import a_day

DAY = a_day("2026-11-25")
NINE = DAY.hours[0] + 9


def cell(ending: Ending | None, calls: int = 1, **more: int) -> Cell:
    return Cell(NINE, ending, "fire", "controller", calls, **more)


def of(*cells: Cell, **more: object) -> Figures:
    return figures(DAY, Counted(cells=cells, **more))  # type: ignore[arg-type]


def test_a_caller_whom_only_the_menu_answered_is_abandoned() -> None:
    found = of(cell("abandoned-menu", 3), cell("connected-agency", 1))
    assert (found.calls.abandoned, found.calls.ended) == (3, 4)


def test_a_test_call_counts_in_nothing_but_itself() -> None:
    found = of(cell(None, 5, early=5, queued=5))
    assert (found.tests, found.calls.calls, found.queued, found.rate.early) == (5, 0, 0, 0)
    assert found.by_service == {}
    assert not found.empty


def test_an_open_call_counts_as_open_and_in_no_rate() -> None:
    found = of(cell("open", 2, queued=1), cell("connected-agency", 1))
    assert (found.calls.calls, found.calls.ended, found.queued) == (3, 1, 0)
    assert found.rate.received == 1


def test_the_indonesian_formula_leaves_out_whom_nobody_could_answer() -> None:
    found = of(
        cell("connected-operator", 6),
        cell("abandoned-menu", 4, early=2),
        cell("cut-off", 1, early=1),  # not by the caller
        human=Waits(((90, 5), (301, 1))),
    )
    assert found.rate.share == 5 / (11 - 2)


def test_a_rate_of_nothing_is_none() -> None:
    assert of().rate.share is None
    assert of(cell("abandoned-menu", 1, early=1)).rate.share is None
    assert of().empty


def test_every_hour_of_the_day_is_there() -> None:
    found = of(cell("cut-off", 2))
    assert list(found.by_hour) == list(range(24))
    assert [hour for hour, tally in found.by_hour.items() if tally.calls] == [9]


def test_the_service_with_most_calls_comes_first() -> None:
    cells = (Cell(NINE, "cut-off", name, "", many) for name, many in (("a", 1), ("c", 2), ("b", 2)))
    assert list(of(*cells).by_service) == ["b", "c", "a"]


def test_a_quantile_is_the_nearest_rank() -> None:
    waits = Waits(((10, 1), (20, 1), (30, 1), (40, 7)))
    assert [waits.quantile(percent) for percent in (0, 10, 11, 30, 50, 90, 100)] == [
        *(1.0, 1.0, 2.0, 3.0, 4.0, 4.0, 4.0)
    ]
    assert Waits().quantile(50) is None


def test_within_ten_seconds_is_exact() -> None:
    waits = Waits(((100, 2), (101, 1)))  # in tenths, rounded up: 101 is above 10 s
    assert (waits.within(10), waits.within(11), waits.count) == (2, 3, 3)


@pytest.mark.parametrize(
    ("status", "cause", "why"),
    [
        ("BUSY", 17, "busy"),
        ("NOANSWER", 0, "no-answer"),
        ("NOANSWER", 19, "no-answer"),
        ("CONGESTION", 34, "full"),
        ("CONGESTION", 16, "not-accepted"),
        ("CHANUNAVAIL", 3, "unreachable"),
        ("CHANUNAVAIL", 0, "unreachable"),
        ("CHANUNAVAIL", 1, "wrong-number"),
        ("CHANUNAVAIL", 21, "refused"),
        ("ANSWER", 16, "left"),
        ("INVALIDARGS", 0, "other"),
    ],
)
def test_an_attempt_that_failed_has_a_reason(status: str, cause: int, why: str) -> None:
    assert reason(status, cause) == why


def test_an_agency_has_its_attempts_and_what_became_of_them() -> None:
    attempts = (
        Attempts("damkar", "ANSWER", 16, True, 3),
        Attempts("damkar", "ANSWER", 16, False, 1),
        Attempts("damkar", "BUSY", 17, False, 2),
        Attempts("damkar", "CANCEL", 0, False, 1),
        Attempts("damkar", "", 0, True, 4),
        Attempts("bpbd", "", 0, False, 1),
    )
    rings = {"damkar": Waits(((70, 2), (310, 1)))}
    damkar, bpbd = of(attempts=attempts, rings=rings).handoffs
    assert (damkar.attempts, damkar.reached.count, damkar.caller_left, damkar.open) == (7, 3, 1, 4)
    assert {why: many for why, many in damkar.failed.items() if many} == {"left": 1, "busy": 2}
    assert (bpbd.attempts, bpbd.open) == (0, 1)
