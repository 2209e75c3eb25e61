"""The calls of this moment: as Asterisk shows them, and as the journal tells of them."""

from dataclasses import replace

import pytest

from ivr.callrecord import CallRecord, Hop, Step, Talk
from ivr.desk.console.callsnow import Row, With, rows
from ivr.heard import Channel, Member
from ivr.live import Live, Waiting

REF = "siaga-1795643698.0"
MENU = CallRecord(REF, 1795643698.25, "0812", "112", "telkom", steps=(Step(2.0, "menu", "1"),))


def channel(callref: str = REF, context: str = "ask-controller", **more: bool | str) -> Channel:
    known = {"uniqueid": callref, "name": f"PJSIP/telkom-{callref[-1]}", "ringing": False}
    return Channel(**{**known, "callref": callref, "context": context, "bridged": False, **more})  # type: ignore[arg-type]


def phone(callref: str, *, ringing: bool = False) -> Channel:
    leg = f"{callref}-leg"
    name = "PJSIP/operator-1-0000002a"
    return channel(callref, "", uniqueid=leg, name=name, ringing=ringing, bridged=not ringing)


def line(*channels: Channel, waiting: tuple[Waiting, ...] = ()) -> Live:
    members = (Member("operators", "operator-1", "Operator 1", 1, paused=False),)
    return Live(
        why="",
        at=1795643700.0,
        channels={one.uniqueid: one for one in channels},
        entries={one.callref: one for one in waiting},
        members={(one.queue, one.account): one for one in members},
    )


def seen(live: Live, *records: CallRecord, asked: tuple[tuple[str, str], ...] = ()) -> list[Row]:
    known = {record.callref: record for record in records}
    return list(rows(live, known, lambda _: asked, lambda _, name: name.upper()))


def test_a_call_is_seen_before_the_journal_says_whose_it_is() -> None:
    (row,) = seen(line(channel()))
    assert row == Row(REF, "menu", 1795643698.0, 1795643698.0, ani=None)


def test_in_the_menu_the_keys_pressed_so_far_are_shown() -> None:
    steps = (Step(2.0, "menu", "4"), Step(3.0, "wrong", ""), Step(4.0, "repeat", "1"))
    (row,) = seen(line(channel()), replace(MENU, steps=steps, service="fire", language="en"))
    assert (row.ani, row.keys, row.service, row.language) == ("0812", "41", "fire", "en")


def test_an_agency_that_rings_is_named_and_how_many_failed_before() -> None:
    hops = (
        Hop(5.0, "1", "psc-119", "119", "telkom", "BUSY", 17),
        Hop(9.0, "2", "damkar", "113", "t"),
    )
    (row,) = seen(line(channel(context="walk-plan")), replace(MENU, hops=hops))
    assert (row.stage, row.since, row.failed) == ("ringing", 9.0, 1)
    assert row.people == (With("agency", "DAMKAR", "ringing"),)


def test_who_waits_counts_from_when_operators_were_asked_and_sees_whose_phone_rings() -> None:
    waiting = Waiting(REF, "operators", 1, 9, since=20.0)
    live = line(channel(context="ops"), phone(REF, ringing=True), waiting=(waiting,))
    (row,) = seen(live, replace(MENU, queued_at=12.0))
    assert (row.stage, row.since, row.position) == ("queue", 12.0, 1)
    assert row.people == (With("operator", "OPERATOR-1", "ringing"),)


def test_who_talks_is_named_once_though_journal_and_telephone_both_say_so() -> None:
    live = line(channel(bridged=True), phone(REF))
    talks = (Talk(30.0, "operator", "operator-1"),)
    (row,) = seen(live, replace(MENU, talks=talks))
    assert (row.stage, row.since) == ("talking", 30.0)
    assert row.people == (With("operator", "OPERATOR-1", "talking"),)


def test_an_agency_that_was_brought_in_is_named_with_its_state() -> None:
    (row,) = seen(line(channel(bridged=True)), MENU, asked=(("damkar", "busy"),))
    assert row.people == (With("agency", "DAMKAR", "busy"),)


def test_who_waits_is_first_in_the_order_of_the_queue_and_who_talks_is_last() -> None:
    refs = [f"siaga-1795643698.{n}" for n in range(4)]
    waiting = (
        Waiting(refs[0], "operators", 2, 0, since=1.0),
        Waiting(refs[1], "operators", 1, 9, since=5.0),
    )
    live = line(
        channel(refs[0], "ops"),
        channel(refs[1], "ops"),
        channel(refs[2], bridged=True),
        channel(refs[3]),
        waiting=waiting,
    )
    assert [row.callref for row in seen(live)] == [refs[1], refs[0], refs[3], refs[2]]


@pytest.mark.parametrize("stage", ["menu", "ringing", "queue", "talking"])
def test_while_asterisk_is_not_seen_the_journal_s_calls_are_shown(stage: str) -> None:
    record = replace(MENU, stage=stage)  # type: ignore[arg-type]
    (row,) = seen(Live(), record)
    assert (row.callref, row.stage, row.ani) == (REF, stage, "0812")


def test_a_call_that_asterisk_no_longer_has_is_gone_whatever_the_journal_says() -> None:
    assert seen(line(), MENU) == []
