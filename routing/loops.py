"""Lines that would lead a call back into this machine: by its addresses, or by its number."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from routing.agencies import Agencies
from routing.configuration import Conflict
from routing.endpoints import DRILLING, RELAYED, Listening
from routing.remedies import Place
from routing.site import DIALLED, Site

_SIP_PORT = "5060"


def loops(site: Site | None, agencies: Agencies | None, own: Listening) -> Iterator[Conflict]:
    """Yield each way out that ends at ourselves, and each way in that the simulation would use."""
    for file, place, gateway in _ways_out(site, agencies):
        if _is_ours(gateway, own):
            message = f"leads back to this machine: {gateway} is an address of its own"
            yield Conflict(file, place, message, "write the address of the other side")
    ours = {
        own.simulation.partition(":")[0]: "the simulation of the agencies",
        DRILLING: "a drill",
        RELAYED: "the telephone in a browser",
    }
    for i, address in enumerate(site.incoming if site else ()):
        for host, who in ours.items():
            if ip_address(host) in ip_network(address, strict=False):
                message = f"holds {host}, where {who} calls from"
                remedy = "write the callers' addresses only"
                yield Conflict("site.yaml", ("incoming", i), message, remedy)


def called_back(agencies: Agencies | None) -> Iterator[Conflict]:
    """Yield each hotline whose number is ours: a carrier brings that call to our own menu."""
    ours = {number.lstrip("+") for number in DIALLED}
    for name, agency in (agencies.agencies if agencies else {}).items():
        for i, hotline in enumerate(agency.hotlines):
            if hotline.number in ours:
                place = ("agencies", name, "hotlines", i, "number")
                message = f"{hotline.number} is our own number: the carrier brings it back to us"
                yield Conflict("agencies.yaml", place, message, "write the agency's own number")


def _ways_out(site: Site | None, agencies: Agencies | None) -> Iterator[tuple[str, Place, str]]:
    for name, trunk in (site.trunks if site else {}).items():
        if trunk.gateway is not None:
            yield "site.yaml", ("trunks", name, "gateway"), trunk.gateway
    for name, agency in (agencies.agencies if agencies else {}).items():
        for i, hotline in enumerate(agency.hotlines):
            if hotline.sip is not None:
                place = ("agencies", name, "hotlines", i, "sip")
                yield "agencies.yaml", place, hotline.sip.partition("@")[2]


def _is_ours(gateway: str, own: Listening) -> bool:
    host, _, port = gateway.partition(":")
    for address in (own.sip, own.simulation):
        our_host, _, our_port = address.partition(":")
        # Who listens everywhere answers at each loopback address, and at others we do not know.
        here = host == our_host or (our_host == "0.0.0.0" and ip_address(host).is_loopback)  # noqa: S104
        if here and (port or _SIP_PORT) == our_port:
            return True
    return False
