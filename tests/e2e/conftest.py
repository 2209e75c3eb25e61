"""The lines that the end-to-end tests dial, and what must hold after each of them."""

from collections.abc import Iterator

import pytest
from line import Line, until


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """The line with the shipped configuration: everything simulated."""
    line = Line(tmp_path_factory.mktemp("line"), 35060)
    line.settings.state.chmod(0o755)
    line.configure()
    line.start("asterisk", "ivr")
    yield line
    line.close()


@pytest.fixture(autouse=True)
def nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test: no channel is open, and Asterisk warned of nothing unexplained."""
    yield
    for name in ("line", "carrier_line"):
        if name in request.fixturenames:
            _quiet(request.getfixturevalue(name))


def _quiet(line: Line) -> None:
    until(lambda: line.channels() == 0, "every channel is gone", 20)
    assert line.warnings() == []


@pytest.fixture(scope="session")
def carrier_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """The line over a carrier, whose far end is whatever a test puts at AGENCY."""
    line = Line(tmp_path_factory.mktemp("carrier"), 37060)
    line.settings.state.chmod(0o755)
    line.configure(outgoing="carrier", simulated_operator=False)
    line.start("asterisk", "ivr")
    yield line
    line.close()
