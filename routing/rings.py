"""Which telephones a caller can make ring, and which of them are real.

Law: a telephone is real unless Asterisk itself answers in its place.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from routing.agencies import Agencies, Hotline
from routing.configuration import Configuration, Conflict, Readable
from routing.services import MenuFile
from routing.site import Operators, Site


@dataclass(frozen=True, slots=True)
class Ring:
    """A hotline, what makes it ring (`key 1`, `the last resort`), and whether it is a real one."""

    by: str
    hotline: str
    real: bool

    def __str__(self) -> str:
        """Say it for people: `key 1 rings damkar-113`."""
        return f"{self.by} rings {self.hotline}"


def really_rung(c: Configuration) -> tuple[Ring, ...]:
    """Return what a caller can make ring that Asterisk does not answer itself, in order of keys."""
    return tuple(ring for ring in _rings(c.menu, c.agencies, c.operators, c.site) if ring.real)


def is_simulated(c: Configuration) -> bool:
    """Return whether Asterisk plays everybody whom a caller can make ring."""
    return not really_rung(c)


def in_words(c: Configuration) -> str:
    """Return `simulated`, `LIVE` when every telephone is real, or `PARTLY LIVE:` and those."""
    rings, real = tuple(_rings(c.menu, c.agencies, c.operators, c.site)), really_rung(c)
    if not real:
        return "simulated"
    return "LIVE" if real == rings else f"PARTLY LIVE: {', '.join(map(str, real))}"


def pretence(r: Readable) -> Iterator[Conflict]:
    """Yield the operator who is a recording on a line that rings real telephones."""
    if not (r.menu and r.agencies and r.operators and r.site):
        return
    simulated = any(trunk.simulated for trunk in r.site.trunks.values())
    rings = _rings(r.menu, r.agencies, r.operators, r.site)
    real = next((ring for ring in rings if ring.real), None)
    if r.site.simulated_operator and simulated and real:
        message = f"a recording would answer those who need a person: {real}, which is real"
        remedy = "write `simulated_operator: false`"
        yield Conflict("site.yaml", ("simulated_operator",), message, remedy)


def _rings(menu: MenuFile, agencies: Agencies, operators: Operators, site: Site) -> Iterator[Ring]:
    """Yield each hotline of each key, then the last one of all. Names may be unknown yet."""
    known = agencies.agencies
    for service in menu.services.values():
        for name in service.agencies:
            for hotline in known[name].hotlines if name in known else ():
                yield Ring(f"key {service.key}", hotline.name, _is_real(hotline, site))
    for hotline in agencies.hotlines():
        if hotline.name == operators.last_hotline:
            yield Ring("the last resort", hotline.name, _is_real(hotline, site))


def _is_real(hotline: Hotline, site: Site) -> bool:
    ways = (hotline.trunk,) if hotline.trunk else site.outgoing
    gateways = (site.trunks[way].gateway for way in ways if way in site.trunks)
    return hotline.sip is not None or any(gateways)
