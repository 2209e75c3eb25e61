"""What can be wrong with the database, each with its remedy."""

import sqlite3

import sqlalchemy.exc


class RecordsError(Exception):
    """The database did not do its part; nothing of what was asked has been done.

    `message` says what is wrong and `remedy` what to do about it; as text they are one sentence.
    """

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}: {self.remedy}"


class UrlError(RecordsError):
    """`SIAGA_DATABASE_URL` names no database that we can use."""


class VersionError(RecordsError):
    """Its tables are not those of this version, or its text is not UTF-8."""


class GoneError(RecordsError):
    """It is not there, or does not answer."""


class BusyError(RecordsError):
    """Another has held it for longer than we wait."""


class FullError(RecordsError):
    """There is no room left."""


class ForbiddenError(RecordsError):
    """It may not be opened, read or written by who asks."""


class CorruptError(RecordsError):
    """It is no database, or a damaged one."""


class UnforeseenError(RecordsError):
    """Whatever else it said."""


Kind = type[RecordsError]

_RESTORE = (
    "stop the desk and put the last backup in its place (`siaga backup`); without one move the "
    "file away and start again: calls come back from the journal; accounts, notes and what "
    "agencies have acknowledged do not"
)

_SQLITE: dict[int, tuple[Kind, str]] = {
    sqlite3.SQLITE_BUSY: (BusyError, "end the program that holds it; what waits is read later"),
    sqlite3.SQLITE_LOCKED: (BusyError, "end the program that holds it; what waits is read later"),
    sqlite3.SQLITE_FULL: (FullError, "make room on the disk; what waits is read later"),
    sqlite3.SQLITE_IOERR: (GoneError, "look at the disk (dmesg, df); what waits is read later"),
    sqlite3.SQLITE_CANTOPEN: (GoneError, f"put the file back where it was; or {_RESTORE}"),
    sqlite3.SQLITE_READONLY: (ForbiddenError, "let this user write the file and its folder"),
    sqlite3.SQLITE_PERM: (ForbiddenError, "let this user write the file and its folder"),
    sqlite3.SQLITE_AUTH: (ForbiddenError, "let this user write the file and its folder"),
    sqlite3.SQLITE_NOTADB: (CorruptError, _RESTORE),
    sqlite3.SQLITE_CORRUPT: (CorruptError, _RESTORE),
}

# By class of SQLSTATE, or the whole of it (PostgreSQL, appendix A).
_POSTGRESQL: dict[str, tuple[Kind, str]] = {
    "08": (GoneError, "start the server, and see that SIAGA_DATABASE_URL names it"),
    "28": (ForbiddenError, "see to user and password in SIAGA_DATABASE_URL and pg_hba.conf"),
    "3D": (UrlError, "create the database that SIAGA_DATABASE_URL names, with encoding UTF8"),
    "42501": (ForbiddenError, "give the user of SIAGA_DATABASE_URL the rights to its schema"),
    "25006": (ForbiddenError, "let SIAGA_DATABASE_URL name the server that may be written to"),
    "53100": (FullError, "make room on the server's disk; what waits is read later"),
    "53300": (BusyError, "end other connections or raise max_connections"),
    "55P03": (BusyError, "end the session that holds the table; what waits is read later"),
    "57014": (BusyError, "look at what slows the server; what waits is read later"),
    "57P": (GoneError, "wait until the server is up again; what waits is read later"),
    "58": (GoneError, "look at the server's disk and its log"),
    "XX": (CorruptError, "look at the server's log, and restore from a backup if it says so"),
}


def explained(error: Exception, place: str) -> RecordsError:
    """Return what an error of the database means. `place` names the database without a password."""
    if isinstance(error, sqlalchemy.exc.TimeoutError):
        return BusyError(f"no connection to {place} was free in time", "see what holds them")
    cause = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error
    said = " ".join(str(cause).split())
    kind, remedy = _meaning(cause)
    return kind(f"{place}: {said}", remedy)


def _meaning(cause: BaseException | None) -> tuple[Kind, str]:
    unforeseen = (UnforeseenError, "this is a fault of ours: keep the log")
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        return _SQLITE.get(code, unforeseen)
    state = getattr(cause, "sqlstate", None)
    if (
        state is None
    ):  # while connecting: the text says whether nobody answered, or somebody refused
        return GoneError, "start the server, and see that SIAGA_DATABASE_URL says what it expects"
    found = (_POSTGRESQL.get(state[:length]) for length in (5, 3, 2))
    return next((meaning for meaning in found if meaning), unforeseen)
