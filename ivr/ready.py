"""Would a call to 112 be answered now? Asked from outside, of the parts that a caller meets."""

import asyncio
import secrets
import socket
import struct
from pathlib import Path
from typing import Literal

from ivr.agi import PROBE
from ivr.settings import Settings
from ivr.supervisor import seen

Part = Literal["asterisk", "ivr", "desk"]

ASK_SECONDS = 1.0
_PROBE = "ready.probe"
"""Who asks. No account has a dot in its name: a phone's would be asked for its password."""
CONTROLLER = "the controller does not answer"
LISTENING = "0A"
"""A socket's state in /proc/net/tcp (TCP_LISTEN of the kernel's tcp_states.h)."""


async def unready(settings: Settings, part: Part | None = None) -> str:
    """Return why a call would not go well now, or an empty text when it would.

    `part` asks of that one alone. No call waits for the desk, so it is asked only by its name.
    """
    if part == "desk":
        well = await desk_answers(settings)
        return "" if well else f"the desk does not answer on {settings.desk_bind}: no records now"
    if part != "ivr" and not await asterisk_answers(settings):
        return f"Asterisk does not answer for 112 on {settings.sip_bind}"
    if part != "asterisk" and not await controller_answers(settings):
        return (
            f"{CONTROLLER} on {settings.agi_bind}: callers get the stand-in; "
            f"{settings.state}/log/ivr-1.log and ivr-2.log may say why; `make down` and `make up`, "
            "at a quiet moment, start all anew"
        )
    return ""


async def unready_here(settings: Settings, part: Part | None = None) -> str:
    """Return the same of the line that runs from our state folder, and of no other."""
    if seen(settings):
        return await unready(settings, part)
    nothing = f"no line runs from {settings.state} here"
    if await asterisk_answers(settings):
        return f"{nothing}; another one answers on {settings.sip_bind}"
    return f"{nothing}: `make up` starts one"


async def asterisk_answers(settings: Settings) -> bool:
    """Return whether a call to 112 would come in."""
    host, _, port = settings.sip_bind.rpartition(":")
    host = "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104 - bound to all, asked at one
    return await sip_answers(host, int(port))


async def controller_answers(settings: Settings) -> bool:
    """Return whether a caller would be asked by the first floor."""
    for _ in range(2):  # one controller may be ending just now; the other takes the next
        if await agi_answers(settings.agi_host, settings.agi_port):
            return True
    return False


def listening(settings: Settings) -> int:
    """Return how many controllers listen for Asterisk now, which each does only if it answers.

    The kernel has a line for each listener: local address and port in hexadecimal (proc(5)).
    """
    (address,) = struct.unpack("=I", socket.inet_aton(settings.agi_host))
    wanted = (f"{address:08X}:{settings.agi_port:04X}", LISTENING)
    lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    return sum((words[1], words[3]) == wanted for words in map(str.split, lines))


async def desk_answers(settings: Settings) -> bool:
    """Return whether the desk says how the line is, whatever it says."""
    host, _, port = settings.desk_bind.rpartition(":")
    try:
        async with asyncio.timeout(ASK_SECONDS):
            reader, writer = await asyncio.open_connection(host, int(port))
            try:
                writer.write(b"GET /healthz HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n\r\n")
                return (await reader.readline()).startswith(b"HTTP/1.1 ")
            finally:
                writer.close()
    except (TimeoutError, OSError, ValueError):  # ValueError: a line without an end
        return False


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

    ours = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        ours.bind((host, 0))
        ours.connect((host, port))
    except OSError:  # no interface here has this address
        ours.close()
        return False
    transport, _ = await loop.create_datagram_endpoint(Ear, sock=ours)
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
        f"From: <sip:{_PROBE}@{own}>;tag={tag}",
        f"To: <sip:112@{host}:{port}>",
        f"Call-ID: {tag}@siaga",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:{_PROBE}@{own}>",
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
