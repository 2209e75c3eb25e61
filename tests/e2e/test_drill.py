"""Our own calls through every key and floor of a real line, which ring nobody."""

import asyncio
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hosted import SIAGA
from line import AGENCY, Line
from telephone import telephone

from ivr import applied, drill
from ivr.phone import PhoneCall, call

FIRST_CALLS = 10
"""Seven services, the operator, who cannot speak, and who presses nothing."""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """A line over a carrier, whose far end would be a real agency."""
    line = Line(tmp_path_factory.mktemp("drilled"), 50060)
    line.settings.state.chmod(0o755)
    line.configure(outgoing="carrier", simulated_operator=False)
    line.start("asterisk", "ivr")
    yield line
    line.close()


def told(line: Line, *words: str) -> tuple[int, Any]:
    """Run `siaga drill --json`; return its status and what it says."""
    done = subprocess.run(
        [SIAGA, "drill", "--json", *words],
        env=line._environment(),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    return done.returncode, json.loads(done.stdout)


def test_every_key_on_every_floor_comes_where_it_should_and_no_agency_rings(live: Line) -> None:
    async def story() -> tuple[int, Any, int]:
        async with telephone(AGENCY, 700, "rings") as agency:
            status, found = await asyncio.to_thread(told, live)
            return status, found, agency.rung

    since = len(live.journal())
    status, found, rung = asyncio.run(story())
    assert [one for one in found if one["why"]] == []
    assert (status, rung) == (0, 0)
    assert len(found) == 3 * FIRST_CALLS
    fire = [one for one in found if one["service"] == "fire"]
    assert [(one["floor"], one["reached"], one["number"], one["trunk"]) for one in fire] == [
        ("controller", "damkar", "113", "carrier"),
        ("stand-in", "damkar", "113", "carrier"),
        ("static", "damkar", "113", "carrier"),
    ]
    assert {one["reached"] for one in found if not one["number"]} == {"operator"}
    calls = [e["eventextra"] for e in live.journal()[since:] if e["userdeftype"] == "CALL"]
    assert all("test=1" in call for call in calls), "in no figure"


def test_a_floor_that_is_down_is_found(live: Line) -> None:
    live.stop("ivr", signal.SIGKILL)
    try:
        status, found = told(live, "--floor", "controller")
    finally:
        live.start("ivr")
    assert status == 1
    assert {one["why"] for one in found if one["key"]} == {"stand-in asked, not the controller"}
    assert all(one["reached"] for one in found), "and every caller reached somebody all the same"


def test_a_plan_that_is_not_what_the_configuration_promises_is_found(live: Line) -> None:
    _, configuration = applied.in_force(live.settings)
    agencies = dict(configuration.agencies.agencies)
    hotline = agencies["damkar"].hotlines[0].model_copy(update={"number": "0761113"})
    agencies["damkar"] = agencies["damkar"].model_copy(update={"hotlines": (hotline,)})
    another = configuration.agencies.model_copy(update={"agencies": agencies})
    promised = replace(configuration, agencies=another)
    found = asyncio.run(drill.drill(live.settings, promised, ("static",)))
    wrong = {one.service: one.why for one in found if one.why}
    assert wrong == {"fire": "113 over carrier was rung, and the plan is 0761113 over carrier"}


def test_a_hotline_that_was_dead_to_a_citizen_is_drilled_and_stays_so_for_citizens(
    live: Line,
) -> None:
    now = str(int(time.time()))
    live.asterisk(f"dialplan set global DEAD_113_carrier {now}")
    _, configuration = applied.in_force(live.settings)
    found = asyncio.run(drill.drill(live.settings, configuration, ("static",)))
    assert [one.why for one in found if one.why] == []
    assert f"DEAD_113_carrier={now}" in live.asterisk("dialplan show globals")


def test_who_comes_from_another_address_drills_nothing(live: Line) -> None:
    order = PhoneCall(port=live.sip_port, number="static", caller="0812", max_seconds=3.0)
    report = asyncio.run(call(order))
    assert (report.sip_status, report.reached) == (404, False)
