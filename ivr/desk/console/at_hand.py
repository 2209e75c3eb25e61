"""What a page has at hand: `routes.py` puts it there."""

from starlette.requests import HTTPConnection

from ivr.desk.console.board import Board
from ivr.desk.console.records import Records
from ivr.desk.console.screens import Screens
from ivr.desk.console.watching import Looks


def board(connection: HTTPConnection) -> Board:
    """Return the live screens."""
    found: Board = connection.app.state.board
    return found


def screens(connection: HTTPConnection) -> Screens:
    """Return where the screens get what they show."""
    return board(connection).screens


def records(connection: HTTPConnection) -> Records:
    """Return the database. Asking it may raise RecordsError."""
    found: Records = connection.app.state.door.records
    return found


def looks(connection: HTTPConnection) -> Looks:
    """Return who notes who looked at whom."""
    found: Looks = connection.app.state.looks
    return found
