"""The database opens with the tables of this version, or says why it does not and what to do."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, select, text

from ivr.journal import Batch, Line, Position
from ivr.records import engine as opening
from ivr.records import schema, schema_accounts
from ivr.records.engine import FILE, HEAD, open_engine, reading, writing
from ivr.records.errors import (
    BusyError,
    CorruptError,
    ForbiddenError,
    FullError,
    GoneError,
    RecordsError,
    UrlError,
    VersionError,
)
from ivr.records.schema import calls, metadata, starts
from ivr.records.store import Store
from ivr.records.upkeep import made_at
from ivr.settings import Settings

ROOT = Path(__file__).parents[2]
CALL = "1.0"
OPEN = """
from ivr.journal import Batch, Position
from ivr.records.engine import open_engine
from ivr.records.store import Store
from ivr.settings import Settings
engine = open_engine(Settings())
Store(engine).ingest(Batch((), (), Position("another", 1)), "calls.jsonl")
"""
"""What another process does."""


def environment(settings: Settings) -> dict[str, str]:
    ours = {"SIAGA_STATE": str(settings.state), "SIAGA_DATABASE_URL": settings.database_url}
    return {**os.environ, **ours}


def lines(number: int = 1) -> Batch:
    """Return a batch with a call of its own."""
    call = f"{number}.0"
    read = (
        Line(call, call, 100.0, "CHAN_START"),
        Line(call, call, 100.25, "CALL", (("ani", "0812"), ("what", "x" * 1000))),
    )
    return Batch(read, (), Position("fingerprint", number))


def known(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return sorted(connection.scalars(select(calls.c.callref)))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a lock no longer than a test should."""
    monkeypatch.setattr(opening, "LOCK_SECONDS", 0.2)


# --------------------------------------------------------------------------------------- the tables


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based")
def test_the_migrations_make_the_tables_of_the_schema(engine: Engine) -> None:
    with reading(engine) as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert schema_accounts.users.metadata is metadata
        assert compare_metadata(context, metadata) == []


def test_there_is_one_last_migration_and_the_engine_knows_it() -> None:
    config = Config()
    config.set_main_option("path_separator", "os")
    config.set_main_option("script_location", str(ROOT / "ivr" / "records" / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_what_is_there_stays_when_it_is_opened_again(settings: Settings, engine: Engine) -> None:
    Store(engine).ingest(lines(), "calls.jsonl")
    again = open_engine(settings)
    assert known(again) == [CALL]
    again.dispose()


def test_the_tables_of_an_earlier_version_become_those_of_now_and_keep_what_they_hold(
    settings: Settings, engine: Engine
) -> None:
    Store(engine).ingest(lines(), "calls.jsonl")
    assert time.time() - 600 < made_at(engine) <= time.time()
    with writing(engine) as connection:
        newer = (schema_accounts.logins, schema_accounts.sessions, schema_accounts.users)
        for table in (*newer, schema.callback_claims, schema.callback_attempts, schema.origin):
            table.drop(connection)
        connection.execute(text("DROP INDEX ix_hops_agency_number_at"))
        connection.execute(text("UPDATE alembic_version SET version_num = '1'"))
    again = open_engine(settings)
    with reading(again) as connection:
        assert connection.execute(select(schema_accounts.users)).all() == []
    assert known(again) == [CALL]
    assert made_at(again) == 0, "it may be older, and has told of all that it read"
    again.dispose()


def test_processes_that_open_at_once_make_the_tables_once(settings: Settings) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN],
            cwd=ROOT,
            env=environment(settings),
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    assert [(done.communicate(timeout=60)[1], done.returncode) for done in running] == [("", 0)] * 2
    engine = open_engine(settings)
    with reading(engine) as connection:
        assert connection.scalars(text("SELECT version_num FROM alembic_version")).all() == [HEAD]
    engine.dispose()


def test_tables_of_a_newer_version_are_left_alone(settings: Settings, engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '99'"))
    with pytest.raises(VersionError, match="newer siaga"):
        open_engine(settings)


# ------------------------------------------------------------------------------- what it is set to


def test_sqlite_lets_readers_read_keeps_what_it_said_and_checks_references(
    tmp_path: Path,
) -> None:
    engine = open_engine(Settings(state=tmp_path, database_url=""))
    with reading(engine) as connection:
        asked = ("journal_mode", "synchronous", "foreign_keys")
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked]
    assert found == ["wal", 2, 1]  # 2 is FULL
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o640
    engine.dispose()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://siaga:geheim@127.0.0.1:1/records",
        "postgresql://siaga@127.0.0.1:1/records?password=geheim",
        "postgresql://127.0.0.1:1/records?user=siaga&sslpassword=geheim&host=127.0.0.1",
    ],
)
def test_the_password_of_a_url_is_never_told(tmp_path: Path, url: str) -> None:
    with pytest.raises(RecordsError) as caught:
        open_engine(Settings(state=tmp_path, database_url=url))
    assert "geheim" not in f"{caught.value} {caught.value.remedy}"
    assert "127.0.0.1" in str(caught.value)
    assert "/records" in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        *("postgresql", "mysql://u:geheim@h/d", "sqlite:///x", "postgresql+psycopg://u:geheim@h"),
        "postgresql://u:geheim@h:port/d",
    ],
)
def test_a_url_that_names_no_database_of_ours_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(UrlError, match=r"let SIAGA_DATABASE_URL be postgresql\+psycopg") as caught:
        open_engine(Settings(state=tmp_path, database_url=url))
    assert "geheim" not in str(caught.value)


# ------------------------------------------------------------------------------ what may be wrong


def test_a_server_that_is_away_at_the_start(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://siaga@/records?host={tmp_path}"
    with pytest.raises(GoneError, match="start the server"):
        open_engine(Settings(state=tmp_path, database_url=url))


def test_a_database_or_a_user_that_the_server_does_not_know(server: Any, tmp_path: Path) -> None:
    for url in (server.url("nowhere"), server.create().replace("siaga@", "nobody@")):
        with pytest.raises(GoneError, match=r"does not exist.*SIAGA_DATABASE_URL"):
            open_engine(Settings(state=tmp_path, database_url=url))


def test_a_database_that_cannot_hold_every_text(server: Any, tmp_path: Path) -> None:
    url = server.create(encoding="SQL_ASCII", template="template0")
    with pytest.raises(VersionError, match="UTF8"):
        open_engine(Settings(state=tmp_path, database_url=url))


def test_a_server_that_goes_and_comes_back_loses_nothing(server: Any, tmp_path: Path) -> None:
    engine = open_engine(Settings(state=tmp_path, database_url=server.create()))
    store = Store(engine)
    store.ingest(lines(1), "calls.jsonl")
    server.stop()
    try:
        for _ in range(2):
            with pytest.raises(GoneError, match="start the server"):
                store.ingest(lines(2), "calls.jsonl")
    finally:
        server.start()
    store.ingest(lines(2), "calls.jsonl")
    assert known(engine) == ["1.0", "2.0"]
    engine.dispose()


def test_a_folder_that_nobody_may_write() -> None:
    with pytest.raises(ForbiddenError, match="use sudo"):
        open_engine(Settings(state=Path("/sys/siaga"), database_url=""))


def test_a_state_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(GoneError, match="SIAGA_STATE"):
        open_engine(Settings(state=tmp_path / "state", database_url=""))


def test_who_may_only_read_the_file_cannot_write_it(tmp_path: Path, not_root: list[str]) -> None:
    settings = Settings(state=tmp_path, database_url="")
    open_engine(settings).dispose()
    (tmp_path / FILE).chmod(0o440)
    done = subprocess.run(
        [*not_root, sys.executable, "-c", OPEN],
        cwd=ROOT,
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "ForbiddenError" in done.stderr


@pytest.mark.parametrize("end", ["", "-wal"])
def test_a_file_of_another_user_is_told_as_what_it_is(
    tmp_path: Path, not_root: list[str], end: str
) -> None:
    settings = Settings(state=tmp_path, database_url="")
    open_engine(settings).dispose()
    file = tmp_path / f"{FILE}{end}"
    file.touch()
    file.chmod(0)
    done = subprocess.run(
        [*not_root, sys.executable, "-c", OPEN],
        cwd=ROOT,
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "ForbiddenError" in done.stderr
    assert f"{file} belongs to user " in done.stderr
    assert "`sudo chown " in done.stderr


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / FILE).parent.mkdir()
    (tmp_path / FILE).write_bytes(b"no database" * 1000)
    with pytest.raises(CorruptError, match="calls come back from the journal"):
        open_engine(Settings(state=tmp_path, database_url=""))


def test_a_file_that_was_damaged(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path, database_url="")
    engine = open_engine(settings)
    for number in range(100):
        Store(engine).ingest(lines(number), "calls.jsonl")
    engine.dispose()
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    with pytest.raises(CorruptError, match="put the last backup in its place"):
        open_engine(settings)


def test_a_file_that_goes_is_missed_and_when_it_is_back_nothing_is_lost(tmp_path: Path) -> None:
    engine = open_engine(Settings(state=tmp_path, database_url=""))
    store = Store(engine)
    store.ingest(lines(1), "calls.jsonl")
    file, away = tmp_path / FILE, tmp_path / "away"
    with reading(engine) as connection:  # so that all of it is in the file
        connection.exec_driver_sql("SELECT 1")
    file.rename(away)
    for _ in range(2):
        with pytest.raises(GoneError, match="put the file back"):
            store.ingest(lines(2), "calls.jsonl")
    assert not file.exists()
    away.rename(file)
    store.ingest(lines(2), "calls.jsonl")
    assert known(engine) == ["1.0", "2.0"]
    engine.dispose()


def test_a_file_that_another_took_the_place_of_is_not_written_any_more(tmp_path: Path) -> None:
    """The backup of yesterday: what was read since then is read again."""
    settings = Settings(state=tmp_path, database_url="")
    engine = open_engine(settings)
    engine.dispose()
    backup = (tmp_path / FILE).read_bytes()
    store = Store(engine)
    store.ingest(lines(1), "calls.jsonl")
    (tmp_path / "backup").write_bytes(backup)
    for name in ("records.sqlite3-wal", "records.sqlite3-shm"):
        (tmp_path / FILE).with_name(name).unlink(missing_ok=True)
    (tmp_path / "backup").rename(tmp_path / FILE)
    assert store.offsets() == {}
    assert len(store.ingest(lines(1), "calls.jsonl")) == 1
    assert known(engine) == [CALL]
    engine.dispose()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Engine]:
    """A database on a disk that is almost full."""
    engine = open_engine(Settings(state=tmp_path, database_url=""))
    yield engine
    engine.dispose()


def test_a_full_disk_loses_nothing(small: Engine) -> None:
    store = Store(small)

    def room(pages: int) -> None:
        with reading(small) as connection:
            used = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {used + pages}")

    number = 0

    def fill() -> None:
        nonlocal number
        while number < 1000:
            number += 1
            store.ingest(lines(number), "calls.jsonl")

    room(2)
    with pytest.raises(FullError, match="make room"):
        fill()
    room(1000)
    store.ingest(lines(number), "calls.jsonl")
    assert known(small) == sorted(f"{one}.0" for one in range(1, number + 1))


@pytest.mark.usefixtures("impatient")
def test_a_writer_that_does_not_end_is_waited_for_a_while_and_nothing_is_lost(
    settings: Settings,
) -> None:
    engine = open_engine(settings)
    store = Store(engine)
    store.ingest(lines(1), "calls.jsonl")
    with writing(engine) as other:
        other.execute(starts.insert(), {"at": 1.0})
        if other.dialect.name == "postgresql":
            other.execute(text("LOCK TABLE calls"))
        with pytest.raises(BusyError, match="what waits is read later"):
            store.ingest(lines(2), "calls.jsonl")
        assert store.offsets() == {"fingerprint": 1}  # who reads does not wait for who writes
    store.ingest(lines(2), "calls.jsonl")
    assert known(engine) == ["1.0", "2.0"]
    engine.dispose()


def test_who_reads_and_then_writes_does_not_fail_because_another_has_written(
    engine: Engine,
) -> None:
    """On SQLite such a transaction must say at its start that it will write."""
    with writing(engine) as connection:
        assert connection.scalars(select(starts.c.at)).all() == []
        if connection.dialect.name == "sqlite":
            other = sqlite3.connect(opening.place(engine), timeout=0, isolation_level=None)
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("INSERT INTO starts VALUES (1.0)")
            other.close()
        connection.execute(starts.insert(), {"at": 2.0})


def test_who_reads_sees_one_moment(engine: Engine) -> None:
    with reading(engine) as connection:
        before = connection.scalars(select(calls.c.callref)).all()
        Store(engine).ingest(lines(), "calls.jsonl")
        assert connection.scalars(select(calls.c.callref)).all() == before == []
    assert known(engine) == [CALL]


@pytest.mark.usefixtures("impatient")
def test_no_connection_is_free(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "CONNECTIONS", 1)
    engine = open_engine(settings)
    with reading(engine):
        with pytest.raises(BusyError, match="was free in time"), reading(engine):
            pass
        with pytest.raises(BusyError, match="was free in time"), writing(engine):
            pass
    engine.dispose()
