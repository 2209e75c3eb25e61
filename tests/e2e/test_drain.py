"""`siaga down --drain`: who is inside finishes undisturbed, who comes is sent elsewhere."""

import asyncio
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from hosted import SIAGA, Host
from line import until

from ivr.phone import Key, PhoneCall, Report, call

INVITE = """\
INVITE sip:112@127.0.0.1:{port} SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bKdrain;rport
From: <sip:0761@127.0.0.1>;tag=drain
To: <sip:112@127.0.0.1:{port}>
Call-ID: drain
CSeq: 1 INVITE
Contact: <sip:0761@127.0.0.1:{own}>
Max-Forwards: 70
Content-Length: 0

"""


@pytest.fixture
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("drain")
    folder.chmod(0o755)
    host = Host(folder)
    up = host.siaga("up")
    assert up.returncode == 0, up.stderr
    yield host
    host.siaga("down")


@contextmanager
def caller(
    host: Host, stays_seconds: float, presses_after: float = 0.5
) -> Iterator["Future[Report]"]:
    """Let somebody call, press 1, and stay with whoever answers."""
    order = PhoneCall(
        port=host.sip_port,
        caller="0761500",
        keys=(Key("1", "rfc4733", after_seconds=presses_after),),
        hold_seconds=stays_seconds,
        max_seconds=60.0,
    )
    with ThreadPoolExecutor() as pool:
        calling = pool.submit(lambda: asyncio.run(call(order)))
        until(lambda: "ANSWER" in [e["eventtype"] for e in host.journal()], "the line answered")
        yield calling


def draining(host: Host, seconds: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [SIAGA, "down", "--drain", "--seconds", str(seconds)],
        cwd=host.checkout,
        env=host.environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def answer_to_an_invite(host: Host) -> str:
    """Dial 112 and return the first final answer, as it came over the wire."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.1", 0))
        phone.settimeout(5)
        text = INVITE.format(port=host.sip_port, own=phone.getsockname()[1])
        phone.sendto(text.replace("\n", "\r\n").encode(), ("127.0.0.1", host.sip_port))
        answer = "SIP/2.0 1"
        while answer.startswith("SIP/2.0 1"):
            answer = phone.recv(4096).decode()
    return answer


def test_who_is_inside_finishes_and_who_comes_is_refused_and_then_nothing_runs(host: Host) -> None:
    processes = [host.pid(name) for name in ("asterisk", "ivr:1", "ivr:2")]
    with caller(host, stays_seconds=3.0, presses_after=6.0) as calling:
        stopping = draining(host, 60)
        until(lambda: not host.ready(), "new calls are refused")
        answer = answer_to_an_invite(host)
        assert stopping.poll() is None, "it waits for the caller"
        report = calling.result()
    said = stopping.communicate(timeout=60)[1]
    assert stopping.returncode == 0, said
    assert answer.startswith("SIP/2.0 503 ")
    assert re.search(r"^Retry-After: *[0-9]+", answer, re.MULTILINE), answer
    assert report.reached
    assert report.ended_by == "caller"
    assert re.findall(r"inside: .*", said) == ["inside: 1"], "the agency's legs are no callers"
    assert not any(Path(f"/proc/{pid}").exists() for pid in processes)
    assert not (host.state / "supervisor.sock").exists()


def test_when_callers_stay_longer_the_line_takes_calls_again_and_says_so(host: Host) -> None:
    with caller(host, stays_seconds=8.0) as calling:
        stopping = draining(host, 1)
        said = stopping.communicate(timeout=30)[1]
        assert stopping.returncode == 1
        assert "not stopped: the line takes calls again" in said
        assert "`make drain SECONDS=1800`" in said
        assert host.ready()
        assert calling.result().reached


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGHUP], ids=["Ctrl-C", "a lost terminal"])
def test_a_drain_that_is_interrupted_takes_calls_again(host: Host, how: signal.Signals) -> None:
    with caller(host, stays_seconds=8.0) as calling:
        stopping = draining(host, 60)
        until(lambda: not host.ready(), "new calls are refused")
        os.kill(stopping.pid, how)
        said = stopping.communicate(timeout=30)[1]
        assert stopping.returncode == 130
        assert "taking calls again" in said
        assert "stopped by you" in said
        assert "Traceback" not in said
        assert host.ready()
        assert calling.result().reached


def test_a_drain_that_was_killed_is_mended_by_make_up(host: Host) -> None:
    with caller(host, stays_seconds=8.0) as calling:
        stopping = draining(host, 60)
        until(lambda: not host.ready(), "new calls are refused")
        stopping.kill()
        stopping.communicate(timeout=30)
        told = host.siaga("status")
        assert "new calls are refused; if no `make drain` runs now, `make up` takes" in told.stdout
        assert host.siaga("up").returncode == 0
        assert host.ready()
        assert calling.result().reached


def test_who_stops_the_line_is_told_whose_calls_end(host: Host) -> None:
    with caller(host, stays_seconds=50):
        down = host.siaga("down")
        assert down.returncode == 0, down.stderr
        assert (
            "callers inside, whose calls end now: 1; `make drain` lets them finish" in down.stderr
        )
        assert "stopped; calls ended: 1" in down.stderr
