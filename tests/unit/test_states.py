"""What is told of queues and hotlines follows from the records and from what AMI shows."""

from dataclasses import replace

from ivr.callrecord import CallRecord, Change, Hop
from ivr.desk.states import Hotlines, is_news, message, queue_states
from ivr.live import Live
from ivr.messages import QueueState
from routing.configuration import Configuration

RINGING = CallRecord(
    "siaga-1.0",
    100.0,
    "0812",
    "112",
    "from-trunk",
    hops=(Hop(104.0, "1", "damkar", "113", "simulated"),),
)


def hop(call: CallRecord, **fields: object) -> CallRecord:
    return replace(call, hops=(replace(call.hops[0], **fields),))  # type: ignore[arg-type]


def test_a_hotline_rings_then_talks_then_is_free(shipped: Configuration) -> None:
    hotlines = Hotlines(())
    seen = []
    talking = hop(RINGING, ring_seconds=5.0)
    over = replace(hop(talking, status="ANSWER", talk_seconds=60.0), outcome="connected-agency")
    for before, after in ((None, RINGING), (RINGING, talking), (talking, over)):
        hotlines.changed(Change(before, after))
        state = hotlines.states(shipped, 200.0)["damkar-113"]
        seen.append((state.ringing_calls, state.talking_calls, state.last_status))
    assert seen == [(1, 0, ""), (0, 1, ""), (0, 0, "ANSWER")]
    assert hotlines.states(shipped, 200.0)["damkar-113"].last_tried_at == 104.0


def test_a_call_that_was_open_at_the_start_is_still_at_its_hotline(shipped: Configuration) -> None:
    assert Hotlines((RINGING,)).states(shipped, 200.0)["damkar-113"].ringing_calls == 1


def test_a_drill_rang_nobody_and_tells_nothing_of_a_hotline(shipped: Configuration) -> None:
    drill = replace(RINGING, trunk="drill")
    hotlines = Hotlines((drill,))
    hotlines.changed(Change(None, hop(replace(drill, outcome="test"), status="ANSWER")))
    state = hotlines.states(shipped, 200.0)["damkar-113"]
    assert (state.ringing_calls, state.talking_calls, state.last_status) == (0, 0, "")


def test_a_hotline_that_nobody_tried_says_so(shipped: Configuration) -> None:
    state = Hotlines(()).states(shipped, 200.0)["psc-119"]
    assert (state.ringing_calls, state.last_tried_at, state.last_status) == (0, None, "")


def test_an_earlier_attempt_that_is_told_later_is_not_the_last(shipped: Configuration) -> None:
    hotlines = Hotlines(())
    busy, answered = hop(RINGING, status="BUSY"), hop(RINGING, at=300.0, status="ANSWER")
    hotlines.changed(Change(None, replace(answered, callref="siaga-2.0")))
    hotlines.changed(Change(None, busy))
    assert hotlines.states(shipped, 400.0)["damkar-113"].last_status == "ANSWER"


def test_of_a_line_that_is_not_seen_nothing_is_known() -> None:
    assert queue_states(Live(), 5.0) == (QueueState("operators", 5.0), QueueState("backup", 5.0))


def test_a_longer_wait_alone_is_no_news() -> None:
    state = QueueState("operators", 5.0, 1, 2.0, 2, 1)
    assert not is_news(state, replace(state, at=9.0, longest_wait_seconds=6.0))
    assert is_news(state, replace(state, at=9.0, waiting_calls=2))
    assert is_news(None, state)


def test_a_state_is_told_again_so_that_nobody_takes_it_for_stale(shipped: Configuration) -> None:
    state = Hotlines(()).states(shipped, 100.0)["psc-119"]
    assert not is_news(state, replace(state, at=110.0))
    assert is_news(state, replace(state, at=115.0))
    assert message(state).topic == "siaga112/hotlines/psc-119"
