"""Would a call to 112 be answered now? Asked from outside, of the parts that a caller meets."""

import asyncio
import secrets
import socket
import struct
from pathlib import Path
from typing import Literal

from ivr.agi import PROBE
from ivr.settings import Settings

Part = Literal["asterisk", "ivr"]

ASK_SECONDS = 1.0
LISTENING = "0A"
"""A socket's state in /proc/net/tcp (TCP_LISTEN of the kernel's tcp_states.h)."""


async def unready(settings: Settings, part: Part | None = None) -> str:
    """Return why a call would not go well now, or an empty text when it would.

    `part` asks of one of the two alone.
    """
    host, _, port = settings.sip_bind.rpartition(":")
    host = "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104 - bound to all, asked at one
    if part != "ivr" and not await sip_answers(host, int(port)):
        return f"Asterisk does not answer for 112 on {settings.sip_bind}"
    if part != "asterisk":
        for _ in range(2):  # one controller may be ending just now; the other takes the next
            if await agi_answers(settings.agi_host, settings.agi_port):
                return ""
        return f"the controller does not answer on {settings.agi_bind}: callers get the static menu"
    return ""


def listening(settings: Settings) -> int:
    """Return how many controllers listen for Asterisk now, which each does only if it answers.

    The kernel has a line for each listener: local address and port in hexadecimal (proc(5)).
    """
    (address,) = struct.unpack("=I", socket.inet_aton(settings.agi_host))
    wanted = (f"{address:08X}:{settings.agi_port:04X}", LISTENING)
    lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    return sum((words[1], words[3]) == wanted for words in map(str.split, lines))


async def sip_answers(host: str, port: int) -> bool:
    """Ask by OPTIONS whether 112 exists there: 200 only if it does (pjsip_options.c:297)."""
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[bytes] = loop.create_future()

    class Ear(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, _: object) -> None:
            if not answered.done():
                answered.set_result(data)

        def error_received(self, error: Exception) -> None:
            if not answered.done():
                answered.set_result(str(error).encode())

    transport, _ = await loop.create_datagram_endpoint(
        Ear, local_addr=(host, 0), remote_addr=(host, port)
    )
    try:
        own = transport.get_extra_info("sockname")
        transport.sendto(_options(host, port, f"{own[0]}:{own[1]}"))
        async with asyncio.timeout(ASK_SECONDS):
            return (await answered).startswith(b"SIP/2.0 200")
    except (TimeoutError, OSError):
        return False
    finally:
        transport.close()


def _options(host: str, port: int, own: str) -> bytes:
    tag = secrets.token_hex(6)
    lines = (
        f"OPTIONS sip:112@{host}:{port} SIP/2.0",
        f"Via: SIP/2.0/UDP {own};branch=z9hG4bK{tag};rport",
        f"From: <sip:ready@{own}>;tag={tag}",
        f"To: <sip:112@{host}:{port}>",
        f"Call-ID: {tag}@siaga",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:ready@{own}>",
        "Max-Forwards: 70",
        "Content-Length: 0",
        "",
        "",
    )
    return "\r\n".join(lines).encode()


async def agi_answers(host: str, port: int) -> bool:
    """Open a session as Asterisk does and wait for the first command."""
    try:
        async with asyncio.timeout(ASK_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(
                    f"agi_network: yes\nagi_callerid: unknown\nagi_arg_1: {PROBE}\n\n".encode()
                )
                return (await reader.readline()).startswith(b"GOSUB ")
            finally:
                writer.close()
    except (TimeoutError, OSError, ValueError):  # ValueError: a line without an end
        return False
