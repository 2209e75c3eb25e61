"""Where the line listens, and who says so."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from ivr import address, applied
from ivr.settings import Settings
from routing.configuration import Configuration
from routing.loading import ConfigurationError, load

LISTEN = ("site.yaml", "outgoing: [simulated]", 'outgoing: [simulated]\nlisten: "10.1.2.3"')
LIVE = (
    ("site.yaml", "outgoing: [simulated]", "outgoing: [telkom]"),
    (
        "site.yaml",
        '  # telkom: {gateway: "203.0.113.5:5060"}',
        '  telkom: {gateway: "203.0.113.5"}',
    ),
)
Configured = Callable[..., Configuration]


def test_without_a_word_it_is_this_machine_alone(shipped: Configuration) -> None:
    assert address.chosen(Settings(), shipped.site).sip_bind == "127.0.0.1:5060"


def test_site_yaml_says_where(configured: Configured) -> None:
    site = configured(LISTEN).site
    assert address.chosen(Settings(), site).sip_bind == "10.1.2.3:5060"


def test_the_environment_wins(configured: Configured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIAGA_SIP_BIND", "127.0.0.9:5060")
    site = configured(LISTEN).site
    assert address.chosen(Settings(), site).sip_bind == "127.0.0.9:5060"


@pytest.mark.parametrize("listen", ["localhost:5060", "10.1.2.3:65536", "10.1.2.256", "", ":5060"])
def test_what_is_no_address_is_refused(edited: Callable[..., Path], listen: str) -> None:
    folder = edited((*LISTEN[:2], f'outgoing: [simulated]\nlisten: "{listen}"'))
    with pytest.raises(ConfigurationError, match="listen: not an address to listen on"):
        load(folder)


@pytest.mark.parametrize(
    "bind", ["127.0.0.1:65536", "127.0.0.1:0", "10.1.2.256:5060", "localhost:5060"]
)
def test_what_is_no_address_is_refused_in_the_environment_too(bind: str) -> None:
    with pytest.raises(ValidationError, match="write"):
        Settings(sip_bind=bind)


def test_what_asterisk_reads_and_what_is_noted_are_the_same_address(
    edited: Callable[..., Path], tmp_path: Path
) -> None:
    settings = Settings(config=edited(LISTEN), state=tmp_path / "var")
    folder = applied.apply(settings)
    assert "bind = 10.1.2.3:5060" in (folder / "pbx" / "pjsip.conf").read_text()
    assert address.of_the_line(settings, applied.CURRENT).sip_bind == "10.1.2.3:5060"
    (settings.state / address.STARTED).write_text('{"sip_bind": "10.9.9.9:5060"}')
    assert address.of_the_line(settings, applied.CURRENT).sip_bind == "10.9.9.9:5060"
    explicit = Settings(sip_bind="127.0.0.1:5061", state=settings.state)
    assert address.of_the_line(explicit, applied.CURRENT).sip_bind == "127.0.0.1:5061"


def test_a_live_line_that_no_carrier_can_reach_is_warned_of(configured: Configured) -> None:
    site = configured(*LIVE).site
    assert "nobody can call in" in address.unreachable(Settings(), site)
    assert address.unreachable(Settings(sip_bind="10.1.2.3:5060"), site) == ""


def test_a_simulation_may_be_on_this_machine_alone(shipped: Configuration) -> None:
    assert address.unreachable(Settings(), shipped.site) == ""
