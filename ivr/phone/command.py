"""`siaga call`: dial 112 from this machine and read what a caller hears.

The exit status is 0 when the caller reached somebody: a voice after ringing, or the own tone back.
Otherwise it is 1, and standard error says why and what to do.
"""

import asyncio
import json
import os
import re
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, get_args

import click

from ivr.phone import Event, How, Key, PhoneCall, Report, What, call

_FIRST_KEY_SECONDS = 0.5  # after the first sound: callers press into the prompt
_NEXT_KEY_SECONDS = 0.4
_COMMA_SECONDS = 1.0

_NOT_INCOMING = "this address is not in `incoming` of site.yaml"
_REMEDY = {
    401: _NOT_INCOMING,
    403: _NOT_INCOMING,
    404: "only a number is answered: try --number 112",
    488: "the far end takes no A-law sound",
    503: "the line is being drained or is overloaded: `siaga status` says which",
}
_PERHAPS_A_RECORDING = (
    "a voice, but not our own back: a person, or a recording (a longer --hold may tell)"
)


def keys_of(text: str, how: How) -> tuple[Key, ...]:
    """Read keys as a person writes them: `9,1` is 9, a second more, then 1.

    The first goes half a second after the first sound, each other 0.4 s after the one before.
    Raises ValueError for a character no phone has.
    """
    keys, after = [], _FIRST_KEY_SECONDS
    for character in text:
        if character == ",":
            after += _COMMA_SECONDS
        else:
            keys.append(Key(character, how, after))
            after += _NEXT_KEY_SECONDS
    return tuple(keys)


def line(event: Event) -> str:
    """Write an event as a line of the timeline: `  1.24 s  answered`."""
    return f"{event.seconds:6.2f} s  {event}"


def as_json(report: Report) -> str:
    """Write a report as one JSON object. Times in seconds, events as in the timeline."""
    values = asdict(report)
    values["events"] = [
        {"seconds": round(event.seconds, 3), "event": event.what, "detail": event.detail}
        for event in report.events
    ]
    return json.dumps({"reached": report.reached, **values}, indent=2)


def why_not(report: Report, address: str) -> str:
    """Say why nobody was reached, and what to do about it. Nothing if somebody was."""
    status = report.sip_status
    if report.reached:
        return ""
    if status is None and report.ended_by == "nobody":
        return f"nobody answers at {address} ({report.reason}): is it running? `make up`"
    if status is None or status == 487:
        return f"{address} did not answer in time ({report.reason}): try a larger --seconds"
    if status >= 300:
        remedy = _REMEDY.get(status, "the log of Asterisk says more")
        return f"{address} refused the call ({report.reason}): {remedy}"
    if report.first_audio_seconds is None:
        got = f"{report.packets_received} RTP packets came, none with sound"
        return f"answered, but {got}: are the RTP ports open, and the prompts built?"
    return (
        f"answered and heard, but no voice after ringing, nor our own back ({report.reason}): "
        "try a larger --seconds, and `siaga check`"
    )


def _address(_ctx: click.Context, _param: click.Parameter, value: str) -> tuple[str, int]:
    match = re.fullmatch(r"([^\s:]+)(?::([0-9]{1,5}))?", value)
    if match is None or not 0 < int(match[2] or 5060) < 65536:
        raise click.BadParameter(f"{value!r} is not HOST:PORT, such as 127.0.0.1:5060")
    return match[1], int(match[2] or 5060)


def _local_ip(host: str, port: int) -> str:
    """Find which of our addresses reaches `host`. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, port))
        return str(probe.getsockname()[0])


@click.command("call")
@click.option("--keys", default="", help="Keys to press; each comma waits one second.")
@click.option("--to", default="127.0.0.1:5060", callback=_address, help="HOST:PORT to call.")
@click.option("--number", default="112", show_default=True, help="Number to dial.")
@click.option("--caller", default="0000", show_default=True, help="Our own number.")
@click.option("--send", type=click.Choice(get_args(How)), default="rfc4733", help="How keys go.")
@click.option("--seconds", default=30.0, show_default=True, help="The longest the call may take.")
@click.option("--hold", default=8.0, show_default=True, help="Seconds to stay with a person.")
@click.option("--json", "for_programs", is_flag=True, help="One JSON object instead of lines.")
def call_command(  # noqa: PLR0913  (one argument an option)
    *,
    keys: str,
    to: tuple[str, int],
    number: str,
    caller: str,
    send: How,
    seconds: float,
    hold: float,
    for_programs: bool,
    test_word: str = "",
) -> None:
    """Call 112 and print what the caller hears, second by second.

    The status is 0 when a voice was heard after ringing, or our own tone came back. Where only a
    voice was heard it may be a recording, such as a carrier's announcement: no machine can tell.
    """
    host, port = to
    address = f"{host}:{port}"
    order: dict[str, Any] = {"host": host, "port": port, "number": number, "caller": caller}
    order["test_word"] = test_word
    try:
        order |= {"keys": keys_of(keys, send), "local_ip": _local_ip(host, port)}
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--keys") from error
    except OSError as error:
        click.echo(f"no way to {address} ({error}): check --to", err=True)
        sys.exit(1)
    dialled = PhoneCall(**order, max_seconds=seconds, hold_seconds=hold)
    report = asyncio.run(_called(dialled, None if for_programs else _show))
    if report is None:
        return
    if for_programs:
        click.echo(as_json(report))
    else:
        click.echo(f"longest silence {report.longest_silence_seconds:.2f} s")
        if report.reached and not report.heard(What.OWN_VOICE):
            click.echo(_PERHAPS_A_RECORDING)
    if why := why_not(report, address):
        click.echo(why, err=True)
        sys.exit(1)


async def _called(order: PhoneCall, show: Callable[[Event], None] | None) -> Report | None:
    """Call, and show what is heard. When whoever reads us (`| head`) has had enough, hang up.

    Return None then.
    """
    ours, unread = asyncio.current_task(), False

    def tell(event: Event) -> None:
        nonlocal unread
        try:
            if show:
                show(event)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            unread = True
            if ours:
                ours.cancel()

    try:
        return await call(order, tell)
    except asyncio.CancelledError:
        if not unread:  # Ctrl-C
            raise
        return None


def _show(event: Event) -> None:
    click.echo(line(event))
