"""What of a call goes into which row."""

import time

import pytest

from ivr.callrecord import CallRecord, Change, Hop, Talk
from ivr.records.rows import hop_rows


def round_and_round(rounds: int) -> Change:
    """A caller whom nobody reaches, and one more attempt."""
    hops = tuple(Hop(5.0 * n, "last", "polresta", "110", "telkom", "BUSY") for n in range(rounds))
    before = CallRecord("1.0", 0.0, "0812", "112", "telkom", hops=hops[:-1])
    return Change(before, CallRecord("1.0", 0.0, "0812", "112", "telkom", hops=hops))


def test_one_attempt_more_is_one_row() -> None:
    assert [row["place"] for row in hop_rows(round_and_round(9))] == [9]


def test_an_attempt_that_is_no_longer_what_it_was_is_one_too() -> None:
    rang = Hop(5.0, "1", "damkar", "113", "telkom")
    before = CallRecord("1.0", 0.0, "0812", "112", "telkom", hops=(rang,))
    talks = (Talk(9.0, "agency", "damkar"),)
    after = CallRecord("1.0", 0.0, "0812", "112", "telkom", hops=(rang,), talks=talks)
    (row,) = hop_rows(Change(before, after))
    assert row["served"]
    assert hop_rows(Change(after, after)) == []


@pytest.mark.timeout(60)
def test_a_caller_who_goes_round_and_round_costs_no_more_than_the_rounds() -> None:
    def cost(rounds: int) -> float:
        change = round_and_round(rounds)
        taken = []
        for _ in range(3):
            began = time.process_time()
            hop_rows(change)
            taken.append(time.process_time() - began)
        return min(taken)

    assert cost(4000) < 9 * cost(1000), "4 where it grows with the rounds, 16 with their square"
