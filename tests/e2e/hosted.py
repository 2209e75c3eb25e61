"""A line as staff run it: `siaga up`, with a state folder and ports of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from line import ROOT

SIAGA = Path(sys.executable).with_name("siaga")


class Host:
    """A system started as a user starts it, in a state folder and on ports of its own."""

    def __init__(self, folder: Path, checkout: Path = ROOT) -> None:
        self.checkout = checkout
        self.sip_port = 41060
        self.state, self.config = folder / "var", folder / "config"
        shutil.copytree(ROOT / "config", self.config)
        self.environment = {
            **os.environ,
            "SIAGA_STATE": str(self.state),
            "SIAGA_CONFIG": str(self.config),
            "SIAGA_SIP_BIND": f"127.0.0.1:{self.sip_port}",
            "SIAGA_AGI_BIND": "127.0.0.1:41061",
            "SIAGA_SIMULATION_BIND": "127.0.0.2:41062",
            "SIAGA_AMI_BIND": "127.0.0.1:41063",
            "SIAGA_DESK_BIND": "127.0.0.1:41064",
            "SIAGA_MQTT_BIND": "127.0.0.1:41065",
            "SIAGA_WS_BIND": "127.0.0.1:41066",
            "SIAGA_RTP_FIRST": "42000",
            "SIAGA_RTP_LAST": "42999",
        }

    def siaga(self, *words: str, limit_seconds: float = 90) -> subprocess.CompletedProcess[str]:
        """Run the command as a user does, from the checkout."""
        return subprocess.run(
            [SIAGA, *words],
            cwd=self.checkout,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit_seconds,
            check=False,
        )

    @property
    def version(self) -> str:
        """The name of the configuration in force."""
        return (self.state / "current").readlink().name

    def pid(self, program: str) -> int:
        """Return the process that the supervisor runs for a program, 0 for none."""
        done = subprocess.run(
            [
                SIAGA.with_name("supervisorctl"),
                "-s",
                f"unix://{self.state}/supervisor.sock",
                "pid",
                program,
            ],
            env={**self.environment, "PYTHONWARNINGS": "ignore"},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        return int(done.stdout) if done.stdout.strip().isdigit() else 0

    def asterisk(self, command: str) -> str:
        """Return what the Asterisk console answers."""
        done = subprocess.run(
            [str(ROOT / "asterisk" / "root.sh"), "run", "asterisk", "-rx", command],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
        return done.stdout

    def journal(self) -> list[dict[str, Any]]:
        """Return every event of a call that Asterisk has noted."""
        path = self.state / "journal" / "calls.jsonl"
        whole = path.read_text().rpartition("\n")[0] if path.exists() else ""
        events = [json.loads(line) for line in whole.splitlines() if line]
        return [event for event in events if "linkedid" in event]

    def ready(self) -> bool:
        """Return whether a call would be answered."""
        return self.siaga("ready").returncode == 0
