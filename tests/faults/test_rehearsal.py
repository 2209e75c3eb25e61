"""What is rehearsed is what happens: drawn cases on a real line, beside what the rehearsal tells.

`SIAGA_TEST_CASES=200` plays as many. A line that says nothing at all is not drawn: other callers
would not be led there for a minute. It has a number of its own here.
"""

import asyncio
import os
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pytest
import scripts
from scripts import PERSON, Script
from stage import Site, Stage

from ivr.phone import Key, PhoneCall, call
from ivr.recordings import seconds_in_force
from ivr.rehearsal import Case, Happening, rehearse
from routing.agencies import WIB
from routing.attempts import Outcome
from routing.configuration import Configuration
from routing.loading import load

CASES = int(os.environ.get("SIAGA_TEST_CASES", "40"))
SEED = 112
APART_SECONDS = 0.5
LATE_SECONDS = 8.0
"""How long a caller stays beyond what is rehearsed: two cores are late at times."""
RINGS = {'number: "117", ring_seconds: 20': 6, 'number: "113", ring_seconds: 20': 10}
TRUNKS = ("carrier", "second")
KEYS: Mapping[str, tuple[Key, ...]] = {
    "1": (Key("1"),),
    "2": (Key("2"),),
    "3": (Key("3"),),
    "4": (Key("4"),),
    "5": (Key("5"),),
    "0": (Key("0"),),
    "8": (Key("8"),),
    "94": (Key("9"), Key("4", after_seconds=2.0)),
    "10": (Key("1"), Key("0", after_seconds=3.0)),
    "": (),
}
FAR_ENDS: Mapping[Outcome, Script] = {
    "answers": PERSON,
    "busy": scripts.BUSY,
    "no-answer": scripts.RINGS_FOR_EVER,
    "full": scripts.FULL,
    "refused": Script("403 with Q.850 21", (scripts.Reply(403, headers=scripts.reason(21)),)),
    "wrong-number": Script("404 with Q.850 1", (scripts.Reply(404, headers=scripts.reason(1)),)),
    "not-accepted": scripts.MUTE,
    "left": scripts.HANGS_UP_AT_ONCE,
    "unreachable": scripts.DEAF,
}
NEVER, DEAD = "119", "0761123"
"""The numbers of the keys 2 and 5, where nothing answers. The second was dead before."""
STATUS: Mapping[str, str] = {
    "busy": "BUSY",
    "no-answer": "NOANSWER",
    "full": "CONGESTION",
    "refused": "CHANUNAVAIL",
    "wrong-number": "CHANUNAVAIL",
    "not-accepted": "CONGESTION",
    "left": "ANSWER",
    "unreachable": "CHANUNAVAIL",
}


class TwoTrunks(Stage):
    """A line with two trunks to the same carrier, whose numbers ring shorter than is shipped."""

    fates: dict[str, Mapping[str, Outcome]]

    def _configure(self, carrier: str) -> None:
        super()._configure(carrier)
        config = self.line.settings.config
        site, agencies = (config / name for name in ("site.yaml", "agencies.yaml"))
        second = f'trunks:\n  second: {{gateway: "{carrier}"}}'
        text = site.read_text().replace("trunks:", second)
        site.write_text(text.replace("outgoing: [carrier]", f"outgoing: [{', '.join(TRUNKS)}]"))
        text = agencies.read_text()
        for old, seconds in RINGS.items():
            text = text.replace(old, old.replace("20", str(seconds)))
        agencies.write_text(text)
        self.apply()

    def _choose_agency(self, caller: str, number: str) -> Script:
        return FAR_ENDS[self.fates.get(caller, {}).get(number, "answers")]


@dataclass(frozen=True)
class Drawn:
    """A caller's number, and the case that is rehearsed and played."""

    caller: str
    case: Case


def drawn() -> list[Drawn]:
    """Return callers behind whose agencies operators answer."""
    dice = random.Random(SEED)
    outcomes = [outcome for outcome in FAR_ENDS if outcome != "unreachable"]
    cases = []
    for n in range(CASES):
        keys = dice.choice([*KEYS])
        fates: dict[str, Outcome] = {number: dice.choice(outcomes) for number in ("113", "117")}
        if keys == "10":
            fates["113"] = "no-answer"  # or nothing rings for long enough to press a key
        cases.append(Drawn(f"{82000 + n}", Case(datetime.now(WIB), keys, fates=fates)))
    return cases


def alone() -> list[Drawn]:
    """Return callers behind whom the last hotline is all there is, with each of its fates."""
    fates: list[tuple[str, Mapping[str, Outcome]]] = [
        ("2", {NEVER: "unreachable"}),
        ("5", {DEAD: "unreachable", f"{DEAD}@{TRUNKS[0]}": "dead"}),
        *(("0", {"110": fate}) for fate in FAR_ENDS),
    ]
    return [
        Drawn(f"{83000 + n}", Case(datetime.now(WIB), keys, "controller", fate, "out", "out"))
        for n, (keys, fate) in enumerate(fates)
    ]


def rehearsed(happenings: list[Happening]) -> list[str]:
    """Return what the journal would say of a rehearsal."""
    told: list[str] = []
    for h in happenings:
        match h.what:
            case "rings" if h.number:
                told.append(f"RING {h.number} {h.trunk}")
            case "rings" | "nobody" if h.who == "operators":
                told.append("QUEUE")
            case "over" if h.number and h.outcome != "zero":
                told += ["JOINED"] * (h.outcome == "left") + [f"HOP {STATUS[h.outcome]}"]
            case "person":
                told.append("JOINED")
    return told


def happened(stage: Stage, caller: str) -> list[str]:
    """Return the same of what the journal does say."""
    events = stage.line.journal()
    (link,) = {e["linkedid"] for e in events if f"ani={caller} " in e.get("eventextra", "")}
    told = []
    for event in events:
        if event["linkedid"] != link or event["eventtype"] not in (
            "RING",
            "HOP",
            "QUEUE",
            "JOINED",
        ):
            continue
        words = dict(re.findall(r"(\w+)=([\w-]+)", event["eventextra"]))
        kind = event["eventtype"]
        detail = {"RING": ("number", "trunk"), "HOP": ("status",)}.get(kind, ())
        told.append(" ".join([kind, *(words[name] for name in detail)]))
    return told


async def play(c: Configuration, stage: TwoTrunks, cases: list[Drawn]) -> dict[str, list[str]]:
    """Play all cases; return what the rehearsal told of each caller."""
    lengths = seconds_in_force(c, stage.line.settings.sounds)
    stories = {one.caller: list(rehearse(c, lengths, one.case)) for one in cases}
    stage.fates = {one.caller: one.case.fates for one in cases}

    async def caller(n: int, one: Drawn) -> None:
        await asyncio.sleep(n * APART_SECONDS)
        seconds = stories[one.caller][-1].at + LATE_SECONDS
        keys = KEYS[one.case.keys]
        port = stage.line.sip_port
        await call(PhoneCall(port=port, caller=one.caller, keys=keys, max_seconds=seconds))

    await asyncio.gather(*(caller(n, one) for n, one in enumerate(cases)))
    return {name: rehearsed(story) for name, story in stories.items()}


async def side_by_side(cases: list[Drawn], slot: int, operators: int) -> list[str]:
    """Play all cases on a line; return each that was not as it was rehearsed."""
    stage = TwoTrunks(Site(operators=max(operators, 1)), slot)
    stage.fates = {}
    try:
        await stage.open()
        if not operators:
            await stage.phones.log_in(seconds=0)
            found = f"DEAD_{DEAD}_{TRUNKS[0]} {time.time():.0f}"
            await stage.asterisk(f"dialplan set global {found}")
        told = await play(load(stage.line.settings.config), stage, cases)
        assert await stage.empty() == ""
        wrong = []
        for one in cases:
            wanted, real = told[one.caller], happened(stage, one.caller)
            goes_on = wanted[-1] != "JOINED"  # and the caller stays a moment longer
            if wanted != (real[: len(wanted)] if goes_on else real):
                wrong.append(f"{one.case}:\n  rehearsed {wanted}\n  happened  {real}")
        return wrong
    finally:
        await stage.close()


@pytest.fixture(scope="module")
def wrong() -> tuple[list[str], ...]:
    """What was not as it was rehearsed, on two lines side by side: most of it is waiting."""

    async def both() -> tuple[list[str], ...]:
        lines = side_by_side(drawn(), 7, operators=80), side_by_side(alone(), 6, operators=0)
        return await asyncio.gather(*lines)

    return asyncio.run(both())


def test_a_rehearsal_tells_what_happens_on_a_real_line(wrong: tuple[list[str], ...]) -> None:
    assert "\n".join(wrong[0]) == ""


def test_a_rehearsal_tells_what_happens_where_nobody_is_behind_the_last_hotline(
    wrong: tuple[list[str], ...],
) -> None:
    assert "\n".join(wrong[1]) == ""
