"""Measures the line on this machine and writes its section of README.md beside this file.

The caller's phone and the agency's are in this process, so the figures hold its own delays too.
"""

import asyncio
import re
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from line import AGENCY, Line
from page import write

from ivr.phone import Key, PhoneCall, Report, What, call

CALLS = 300
CALLS_PER_SECOND = 5.0
MENU_CALLS = 200
KEY_AFTER_SECONDS = 1.0
RELEASED_AFTER_SECONDS = 0.100
"""From the first packet of a key (RFC 4733) to the first that says it is released: 5 of 20 ms."""


class Agency(asyncio.DatagramProtocol):
    """An agency's telephone that is always engaged, and notes when each call reached it."""

    def __init__(self) -> None:
        self.invited_at: dict[str, float] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        now = time.monotonic()
        text = data.decode(errors="replace")
        if text.startswith("INVITE"):
            caller = re.search(r"^From:.*?sip:(\d+)@", text, re.MULTILINE)
            if caller:
                self.invited_at.setdefault(caller[1], now)
        if not text.startswith("ACK"):
            status = "486 Busy Here" if text.startswith("INVITE") else "200 OK"
            self._transport.sendto(_answer(text, status), addr)  # type: ignore[attr-defined]


def _answer(request: str, status: str) -> bytes:
    kept = [x for x in request.split("\r\n") if re.match(r"(Via|From|To|Call-ID|CSeq):", x)]
    kept = [f"{x};tag=busy" if x.startswith("To:") and "tag=" not in x else x for x in kept]
    return "\r\n".join((f"SIP/2.0 {status}", *kept, "Content-Length: 0", "", "")).encode()


async def key_to_invite(line: Line) -> tuple[list[float], list[float]]:
    """Place CALLS calls that press 1; return ACK to first prompt, and key to INVITE, in ms."""
    loop = asyncio.get_running_loop()
    host, port = AGENCY.split(":")
    transport, agency = await loop.create_datagram_endpoint(Agency, local_addr=(host, int(port)))

    async def one(n: int) -> Report:
        await asyncio.sleep(n / CALLS_PER_SECOND)
        keys = (Key("1", after_seconds=KEY_AFTER_SECONDS),)
        caller = str(700000 + n)
        order = PhoneCall(port=line.sip_port, caller=caller, keys=keys, max_seconds=3.0)
        return await call(order)

    reports = await asyncio.gather(*(one(n) for n in range(CALLS)))
    transport.close()
    prompts, keys = [], []
    for n, report in enumerate(reports):
        sent = report.heard(What.KEY_SENT)[0].seconds + report.marks.invited_at
        invited = agency.invited_at[str(700000 + n)]
        keys.append((invited - sent - RELEASED_AFTER_SECONDS) * 1000)
        assert report.marks.acked_at is not None
        prompt = report.heard(What.PROMPT_STARTED)[0].seconds + report.marks.invited_at
        prompts.append((prompt - report.marks.acked_at) * 1000)
    return prompts, keys


async def memory_in_the_menu(line: Line) -> tuple[int, float]:
    """Hold MENU_CALLS callers in the menu; return how many were there at once and MiB resident."""
    pid = _controller_pid(line)

    async def one(n: int) -> Report:
        await asyncio.sleep(n / 40)
        return await call(PhoneCall(port=line.sip_port, caller=str(n), max_seconds=12.0))

    calls = asyncio.gather(*(one(n) for n in range(MENU_CALLS)))
    most, mebibytes = 0, 0.0
    while not calls.done():
        await asyncio.sleep(0.25)
        log = line.controller_log()
        inside = sum(e["event"] == "call.began" for e in log) - sum(
            e["event"] in ("call.handed_over", "call.failed") for e in log
        )
        most, mebibytes = max(most, inside), max(mebibytes, _resident_mebibytes(pid))
    await calls
    return most, mebibytes


def _controller_pid(line: Line) -> int:
    """Return the process that listens for Asterisk: the one with its port in the environment."""
    wanted = f"SIAGA_AGI_BIND={line.settings.agi_bind}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if b"ivr" in words and b"-m" in words and wanted in (folder / "environ").read_bytes():
                return int(folder.name)
        except OSError:
            continue
    raise LookupError("the controller is not running")


def _resident_mebibytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


def quantiles(values: Sequence[float]) -> tuple[float, float, float, float]:
    """Return the 50th, 95th and 99th percentile and the worst."""
    cut = statistics.quantiles(values, n=100, method="inclusive")
    return cut[49], cut[94], cut[98], max(values)


def main() -> None:
    """Run everything and write the page."""
    with tempfile.TemporaryDirectory(prefix="siaga-bench-") as folder:
        state = Path(folder)
        state.chmod(0o755)
        line = Line(state, 39060)
        line.configure(outgoing="carrier", simulated_operator=False)
        try:
            line.start("asterisk", "ivr")
            prompts, keys = asyncio.run(key_to_invite(line))
            inside, mebibytes = asyncio.run(memory_in_the_menu(line))
        finally:
            line.close()
    rows = [
        "| what | calls | p50 | p95 | p99 | worst | target |",
        "|---|---|---|---|---|---|---|",
    ]
    for what, values, target in (
        ("ACK to the first sound of the menu, ms", prompts, "< 150"),
        ("key released to the hotline's INVITE, ms", keys, "p99 < 60"),
    ):
        figures = " | ".join(f"{value:.1f}" for value in quantiles(values))
        rows.append(
            f"| {what} | {len(values)} at {CALLS_PER_SECOND:.0f}/s | {figures} | {target} |"
        )
    rows.append(
        f"| controller, resident MiB | {inside} in the menu | | | | {mebibytes:.1f} | < 60 |"
    )
    write("line", "\n".join(rows))


if __name__ == "__main__":
    main()
