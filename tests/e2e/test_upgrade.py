"""An upgrade while callers keep coming: nobody is lost, or hears the menu a third time."""

import asyncio
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hosted import Host
from line import AGENCY, ROOT, until

from ivr.phone import Key, PhoneCall, Report, What, call

CALLS_PER_SECOND = 20.0
CALLS = int(CALLS_PER_SECOND * float(os.environ.get("SIAGA_TEST_UPGRADE_SECONDS", "10")))
SILENCE_SECONDS = 3.0


@pytest.fixture
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A line that runs from a checkout of its own, so that a test can edit the code."""
    folder = tmp_path_factory.mktemp("upgrade")
    folder.chmod(0o755)
    checkout = folder / "checkout"
    for name in ("asterisk", "ivr", "routing"):
        shutil.copytree(ROOT / name, checkout / name)
    shutil.copy(ROOT / "uv.lock", checkout)
    scenarios = Path("tests", "e2e", "scenarios")
    shutil.copytree(ROOT / scenarios, checkout / scenarios)
    host = Host(folder, checkout)
    host.environment["SIAGA_RTP_LAST"] = "44999"
    up = host.siaga("up")
    assert up.returncode == 0, up.stderr
    yield host
    host.siaga("down")


def pids(host: Host) -> dict[str, int]:
    return {name: host.pid(name) for name in ("asterisk", "ivr:1", "ivr:2")}


def order(host: Host, n: int) -> PhoneCall:
    """Describe a caller who listens, and presses 1 at a moment of their own."""
    after = 0.3 + 2.5 * (n * 0.618 % 1)  # near any moment somebody presses
    return PhoneCall(
        port=host.sip_port,
        caller=str(761_000 + n),
        keys=(Key("1", "info", after_seconds=after),),
        hold_seconds=0.5,
        max_seconds=30.0,
    )


def sipp(host: Host, to: str, scenario: str, *words: str) -> subprocess.Popen[bytes]:
    """Start SIPp: far ends that only signal, so that many of them are cheap."""
    command = [str(host.checkout / "asterisk" / "root.sh"), "run", "sipp", to, "-nostdin"]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(
        [*command, "-sf", f"tests/e2e/scenarios/{scenario}.xml", *words],
        env=host.environment,
        stdin=quiet,
        stdout=quiet,
        stderr=quiet,
        start_new_session=True,
    )


@pytest.fixture
def agency(host: Host) -> Iterator[None]:
    """Let every hotline ring at an agency that picks up."""
    site = host.config / "site.yaml"
    text = site.read_text().replace("outgoing: [simulated]", "outgoing: [carrier]")
    text = text.replace("simulated_operator: true", "simulated_operator: false")
    site.write_text(text.replace("trunks:", f'trunks:\n  carrier: {{gateway: "{AGENCY}"}}', 1))
    assert host.siaga("apply").returncode == 0
    ip, _, port = AGENCY.partition(":")
    words = ("-i", ip, "-mi", ip, "-p", port, "-rtp_echo", "-aa")
    telephone = sipp(host, host.environment["SIAGA_SIP_BIND"], "damkar-answers", *words)
    yield
    os.killpg(telephone.pid, signal.SIGKILL)
    telephone.wait(timeout=10)


async def calls_during_upgrades(host: Host) -> tuple[list[Report], list[str]]:
    """Upgrade again and again while callers keep coming; return what those with ears heard."""
    words = ("-r", f"{CALLS_PER_SECOND:.0f}", "-m", f"{CALLS}", "-i", "127.0.0.1", "-p", "41080")
    address = host.environment["SIAGA_SIP_BIND"]
    callers = sipp(host, address, "caller-presses-1-at-any-moment", *words)
    listeners, told = [], []
    upgrading = asyncio.create_task(asyncio.to_thread(host.siaga, "upgrade"))
    for n in itertools.count():
        if callers.poll() is not None and upgrading.done():
            break
        listeners.append(asyncio.create_task(call(order(host, n))))
        await asyncio.sleep(1)
        if upgrading.done():
            told.append(upgrading.result().stdout + upgrading.result().stderr)
            if callers.poll() is None:
                upgrading = asyncio.create_task(asyncio.to_thread(host.siaga, "upgrade"))
    assert callers.returncode == 0, "every call went as the scenario says"
    return await asyncio.gather(*listeners), told


def joined(host: Host, since: int) -> int:
    """Return how many callers were put through to somebody."""
    events = host.journal()[since:]
    return len({e["linkedid"] for e in events if e["eventtype"] == "BRIDGE_ENTER"})


def floors(host: Host, since: int, calls: int) -> Counter[str]:
    """Wait for the end of so many calls; return on which floor they got their plan."""
    until(lambda: len(ended(host, since)) >= calls, "every call has ended", 20)
    return Counter(re.findall(r"floor=(\w+)", " ".join(ended(host, since))))


def ended(host: Host, since: int) -> list[str]:
    return [e["eventextra"] for e in host.journal()[since:] if e["userdeftype"] == "ENDED"]


@pytest.mark.usefixtures("agency")
def test_callers_who_come_while_the_line_is_upgraded_all_reach_a_person(host: Host) -> None:
    before, since = pids(host), len(host.journal())  # those of `siaga apply` are over
    reports, told = asyncio.run(calls_during_upgrades(host))
    calls = CALLS + len(reports)
    served = floors(host, since, calls)
    menus = Counter(len(r.heard(What.PROMPT_STARTED)) for r in reports)
    silence = max(r.longest_silence_seconds for r in reports)
    sys.stdout.write(
        f"{calls} calls, {joined(host, since)} put through, {len(told)} upgrades, "
        f"floors {dict(served)}; "
        f"of {len(reports)} who listened: menus heard {dict(menus)}, silence {silence:.2f} s\n"
    )
    after = pids(host)
    assert after["asterisk"] == before["asterisk"]
    assert after["ivr:1"] != before["ivr:1"]
    assert after["ivr:2"] != before["ivr:2"]
    assert all("upgraded\n" in each for each in told), told
    assert joined(host, since) == calls
    assert sum(served.values()) == calls
    assert max(menus) <= 2
    assert silence <= SILENCE_SECONDS
    assert served["static"] <= calls // 100


BROKEN = {
    "code that does not load": ("ivr/flow.py", "raise RuntimeError('half an edit')\n"),
    "code that answers no call": (
        "ivr/fastagi.py",
        "def conversation(*_):\n    raise RuntimeError('half an edit')\n",
    ),
}


@pytest.mark.parametrize(("path", "text"), BROKEN.values(), ids=BROKEN)
def test_a_controller_that_does_not_come_up_stops_the_upgrade_and_the_other_serves(
    host: Host, path: str, text: str
) -> None:
    before = pids(host)
    module = host.checkout / path
    good = module.read_text()
    module.write_text(good + text)
    failed = host.siaga("upgrade")
    assert failed.returncode == 1
    assert "controller 1 does not come up, the other one takes the calls" in failed.stderr
    assert "ivr-1.log ends: RuntimeError: " in failed.stderr
    assert host.pid("ivr:2") == before["ivr:2"]
    assert host.ready()
    report = asyncio.run(call(order(host, 0)))
    assert report.reached
    assert floors(host, 0, 1) == {"controller": 1}

    module.write_text(good)
    mended = host.siaga("upgrade")
    assert mended.returncode == 0, mended.stderr
    after = pids(host)
    assert after["asterisk"] == before["asterisk"]
    assert after["ivr:2"] != before["ivr:2"]


def test_an_upgrade_as_soon_as_the_line_answers_takes_no_controller_from_it(host: Host) -> None:
    assert host.siaga("down").returncode == 0
    assert host.siaga("up").returncode == 0
    done = host.siaga("upgrade")
    assert done.returncode == 0, done.stderr
    assert "controller 1: its callers finish" in done.stderr, "it was seen running"
    assert "controller 2: its callers finish" in done.stderr


def test_while_one_controller_is_dead_the_line_is_ready(host: Host) -> None:
    os.killpg(host.pid("ivr:1"), signal.SIGKILL)
    assert host.ready()
    until(lambda: host.pid("ivr:1"), "the supervisor brought it back", 20)


def test_an_asterisk_from_an_older_root_is_told_and_goes_on(host: Host) -> None:
    asterisk = host.pid("asterisk")
    root = host.checkout / "asterisk" / "root.sh"
    root.write_text(root.read_text().replace("    path) root_path ;;", "    path) echo newer ;;"))
    done = host.siaga("upgrade")
    assert done.returncode == 0, done.stderr
    assert "Asterisk goes on from an older private root" in done.stderr
    assert host.pid("asterisk") == asterisk


def test_where_nothing_runs_there_is_nothing_to_upgrade(host: Host) -> None:
    assert host.siaga("down").returncode == 0
    done = host.siaga("upgrade")
    assert done.returncode == 1
    assert "nothing is running here: `make up` starts it" in done.stderr
