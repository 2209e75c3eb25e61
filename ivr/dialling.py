"""How the line here is dialled from this machine, and what a caller's keys may ring.

Law: a key rings a real agency only when whoever presses it has been told. In doubt it may.
"""

import socket

from ivr import address, applied
from ivr.settings import Settings
from ivr.supervisor import seen
from routing.loading import ConfigurationError
from routing.rings import in_words, really_rung

HOW_TO_DIAL = """\
112 answers.
  without a phone:  .venv/bin/siaga call{keys}
  with a softphone: sip:112@{address}  (UDP, no account; {press})
{browser}  stop:             make down
"""
IN_A_BROWSER = "  in a browser:     http://{desk}/phone\n"
_EVERYWHERE = "0.0.0.0"  # noqa: S104 - what the line may be bound to


def asked_at(settings: Settings) -> str:
    """Return where the line here is called from this machine."""
    bind = address.of_the_line(settings, applied.CURRENT).sip_bind
    return bind.replace(_EVERYWHERE, "127.0.0.1")


def how_to_dial(settings: Settings) -> str:
    """Return what `make up` says at its end. It invites nobody to ring a real agency."""
    where = asked_at(settings).removesuffix(":5060")
    if real := _real(settings):
        press = "press nothing: an operator"
        text = HOW_TO_DIAL.format(address=where, keys="", press=press, browser="")
        return f"{text}this line is {real}\n"
    press = "press 1 for fire, or just wait"
    browser = IN_A_BROWSER.format(desk=settings.desk_bind.replace(_EVERYWHERE, "127.0.0.1"))
    return HOW_TO_DIAL.format(address=where, keys=" --keys 1", press=press, browser=browser)


def may_ring(settings: Settings, host: str, port: int) -> str:
    """Return why keys that are pressed in a call to `host` may ring a real agency; else nothing.

    What runs from another state folder, or on another machine, is nothing we know.
    """
    if not seen(settings):
        return f"no line runs from {settings.state} here, and what answers may be live"
    if not _is_ours(settings, host, port):
        return f"{host}:{port} is not the line that runs here, and may be live"
    real = _real(settings)
    return f"this line is {real}" if real else ""


def _real(settings: Settings) -> str:
    """Return `LIVE: key 1 rings damkar-113`, and nothing for a simulation."""
    try:
        _, configuration = applied.in_force(settings)
    except (ConfigurationError, FileNotFoundError):
        return "LIVE, as far as can be known"
    words, rings = in_words(configuration), really_rung(configuration)
    if not rings:
        return ""
    return f"LIVE: {rings[0]}" if words == "LIVE" else words


def _is_ours(settings: Settings, host: str, port: int) -> bool:
    """Return whether a call there comes to the line here, whatever the address is called."""
    # Not what SIAGA_SIP_BIND says now: that may be another line's.
    known = address.started(settings) or address.compiled(settings, applied.CURRENT)
    ours, _, our_port = str(known.get("sip_bind", settings.sip_bind)).rpartition(":")
    try:
        found = socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_DGRAM)
    except OSError:  # and the call will say that there is no such name
        return False
    addresses = {str(where[0]) for *_, where in found}
    here = addresses == {ours} or (ours == _EVERYWHERE and all(map(_is_local, addresses)))
    return here and port == int(our_port)


def _is_local(host: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True
