"""What Asterisk may talk to: lines in, lines out, phones and queues."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from ivr.heard import EVENTS
from routing.configuration import SECTIONS, Configuration
from routing.dialplan import Controller, extensions
from routing.endpoints import Listening, accounts, http, in_browsers, manager, pjsip, queues, rtp

MANAGER = Path(__file__).parents[2] / "asterisk/etc/manager.conf"
PJSIP = Path(__file__).parents[2] / "asterisk/etc/pjsip.conf"
LISTENING = Listening("127.0.0.1:5060", "127.0.0.2:5070", 10000, 14999)
SECRETS = {
    "operator-1": "sEcReT-1",
    "operator-2": "sEcReT-2",
    "pengawas-1": "sEcReT-3",
    "newcomer": "sEcReT-4",
}

Configured = Callable[..., Configuration]


def compiled(configuration: Configuration) -> str:
    """Return the endpoints as `siaga apply` writes them."""
    return pjsip(configuration, LISTENING, SECRETS)


def test_calls_are_taken_from_the_listed_addresses_and_our_own_alone(
    configured: Configured,
) -> None:
    site = configured(("site.yaml", '["127.0.0.1"]', '["203.0.113.5", "198.51.100.0/24"]'))
    assert compiled(site).startswith("""\
[udp]
type = transport
protocol = udp
bind = 127.0.0.1:5060

[from-trunk](caller)
transport = udp

[from-trunk]
type = identify
endpoint = from-trunk
match = 203.0.113.5,198.51.100.0/24,127.0.0.1
""")


def test_a_simulated_trunk_is_a_line_from_asterisk_to_itself(shipped: Configuration) -> None:
    assert """
[simulation]
type = transport
protocol = udp
bind = 127.0.0.2:5070

[simulated](way-out)
transport = simulation
aors = simulated

[simulated]
type = aor
contact = sip:127.0.0.2:5070

[drilled](way-out)
transport = simulation
aors = drilled

[drilled]
type = aor
contact = sip:127.0.0.2:5070

[far-end](way-out)
transport = simulation
context = simulated
send_pai = no

[far-end]
type = identify
endpoint = far-end
match = 127.0.0.2

[drill](caller)
transport = udp
context = drill

[drill]
type = identify
endpoint = drill
match = 127.0.0.9
""" in compiled(shipped)


def test_a_gateway_is_a_line_out_that_is_not_asked_whether_it_lives(configured: Configured) -> None:
    assert """
[telkom](way-out)
transport = udp
aors = telkom

[telkom]
type = aor
contact = sip:203.0.113.5:5060
""" in compiled(configured(("site.yaml", "# telkom", "telkom")))


def test_a_hotline_with_a_sip_address_is_a_line_of_its_own(configured: Configured) -> None:
    sip = ("agencies.yaml", 'number: "113"', 'sip: "pos-1@10.1.2.3:5070"')
    assert """
[sip-damkar-113](way-out)
transport = udp
aors = sip-damkar-113

[sip-damkar-113]
type = aor
contact = sip:10.1.2.3:5070
""" in compiled(configured(sip))


def test_a_phone_registers_with_its_account_and_its_secret(shipped: Configuration) -> None:
    assert """
[pengawas-1](operator)
transport = udp
auth = pengawas-1
aors = pengawas-1
callerid = "Pengawas 1" <112>

[pengawas-1]
type = auth
auth_type = digest
username = pengawas-1
password = sEcReT-3

[pengawas-1](operator-aor)
""" in compiled(shipped)


IN_BROWSER = ("operators.yaml", "name: Operator 1}", "name: Operator 1, browser: true}")
LIVE = (
    ("site.yaml", "outgoing: [simulated]", "outgoing: [telkom]"),
    ("site.yaml", "# telkom", "telkom"),
    ("site.yaml", "simulated_operator: true", "simulated_operator: false"),
)


def test_a_telephone_in_a_browser_is_on_no_wire(configured: Configured) -> None:
    assert """
[operator-1](browser)
auth = operator-1
aors = operator-1
callerid = "Operator 1" <112>
""" in compiled(configured(IN_BROWSER))


def test_a_newcomer_may_call_in_a_simulation_and_can_not_be_rung(shipped: Configuration) -> None:
    assert compiled(shipped).endswith("""
[newcomer](visitor)
auth = newcomer

[newcomer]
type = auth
auth_type = digest
username = newcomer
password = sEcReT-4
""")


def test_nobody_is_a_newcomer_where_a_real_telephone_rings(configured: Configured) -> None:
    live = configured(*LIVE)
    assert "newcomer" not in compiled(live)
    assert in_browsers(live) == ()
    assert in_browsers(configured(*LIVE, IN_BROWSER)) == ("operator-1",)


def test_every_telephone_has_one_account(configured: Configured) -> None:
    everybody = accounts(configured(IN_BROWSER))
    assert sorted(everybody) == ["newcomer", "operator-1", "operator-2", "pengawas-1"]


def test_the_way_is_sought_only_where_a_browser_needs_it(configured: Configured) -> None:
    assert "icesupport = no" in rtp(configured(*LIVE), LISTENING)
    assert "icesupport = yes" in rtp(configured(*LIVE, IN_BROWSER), LISTENING)


def test_browsers_come_in_where_we_are_told_and_nowhere_else() -> None:
    assert (
        http("127.0.0.1:5066")
        == """\
[general](+)
enabled = yes
bindaddr = 127.0.0.1
bindport = 5066
"""
    )


def test_a_phone_without_a_secret_is_not_written(shipped: Configuration) -> None:
    with pytest.raises(KeyError, match="pengawas-1"):
        pjsip(shipped, LISTENING, {"operator-1": "a", "operator-2": "b"})


def test_the_queues_ring_the_operators_and_then_the_backup(shipped: Configuration) -> None:
    assert (
        queues(shipped)
        == """\
[operators](operators-template)
member => PJSIP/operator-1,0,Operator 1,PJSIP/operator-1
member => PJSIP/operator-2,0,Operator 2,PJSIP/operator-2

[backup](backup-template)
member => PJSIP/pengawas-1,0,Pengawas 1,PJSIP/pengawas-1
"""
    )


def test_a_centre_without_a_backup_has_an_empty_queue_for_it(configured: Configured) -> None:
    alone = configured(
        ("operators.yaml", "backup:\n  - {account: pengawas-1, name: Pengawas 1}\n", "")
    )
    assert queues(alone).endswith("\n[backup](backup-template)\n")


def test_the_audio_uses_the_ports_it_was_given(shipped: Configuration) -> None:
    assert (
        rtp(shipped, LISTENING)
        == """\
[general]
rtpstart = 10000
rtpend = 14999
strictrtp = yes
icesupport = yes
"""
    )


def test_one_account_may_watch_from_this_machine() -> None:
    assert (
        manager("127.0.0.1:5038", "sEcReT")
        == """\
[general](+)
enabled = yes
bindaddr = 127.0.0.1
port = 5038

[desk](watcher)
secret = sEcReT
permit = 127.0.0.1/255.255.255.255
"""
    )


def test_a_manager_on_all_addresses_lets_only_this_machine_watch() -> None:
    text = manager("0.0.0.0:5038", "sEcReT")
    assert "bindaddr = 0.0.0.0\n" in text
    assert "permit = 127.0.0.1/255.255.255.255" in text


def test_only_what_the_live_state_needs_may_be_read_and_nothing_may_be_done() -> None:
    text = MANAGER.read_text(encoding="utf-8")
    let_through = re.findall(
        r"^eventfilter\(action\(include\),name\((\w+)\)\) =$", text, re.MULTILINE
    )
    assert set(let_through) == EVENTS
    assert re.findall(r"^(?:read|write) = .*", text, re.MULTILINE) == [
        "read = call,agent",
        "write = reporting",
    ]


def test_secrets_stand_with_the_endpoints_and_nowhere_else(shipped: Configuration) -> None:
    controller = Controller("agi://127.0.0.1:4573/menu")
    others = extensions(shipped, controller, "", "v1") + queues(shipped)
    for secret in SECRETS.values():
        assert compiled(shipped).count(secret) == 1
        assert secret not in others + rtp(shipped, LISTENING)


def test_no_endpoint_is_written_twice(configured: Configured) -> None:
    site = configured(
        ("site.yaml", "# telkom", "telkom"),
        ("agencies.yaml", 'number: "113"', 'sip: "113@10.1.2.3"'),
    )
    heads = Counter(
        re.findall(r"^\[([a-z0-9-]+)\]\((?!operator-aor)", compiled(site), re.MULTILINE)
    )
    assert set(heads.values()) == {1}


def test_every_fixed_section_is_a_name_that_no_trunk_or_phone_may_have(
    shipped: Configuration,
) -> None:
    chosen = {*shipped.site.trunks, *SECRETS}
    written = set(re.findall(r"^\[([a-z0-9-]+)\]", compiled(shipped), re.MULTILINE))
    templates = set(re.findall(r"\]\(([a-z-]+)\)", compiled(shipped)))
    assert (written - chosen) | templates <= SECTIONS
    fixed = set(re.findall(r"^\[([a-z0-9-]+)\]", PJSIP.read_text(encoding="utf-8"), re.MULTILINE))
    assert fixed
    assert fixed <= SECTIONS
