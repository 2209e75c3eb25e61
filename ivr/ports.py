"""The addresses a line asks the kernel for: which can be had, and who holds those that cannot.

Law: only what a call meets may keep a line down. A port that no call waits for is a warning.
"""

import contextlib
import errno
import re
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ivr.settings import Settings

UDP, TCP = socket.SOCK_DGRAM, socket.SOCK_STREAM
LISTEN = "`listen` in config/site.yaml, or SIAGA_SIP_BIND"
_OWN_ADDRESS = re.compile(r"\|-- ([0-9.]+)\n +/32 host LOCAL")
"""As the kernel lists them in /proc/net/fib_trie; a network's own and broadcast one differ."""


@dataclass(frozen=True, slots=True)
class Port:
    """An address of ours: its setting, and what goes without it. `vital`: 112 does not answer."""

    setting: str
    bind: str
    kind: socket.SocketKind
    without: str
    vital: bool = False


def wanted(settings: Settings) -> Iterator[Port]:
    """Yield every address that a start takes. Where another broker is named, ours takes none."""
    yield Port(LISTEN, settings.sip_bind, UDP, "nobody can call", vital=True)
    simulated = "no agency can be played"
    yield Port("SIAGA_SIMULATION_BIND", settings.simulation_bind, UDP, simulated, vital=True)
    yield Port("SIAGA_AGI_BIND", settings.agi_bind, TCP, "no controller asks", vital=True)
    yield Port("SIAGA_AMI_BIND", settings.ami_bind, TCP, "the desk does not see the line")
    yield Port("SIAGA_DESK_BIND", settings.desk_bind, TCP, "no records now, and no /healthz")
    yield Port("SIAGA_WS_BIND", settings.ws_bind, TCP, "no telephone in a browser")
    if not settings.mqtt_url:
        yield Port("SIAGA_MQTT_BIND", settings.mqtt_bind, TCP, "agencies are told nothing")


def refusal(port: Port) -> str:
    """Return why an address cannot be had and what to do; nothing when it can."""
    host, _, number = port.bind.rpartition(":")
    with socket.socket(socket.AF_INET, port.kind) as probe:
        if port.kind == TCP:  # what an ended connection leaves behind is no program
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(number)))
        except OSError as error:
            why = f"{port.bind} cannot be had: {error.strerror}"
            if error.errno == errno.EADDRNOTAVAIL:
                return nowhere(port.bind, port.setting)
            if error.errno != errno.EADDRINUSE:
                return f"{why}; set {port.setting}"
            by = holder(port)
            return f"{why}{f' by {by}' if by else ''}; end what holds it or set {port.setting}"
    return ""


def nowhere(bind: str, setting: str = LISTEN) -> str:
    """Return that no interface has this address, and what to do; nothing when one has it."""
    host = bind.rpartition(":")[0]
    with socket.socket(socket.AF_INET, UDP) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            has = f"; it has: {', '.join(here())}" if here() else ""
            return f"{bind}: no interface of this machine has {host}{has}; set {setting}"
    return ""


def here() -> tuple[str, ...]:
    """Return the addresses of this machine's interfaces; none where the kernel does not say."""
    try:
        text = Path("/proc/net/fib_trie").read_text(encoding="ascii")
    except OSError:
        return ()
    return tuple(dict.fromkeys(_OWN_ADDRESS.findall(text)))


def holder(port: Port) -> str:
    """Return the program that holds a port, with its process id; nothing where none is seen."""
    inodes = {f"socket:[{inode}]" for inode in _sockets(port)}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended, or is another user's
            if any(str(fd.readlink()) in inodes for fd in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return ""


def _sockets(port: Port) -> Iterator[str]:
    """Yield the inodes of what holds a port; whole interfaces hold it too (proc_net_tcp.rst)."""
    host, _, number = port.bind.rpartition(":")
    ours = int.from_bytes(socket.inet_aton(host), sys.byteorder)
    addresses = {f"{address:08X}:{int(number):04X}" for address in (ours, 0)}
    table, states = ("udp", ("07", "01")) if port.kind == UDP else ("tcp", ("0A",))
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()[1:]
        for words in map(str.split, lines):
            if words[1] in addresses and words[3] in states:
                yield words[9]
