"""What a line starts with when the address that `config/` names is not one of this machine."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ivr import address, applied, fallback
from ivr.settings import Settings
from ivr.supervisor import HostError

NOWHERE = "192.0.2.10:5060"
"""An address that no machine has (RFC 5737)."""


@pytest.fixture
def apply(tmp_path: Path, edited: Callable[..., Path]) -> Callable[[str], Settings]:
    """Put a version in force that listens on an address, and return its settings."""

    def apply(listen: str) -> Settings:
        settings = Settings(config=edited(), state=tmp_path / "var", sip_bind=listen)
        applied.apply(settings)
        return settings

    return apply


def test_what_is_in_force_stays_where_this_machine_has_its_address(
    apply: Callable[[str], Settings],
) -> None:
    apply("127.0.0.8:5060")
    settings = apply("127.0.0.9:5060")
    newest = applied.version(settings)
    assert fallback.version(settings, starting=True) == newest
    assert applied.version(settings) == newest


def test_the_last_version_whose_address_can_be_had_is_in_force_again(
    apply: Callable[[str], Settings],
) -> None:
    for listen in ("127.0.0.8:5060", "127.0.0.9:5060", NOWHERE):
        settings = apply(listen)
    assert fallback.version(settings, starting=True) == applied.version(settings)
    assert fallback.addresses(settings)["sip_bind"] == "127.0.0.9:5060"
    pjsip = settings.state / applied.CURRENT / "pbx" / "pjsip.conf"
    assert "bind = 127.0.0.9:5060" in pjsip.read_text()


def test_what_runs_keeps_the_version_in_force(apply: Callable[[str], Settings]) -> None:
    settings = apply(NOWHERE)
    assert fallback.version(settings, starting=False) == applied.version(settings)


def test_an_address_that_the_line_had_before_is_waited_for(
    apply: Callable[[str], Settings],
) -> None:
    apply("127.0.0.9:5060")
    settings = apply(NOWHERE)
    (settings.state / address.STARTED).write_text(address.text(settings))
    newest = applied.version(settings)
    with pytest.raises(HostError, match=r"no interface of this machine has 192\.0\.2\.10"):
        fallback.version(settings, starting=True)
    assert applied.version(settings) == newest


def test_where_no_version_can_be_had_it_is_said_what_to_set(
    apply: Callable[[str], Settings],
) -> None:
    settings = apply(NOWHERE)
    with pytest.raises(HostError, match="set `listen` in config"):
        fallback.version(settings, starting=True)


def test_before_the_first_there_is_nothing_to_go_on_with(tmp_path: Path) -> None:
    assert fallback.version(Settings(state=tmp_path), starting=True) == ""
