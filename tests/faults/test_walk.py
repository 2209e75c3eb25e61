"""Who is rung, in what order and when: the walker and the queue, timed at the far ends."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import scripts
from far_end import Attempt
from scripts import Echo, HangUp, Pause, Reply, Script
from stage import Site, Stage

from ivr.phone import Key, PhoneCall, Report, What, call

SOON_SECONDS = 2.0
"""On a machine that is busy with tests."""
PICKS_UP = (Reply(180), Pause(0.5), Reply(200, sdp=True), Echo())
BUSY_FOR_40_S = Script("talks 40 s", (*PICKS_UP, Pause(40.0), HangUp()))
LEAVES_AFTER_12_S = Script("talks 12 s, then hangs up", (*PICKS_UP, Pause(12.0), HangUp()))
DIES_AFTER_5_S = Script("dies after 5 s", (*PICKS_UP, Pause(5.0), scripts.Die()))


class Story:
    """Callers on one line, and who was rung for them."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    async def caller(
        self,
        name: str,
        *keys: Key,
        seconds: float,
        agencies: tuple[Script, ...] = (),
        operators: tuple[Script, ...] = (),
    ) -> Report:
        """Dial 112 from the number `name` and stay for `seconds`; far ends play their scripts."""
        self.stage.scripts[name] = agencies
        self.stage.operator_scripts[name] = operators
        return await call(
            PhoneCall(port=self.stage.line.sip_port, caller=name, keys=keys, max_seconds=seconds)
        )

    def rung(self, name: str) -> list[Attempt]:
        """Return who was rung for a caller, in order."""
        return sorted(self.stage.attempts(name), key=lambda attempt: attempt.invited_at)

    async def rings(self, name: str) -> None:
        """Wait until somebody is rung for a caller."""
        async with asyncio.timeout(20):
            while not self.rung(name):  # noqa: ASYNC110 - the far ends tell nobody
                await asyncio.sleep(0.05)

    def told(self, kind: str) -> list[str]:
        """Return what the journal says of one kind of event."""
        events = self.stage.line.journal()
        return [event["eventextra"] for event in events if event["eventtype"] == kind]


Tell = Callable[[Story], Awaitable[None]]
STORIES: dict[str, tuple[Site, Tell]] = {}


def story(site: Site) -> Callable[[Tell], Tell]:
    """Note what happens on a line: all stories are played side by side, because most is waiting."""

    def note(tell: Tell) -> Tell:
        STORIES[tell.__name__] = (site, tell)
        return tell

    return note


async def _play(slot: int, site: Site, tell: Tell) -> None:
    stage = Stage(site, slot)
    try:
        await stage.open()
        await tell(Story(stage))
        assert await stage.empty() == ""
        assert stage.line.warnings() == []
    finally:
        await stage.close()


@pytest.fixture(scope="session")
def played(request: pytest.FixtureRequest) -> dict[str, BaseException | None]:
    """Play the stories that were asked for; return what went wrong in each."""
    asked = [
        name
        for name in STORIES
        for item in request.session.items
        if item.name.endswith(f"[{name}]")
    ]

    async def together() -> list[BaseException | None]:
        plays = (_play(slot, *STORIES[name]) for slot, name in enumerate(asked))
        return await asyncio.gather(*plays, return_exceptions=True)

    return dict(zip(asked, asyncio.run(together()), strict=True))


@story(Site(operators=1, outgoing=("elsewhere", "carrier")))
async def a_trunk_that_said_nothing_is_left_aside_by_the_next_caller(story: Story) -> None:
    first = await story.caller("81001", Key("1"), seconds=14.0)
    second = await story.caller("81002", Key("1"), seconds=4.0)
    waited = story.rung("81001")[0].invited_at - first.marks.invited_at
    assert 10.0 <= waited <= 12.0 + SOON_SECONDS, "ring tone for 10 s, then the other trunk"
    assert story.rung("81002")[0].invited_at - second.marks.invited_at <= 1.0 + SOON_SECONDS
    assert first.longest_silence_seconds <= 3.0


@story(Site(operators=1, outgoing=("elsewhere",)))
async def a_trunk_that_is_the_only_one_is_tried_all_the_same(story: Story) -> None:
    for name in ("81001", "81002"):
        report = await story.caller(name, Key("1"), seconds=14.0)
        assert report.heard(What.OWN_VOICE), "an operator"
    assert [hop.count("status=CHANUNAVAIL") for hop in story.told("HOP")] == [1, 1]


@story(Site(operators=4))
async def an_operator_is_rung_within_40_s_on_0_and_for_a_wrong_number_at_once(
    story: Story,
) -> None:
    rings_on = scripts.RINGS_FOR_EVER
    lost = Script("no such number", (Reply(404),))
    patient, hasty, misled = await asyncio.gather(
        story.caller("81001", Key("4"), seconds=46.0, agencies=(rings_on,) * 2),
        story.caller(
            *("81002", Key("1"), Key("0", after_seconds=4.0)), seconds=8.0, agencies=(rings_on,)
        ),
        story.caller("81003", Key("2"), seconds=5.0, agencies=(lost,)),
    )
    bpbd, damkar, operator = story.rung("81001")
    assert (bpbd.number, damkar.number) == ("117", "113")
    assert operator.invited_at - bpbd.invited_at <= 40.0 + SOON_SECONDS
    assert patient.longest_silence_seconds <= 3.0
    damkar, operator = story.rung("81002")
    assert damkar.ended_by == "CANCEL"
    pressed = hasty.heard(What.KEY_SENT)[1].seconds + hasty.marks.invited_at
    assert operator.invited_at - pressed <= SOON_SECONDS
    nobody, operator = story.rung("81003")
    assert operator.invited_at - nobody.invited_at <= SOON_SECONDS
    assert misled.heard(What.OWN_VOICE)
    (alarm,) = story.told("ALARM")
    assert "what=wrong-number number=119" in alarm


@story(Site(operators=1))
async def who_lost_his_operator_goes_before_who_has_waited(story: Story) -> None:
    # The only operator's telephone dies in the talk with the first; the second waits by then.
    late = Key("0", after_seconds=10.0)
    first, second = await asyncio.gather(
        story.caller("81001", Key("0"), seconds=40.0, operators=(DIES_AFTER_5_S,)),
        story.caller("81002", late, seconds=36.0),
    )
    assert len(story.stage.phones.of("81001")) == 2
    assert not story.stage.phones.of("81002")
    assert first.heard(What.OWN_VOICE)
    assert second.longest_silence_seconds <= 3.0


@story(Site(operators=1))
async def who_waits_hears_so_within_3_s_and_every_15_s_until_the_last_number(
    story: Story,
) -> None:
    async def waiting() -> Report:
        await story.rings("81001")
        return await story.caller("81002", Key("0"), seconds=36.0, operators=(BUSY_FOR_40_S,) * 9)

    _, report = await asyncio.gather(
        story.caller("81001", Key("0"), seconds=38.0, operators=(BUSY_FOR_40_S,)), waiting()
    )
    pressed = report.heard(What.KEY_SENT)[0].seconds
    first, second, *_ = (event.seconds for event in report.heard(What.VOICE))
    assert first - pressed <= 3.0 + SOON_SECONDS
    assert abs(second - first - 15.0) <= SOON_SECONDS
    (police,) = story.rung("81002")
    assert police.number == "110"
    assert police.invited_at - report.marks.invited_at - pressed <= 25.0 + 2 * SOON_SECONDS
    assert report.longest_silence_seconds <= 3.0


@story(Site(operators=1))
async def who_was_left_by_an_agency_after_a_talk_is_brought_to_an_operator(
    story: Story,
) -> None:
    report = await story.caller("81001", Key("6"), seconds=24.0, agencies=(LEAVES_AFTER_12_S,))
    agency, operator = story.rung("81001")
    assert agency.ended_by == "us"
    assert operator.answered_at
    assert report.ended_by == "caller"
    assert report.longest_silence_seconds <= 3.0


@pytest.mark.parametrize("name", STORIES)
def test_the_walk(played: dict[str, BaseException | None], name: str) -> None:
    if wrong := played[name]:
        raise wrong
