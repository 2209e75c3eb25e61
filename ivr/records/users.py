"""The accounts of the desk, as rows.

Law: what is done to an account is in the audit, in the transaction that does it.
"""

from sqlalchemy import Connection, delete, select, update

from ivr.accounts import AccountError, User
from ivr.records import audit
from ivr.records.schema_accounts import sessions, users
from ivr.records.statements import insert_new

COLUMNS = (
    *(users.c.name, users.c.shown, users.c.role, users.c.phone),
    *(users.c.hash, users.c.created_at, users.c.disabled_at),
)


def add(connection: Connection, user: User, by: str) -> None:
    """Write a new account. `by` is who made it. Raises AccountError when there is one already."""
    row = {column.name: getattr(user, column.name) for column in COLUMNS}
    insert = insert_new(connection.dialect.name, users, "name").values(row)
    if connection.scalar(insert.returning(users.c.name)) is None:
        raise there_is(user.name)
    audit.note(
        connection,
        *(user.created_at, by, "user-add", [user.name]),
        role=user.role,
        phone=user.phone or "",
    )


def find(connection: Connection, name: str) -> User | None:
    """Return the account of this name, None if there is none."""
    row = connection.execute(select(*COLUMNS).where(users.c.name == name)).first()
    return None if row is None else User(*row)


def known(connection: Connection, name: str) -> User:
    """Return the account of this name. Raises AccountError when there is none."""
    found = find(connection, name)
    if found is None:
        raise there_is_no(name)
    return found


def everyone(connection: Connection) -> list[User]:
    """Return all accounts, by name."""
    return [User(*row) for row in connection.execute(select(*COLUMNS).order_by(users.c.name))]


def set_password(connection: Connection, name: str, new: str, at: float, by: str) -> None:
    """Keep the hash of a new password; whoever is logged in is so no more. Raises AccountError."""
    _change(connection, name, hash=new)
    _end_sessions(connection, name)
    audit.note(connection, at, by, "user-password", [name])


def renew_hash(connection: Connection, name: str, old: str, new: str) -> None:
    """Keep another hash of the same password, unless it was changed meanwhile."""
    same = (users.c.name == name, users.c.hash == old)
    connection.execute(update(users).where(*same).values(hash=new))


def disable(connection: Connection, name: str, at: float, by: str) -> None:
    """Let nobody in under this name; whoever is in is out. Raises AccountError."""
    _change(connection, name, disabled_at=at)
    _end_sessions(connection, name)
    audit.note(connection, at, by, "user-disable", [name])


def enable(connection: Connection, name: str, at: float, by: str) -> None:
    """Let this name in again. Raises AccountError."""
    _change(connection, name, disabled_at=None)
    audit.note(connection, at, by, "user-enable", [name])


def _change(connection: Connection, name: str, **values: object) -> None:
    done = connection.execute(update(users).where(users.c.name == name).values(**values))
    if not done.rowcount:
        raise there_is_no(name)


def _end_sessions(connection: Connection, name: str) -> None:
    connection.execute(delete(sessions).where(sessions.c.name == name))


def there_is(name: str) -> AccountError:
    """Return the error of who makes an account that is there."""
    remedy = f"take another name, or give it a new password: `siaga user password {name}`"
    return AccountError(f"there is an account {name} already", remedy)


def there_is_no(name: str) -> AccountError:
    """Return the error of who names an account that is not there."""
    return AccountError(f"there is no account {name!r}", "`siaga user list` names them all")
