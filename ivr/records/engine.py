"""Opens the database: SQLite in a file of ours, or PostgreSQL by URL. Its tables are those of now.

Law 1: whoever writes says so at the start (`writing`), so that two writers wait for one another and
none fails half-way.
Law 2: every wait has a limit: for a connection, for a lock, for an answer.
Law 3: what goes wrong leaves as a RecordsError, with a remedy.
"""

import contextlib
import errno
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import sqlalchemy
from sqlalchemy import URL, Connection, Engine, event, make_url, text
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from ivr.records.errors import (
    ForbiddenError,
    FullError,
    GoneError,
    UrlError,
    VersionError,
    explained,
)
from ivr.settings import Settings

FILE = Path("desk/records.sqlite3")
"""In the state folder; in the one folder there that the desk may write (asterisk/start.sh)."""

HEAD = "3"
"""The last of `migrations/versions`."""

CONNECT_SECONDS = 5
LOCK_SECONDS = 5
ANSWER_SECONDS = 60
CONNECTIONS = 10
ONE_AT_A_TIME = 112
"""The advisory lock of PostgreSQL that readers of the journal, and migrations, take."""
LOGINS = 113
"""The one that logins take: they do not wait for the journal."""


def open_engine(settings: Settings) -> Engine:
    """Return the open database, with the tables of this version.

    Raises RecordsError: for a URL that names none, a server that is away or refuses, a file that is
    no database, a folder that cannot be written, a full disk, tables that are newer than we are.
    """
    engine = _postgresql(settings) if settings.database_url else _sqlite(settings.state / FILE)
    try:
        with reading(engine) as connection:
            _check_encoding(connection)
            version = _version(connection)
        if version != HEAD:
            migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Hold a connection that only reads, and sees one moment. Raises RecordsError."""
    with _plain_errors(engine), engine.connect() as connection:
        yield connection.execution_options(**_ONE_MOMENT.get(engine.dialect.name, {}))


_ONE_MOMENT = {
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
}
"""On SQLite every transaction sees one, from its first look."""


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Hold a connection in a transaction: all of it happens at the end, or nothing does.

    Raises RecordsError, and whatever is raised inside.
    """
    with (
        _plain_errors(engine),
        engine.connect() as connection,
        connection.execution_options(writing=True).begin(),
    ):
        yield connection


def alone(connection: Connection, lock: int = ONE_AT_A_TIME) -> None:
    """Wait until no other transaction has called this; hold it until the end of ours.

    On SQLite `writing` has done so already.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": lock})


@contextlib.contextmanager
def _plain_errors(engine: Engine) -> Iterator[None]:
    try:
        yield
    except (sqlalchemy.exc.DBAPIError, sqlalchemy.exc.TimeoutError) as error:
        raise explained(error, place(engine)) from error


def place(engine: Engine) -> str:
    """Return where the database is, for people: without a password."""
    return str(engine.get_execution_options()["place"])


# -------------------------------------------------------------------------------------- the tables


def migrate(engine: Engine) -> None:
    """Bring the tables to this version. Two who try at once do it once. Raises RecordsError."""
    # Not at the top: it takes a third of a second, and almost always there is nothing to do.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("path_separator", "os")
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with writing(engine) as connection:
        alone(connection)
        version = _version(connection)  # another may have done it while we waited
        if int(version or 0) > int(HEAD):
            raise VersionError(
                f"{place(engine)} is of a newer siaga (tables {version}, ours are {HEAD})",
                "install the newer one again, or restore the backup made before it",
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _version(connection: Connection) -> str | None:
    if not sqlalchemy.inspect(connection).has_table("alembic_version"):
        return None
    version = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return None if version is None else str(version)


# ------------------------------------------------------------------------------------------ SQLite


def _sqlite(path: Path) -> Engine:
    _make(path)
    engine = sqlalchemy.create_engine(
        "sqlite+pysqlite://",
        creator=lambda: _connect(path),
        poolclass=QueuePool,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=LOCK_SECONDS,
        execution_options={"place": str(path)},
    )
    event.listen(engine, "checkout", lambda _, entry, __: _same_file(path, entry))
    event.listen(engine, "begin", _begin)
    return engine


def _make(path: Path) -> None:
    """Make an empty file where there is none, for nobody but its user and group."""
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
            if os.geteuid() == 0:  # `sudo siaga calls` before the desk's first start
                folder = path.parent.stat()
                os.fchown(file, folder.st_uid, folder.st_gid)
            os.close(file)
        _check_owner(path)
    except OSError as error:
        message = f"{path}: {error.strerror}"
        if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
            remedy = "let this user write the file and its folder, or use sudo"
            raise ForbiddenError(message, remedy) from None
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise FullError(message, "make room on the disk") from None
        raise GoneError(message, "let SIAGA_STATE name a folder") from None


def _check_owner(path: Path) -> None:
    """Raise ForbiddenError when this user may not have the file: SQLite says only that it is not.

    The owner of a file that another user made, such as root, is set right by hand.
    """
    for file in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        if file.exists() and not os.access(file, os.R_OK | os.W_OK):
            found, folder = file.stat(), path.parent.stat()
            raise ForbiddenError(
                f"{file} belongs to user {found.st_uid}, and user {os.geteuid()} may not read and "
                f"write it (mode {found.st_mode & 0o777:04o})",
                f"`sudo chown {folder.st_uid}:{folder.st_gid} {file}` and `sudo chmod 640 {file}`",
            )


def _connect(path: Path) -> sqlite3.Connection:
    # mode=rw: a file that has gone is an error, never an empty database.
    connection = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode=rw",
        uri=True,
        timeout=LOCK_SECONDS,
        isolation_level=None,  # we say BEGIN ourselves
        check_same_thread=False,  # the pool gives one to one thread at a time
    )
    try:
        # Readers and the writer do not wait for one another.
        connection.execute("PRAGMA journal_mode = WAL")
        # What is committed is on the disk, even if the power fails: one fsync a batch. Of the
        # journal nothing would be lost without it, since the offset would be lost with the rows.
        # But what operators write is nowhere else.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # With a million calls in it, every batch touches pages all over: keep them at hand, and
        # write them back seldom (pages of 4 KiB; the size in KiB). Reading is twice as fast so.
        connection.execute("PRAGMA cache_size = -32768")
        connection.execute("PRAGMA wal_autocheckpoint = 10000")
    except BaseException:
        connection.close()
        raise
    return connection


def _same_file(path: Path, entry: ConnectionPoolEntry) -> None:
    """Give up a connection whose file was moved away: it would write where nobody reads."""
    try:
        found = path.stat()
    except OSError:
        found = None
    now = (found.st_dev, found.st_ino) if found else None
    if entry.info.setdefault("file", now) != now or now is None:
        raise sqlalchemy.exc.DisconnectionError


def _begin(connection: Connection) -> None:
    # A transaction that reads and then writes fails at once if another has written in between;
    # one that begins as a writer waits (sqlite.org/lang_transaction.html).
    immediate = connection.get_execution_options().get("writing")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


# -------------------------------------------------------------------------------------- PostgreSQL


def _postgresql(settings: Settings) -> Engine:
    url = _url(settings.database_url)
    return sqlalchemy.create_engine(
        url,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=LOCK_SECONDS,
        pool_pre_ping=True,  # a server that was away for a while has forgotten us
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "tcp_user_timeout": ANSWER_SECONDS * 1000,
            "application_name": "siaga",
            "client_encoding": "UTF8",
            "options": f"-c lock_timeout={LOCK_SECONDS}s -c statement_timeout={ANSWER_SECONDS}s",
        },
        execution_options={"place": _place_of(url)},
    )


def _place_of(url: URL) -> str:
    """Say which database it is, and no more of its URL: the query may hold a password too."""
    hosts = url.query.get("host", "")
    host = url.host or (hosts if isinstance(hosts, str) else ",".join(hosts))
    port = f":{url.port}" if url.port else ""
    user = f"{url.username}@" if url.username else ""
    return f"{url.drivername}://{user}{host}{port}/{url.database}"


def _check_encoding(connection: Connection) -> None:
    if connection.dialect.name != "postgresql":
        return
    encoding = connection.scalar(text("SHOW server_encoding"))
    if encoding != "UTF8":
        raise VersionError(
            f"{place(connection.engine)} holds text as {encoding}",
            "create a database with ENCODING 'UTF8' and let SIAGA_DATABASE_URL name it",
        )


def _url(written: str) -> URL:
    remedy = "let SIAGA_DATABASE_URL be postgresql+psycopg://user:password@host/name, or empty"
    try:
        url = make_url(written)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        raise UrlError("SIAGA_DATABASE_URL is no URL", remedy) from None  # it may hold a password
    if url.drivername not in {"postgresql", "postgresql+psycopg"}:
        raise UrlError(f"SIAGA_DATABASE_URL is of a kind we do not know: {url.drivername}", remedy)
    if not url.database:
        raise UrlError("SIAGA_DATABASE_URL names no database", remedy)
    return url.set(drivername="postgresql+psycopg")
