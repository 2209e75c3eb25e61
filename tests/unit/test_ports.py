"""The addresses that a start takes: which can be had, and who holds the others."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr import ports
from ivr.ports import TCP, UDP, Port
from ivr.settings import Settings

NOWHERE = "192.0.2.10:5060"
"""An address that no machine has (RFC 5737)."""


@pytest.fixture(params=[UDP, TCP], ids=["UDP", "TCP"])
def port(request: pytest.FixtureRequest) -> Iterator[Port]:
    """A port that this process holds."""
    with socket.socket(socket.AF_INET, request.param) as held:
        held.bind(("127.0.0.1", 0))
        if request.param == TCP:
            held.listen()
        yield Port("SIAGA_SOME_BIND", f"127.0.0.1:{held.getsockname()[1]}", request.param, "")


def test_who_holds_a_port_is_named_with_what_to_do(port: Port) -> None:
    program = Path("/proc/self/comm").read_text().strip()
    assert ports.refusal(port) == (
        f"{port.bind} cannot be had: Address already in use by {program} (process {os.getpid()}); "
        "end what holds it or set SIAGA_SOME_BIND"
    )


def test_a_port_that_is_free_is_had() -> None:
    assert ports.refusal(Port("SIAGA_SOME_BIND", "127.0.0.1:0", TCP, "")) == ""


def test_an_address_of_another_machine_is_told_with_those_of_this_one() -> None:
    why = ports.refusal(Port("SIAGA_SOME_BIND", NOWHERE, UDP, ""))
    assert "no interface of this machine has 192.0.2.10; it has: " in why
    assert "127.0.0.1" in why
    assert why.endswith("set SIAGA_SOME_BIND")
    assert "end what holds it" not in why


@pytest.mark.parametrize("bind", ["127.0.0.1:5060", "127.0.0.9:5060", "0.0.0.0:5060"])
def test_this_machine_has_its_own_addresses(bind: str) -> None:
    assert ports.nowhere(bind) == ""


def test_only_what_a_call_meets_keeps_a_line_down() -> None:
    vital = [port.setting.rpartition(" ")[2] for port in ports.wanted(Settings()) if port.vital]
    assert vital == ["SIAGA_SIP_BIND", "SIAGA_SIMULATION_BIND", "SIAGA_AGI_BIND"]


def test_where_another_broker_is_named_ours_takes_no_port() -> None:
    settings = [Settings(), Settings(mqtt_url="mqtt://192.0.2.7")]
    taken = [[port.setting for port in ports.wanted(each)] for each in settings]
    assert "SIAGA_MQTT_BIND" in taken[0]
    assert "SIAGA_MQTT_BIND" not in taken[1]
