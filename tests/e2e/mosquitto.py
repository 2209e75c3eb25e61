"""Our own broker as it is shipped: mosquitto in the private root, with the accounts in force."""

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import aiomqtt
from line import ROOT, until
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ivr import applied, broker
from ivr.mqtturl import Broker, chosen
from ivr.secret import secret
from ivr.settings import Settings


class Mosquitto:
    """The broker: its processes, its accounts, and clients of all kinds."""

    def __init__(self, state: Path, port: int) -> None:
        self.settings = Settings(
            mqtt_bind=f"127.0.0.1:{port}",
            config=state / "edited",
            state=state,
            sounds=ROOT / "asterisk" / "sounds",
        )
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        shutil.copytree(ROOT / "config", self.settings.config)
        state.chmod(0o755)
        kept = state / "broker"
        kept.mkdir(mode=0o750)
        os.chown(kept, applied.BROKER, applied.BROKER)
        applied.apply(self.settings)

    # -- its life

    def start(self) -> None:
        """Start it and wait until it listens."""
        words = ["setpriv", "--reuid=11203", "--regid=11203", "--clear-groups", "--no-new-privs"]
        with (self.settings.state / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                [ROOT / "asterisk" / "root.sh", "run", *words, "sh", "asterisk/broker.sh"],
                env={**os.environ, "SIAGA_STATE": str(self.settings.state)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until(lambda: self._listens() or self._ended(), "the broker listens")
        assert not self._ended(), self.log[-2000:]

    def _ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def send(self, how: signal.Signals) -> None:
        """Send a signal to it and to what belongs to it."""
        assert self._process
        os.killpg(self._process.pid, how)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it."""
        if self._process:
            self.send(how)
            self._process.wait(timeout=10)
            self._process = None
            until(lambda: not self._listens(), "its port is free")

    @property
    def log(self) -> str:
        return (self.settings.state / "broker.log").read_text()

    # -- who comes to it

    def password(self, account: str) -> str:
        """Return what staff hand over: `sudo cat var/secrets/mqtt.damkar`."""
        return secret(self.settings.state, broker.secret_name(account))

    def edit(self, old: str, new: str) -> None:
        """Edit the agencies and put the edit in force, as staff do."""
        path = self.settings.config / "agencies.yaml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        applied.apply(self.settings)

    @property
    def for_desk(self) -> Broker:
        """Return the broker as `siaga desk` comes to it."""
        return chosen(self.settings)

    def client(self, account: str, password: str = "", **more: Any) -> aiomqtt.Client:
        """Return a client as an agency's system may be: aiomqtt as it is, for a short visit."""
        return aiomqtt.Client(
            "127.0.0.1",
            self._port,
            username=account,
            password=password or self.password(account),
            protocol=aiomqtt.ProtocolVersion.V5,
            timeout=5,
            **more,
        )

    def lasting(self, account: str) -> aiomqtt.Client:
        """Return a client for which the broker keeps what comes while it is away."""
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        session.SessionExpiryInterval = 3600
        return self.client(account, clean_start=False, properties=session)


def by_topic(heard: list[tuple[str, str]], prefix: str) -> dict[str, list[str]]:
    """Return what was heard on each topic, in order."""
    found: dict[str, list[str]] = {}
    for topic, body in heard:
        if topic.startswith(prefix):
            found.setdefault(topic, []).append(body)
    return found
