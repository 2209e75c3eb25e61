"""What staff should know of before it is put in force: nobody gets stuck, yet it may be a slip."""

from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_address, ip_network
from itertools import pairwise

from routing.agencies import Hotline
from routing.attempts import Attempt
from routing.configuration import Configuration, Conflict
from routing.plan import Hop, hops_of, service_hotlines
from routing.proof import DAYS, MONDAY, moments, times
from routing.rings import really_rung
from routing.walk import Move, Waiting, Walk, Walking, line

_SHOWN = 7
_WEEK = 7 * 24 * 60


def cautions(c: Configuration) -> Iterator[Conflict]:
    """Yield what staff should know of `c`, with where to change it; nothing of most."""
    yield from _gaps(c)
    yield from _cut_short(c)
    yield from _recordings(c)
    yield from _channels(c)


def _gaps(c: Configuration) -> Iterator[Conflict]:
    """Hours in which a key rings no agency: operators take its callers."""
    for name, service in c.menu.services.items():
        hotlines = service_hotlines(c, name)
        if closed := _closed(hotlines):
            more = [f"and {len(closed) - _SHOWN} more"] if len(closed) > _SHOWN else []
            message = f"no hotline is open {', '.join([*closed[:_SHOWN], *more])}"
            remedy = f"operators take key {service.key} then; else mend `hours` in agencies.yaml"
            yield Conflict("menu.yaml", ("services", name, "agencies"), message, remedy)


def _closed(hotlines: tuple[Hotline, ...]) -> list[str]:
    """Return the times of a week at which none is open: `Saturday 16:00 to Monday 08:00`."""
    if not hotlines or any(hotline.hours is None for hotline in hotlines):
        return []
    minutes = moments(hotlines)
    is_open = [any(h.is_open(MONDAY + timedelta(minutes=m)) for h in hotlines) for m in minutes]
    changes = [
        (minute, now)
        for i, (minute, now) in enumerate(zip(minutes, is_open, strict=True))
        if now != is_open[i - 1]  # before the first is the last of the week before
    ]
    if changes and changes[0][1]:
        changes = [*changes[1:], changes[0]]
    spans = pairwise([*changes, *changes[:1]])
    return [f"{_moment(a)} to {_moment(b)}" for (a, now), (b, _) in spans if not now]


def _moment(minute: int) -> str:
    day, rest = divmod(minute % _WEEK, 24 * 60)
    return f"{DAYS[day]} {rest // 60:02}:{rest % 60:02}"


def _cut_short(c: Configuration) -> Iterator[Conflict]:
    """Hotlines that ring less than they are given when those before them do not answer, or not."""
    for name in c.menu.services:
        told: set[str] = set()
        for time in times(c, name):
            rung = _unanswered(c, time.hops)
            for hop in time.hops:
                seconds = rung.get(hop.hotline, 0)
                if seconds >= hop.ring_seconds or hop.hotline in told:
                    continue
                told.add(hop.hotline)
                place = ("services", name, "agencies")
                yield Conflict("menu.yaml", place, *_shorter(hop, seconds, time.hops))


def _unanswered(c: Configuration, hops: tuple[Hop, ...]) -> dict[str, int]:
    """Return how long each hotline rings for a caller whom nobody answers."""
    walk, state = Walk(line(c, hops)), Walking()
    rung: dict[str, int] = {}
    while not isinstance(state, Waiting):
        found = walk.look(state)
        if isinstance(found, Attempt) and found.hop:
            rung[found.hop.hotline] = found.seconds
            state = walk.after(state, "no-answer")  # type: ignore[assignment]
        elif isinstance(found, Move):
            state = found.state  # type: ignore[assignment]
    return rung


def _shorter(hop: Hop, seconds: int, hops: tuple[Hop, ...]) -> tuple[str, str]:
    before = hops[: hops.index(hop)]
    twin = next((h for h in before if h.number == hop.number and h.hotline != hop.hotline), None)
    if twin and not seconds:
        message = f"{hop.hotline} is not rung after {twin.hotline}, which has the same number"
        return message, "name one of them only, or give them numbers of their own"
    how = f"rings {seconds} s and not {hop.ring_seconds}" if seconds else "is not rung"
    message = f"{hop.hotline} {how} when nobody before it answers: operators are rung after 40 s"
    return message, "shorten ring_seconds; `confirm` takes 20 s of those 40"


def _recordings(c: Configuration) -> Iterator[Conflict]:
    """Hotlines that are a recording on a line on which real telephones ring."""
    if not really_rung(c):
        return
    over = line(c)
    remedy = "before going live let a carrier's trunk lead there: `outgoing` in site.yaml"
    for name in c.menu.services:
        hops = (hop for h in service_hotlines(c, name) for hop in hops_of(c, h)[:1])
        if played := [hop.hotline for hop in hops if hop.trunk in over.machines]:
            message = f"a recording answers for {', '.join(played)}, though real telephones ring"
            yield Conflict("menu.yaml", ("services", name, "agencies"), message, remedy)
    if over.last and over.last[0].trunk in over.machines:
        message = "a recording is the last resort, though real telephones ring"
        yield Conflict("operators.yaml", ("last_hotline",), message, remedy)


def _channels(c: Configuration) -> Iterator[Conflict]:
    """Trunks on which not all operators and hotlines can talk at once."""
    hotlines = {h.name: h for name in c.menu.services for h in service_hotlines(c, name)}
    hotlines |= {h.name: h for h in c.agencies.hotlines() if h.name == c.operators.last_hotline}
    first = [hops_of(c, hotline)[0].trunk for hotline in hotlines.values()]
    for name, trunk in c.site.trunks.items():
        if trunk.channels is None or trunk.gateway is None:
            continue
        # A caller who is put through takes a channel in and one out, where it is the same carrier.
        both = _calls_in(c, trunk.gateway)
        phones, rung = len(c.operators.phones()) * both, first.count(name)
        wanted = phones + rung * (1 + both)
        if wanted > trunk.channels:
            of_ours = f"{phones} phones of ours and " if phones else ""
            message = f"{of_ours}{rung} hotlines at once take {wanted} channels"
            remedy = "ask the carrier for more; until then some callers hear that the line is busy"
            yield Conflict("site.yaml", ("trunks", name, "channels"), message, remedy)


def _calls_in(c: Configuration, gateway: str) -> bool:
    """Return whether calls come in from this gateway too."""
    address = ip_address(gateway.partition(":")[0])
    return any(address in ip_network(network, strict=False) for network in c.site.incoming)
