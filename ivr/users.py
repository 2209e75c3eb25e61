"""`siaga user`: who may use the desk. There is no account and no password but those made here.

Law: a password is never an argument of a command, where every user of the machine would see it.
"""

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from typing import get_args

import click
from sqlalchemy import Engine

from ivr.accounts import (
    MIN_PASSWORD_LENGTH,
    AccountError,
    Role,
    User,
    check_name,
    check_password,
    check_shown,
)
from ivr.asker import who
from ivr.passwords import Passwords
from ivr.reading import fail, records
from ivr.records import users
from ivr.records.engine import reading, writing
from ivr.settings import Settings
from ivr.words import Words, clock
from routing.loading import load


@contextlib.contextmanager
def accounts(settings: Settings) -> Iterator[Engine]:
    """Open the records for one command, and end the program with a remedy for what goes wrong."""
    try:
        with records(settings, Words("en")) as engine:
            yield engine
    except AccountError as error:
        fail(str(error))


@click.group("user")
def user_command() -> None:
    """Say who may use the desk: accounts and their passwords."""


name_argument = click.argument("name")
stdin_option = click.option(
    "--password-stdin", "from_stdin", is_flag=True, help="Read the password from a pipe, one line."
)


@user_command.command("add")
@name_argument
@click.option("--role", type=click.Choice(get_args(Role)), required=True, help="What they may do.")
@click.option("--shown", metavar="NAME", help="The name that others read; else NAME.")
@click.option("--phone", metavar="ACCOUNT", help="Their phone, as operators.yaml names it.")
@stdin_option
@click.pass_obj
def add_command(  # noqa: PLR0913 - one argument an option
    settings: Settings,
    /,
    *,
    name: str,
    role: Role,
    shown: str | None,
    phone: str | None,
    from_stdin: bool,
) -> None:
    """Make an account, and ask for its password."""
    with accounts(settings) as engine:
        check_name(name)
        check_shown(shown or name)
        _check_phone(settings, phone)
        with reading(engine) as connection:
            _check_free(users.find(connection, name))
        made = Passwords().hash(_new_password(name, from_stdin=from_stdin))
        user = User(name, shown or name, role, phone, made, time.time())
        with writing(engine) as connection:
            users.add(connection, user, who())
    click.echo(f"{name} may log in as {role}")


@user_command.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def list_command(settings: Settings, as_json: bool) -> None:
    """List all accounts."""
    with accounts(settings) as engine, reading(engine) as connection:
        found = users.everyone(connection)
    if as_json:
        click.echo(json.dumps([_told(user) for user in found], indent=2))
        return
    for user in found:
        click.echo(_line(user))
    if not found:
        click.echo("nobody may log in yet: `siaga user add NAME --role supervisor`", err=True)


@user_command.command("password")
@name_argument
@stdin_option
@click.pass_obj
def password_command(settings: Settings, name: str, from_stdin: bool) -> None:
    """Give an account a new password.

    Whoever is logged in with the old one is so no more.
    """
    with accounts(settings) as engine:
        with reading(engine) as connection:
            users.known(connection, name)
        made = Passwords().hash(_new_password(name, from_stdin=from_stdin))
        with writing(engine) as connection:
            users.set_password(connection, name, made, time.time(), who())
    click.echo(f"{name} has a new password and must log in again")


@user_command.command("disable")
@name_argument
@click.pass_obj
def disable_command(settings: Settings, name: str) -> None:
    """Let nobody in under this name; whoever is in is out at once. What they did stays noted."""
    with accounts(settings) as engine, writing(engine) as connection:
        users.disable(connection, name, time.time(), who())
    click.echo(f"{name} may not log in any more")


@user_command.command("enable")
@name_argument
@click.pass_obj
def enable_command(settings: Settings, name: str) -> None:
    """Let a disabled account in again, with the password it had."""
    with accounts(settings) as engine, writing(engine) as connection:
        users.enable(connection, name, time.time(), who())
    click.echo(f"{name} may log in again")


def _check_free(known: User | None) -> None:
    """Say so before a password is asked for."""
    if known is not None:
        raise users.there_is(known.name)


def _check_phone(settings: Settings, phone: str | None) -> None:
    if phone is None:
        return
    phones = [known.account for known in load(settings.config).operators.phones()]
    if phone not in phones:
        raise AccountError(
            f"there is no phone {phone} in {settings.config / 'operators.yaml'}",
            f"take one of {', '.join(phones)}, or add it there first",
        )


def _new_password(name: str, *, from_stdin: bool) -> str:
    """Return a password that may be used. Raises AccountError."""
    if from_stdin:
        password = _piped()
    elif sys.stdin.isatty():
        asked = f"Password of {name} ({MIN_PASSWORD_LENGTH} characters or more)"
        password = click.prompt(asked, hide_input=True, err=True, type=str)
    else:
        raise AccountError("there is no terminal to ask at", "use --password-stdin")
    check_password(password)
    if not from_stdin and click.prompt("The same again", hide_input=True, err=True) != password:
        raise AccountError("these were two passwords", "try again")
    return password


def _piped() -> str:
    try:
        return sys.stdin.readline().rstrip("\r\n")
    except UnicodeDecodeError:
        raise AccountError("the password is not UTF-8 text", "write it as UTF-8") from None


def _line(user: User) -> str:
    state = "" if user.disabled_at is None else f"disabled {clock(user.disabled_at)}"
    shown = "" if user.shown == user.name else user.shown
    cells = (user.name.ljust(16), user.role.ljust(10), (user.phone or "-").ljust(14))
    return "  ".join((*cells, clock(user.created_at), state, shown)).rstrip()


def _told(user: User) -> dict[str, object]:
    """Return an account for programs: without the hash of its password."""
    names = ("name", "shown", "role", "phone", "created_at", "disabled_at")
    return {name: getattr(user, name) for name in names}
