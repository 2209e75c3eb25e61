"""Accounts, sessions and failed logins, on both databases."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine, select

from ivr.accounts import (
    FREE_BY_NAME,
    KNOWN_SECONDS,
    SESSION_SECONDS,
    WINDOW_SECONDS,
    AccountError,
    User,
    new_session,
)
from ivr.desk.console.door import Door, In, Refused
from ivr.desk.console.records import Records
from ivr.passwords import Passwords
from ivr.records import schema, sessions, users
from ivr.records.engine import reading, writing
from ivr.records.schema_accounts import logins
from ivr.records.schema_accounts import sessions as sessions_table

NOW = 1_795_582_800.0
HERE = "192.0.2.7"
AYU = User("ayu", "Ayu Lestari", "operator", "operator-1", "$argon2id$", NOW)
TOKEN = "a token"


def add(engine: Engine, user: User = AYU) -> None:
    with writing(engine) as connection:
        users.add(connection, user, "budi")


def log_in(engine: Engine, token: str = TOKEN, at: float = NOW) -> None:
    with writing(engine) as connection:
        sessions.begin(connection, token, new_session("ayu", HERE, at))


def who(engine: Engine, token: str = TOKEN) -> str | None:
    with reading(engine) as connection:
        found = sessions.find(connection, token)
    return found and found[1].name


def attempt(engine: Engine, name: str = "ayu", at: float = NOW) -> tuple[int | None, float]:
    with writing(engine) as connection:
        return sessions.begin_login(connection, name, HERE, at)


def rows(engine: Engine, *columns: Any) -> Sequence[Any]:
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(select(*columns))]


def audit(engine: Engine) -> Sequence[Any]:
    table = schema.audit.c
    return rows(engine, table.who, table.what, table.subject, table.words)


def test_an_account_is_there_as_it_was_made_and_who_made_it_is_noted(engine: Engine) -> None:
    add(engine)
    with reading(engine) as connection:
        assert users.find(connection, "ayu") == AYU
        assert users.find(connection, "budi") is None
        assert users.everyone(connection) == [AYU]
    assert audit(engine) == [
        ("budi", "user-add", "ayu", '{"phone": "operator-1", "role": "operator"}')
    ]


def test_a_name_is_one_account(engine: Engine) -> None:
    add(engine)
    with pytest.raises(AccountError, match="`siaga user password ayu`"):
        add(engine)
    assert len(audit(engine)) == 1


def set_password(engine: Engine) -> None:
    with writing(engine) as connection:
        users.set_password(connection, "ayu", "new", NOW, "budi")


def disable(engine: Engine) -> None:
    with writing(engine) as connection:
        users.disable(connection, "ayu", NOW, "budi")


def enable(engine: Engine) -> None:
    with writing(engine) as connection:
        users.enable(connection, "ayu", NOW, "budi")


@pytest.mark.parametrize("act", [set_password, disable, enable])
def test_an_account_that_is_not_there_cannot_be_changed(
    engine: Engine, act: Callable[[Engine], None]
) -> None:
    with pytest.raises(AccountError, match="`siaga user list`"):
        act(engine)
    assert audit(engine) == []


def test_a_session_is_found_by_its_token_and_the_token_is_not_in_the_database(
    engine: Engine,
) -> None:
    add(engine)
    log_in(engine)
    with reading(engine) as connection:
        assert sessions.find(connection, TOKEN) == (new_session("ayu", HERE, NOW), AYU)
        assert sessions.find(connection, "another") is None
        kept = connection.execute(select(sessions_table.c.token)).scalar_one()
        assert sessions.find(connection, kept) is None
    assert TOKEN not in kept


def test_what_is_seen_of_a_browser_is_noted_and_its_session_ends_alone(engine: Engine) -> None:
    add(engine)
    log_in(engine)
    log_in(engine, "another")
    with writing(engine) as connection:
        sessions.seen(connection, TOKEN, NOW + 60)
        sessions.end(connection, "another")
    with reading(engine) as connection:
        found = sessions.find(connection, TOKEN)
    assert found
    assert found[0].seen_at == NOW + 60
    assert who(engine, "another") is None


@pytest.mark.parametrize(
    ("act", "what"), [(disable, "user-disable"), (set_password, "user-password")]
)
def test_who_is_disabled_or_has_a_new_password_is_logged_in_nowhere(
    engine: Engine, act: Callable[[Engine], None], what: str
) -> None:
    add(engine)
    log_in(engine)
    log_in(engine, "another")
    act(engine)
    assert who(engine) is who(engine, "another") is None
    assert [noted for _, noted, _, _ in audit(engine)] == ["user-add", what]


def test_who_is_enabled_again_is_as_before(engine: Engine) -> None:
    add(engine)
    with writing(engine) as connection:
        users.disable(connection, "ayu", NOW + 1, "budi")
        disabled = users.known(connection, "ayu")
        users.enable(connection, "ayu", NOW + 2, "budi")
        assert users.known(connection, "ayu") == AYU
    assert disabled.disabled_at == NOW + 1


def test_a_hash_is_renewed_only_if_the_password_is_still_the_same(engine: Engine) -> None:
    add(engine)
    with writing(engine) as connection:
        users.renew_hash(connection, "ayu", AYU.hash, "dearer")
        users.renew_hash(connection, "ayu", AYU.hash, "late")
        assert users.known(connection, "ayu").hash == "dearer"


def test_logins_that_fail_have_to_wait_and_another_process_knows(engine: Engine) -> None:
    for number in range(FREE_BY_NAME):
        assert attempt(engine, at=NOW + number)[0] is not None
    assert attempt(engine, at=NOW + FREE_BY_NAME) == (None, 1.0)
    assert len(rows(engine, logins.c.id)) == FREE_BY_NAME, "who waits is not noted again and again"
    assert attempt(engine, at=NOW + FREE_BY_NAME + 1)[0] is not None


def test_a_login_that_went_well_does_not_count(engine: Engine) -> None:
    for number in range(2 * FREE_BY_NAME):
        tried, wait = attempt(engine, at=NOW + number / 8)
        assert tried is not None, f"waits {wait} s"
        with writing(engine) as connection:
            sessions.login_went_well(connection, tried)


def test_what_was_typed_as_a_name_is_not_kept(engine: Engine) -> None:
    attempt(engine, name="my password, alas")
    ((kept,),) = rows(engine, logins.c.name)
    assert len(kept) == 64
    assert "alas" not in kept


def test_many_that_guess_at_once_gain_nothing(engine: Engine) -> None:
    begin = threading.Barrier(8)
    tried: list[int | None] = []

    def guess() -> None:
        begin.wait(timeout=10)
        tried.append(attempt(engine)[0])

    threads = [threading.Thread(target=guess) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(tried) == 8
    assert sum(number is not None for number in tried) == FREE_BY_NAME


def test_what_makes_no_difference_any_more_is_forgotten(engine: Engine) -> None:
    add(engine)
    log_in(engine)
    attempt(engine)
    went_well, _ = attempt(engine, at=NOW + 1)
    assert went_well is not None
    with writing(engine) as connection:
        sessions.login_went_well(connection, went_well)
    last, _ = attempt(engine, name="budi", at=NOW + max(WINDOW_SECONDS, SESSION_SECONDS) + 1)
    assert sorted(rows(engine, logins.c.id)) == [(went_well,), (last,)]
    assert rows(engine, sessions_table.c.name) == []
    last, _ = attempt(engine, name="budi", at=NOW + KNOWN_SECONDS + 2)
    assert rows(engine, logins.c.id) == [(last,)]


async def test_the_door_opens_and_closes_on_either_database(engine: Engine) -> None:
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    door = Door(Records(lambda: engine), passwords, lambda: NOW)
    add(engine, replace(AYU, hash=passwords.hash("tiga kata biasa")))
    for name in ("ayu\0", "budi"):
        assert await door.come_in(name, "tiga kata biasa", HERE) == Refused()
    came = await door.come_in("ayu", "tiga kata biasa", HERE)
    assert isinstance(came, In)
    visitor = await door.visitor(came.token, "id")
    assert visitor
    assert (visitor.name, visitor.role, visitor.phone) == ("ayu", "operator", "operator-1")
    await door.leave(came.token, HERE)
    assert await door.visitor(came.token, "id") is None
    noted = [(who, what) for who, what, _, _ in audit(engine)[1:]]
    assert noted == [
        *(("", "login-failed"), ("", "login-failed"), ("ayu", "login"), ("ayu", "logout")),
    ]
