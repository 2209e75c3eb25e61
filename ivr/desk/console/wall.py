"""*Pengawas*: how the line stands, for the wall. It names no caller and shows no number."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from markupsafe import Markup

from ivr.desk.console.callsnow import Row
from ivr.desk.console.counted import Counted
from ivr.desk.console.pages import fragment
from ivr.desk.console.pieces import Pieces
from ivr.desk.console.screens import Screens
from ivr.desk.health import Trouble
from ivr.figures import share
from ivr.live import Live, Phone
from ivr.records.alarms import Alarm, sentence
from ivr.report.page import plot
from ivr.weather import Weather
from ivr.words import Lang, Words
from routing.configuration import Configuration


@dataclass(frozen=True, slots=True)
class Seat:
    """A telephone of ours: whose, its state, and the call it is in."""

    account: str
    name: str
    state: str
    callref: str | None = None


def wall(screens: Screens, now: tuple[Row, ...], language: Lang) -> Pieces:
    """Return the pieces of the wallboard. `now` are the calls of this moment."""
    live, counted, configuration = screens.live(), screens.counted(), screens.configuration()
    return {
        "now": _now(now, live.staffed, language),
        "day": _day(counted, language),
        "trouble": _trouble(screens.trouble(), counted.alarms, language),
        "seats": _seats(seats(live, configuration), live.why, language),
        "weather": _weather(_hotlines(counted, configuration), language),
        "plots": _plots(counted, language),
    }


def seats(live: Live, configuration: Configuration) -> tuple[Seat, ...]:
    """Return the telephones of operators and backup, in the order of operators.yaml."""
    known = {phone.account: phone for phone in live.phones or ()}
    phones = (*configuration.operators.operators, *configuration.operators.backup)
    return tuple(Seat(one.account, one.name, *_state(known.get(one.account))) for one in phones)


def _state(phone: Phone | None) -> tuple[str, str | None]:
    if phone is None or phone.logged_in is None:
        return "unknown", None
    for state in ("talking", "ringing", "paused"):
        if getattr(phone, state):
            return state, phone.callref
    return ("ready" if phone.ready else "busy") if phone.logged_in else "away", None


def _now(now: tuple[Row, ...], staffed: bool | None, language: Lang) -> str:
    stages = [row.stage for row in now]
    waiting = [row.since for row in now if row.stage == "queue"]
    counts = (len(waiting), stages.count("menu"), stages.count("ringing"), stages.count("talking"))
    return _now_drawn(counts, min(waiting, default=None), staffed, language)


@lru_cache(maxsize=64)
def _now_drawn(
    counts: tuple[int, ...], oldest: float | None, staffed: bool | None, language: Lang
) -> str:
    waiting, menu, ringing, talking = counts
    told = {"waiting": waiting, "menu": menu, "ringing": ringing, "talking": talking}
    return fragment("wall_now.html", language, oldest=oldest, staffed=staffed, **told)


@lru_cache(maxsize=4)
def _day(counted: Counted, language: Lang) -> str:
    figures = counted.figures
    if figures is None:
        return fragment("wall_day.html", language, figures=None)
    ended = figures.calls.ended
    return fragment(
        "wall_day.html",
        language,
        figures=figures,
        within={mark: share(figures.human.within(mark), ended) for mark in (15, 20)},
        menu_loss=share(figures.calls.by["abandoned-menu"], ended),
        reached=share(figures.human.count, ended),
    )


def _trouble(trouble: Iterable[Trouble], alarms: tuple[Alarm, ...], language: Lang) -> str:
    told = [(one.at, one.what, sentence(one.words)) for one in reversed(alarms)]
    parts = [(one.part, one.why) for one in trouble]
    return fragment("wall_trouble.html", language, trouble=parts, alarms=told)


@lru_cache(maxsize=64)
def _seats(found: tuple[Seat, ...], why: str, language: Lang) -> str:
    return fragment("wall_seats.html", language, seats=found, why=why)


def _hotlines(
    counted: Counted, configuration: Configuration
) -> tuple[tuple[str, str, Weather], ...]:
    """Return agency, hotline and weather of each hotline of the configuration."""
    return tuple(
        (agency, hotline.name, counted.weather.get((agency, hotline.dialled), Weather()))
        for agency, one in configuration.agencies.agencies.items()
        for hotline in one.hotlines
    )


@lru_cache(maxsize=16)
def _weather(hotlines: tuple[tuple[str, str, Weather], ...], language: Lang) -> str:
    return fragment("wall_weather.html", language, hotlines=hotlines)


@lru_cache(maxsize=4)
def _plots(counted: Counted, language: Lang) -> str:
    words, figures = Words(language), counted.figures
    drawn = [plot(key, figures, words) for key in ("hour", "human")] if figures else []
    # Of our own making, and escaped there (ivr/report/plots.py, law 1).
    return fragment("wall_plots.html", language, plots=[Markup(one) for one in drawn if one])  # noqa: S704
