"""What commands are told of the line by a desk that is well, in trouble, silent, or no desk."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from ivr import deskword
from ivr.settings import Settings

Answering = Callable[[int, str], Settings]
WELL = json.dumps({"ok": True, "trouble": [], "warnings": []})
ILL = json.dumps(
    {
        "ok": False,
        "trouble": [{"part": "journal", "why": "the database is away", "seconds": 3.0}],
        "warnings": [{"part": "broker", "why": "refused", "seconds": 60.0}],
    }
)


@pytest.fixture
def answering() -> Iterator[Answering]:
    """Answer every request with a status and a body, and return settings that name this desk."""
    servers = []

    def answering(status: int, body: str) -> Settings:
        class Desk(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status if self.path == "/healthz" else 404)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None: ...

        server = HTTPServer(("127.0.0.1", 0), Desk)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return Settings(desk_bind=f"127.0.0.1:{server.server_port}")

    yield answering
    for server in servers:
        server.shutdown()
        server.server_close()


def test_of_a_line_that_is_well_nothing_is_said(answering: Answering) -> None:
    settings = answering(200, WELL)
    assert deskword.troubles(settings) == ()
    assert deskword.about_records(settings) == ""


def test_each_trouble_and_each_warning_is_a_line(answering: Answering) -> None:
    settings = answering(503, ILL)
    assert deskword.troubles(settings) == ("journal: the database is away", "broker: refused")
    assert deskword.about_records(settings) == "journal: the database is away"


@pytest.mark.parametrize("body", ["", "hello", "[]", "{}", '{"trouble": [1], "warnings": []}'])
def test_what_is_no_desk_does_not_answer_as_one(answering: Answering, body: str) -> None:
    (said,) = deskword.troubles(answering(200, body))
    assert "the desk does not answer on 127.0.0.1:" in said
    assert "var/log/desk.log" in said


def test_a_desk_that_hangs_or_is_away_is_not_waited_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deskword, "ASK_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepted, and never answered
        settings = Settings(desk_bind=f"127.0.0.1:{silent.getsockname()[1]}")
        assert deskword.troubles(settings) == (deskword.unanswered(settings),)
    assert deskword.about_records(settings) == deskword.unanswered(settings)


def test_a_desk_that_starts_just_now_is_asked_again(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody, desk = Settings(desk_bind="127.0.0.1:9"), answering(200, WELL)
    said = iter([deskword._asked(nobody), deskword._asked(desk)])
    monkeypatch.setattr(deskword, "_asked", lambda _: next(said))
    monkeypatch.setattr(deskword, "AGAIN_SECONDS", 0)
    assert deskword.troubles(nobody, 60) == ()
