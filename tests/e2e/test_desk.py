"""The desk beside a real line: records, MQTT, figures and health of calls that really happened."""

import asyncio
import json
import os
import re
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import aiomqtt
import httpx
import pytest
from hosted import SIAGA
from line import Line, until
from test_call import dial, order

from ivr import broker
from ivr.phone import Key, call
from ivr.records.engine import FILE
from ivr.secret import secret, word_of_tests

RED_SECONDS = 10.0


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """A line with a broker and a desk."""
    line = Line(tmp_path_factory.mktemp("watched"), 39060)
    line.settings.state.chmod(0o755)
    line.configure()
    line.start("asterisk", "ivr", "broker", "desk")
    well = (200, {"ok": True, "trouble": [], "warnings": []})
    until(lambda: healthy(line) == well, f"{healthy(line)} becomes {well}", 60)
    yield line
    line.close()


def healthy(line: Line) -> tuple[int, dict[str, Any]]:
    """Return what /healthz says: its status, 0 where nobody answers, and its body."""
    try:
        answer = httpx.get(f"http://{line.settings.desk_bind}/healthz", timeout=5)
    except httpx.HTTPError:
        return 0, {}
    return answer.status_code, answer.json()


def rows(line: Line, query: str, *values: object) -> list[tuple[Any, ...]]:
    """Ask the desk's database as somebody beside it does."""
    path = line.settings.state / FILE
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5) as connection:
        return connection.execute(query, values).fetchall()


def ended(line: Line, caller: str) -> list[tuple[Any, ...]]:
    return rows(line, "SELECT outcome, service, human_who FROM calls"
                " WHERE ani = ? AND outcome IS NOT NULL", caller)  # fmt: skip


def metric(line: Line, name: str) -> float:
    """Return the sum of all samples of a metric."""
    text = httpx.get(f"http://{line.settings.desk_bind}/metrics", timeout=5).text
    samples = [x.split() for x in text.splitlines() if x.startswith((f"{name} ", f"{name}{{"))]
    return sum(float(sample[-1]) for sample in samples)


def test_a_call_is_a_record_a_figure_and_a_report_to_the_agency(watched: Line) -> None:
    before = metric(watched, "siaga112_calls_total")
    caller = order(watched, Key("1"))

    async def story() -> list[dict[str, Any]]:
        host, _, port = watched.settings.mqtt_bind.rpartition(":")
        password = secret(watched.settings.state, broker.secret_name("damkar"))
        told = []
        async with (
            asyncio.timeout(40),
            aiomqtt.Client(host, int(port), username="damkar", password=password) as damkar,
        ):
            await damkar.subscribe("siaga112/agencies/damkar/reports", qos=1)
            calling = asyncio.create_task(call(caller))
            async for message in damkar.messages:
                assert isinstance(message.payload, bytes)
                told.append(json.loads(message.payload))
                if told[-1]["outcome"]:
                    break
            await calling
        return told

    told = asyncio.run(story())
    assert {report["caller"] for report in told} == {caller.caller}
    assert [report["revision"] for report in told] == [1, 2]
    assert told[-1]["outcome"] == "connected-agency"
    until(lambda: ended(watched, caller.caller), "the call has a record")
    assert ended(watched, caller.caller) == [("connected-agency", "fire", "damkar")]
    assert metric(watched, "siaga112_calls_total") == before + 1


def test_a_call_of_ours_counts_in_no_figure_and_the_agency_is_told_so(watched: Line) -> None:
    before = metric(watched, "siaga112_calls_total")
    caller = replace(order(watched, Key("1")), test_word=word_of_tests(watched.settings.state))
    assert asyncio.run(call(caller)).reached
    until(lambda: ended(watched, caller.caller), "the call has a record")
    assert ended(watched, caller.caller) == [("test", "fire", "damkar")]
    told = "SELECT body FROM reports JOIN calls USING (callref) WHERE ani = ?"
    assert [json.loads(body)["test"] for (body,) in rows(watched, told, caller.caller)] == [True]
    assert metric(watched, "siaga112_calls_total") == before


@pytest.mark.parametrize("word", ["guessed", '" = "" | "1" = "1', "${TEST_WORD}", "x)}y,${EXTEN"])
def test_a_stranger_makes_no_call_a_test(watched: Line, word: str) -> None:
    caller = replace(order(watched, Key("1")), test_word=word)
    assert asyncio.run(call(caller)).reached
    until(lambda: ended(watched, caller.caller), "the call has a record")
    assert ended(watched, caller.caller) == [("connected-agency", "fire", "damkar")]


def test_who_is_given_an_account_logs_in_and_is_out_as_soon_as_it_is_taken_away(
    watched: Line,
) -> None:
    password, url = "tiga kata biasa", f"http://{watched.settings.desk_bind}"

    def user(*words: str) -> None:
        environment = watched._environment()
        subprocess.run(
            [SIAGA, "user", *words], env=environment, input=password, check=True, text=True
        )

    user("add", "ayu", "--role", "operator", "--phone", "operator-1", "--password-stdin")
    with httpx.Client(base_url=url, headers={"Accept": "text/html", "Origin": url}) as browser:
        word = re.search(r'name="csrf" value="(\w+)"', browser.get("/login").text)
        assert word
        form = {"name": "ayu", "password": password, "csrf": word[1]}
        assert browser.post("/login", data=form).headers["location"] == "/"
        assert "operator-1" in browser.get("/").text
        user("disable", "ayu")
        assert browser.get("/").headers["location"] == "/login"
    noted = rows(watched, "SELECT what FROM audit WHERE 'ayu' IN (who, subject) ORDER BY id")
    assert noted == [("user-add",), ("login",), ("user-disable",)]


def test_a_desk_that_was_killed_in_a_call_misses_nothing_of_it(watched: Line) -> None:
    caller = order(watched, Key("2"))

    async def story() -> None:
        calling = asyncio.create_task(call(caller))
        begun = "SELECT 1 FROM calls WHERE ani = ?"
        until_begun = lambda: rows(watched, begun, caller.caller)  # noqa: E731
        await asyncio.to_thread(until, until_begun, "the call is known")
        await asyncio.to_thread(watched.stop, "desk", signal.SIGKILL)
        await calling
        await asyncio.to_thread(watched.start, "desk")

    asyncio.run(story())
    until(lambda: ended(watched, caller.caller), "the call has a record", 20)
    assert ended(watched, caller.caller) == [("connected-agency", "medical", "psc-119")]
    attempts = "SELECT count(*) FROM hops JOIN calls USING (callref) WHERE ani = ?"
    assert rows(watched, attempts, caller.caller) == [(1,)]
    until(lambda: healthy(watched)[0] == 200, "the desk is well", 20)


def test_a_broker_that_is_away_is_a_warning_and_loses_no_message(watched: Line) -> None:
    watched.stop("broker", signal.SIGKILL)
    assert dial(watched, Key("3")).reached
    until(lambda: rows(watched, "SELECT 1 FROM outbox"), "messages wait")

    def warned() -> bool:
        status, body = healthy(watched)
        return status == 200 and [w["part"] for w in body["warnings"]] == ["broker"]

    until(warned, "the broker is missed")
    watched.start("broker")
    until(lambda: not rows(watched, "SELECT 1 FROM outbox"), "messages go out", 40)


def test_a_controller_that_is_gone_is_red_within_ten_seconds(watched: Line) -> None:
    watched.stop("ivr", signal.SIGKILL)
    until(lambda: "controller" in str(healthy(watched)[1]["trouble"]), "it is red", RED_SECONDS)
    assert healthy(watched)[0] == 503
    watched.start("ivr")
    until(lambda: healthy(watched)[0] == 200, "all is well again", 20)


def test_a_journal_that_asterisk_cannot_write_is_red_though_calls_go_through(
    watched: Line,
) -> None:
    live = watched.settings.state / "journal" / "calls.jsonl"
    os.chown(live, 0, 11200)  # put back from a backup, by root
    until(lambda: "noting" in str(healthy(watched)[1].get("trouble")), "it is red", RED_SECONDS)
    os.chown(live, 11200, 11200)
    until(lambda: healthy(watched)[0] == 200, "all is well again", 20)


def test_calls_that_asterisk_does_not_note_are_red_whatever_the_reason(watched: Line) -> None:
    caller = order(watched, Key("0"), hold_seconds=12.0)

    async def story() -> None:
        watched.asterisk("module unload cel_custom.so")
        calling = asyncio.create_task(call(caller))
        said = "are not in the journal"
        is_red = lambda: said in str(healthy(watched)[1].get("trouble"))  # noqa: E731
        await asyncio.to_thread(until, is_red, "it is red", 20)
        watched.asterisk("module load cel_custom.so")
        assert (await calling).reached

    asyncio.run(story())
    until(lambda: healthy(watched)[0] == 200, "all is well again", 20)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])
def test_an_asterisk_that_ends_is_red_and_its_callers_are_to_be_called_back(
    watched: Line, how: signal.Signals
) -> None:
    caller = order(watched, Key("1"))

    async def story() -> None:
        calling = asyncio.create_task(call(caller))
        talking = "SELECT 1 FROM calls WHERE ani = ? AND stage = 'talking'"
        until_talking = lambda: rows(watched, talking, caller.caller)  # noqa: E731
        await asyncio.to_thread(until, until_talking, "the caller talks", 20)
        await asyncio.to_thread(watched.stop, "asterisk", how)
        is_red = lambda: "asterisk" in str(healthy(watched)[1]["trouble"])  # noqa: E731
        await asyncio.to_thread(until, is_red, "it is red", RED_SECONDS)
        calling.cancel()
        await asyncio.wait([calling])

    asyncio.run(story())
    watched.start("asterisk")  # in this thread: it dies with the one that started it (bwrap(1))
    wanted = "SELECT why FROM callbacks WHERE ani = ? AND cleared_at IS NULL"
    until(lambda: rows(watched, wanted, caller.caller), "he is to be called back")
    assert rows(watched, wanted, caller.caller) == [("cut-off",)]
    until(lambda: healthy(watched)[0] == 200, "all is well again", 20)


def test_a_second_desk_says_that_there_is_one(watched: Line) -> None:
    done = watched.run("python3", "-m", "ivr", "desk")
    assert done.returncode == 1
    assert "another desk runs" in done.stderr
