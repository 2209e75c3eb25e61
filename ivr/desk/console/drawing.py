"""Draws the live screens as pieces of HTML, each once as long as it says the same.

Law: a mistake in one screen darkens no other, and is said on that one.

What is here is the same for all who read a language: buttons that are not for everybody are shown
or hidden by the page, and every order is judged again when it comes.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache, lru_cache

import structlog

from ivr.desk.console.callsnow import Row, rows
from ivr.desk.console.feed import Drawn
from ivr.desk.console.pages import fragment
from ivr.desk.console.pieces import Pieces
from ivr.desk.console.screens import Screens
from ivr.desk.console.wall import wall
from ivr.ranking import ToCall
from ivr.records.worklist import Claim, Tried
from ivr.said import label
from ivr.words import Lang
from routing.configuration import Configuration

log = structlog.get_logger()


class Drawing:
    """The live screens of one desk."""

    def __init__(self, screens: Screens) -> None:
        self._screens = screens
        self._last: dict[tuple[str, Lang], Pieces] = {}

    def draw(self, language: Lang) -> Drawn:
        """Return the pieces of every live screen."""
        now = cache(self.calls)
        drawers: dict[str, Callable[[], Pieces]] = {
            "calls": lambda: _calls(now(), self._screens.live().why, language),
            "callbacks": lambda: self._callbacks(language),
            "wall": lambda: wall(self._screens, now(), language),
            "phones": self._phones,
        }
        return {name: self._drawn(name, language, draw) for name, draw in drawers.items()}

    def _drawn(self, name: str, language: Lang, draw: Callable[[], Pieces]) -> Pieces:
        """Return a screen; where it cannot be drawn, what it was, under a bar that says so."""
        key = name, language
        try:
            self._last[key] = pieces = draw()
        except Exception:
            log.exception("screen.not_drawn", screen=name)
            last = self._last.get(key, {})
            bar = {} if name == "phones" else {"broken": fragment("broken.html", language)}
            return {**bar, **last}
        return pieces

    def calls(self) -> tuple[Row, ...]:
        """Return the calls of this moment, with names as people read them."""
        screens = self._screens
        configuration = screens.configuration()

        def joined(callref: str) -> Iterable[tuple[str, str]]:
            return ((one.agency, one.state) for one in screens.actions.joinings(callref))

        def named(kind: str, name: str) -> str:
            return label(name) if kind == "agency" else operator(configuration, name)

        now = screens.clock()
        return tuple(
            replace(row, offer=screens.actions.offer(row.callref, now))
            for row in rows(screens.live(), screens.records(), joined, named)
        )

    def _callbacks(self, language: Lang) -> Pieces:
        counted = self._screens.counted()
        pieces = {
            one.id: _callback(
                one, counted.claims.get(one.ani), tuple(counted.tried.get(one.ani, ())), language
            )
            for one in counted.callbacks
        }
        return {"head": _head(len(pieces), counted.at is not None, language), **pieces}

    def _phones(self) -> Pieces:
        """Return what each telephone of ours does: for the page whose operator has it."""
        said: dict[str, str] = {}
        for phone in self._screens.live().phones or ():
            state = "talking" if phone.talking else "ringing" if phone.ringing else ""
            state = state or ("paused" if phone.paused else "ready" if phone.ready else "")
            said[phone.account] = json.dumps({"state": state, "call": phone.callref})
        return said


def operator(configuration: Configuration, account: str) -> str:
    """Return the name of who has a telephone of ours; of one nobody knows, the account."""
    phones = (*configuration.operators.operators, *configuration.operators.backup)
    return next((one.name for one in phones if one.account == account), account)


def _calls(now: tuple[Row, ...], why: str, language: Lang) -> Pieces:
    waiting = tuple(row.since for row in now if row.stage == "queue")
    head = _calls_head(len(now), len(waiting), min(waiting, default=None), why, language)
    return {"head": head, **{row.callref: _call(row, language) for row in now}}


@lru_cache(maxsize=64)
def _calls_head(calls: int, waiting: int, oldest: float | None, why: str, language: Lang) -> str:
    told = {"calls": calls, "waiting": waiting, "oldest": oldest, "why": why}
    return fragment("calls_head.html", language, **told)


@lru_cache(maxsize=4096)
def _call(row: Row, language: Lang) -> str:
    return fragment("calls_row.html", language, row=row)


@lru_cache(maxsize=64)
def _head(many: int, counted: bool, language: Lang) -> str:
    return fragment("callbacks_head.html", language, many=many, counted=counted)


@lru_cache(maxsize=1024)
def _callback(one: ToCall, claim: Claim | None, tried: tuple[Tried, ...], language: Lang) -> str:
    return fragment("callbacks_row.html", language, one=one, claim=claim, tried=tried)
