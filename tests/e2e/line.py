"""A whole line of our own for the end-to-end tests: real Asterisk, real controller, real SIPp.

It runs on ports of its own, so that it can stand beside a running system. Far ends: callers at
127.0.0.1, the simulation at 127.0.0.2, agencies at 127.0.0.3, operators' phones at 127.0.0.1.
"""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ivr import applied
from ivr.ready import unready
from ivr.settings import Settings

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
AGENCY = "127.0.0.3:35080"

# What Asterisk may say in these tests, and why it is no fault.
KNOWN_WARNINGS: dict[str, str] = {
    r"res_agi.c:.* (Connecting to .* failed .*refused|FastAGI failed)": "tests stop the controller",
    r"res_pjsip.c:.* CallerID Name .* were replaced": "a hostile From; the dialplan FILTERs it",
    r"update_connected_line_information: Session already DISCONNECTED": "who left just now is told",
    r"func_global.c:.* shared_write: Channel 'PJSIP/operator-": "left in the moment the caller did",
    r"func_global.c:.* shared_read: Channel '(siaga-1.1|\.)' not found": "an order for no leg",
    r"sip_endpoint.c Warning: Module .* registered during operation": "at start, before any call",
}

SITE = """
incoming: ["127.0.0.1"]
trunks:
  simulated: {{simulated: true}}
  carrier: {{gateway: "{agency}"}}
outgoing: [{outgoing}]
simulated_operator: {simulated_operator}
"""


class Line:
    """One running line: its processes, and what Asterisk itself reports."""

    def __init__(self, state: Path, first_port: int) -> None:
        self.settings = Settings(
            sip_bind=f"127.0.0.1:{first_port}",
            agi_bind=f"127.0.0.1:{first_port + 1}",
            simulation_bind=f"127.0.0.2:{first_port + 2}",
            ami_bind=f"127.0.0.1:{first_port + 3}",
            desk_bind=f"127.0.0.1:{first_port + 4}",
            mqtt_bind=f"127.0.0.1:{first_port + 6}",
            ws_bind=f"127.0.0.1:{first_port + 7}",
            rtp_first=first_port + 1000,
            rtp_last=first_port + 1999,
            config=state / "edited",
            state=state,
            sounds=ROOT / "asterisk" / "sounds",
        )
        self.sip_port = first_port
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        shutil.copytree(ROOT / "config", self.settings.config)

    # -- its life

    def configure(self, *, outgoing: str = "simulated", simulated_operator: bool = True) -> None:
        """Put the shipped configuration in force, with this way out."""
        site = SITE.format(
            agency=AGENCY, outgoing=outgoing, simulated_operator=str(simulated_operator).lower()
        )
        (self.settings.config / "site.yaml").write_text(site)
        applied.apply(self.settings)

    def start(self, *names: str) -> None:
        """Start services by name and wait until they answer."""
        for name in names:
            with (self.settings.state / f"{name}.log").open("ab") as log:
                self._processes[name] = subprocess.Popen(
                    [ROOT / "asterisk" / "root.sh", "serve", name],
                    env=self._environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        until(lambda: not asyncio.run(unready(self.settings)), "the line answers", 20)

    def stop(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        """End one service, and everything it started."""
        process = self._processes.pop(name)
        os.killpg(process.pid, how)
        os.killpg(process.pid, signal.SIGCONT)  # one that was stopped hears nothing else
        process.wait(timeout=30)

    def signal(self, name: str, how: signal.Signals) -> None:
        """Send a signal to one service and let it be."""
        os.killpg(self._processes[name].pid, how)

    def close(self) -> None:
        """End everything."""
        for name in list(self._processes):
            self.stop(name, signal.SIGTERM)

    # -- what Asterisk says

    def asterisk(self, command: str) -> str:
        """Return what the Asterisk console answers."""
        done = self.run("asterisk", "-rx", command)
        done.check_returncode()
        return done.stdout

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the private root, beside the line."""
        return subprocess.run(
            [ROOT / "asterisk" / "root.sh", "run", *words],
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )

    def channels(self) -> int:
        """Return how many channels are open."""
        found = re.search(r"(\d+) active channel", self.asterisk("core show channels count"))
        assert found
        return int(found[1])

    def journal(self) -> list[dict[str, Any]]:
        """Return every event of a call that Asterisk has noted."""
        path = self.settings.state / "journal" / "calls.jsonl"
        whole = path.read_text().rpartition("\n")[0] if path.exists() else ""
        events = [json.loads(line) for line in whole.splitlines() if line]
        return [event for event in events if "linkedid" in event]

    def warnings(self) -> list[str]:
        """Return Asterisk's warnings and errors that have no reason listed."""
        path = self.settings.state / "asterisk.log"
        loud = [
            x
            for x in path.read_text(errors="replace").splitlines()
            if " WARNING[" in x or " ERROR[" in x
        ]
        return [x for x in loud if not any(re.search(known, x) for known in KNOWN_WARNINGS)]

    def controller_log(self) -> list[dict[str, Any]]:
        """Return what the controller logged."""
        lines = (self.settings.state / "ivr.log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    # -- the far ends

    def sipp(self, scenario: str, *, at: str, to: str = "", **keys: str) -> "Sipp":
        """Start SIPp with a scenario of ours, for one call."""
        return Sipp(self, scenario, at=at, to=to or self.settings.sip_bind, keys=keys)

    def _environment(self) -> dict[str, str]:
        ours = {f"SIAGA_{k.upper()}": str(v) for k, v in self.settings.model_dump().items()}
        return {**os.environ, **ours}


class Sipp:
    """One SIPp process in the private root. `log` holds the SIP messages it saw.

    A scenario that is played again within seconds needs `[once]` in its branches and tags: Asterisk
    takes it for the same one sent again otherwise (RFC 3261 section 17.2.3).
    """

    def __init__(
        self, line: Line, scenario: str, *, at: str, to: str, keys: dict[str, str]
    ) -> None:
        host, _, port = at.partition(":")
        folder = line.settings.state / "sipp"
        folder.mkdir(exist_ok=True)
        self._log = folder / f"{scenario}-{time.monotonic_ns()}.log"
        inside = f"/var/lib/siaga/sipp/{self._log.name}"
        # Its own marks are the same each time: its process has one number in each root.
        keys = {"once": str(time.monotonic_ns()), **keys}
        words = [word for key, value in keys.items() for word in ("-key", key, value)]
        self._process = subprocess.Popen(
            [
                *(ROOT / "asterisk" / "root.sh", "run", "sipp", to),
                *("-sf", f"tests/e2e/scenarios/{scenario}.xml", "-m", "1", "-nostdin"),
                *("-i", host, "-mi", host, "-p", port, "-rtp_echo", "-aa", "-timeout", "60s"),
                *(
                    "-trace_msg",
                    "-message_file",
                    inside,
                    "-trace_err",
                    "-error_file",
                    f"{inside}.err",
                ),
                *words,
            ],
            env=line._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def finish(self, limit_seconds: float = 40) -> None:
        """Wait for its end; fail when the story did not go as written."""
        assert self._process.wait(timeout=limit_seconds) == 0, self.log[-3000:] + self.errors

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def errors(self) -> str:
        path = self._log.with_name(self._log.name + ".err")
        return path.read_text(errors="replace") if path.exists() else ""

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=10)


def until(condition: Callable[[], object], what: str, limit_seconds: float = 20) -> None:
    """Wait for a condition; fail with `what` when it does not come within the limit."""
    end = time.monotonic() + limit_seconds
    while not condition():
        assert time.monotonic() < end, f"never came true within {limit_seconds} s: {what}"
        time.sleep(0.02)
