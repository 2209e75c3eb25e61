"""What waits for the broker waits in order until it is gone, and an agency's word is kept."""

from sqlalchemy import Engine, select

from ivr.callrecord import CallRecord
from ivr.messages import Message
from ivr.records import schema
from ivr.records.engine import reading, writing
from ivr.records.outbox import Outbox, Queued, put
from ivr.records.rows import call_row

MESSAGES = [Message(f"topic/{number}", "{}", retain=number == 2) for number in range(1, 4)]


def put_all(engine: Engine) -> Outbox:
    with writing(engine) as connection:
        put(connection, MESSAGES, at=100.0)
    return Outbox(engine)


def test_messages_wait_in_the_order_in_which_they_were_written(engine: Engine) -> None:
    outbox = put_all(engine)
    assert outbox.waiting(10) == [
        Queued(1, "topic/1", "{}", retain=False),
        Queued(2, "topic/2", "{}", retain=True),
        Queued(3, "topic/3", "{}", retain=False),
    ]
    assert [message.id for message in outbox.waiting(2)] == [1, 2]
    assert [message.id for message in outbox.waiting(10, after=1)] == [2, 3]


def test_a_message_waits_until_it_was_sent_and_its_number_is_no_other_s(engine: Engine) -> None:
    outbox = put_all(engine)
    outbox.sent([1, 3])
    outbox.sent([])
    assert [message.id for message in outbox.waiting(10)] == [2]
    outbox.sent([2])
    put_all(engine)
    assert [message.id for message in outbox.waiting(10)] == [4, 5, 6]


def test_very_many_messages_may_have_been_sent(engine: Engine) -> None:
    outbox = put_all(engine)
    outbox.sent(range(1, 40000))
    assert outbox.waiting(10) == []


def test_the_first_word_of_the_agency_that_was_told_counts(engine: Engine) -> None:
    call = CallRecord("1.0", 100.0, "0812", "112", "telkom")
    report = {"id": "r-1", "callref": "1.0", "agency": "damkar", "made_at": 1.0, "body": "{}"}
    with writing(engine) as connection:
        connection.execute(schema.calls.insert(), call_row(call, 1))
        connection.execute(schema.reports.insert(), report)
    outbox = Outbox(engine)
    assert not outbox.acknowledged("r-1", "bpbd", "who", 200.0)
    assert not outbox.acknowledged("r-2", "damkar", "who", 200.0)
    assert outbox.acknowledged("r-1", "damkar", "regu 1", 201.0)
    assert outbox.acknowledged("r-1", "damkar", "regu 2", 202.0)
    with reading(engine) as connection:
        row = connection.execute(select(schema.reports)).one()
    assert (row.acknowledged_at, row.acknowledged_by) == (201.0, "regu 1")
