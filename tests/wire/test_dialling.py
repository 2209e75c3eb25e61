"""What a caller's keys may ring, of a line that runs from here and of any other."""

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr import address, applied
from ivr.dialling import how_to_dial, may_ring
from ivr.settings import Settings
from ivr.supervisor import SOCKET

CONFIG = Path(__file__).parents[2] / "config"
HOST, PORT = "127.0.0.1", 5060


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A simulation in force, in a state folder of its own."""
    config = Path(shutil.copytree(CONFIG, tmp_path / "config"))
    settings = Settings(config=config, state=tmp_path / "var")
    applied.apply(settings)
    return settings


@pytest.fixture
def running(settings: Settings) -> Iterator[Settings]:
    """The same, and a supervisor that listens."""
    with socket.socket(socket.AF_UNIX) as supervisor:
        supervisor.bind(str(settings.state / f"{SOCKET}.1"))
        yield settings


def edit(settings: Settings, *edits: tuple[str, str]) -> None:
    site = settings.config / "site.yaml"
    text = site.read_text()
    for old, new in (*edits, ("simulated_operator: true", "simulated_operator: false")):
        text = text.replace(old, new)
    site.write_text(text.replace("# telkom", "telkom"))
    applied.apply(settings)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_keys_of_the_simulation_here_ring_nobody(host: str, running: Settings) -> None:
    assert may_ring(running, host, PORT) == ""
    assert "siaga call --keys 1" in how_to_dial(running)
    assert "http://127.0.0.1:8112/phone" in how_to_dial(running)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_keys_of_a_live_line_ring_an_agency_whatever_its_address_is_called(
    host: str, running: Settings
) -> None:
    edit(running, ("outgoing: [simulated]", "outgoing: [telkom]"))
    assert may_ring(running, host, PORT) == "this line is LIVE: key 1 rings damkar-113"
    assert "this line is LIVE: key 1 rings damkar-113" in how_to_dial(running)
    assert "--keys" not in how_to_dial(running)
    assert "/phone" not in how_to_dial(running)


def test_a_line_that_is_live_for_one_agency_says_which(running: Settings) -> None:
    agencies = running.config / "agencies.yaml"
    agencies.write_text(agencies.read_text().replace('number: "113"', 'sip: "113@10.1.2.3"'))
    edit(running)
    rung = "PARTLY LIVE: key 1 rings damkar-113, key 4 rings damkar-113"
    assert may_ring(running, HOST, PORT) == f"this line is {rung}"
    assert "--keys" not in how_to_dial(running)


def test_what_runs_from_another_folder_may_be_live(settings: Settings) -> None:
    assert f"no line runs from {settings.state} here" in may_ring(settings, HOST, PORT)


@pytest.mark.parametrize(
    ("host", "port"), [("192.0.2.10", PORT), (HOST, 5061), ("127.0.0.2", PORT)]
)
def test_another_address_may_be_live(host: str, port: int, running: Settings) -> None:
    assert may_ring(running, host, port) == (
        f"{host}:{port} is not the line that runs here, and may be live"
    )


def test_an_address_that_is_only_asked_for_is_not_the_lines_own(running: Settings) -> None:
    (running.state / address.STARTED).write_text(address.text(running))
    asked = Settings(config=running.config, state=running.state, sip_bind="127.0.0.1:5061")
    assert "is not the line that runs here" in may_ring(asked, HOST, 5061)


def test_a_line_on_every_address_is_here_by_each_of_this_machine(running: Settings) -> None:
    everywhere = running.model_copy(update={"sip_bind": "0.0.0.0:5060"})
    (running.state / address.STARTED).write_text(address.text(everywhere))
    assert may_ring(running, "127.0.0.7", PORT) == ""
    assert "is not the line that runs here" in may_ring(running, "192.0.2.10", PORT)


def test_a_configuration_that_cannot_be_read_may_be_live(running: Settings) -> None:
    (running.state / applied.CURRENT / "config" / "site.yaml").write_text("nonsense: 1\n")
    assert may_ring(running, HOST, PORT) == "this line is LIVE, as far as can be known"
