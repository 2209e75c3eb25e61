"""`siaga user`: what is asked, printed and noted, and what it ends with."""

import json
import os
import pty
import select as selecting
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, select

from ivr import users as command
from ivr.accounts import User
from ivr.passwords import Passwords
from ivr.records import schema, users
from ivr.records.engine import open_engine, reading
from ivr.settings import Settings
from ivr.users import user_command

PASSWORD = "tiga kata biasa"
LIMIT_SECONDS = 20.0
ROOT = Path(__file__).parents[2]

on_sqlite = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def asked_by_budi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "who", lambda: "budi")


def run(settings: Settings, *words: str, typed: str = "") -> Result:
    return CliRunner().invoke(user_command, words, obj=settings, input=typed)


def add(settings: Settings, name: str = "ayu", *words: str) -> Result:
    words = ("add", name, "--role", "operator", "--password-stdin", *words)
    return run(settings, *words, typed=f"{PASSWORD}\n")


def account(engine: Engine, name: str = "ayu") -> User:
    with reading(engine) as connection:
        return users.known(connection, name)


def audit(engine: Engine) -> list[tuple[str, str, str]]:
    table = schema.audit.c
    with reading(engine) as connection:
        query = select(table.who, table.what, table.subject).order_by(table.id)
        return [(row.who, row.what, row.subject) for row in connection.execute(query)]


def test_an_account_is_made_and_only_its_password_fits(settings: Settings, engine: Engine) -> None:
    done = add(settings, "ayu", "--shown", "Ayu Lestari", "--phone", "operator-1")
    assert (done.stdout, done.stderr) == ("ayu may log in as operator\n", "")
    made = account(engine)
    assert (made.shown, made.role, made.phone) == ("Ayu Lestari", "operator", "operator-1")
    assert Passwords().fits(made.hash, PASSWORD)
    assert not Passwords().fits(made.hash, PASSWORD + "\n")
    assert audit(engine) == [("budi", "user-add", "ayu")]


def test_an_account_lives_through_a_new_password_and_being_disabled(
    settings: Settings, engine: Engine
) -> None:
    add(settings)
    done = run(settings, "password", "ayu", "--password-stdin", typed="empat kata yang lain\n")
    assert done.stdout == "ayu has a new password and must log in again\n"
    assert Passwords().fits(account(engine).hash, "empat kata yang lain")
    assert run(settings, "disable", "ayu").stdout == "ayu may not log in any more\n"
    assert account(engine).disabled_at is not None
    assert run(settings, "enable", "ayu").stdout == "ayu may log in again\n"
    assert account(engine).disabled_at is None
    assert [what for _, what, _ in audit(engine)] == [
        *("user-add", "user-password", "user-disable", "user-enable"),
    ]


@on_sqlite
def test_a_list_names_everyone_and_no_hash(settings: Settings, engine: Engine) -> None:
    assert "siaga user add NAME --role supervisor" in run(settings, "list").stderr
    add(settings, "citra")
    add(settings, "ayu", "--shown", "Ayu Lestari", "--phone", "operator-1")
    run(settings, "disable", "citra")
    first, second = run(settings, "list").stdout.splitlines()
    assert first.split()[:3] == ["ayu", "operator", "operator-1"]
    assert first.endswith("Ayu Lestari")
    assert second.split()[:3] == ["citra", "operator", "-"]
    assert "disabled 2" in second
    read = run(settings, "list", "--json").stdout
    assert [user["name"] for user in json.loads(read)] == ["ayu", "citra"]
    assert account(engine).hash.startswith("$argon2id$")
    assert "argon2" not in read


@on_sqlite
@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(
    ("words", "typed", "said"),
    [
        (("add", "Ayu", "--role", "operator"), "", "use small letters"),
        (("add", "ayu", "--role", "operator", "--shown", "a\tb"), "", "at most 60 letters"),
        (("add", "ayu", "--role", "operator", "--phone", "x"), "", "take one of operator-1, "),
        (("add", "ayu", "--role", "operator"), "", "there is no terminal to ask at: use --pass"),
        (("add", "ayu", "--role", "operator", "--password-stdin"), "", "0 characters"),
        (("add", "ayu", "--role", "operator", "--password-stdin"), "short\n", "15 or more"),
        (("password", "ayu", "--password-stdin"), PASSWORD, "no account 'ayu': `siaga user list`"),
        (("disable", "ayu"), "", "`siaga user list` names them all"),
        (("enable", "ayu"), "", "`siaga user list` names them all"),
    ],
)
def test_what_cannot_be_done_is_one_line_with_a_remedy(
    settings: Settings, words: tuple[str, ...], typed: str, said: str
) -> None:
    done = run(settings, *words, typed=typed)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("siaga: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@on_sqlite
def test_a_password_that_is_no_text_is_refused(settings: Settings, engine: Engine) -> None:
    words = ("add", "ayu", "--role", "operator", "--password-stdin")
    done = CliRunner().invoke(user_command, words, obj=settings, input=b"\xff" * 20 + b"\n")
    assert done.exit_code == 1
    assert "not UTF-8 text" in done.stderr
    assert audit(engine) == []


@on_sqlite
def test_a_name_that_is_taken_is_refused_before_a_password_is_asked_for(
    settings: Settings, engine: Engine
) -> None:
    add(settings)
    before = account(engine)
    done = run(settings, "add", "ayu", "--role", "telecom")
    assert done.exit_code == 1
    assert "there is an account ayu already" in done.stderr
    assert account(engine) == before


@on_sqlite
@pytest.mark.parametrize("words", [("add", "ayu"), ("add", "ayu", "--role", "admin")])
def test_nobody_has_a_role_that_was_not_said(settings: Settings, words: tuple[str, ...]) -> None:
    done = run(settings, *words, typed=PASSWORD)
    assert done.exit_code == 2
    assert "--role" in done.stderr


@on_sqlite
def test_where_nothing_was_recorded_yet_the_command_says_how_to_begin(settings: Settings) -> None:
    done = run(settings, "list")
    assert done.exit_code == 1
    assert "`make up`" in done.stderr


# --------------------------------------------------------------------------------- at a terminal

ASK = """
from ivr.settings import Settings
from ivr.users import user_command
user_command(obj=Settings())
"""


class Terminal:
    """The command at a real terminal, and whoever types there."""

    def __init__(self, settings: Settings, *words: str) -> None:
        self.screen = ""
        pid, self._end = pty.fork()
        if pid == 0:
            os.chdir(ROOT)
            environment = {**os.environ, "SIAGA_STATE": str(settings.state)}
            os.execve(sys.executable, [sys.executable, "-c", ASK, *words], environment)  # noqa: S606
        self._pid = pid

    def type(self, expected: str, typed: str) -> None:
        """Wait until the terminal shows something, then type."""
        end = time.monotonic() + LIMIT_SECONDS
        while expected not in self.screen:
            assert time.monotonic() < end, self.screen
            self._read(end)
        os.write(self._end, f"{typed}\n".encode())

    def leave(self) -> int:
        """Read to the end; return the status."""
        end = time.monotonic() + LIMIT_SECONDS
        while self._read(end):
            assert time.monotonic() < end, self.screen
        status = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        os.close(self._end)
        return status

    def _read(self, end: float) -> bool:
        left = max(end - time.monotonic(), 0)
        if not selecting.select([self._end], [], [], left)[0]:
            return True
        try:
            read = os.read(self._end, 4096)
        except OSError:  # the other end is closed
            return False
        self.screen += read.decode()
        return bool(read)


@pytest.fixture
def state(tmp_path: Path) -> Settings:
    """Settings of a line that was started once."""
    settings = Settings(state=tmp_path, database_url="")
    open_engine(settings).dispose()
    return settings


def test_a_password_is_asked_for_twice_and_never_shown(state: Settings) -> None:
    terminal = Terminal(state, "add", "ayu", "--role", "operator")
    terminal.type("Password of ayu (15 characters or more): ", PASSWORD)
    terminal.type("The same again: ", PASSWORD)
    assert terminal.leave() == 0
    assert PASSWORD not in terminal.screen
    assert "ayu may log in as operator" in terminal.screen


def test_two_passwords_make_no_account(state: Settings) -> None:
    terminal = Terminal(state, "add", "ayu", "--role", "operator")
    terminal.type("Password of ayu (15 characters or more): ", PASSWORD)
    terminal.type("The same again: ", PASSWORD + "!")
    assert terminal.leave() == 1
    assert "these were two passwords: try again" in terminal.screen
    assert run(state, "list").stdout == ""
