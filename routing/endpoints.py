"""Values into what Asterisk may talk to: SIP endpoints, queues, and who watches it.

Law: a call is only taken from an address that `site.yaml` lists, or from a phone that knows its
secret. Nothing is reachable by name.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from routing.configuration import Configuration
from routing.rings import is_simulated
from routing.site import Operator

NEWCOMER = "newcomer"
"""The telephone of whoever opens /phone, while the line is a simulation."""
DRILL, DRILLED = "drill", "drilled"
"""Where our own calls come in, and who answers them in everybody's place."""
DRILLING = "127.0.0.9"
"""Where they come from. No carrier does: the kernel takes 127/8 from this machine alone."""
RELAYED = "127.0.0.5"
"""Where browsers' SIP comes from (ivr/desk/relay.py), which must not pass for a carrier's."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where Asterisk listens: `address:port` for SIP and for the simulation, ports for RTP."""

    sip: str
    simulation: str
    rtp_first: int
    rtp_last: int


def pjsip(configuration: Configuration, listening: Listening, secrets: Mapping[str, str]) -> str:
    """Return the text that `asterisk/etc/pjsip.conf` includes.

    `secrets` holds the SIP password of each account of `accounts`.
    """
    site = configuration.site
    # Our own address too, so that a test call from this machine is a call like any other.
    own = listening.sip.rpartition(":")[0]
    callers = dict.fromkeys((*site.incoming, *(() if own == "0.0.0.0" else (own,))))  # noqa: S104
    lines = [
        *_section("udp", type="transport", protocol="udp", bind=listening.sip),
        *_section("from-trunk(caller)", transport="udp"),
        *_section("from-trunk", type="identify", endpoint="from-trunk", match=",".join(callers)),
    ]
    simulated = [name for name, trunk in site.trunks.items() if trunk.simulated]
    lines += _simulation((*simulated, DRILLED), listening.simulation)
    lines += _section(f"{DRILL}(caller)", transport="udp", context=DRILL)
    lines += _section(DRILL, type="identify", endpoint=DRILL, match=DRILLING)
    for name, trunk in site.trunks.items():
        if not trunk.simulated:
            lines += _gateway(name, str(trunk.gateway))
    for hotline in configuration.agencies.hotlines():
        if hotline.endpoint and hotline.sip:
            lines += _gateway(hotline.endpoint, hotline.sip.partition("@")[2])
    for phone in configuration.operators.phones():
        lines += _phone(phone, secrets[phone.account])
    if is_simulated(configuration):
        lines += _section(f"{NEWCOMER}(visitor)", auth=NEWCOMER)
        lines += _auth(NEWCOMER, secrets[NEWCOMER])
    return "\n".join(lines)


def in_browsers(configuration: Configuration) -> tuple[str, ...]:
    """Return the accounts of telephones that are in a browser."""
    phones = configuration.operators.phones()
    newcomers = (NEWCOMER,) if is_simulated(configuration) else ()
    return (*(phone.account for phone in phones if phone.browser), *newcomers)


def accounts(configuration: Configuration) -> tuple[str, ...]:
    """Return the accounts of all telephones, those in a browser too."""
    by_wire = (p.account for p in configuration.operators.phones() if not p.browser)
    return (*by_wire, *in_browsers(configuration))


def queues(configuration: Configuration) -> str:
    """Return the text that `asterisk/etc/queues.conf` includes."""
    groups = (
        ("operators", configuration.operators.operators),
        ("backup", configuration.operators.backup),
    )
    lines: list[str] = []
    for name, phones in groups:
        lines += [
            f"[{name}]({name}-template)",
            *(f"member => PJSIP/{p.account},0,{p.name},PJSIP/{p.account}" for p in phones),
            "",
        ]
    return "\n".join(lines)


def rtp(configuration: Configuration, listening: Listening) -> str:
    """Return the whole of `rtp.conf`. ICE, which browsers need, is prepared for each leg."""
    return "\n".join(
        _section(
            "general",
            rtpstart=listening.rtp_first,
            rtpend=listening.rtp_last,
            strictrtp="yes",
            icesupport="yes" if in_browsers(configuration) else "no",
        ),
    )


def manager(bind: str, secret: str) -> str:
    """Return the text that `asterisk/etc/manager.conf` includes: who may watch, and from where.

    `bind` is `address:port`. Whoever comes from another address, so from another machine, is
    refused.
    """
    host, _, port = bind.rpartition(":")
    own = "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104
    return "\n".join(
        [
            *_section("general(+)", enabled="yes", bindaddr=host, port=port),
            *_section("desk(watcher)", secret=secret, permit=f"{own}/255.255.255.255"),
        ]
    )


def http(bind: str) -> str:
    """Return the text that `asterisk/etc/http.conf` includes: where browsers' SIP comes in."""
    host, _, port = bind.rpartition(":")
    return "\n".join(_section("general(+)", enabled="yes", bindaddr=host, bindport=port))


def _section(head: str, **settings: object) -> Iterator[str]:
    name, paren, templates = head.partition("(")
    yield f"[{name}]{paren}{templates}"
    yield from (f"{key} = {value}" for key, value in settings.items())
    yield ""


def _gateway(name: str, address: str) -> Iterator[str]:
    """Describe a line out. A dead one is noticed by the call that meets it: `^10` of Dial.

    It is not asked whether it lives: a carrier may take calls and ignore OPTIONS.
    """
    yield from _section(f"{name}(way-out)", transport="udp", aors=name)
    yield from _section(name, type="aor", contact=f"sip:{address}")


def _simulation(names: Iterable[str], address: str) -> Iterator[str]:
    """Describe lines from Asterisk to itself, on an address that only the simulation uses."""
    yield from _section("simulation", type="transport", protocol="udp", bind=address)
    for name in names:
        yield from _section(f"{name}(way-out)", transport="simulation", aors=name)
        yield from _section(name, type="aor", contact=f"sip:{address}")
    yield from _section(
        "far-end(way-out)", transport="simulation", context="simulated", send_pai="no"
    )
    host = address.partition(":")[0]
    yield from _section("far-end", type="identify", endpoint="far-end", match=host)


def _phone(phone: Operator, secret: str) -> Iterator[str]:
    account = phone.account
    yield from _section(
        f"{account}({'browser' if phone.browser else 'operator'})",
        **({} if phone.browser else {"transport": "udp"}),
        auth=account,
        aors=account,
        callerid=f'"{phone.name}" <112>',
    )
    yield from _auth(account, secret)
    yield from _section(f"{account}(operator-aor)")


def _auth(account: str, secret: str) -> Iterator[str]:
    yield from _section(account, type="auth", auth_type="digest", username=account, password=secret)
