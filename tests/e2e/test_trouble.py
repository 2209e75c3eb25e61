"""A machine in trouble: a full disk, one that is read-only, processes that hang, another line."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hosted import Host
from line import until

ANEW = "`make down` and `make up` start it anew"


@pytest.fixture
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A line in a small file system of its own."""
    folder = tmp_path_factory.mktemp("trouble")
    folder.chmod(0o755)
    host = Host(folder)
    host.state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-osize=64m", "tmpfs", host.state], check=True)
    yield host
    host.siaga("down")
    subprocess.run(["umount", "-l", host.state], check=True)


def fill(folder: Path) -> None:
    """Write until there is room for not one byte more."""
    with (folder / "ballast").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    assert shutil.disk_usage(folder).free == 0


def test_on_a_full_disk_what_is_in_force_starts_and_stops(host: Host) -> None:
    assert host.siaga("up").returncode == 0
    assert host.siaga("down").returncode == 0
    version = host.version
    fill(host.state)
    up = host.siaga("up")
    assert up.returncode == 3, up.stderr
    assert f"the line runs with {version}" in up.stderr
    assert f"no space left in {host.state}: make room" in up.stderr
    assert f"{host.state} has 0 MiB left" in up.stderr + up.stdout, (up.stdout, up.stderr)
    assert "no further call is recorded" in up.stderr + up.stdout
    assert "mistake" not in up.stderr
    assert host.ready()
    again = host.siaga("up")
    assert (again.returncode, "already running" in again.stderr) == (3, True)
    called = host.siaga("call", "--keys", "1", "--hold", "0.5")
    assert called.returncode == 0, called.stderr
    down = host.siaga("down")
    assert (down.returncode, down.stderr) == (0, "stopping\nstopped\n")


@pytest.mark.parametrize("applied", [False, True], ids=["nothing in force", "never started"])
def test_on_a_full_disk_a_first_start_says_what_it_lacks(host: Host, applied: bool) -> None:
    if applied:
        assert host.siaga("apply").returncode == 0
    fill(host.state)
    up = host.siaga("up")
    assert up.returncode == 1
    assert f"siaga: no space left in {host.state}: make room" in up.stderr


def test_a_read_only_disk_is_named_with_its_remedy(host: Host) -> None:
    assert host.siaga("apply").returncode == 0
    subprocess.run(["mount", "-oremount,ro", host.state], check=True)
    for word in ("apply", "up"):
        done = host.siaga(word)
        assert done.returncode == 1
        assert f"siaga: {host.state} is read-only: mount it for writing" in done.stderr
    subprocess.run(["mount", "-oremount,rw", host.state], check=True)
    assert host.siaga("up").returncode == 0


def test_an_asterisk_that_hangs_is_told_at_once_and_started_anew(host: Host) -> None:
    assert host.siaga("up").returncode == 0
    os.killpg(host.pid("asterisk"), signal.SIGSTOP)
    told = host.siaga("status", limit_seconds=30)
    assert told.returncode == 1
    assert told.stdout.startswith("Asterisk does not answer for 112")
    assert f"Asterisk is up but does not answer: {ANEW}" in told.stdout
    for words in (["up"], ["apply"], ["down", "--drain"]):
        done = host.siaga(*words, limit_seconds=30)
        assert done.returncode == 1
        assert f"siaga: Asterisk is up but does not answer: {ANEW}" in done.stderr
        assert "Traceback" not in done.stderr
    assert host.siaga("down").returncode == 0
    assert host.siaga("up").returncode == 0
    assert host.ready()


def test_a_supervisor_that_hangs_is_told_and_its_line_goes_on(host: Host) -> None:
    assert host.siaga("up").returncode == 0
    supervisor = int((host.state / "supervisor.pid").read_text())
    os.kill(supervisor, signal.SIGSTOP)
    remedy = f"`sudo kill -9 $(cat {host.state}/supervisor.pid)` and `make up`"
    told = host.siaga("status", limit_seconds=30)
    assert told.returncode == 0, told.stderr
    assert f"WARNING: the supervisor does not answer: {remedy}" in told.stdout
    for word in ("up", "down"):
        done = host.siaga(word, limit_seconds=30)
        assert done.returncode == 1
        assert f"siaga: the supervisor does not answer: {remedy}" in done.stderr
    os.kill(supervisor, signal.SIGKILL)
    until(lambda: host.siaga("up").returncode == 0, "all starts anew", 30)
    assert host.ready()


def test_what_answers_from_another_folder_is_not_taken_for_the_line_here(
    host: Host, tmp_path: Path
) -> None:
    other = Host(tmp_path)
    other.state.mkdir()
    assert other.siaga("apply").returncode == 0
    nothing = f"no line runs from {other.state} here"
    assert other.siaga("status").stdout.startswith(f"{nothing}: `make up` starts one\n")
    assert host.siaga("up").returncode == 0
    for done in (other.siaga("status"), other.siaga("ready")):
        said = f"{nothing}; another one answers on 127.0.0.1:41060"
        assert (done.stdout + done.stderr).startswith(f"{said}\n")
        assert done.returncode == 1
    assert "  controllers  0 of 2 listening\n" in other.siaga("status").stdout
    pressed = other.siaga("call", "--keys", "1")
    assert pressed.returncode == 2
    assert f"{nothing}, and what answers may be live" in pressed.stderr
