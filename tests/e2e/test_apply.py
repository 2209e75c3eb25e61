"""A change of the configuration on a running line: proven first, noted, and taken back."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hosted import SIAGA, Host
from line import ROOT

STAGES = 5
"""How many moments of an apply are struck."""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A line as staff run it, from a checkout that a test may spoil."""
    folder = tmp_path_factory.mktemp("apply")
    folder.chmod(0o755)
    checkout = folder / "checkout"
    for name in ("asterisk", "config", "ivr", "routing"):
        shutil.copytree(ROOT / name, checkout / name)
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, checkout)
    host = Host(folder, checkout)
    host.environment["PYTHONPATH"] = str(checkout)
    assert host.siaga("up").returncode == 0
    yield host
    host.siaga("down")


def damkar_rings(host: Host, seconds: int) -> None:
    agencies = host.config / "agencies.yaml"
    lines = agencies.read_text().split("\n")
    at = next(i for i, line in enumerate(lines) if "damkar-113" in line)
    lines[at] = f'      - {{name: damkar-113, number: "113", ring_seconds: {seconds}}}'
    agencies.write_text("\n".join(lines))


def history(host: Host) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads(host.siaga("history", "--all", "--json").stdout)
    return told


def reaches_damkar(host: Host) -> bool:
    done = host.siaga("call", "--keys", "1", "--to", f"127.0.0.1:{host.sip_port}", "--hold", "1")
    return done.returncode == 0


def test_a_change_is_proven_by_calls_of_ours_noted_and_taken_back(host: Host) -> None:
    first = host.version
    damkar_rings(host, 15)
    applied = host.siaga("apply")
    assert applied.returncode == 0, applied.stderr
    assert "our own calls through every key came where they should" in applied.stderr
    now, before = history(host)[:2]
    assert (now["version"], now["in_force"], before["version"]) == (host.version, True, first)
    place = "agencies.yaml: agencies.damkar.hotlines.damkar-113.ring_seconds"
    assert now["changes"] == [f"{place}: 20 -> 15"]
    assert now["who"]

    back = host.siaga("rollback")
    assert back.returncode == 0, back.stderr
    assert f"what was in force as {first} is in force again" in back.stdout
    assert "config/ still says what was taken back" in back.stdout
    (again, *_) = history(host)
    assert (again["why"], again["of"]) == ("rollback", first)
    assert again["changes"] == [f"{place}: 15 -> 20"]
    assert ",20^10," not in host.asterisk(f"dialplan show static-keys-{host.version}")
    assert "113,simulated,20,0" in host.asterisk(f"dialplan show static-keys-{host.version}")
    assert "edits that are not in force" in host.siaga("status").stdout
    told = host.siaga("history").stdout
    assert f"* {host.version}" in told
    assert f"back to {first}" in told
    assert reaches_damkar(host)


def test_there_is_no_way_back_from_the_first_nor_to_what_never_was(host: Host) -> None:
    oldest = history(host)[-1]["version"]
    assert host.siaga("rollback", oldest).returncode == 0
    refused = host.siaga("rollback")
    assert refused.returncode == 1
    assert "there is no earlier version: `siaga history` lists them" in refused.stderr
    refused = host.siaga("rollback", "20200101T000000Z-00")
    assert "there is no version 20200101T000000Z-00" in refused.stderr


def test_a_version_in_which_our_own_calls_go_wrong_never_comes_into_force(host: Host) -> None:
    before = host.version
    dialplan = host.checkout / "asterisk/dialplan.conf"
    good = dialplan.read_text()
    wrong = good.replace("Dial(PJSIP/${NUM}@${IF(", "Dial(PJSIP/0${NUM}@${IF(")
    assert wrong != good
    dialplan.write_text(wrong)
    since = len(host.journal())
    try:
        refused = host.siaga("apply")
    finally:
        dialplan.write_text(good)
    assert refused.returncode == 1
    assert "NOT in force, our own calls through it went wrong" in refused.stderr
    assert "key 1 (fire): an agency should answer" in refused.stderr
    assert host.version == before
    assert not (host.state / "staged").exists()
    assert reaches_damkar(host)
    calls = [e for e in host.journal()[since:] if e["userdeftype"] == "CALL"]
    assert {"test=1" in e["eventextra"] for e in calls[:-1]} == {True}


def test_an_apply_that_is_killed_at_any_moment_leaves_a_line_that_answers(host: Host) -> None:
    began = time.monotonic()
    assert host.siaga("apply").returncode == 0
    whole = time.monotonic() - began
    for n in range(STAGES):
        damkar_rings(host, 11 + n)
        before = host.version
        apply = subprocess.Popen(
            [SIAGA, "apply"],
            cwd=host.checkout,
            env=host.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        end = time.monotonic() + whole * (n + 0.5) / STAGES
        while time.monotonic() < end:
            time.sleep(0.01)
        os.killpg(apply.pid, 9)
        apply.wait()
        folder = host.state / "applied" / host.version
        assert (folder / "note.json").exists(), "what is in force is whole"
        loaded = f"dialplan show s@emergency-{host.version}"
        is_new = host.version != before
        if is_new and "Answer()" not in host.asterisk(loaded):
            assert "is not loaded" in host.siaga("ready").stderr, "and somebody says so"
        assert reaches_damkar(host)
    assert host.siaga("apply").returncode == 0
    assert host.ready()


def test_of_two_applies_at_once_the_second_is_told_and_waits(host: Host) -> None:
    both = [
        subprocess.Popen(
            [SIAGA, "apply"],
            cwd=host.checkout,
            env=host.environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [each.communicate(timeout=90)[1] for each in both]
    assert [each.returncode for each in both] == [0, 0]
    assert sum("another siaga command is at work here" in each for each in said) == 1
