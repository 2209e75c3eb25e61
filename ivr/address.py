"""Where the line listens: as the environment says, else the running line, else `site.yaml`.

Law: an address is taken at the start. What runs keeps its own until it is stopped.
"""

import ipaddress
import json
from pathlib import Path
from typing import Any

from ivr import ports
from ivr.settings import Settings
from routing.site import Site

STARTED = "started.json"
"""In the state folder: the addresses that the running line was started with."""
COMPILED = "addresses.json"
"""In each applied version: the addresses that it was compiled for."""
NAMES = (
    *("sip_bind", "agi_bind", "agi_peers", "simulation_bind", "rtp_first", "rtp_last"),
    *("ami_bind", "desk_bind", "ws_bind", "mqtt_bind"),
)


def chosen(settings: Settings, site: Site) -> Settings:
    """Return the settings with `listen` of site.yaml, unless SIAGA_SIP_BIND is set."""
    if "sip_bind" in settings.model_fields_set:
        return settings
    listen = site.listen if ":" in site.listen else f"{site.listen}:5060"
    return settings.model_copy(update={"sip_bind": listen})


def of_the_line(settings: Settings, current: str) -> Settings:
    """Return the settings with the addresses of the line here, except those that are set.

    `current` is the folder, in the state folder, of the version in force.
    """
    known = started(settings) or compiled(settings, current)
    unset = {k: v for k, v in known.items() if k not in settings.model_fields_set}
    return settings.model_copy(update=unset)


def started(settings: Settings) -> dict[str, Any]:
    """Return what `make up` has noted, by the names of Settings; nothing where no line runs."""
    return _read(settings.state / STARTED)


def compiled(settings: Settings, version: str) -> dict[str, Any]:
    """Return the addresses of an applied version; nothing for one that is too old to say."""
    return _read(settings.state / version / COMPILED)


def text(settings: Settings) -> str:
    """Return the addresses as both files hold them."""
    return settings.model_dump_json(include=set(NAMES))


def warnings(settings: Settings, site: Site) -> tuple[str, ...]:
    """Return what staff must know of the address of a line."""
    elsewhere = ports.nowhere(settings.sip_bind)
    said = unreachable(settings, site), f"WARNING: {elsewhere}" if elsewhere else ""
    return tuple(filter(None, said))


def unreachable(settings: Settings, site: Site) -> str:
    """Return why no carrier can reach a line that calls out over one; else nothing."""
    host = settings.sip_bind.rpartition(":")[0]
    if not site.dials_out or not ipaddress.ip_address(host).is_loopback:
        return ""
    return (
        f"WARNING: calls go out over {', '.join(site.outgoing)}, but the line listens on "
        f"{settings.sip_bind}, which only this machine reaches: nobody can call in; write "
        "`listen:` in config/site.yaml with the address that the carrier reaches"
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        known = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return {k: v for k, v in known.items() if k in NAMES}
