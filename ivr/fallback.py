"""What a line starts with when `config/` cannot be put in force: the last version that can run.

Law: an address that the line had before is waited for, never replaced: after a reboot it may only
not be there yet, and a line elsewhere would be one that nobody reaches.
"""

from typing import Any

from ivr import address, applied, ports, versions
from ivr.settings import Settings
from ivr.supervisor import HostError


def version(settings: Settings, *, starting: bool) -> str:
    """Return the version to go on with, which is in force then; nothing where there never was one.

    When `starting`, it is the last whose address this machine has. Raises HostError when it has
    none of them.
    """
    newest, bind = applied.version(settings), addresses(settings).get("sip_bind", "")
    if not newest or not starting or not bind or not (why := ports.nowhere(bind)):
        return newest
    if address.started(settings).get("sip_bind") != bind:
        for name in reversed(versions.versions(settings.state)):
            known = address.compiled(settings, f"applied/{name}")
            if known and not ports.nowhere(known["sip_bind"]):
                return applied.again(settings, name).name
    raise HostError(why)


def addresses(settings: Settings) -> dict[str, Any]:
    """Return the addresses of the version in force, by the names of Settings."""
    return address.compiled(settings, applied.CURRENT) or address.started(settings)
