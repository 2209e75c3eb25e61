"""The menu with no Python at all, read from the very text that Asterisk gets.

Law 1: what each key does is read from the compiled `static-keys`, never from config/.
Law 2: who is asked what next is [static-menu] and [ask] of asterisk/dialplan.conf, rule by rule.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from routing.agencies import WEEKDAYS, WIB, Language
from routing.configuration import Configuration
from routing.dialplan import static_keys

_LINE = re.compile(r"exten => k(?P<key>.),1,(?P<first>.+)| same => n,(?P<more>.+)")
_SET = re.compile(r"Set\((PLAN_ID|PLAN_PRIO|OPEN|SAY|CHANNEL\(language\))=([a-z0-9-]+)\)")
_HOP = re.compile(
    r"Gosub(?:If\(\$\[\$\{OPEN\} = 1\]\?|\()static-hop,s,1\((.+),(.+),(\d+),([01])\)\)"
)
_WHEN = re.compile(r"ExecIfTime\((\d\d:\d\d)-(\d\d:\d\d),([a-z&]+),\*,\*,Asia/Jakarta\?.*\)")
_GOTO = re.compile(r"Goto\((walk-plan|ops|static-menu),s,(?:1|try)\)")
_ONCE = re.compile(r'GotoIf\(\$\["\$\{CHANNEL\(language\)\}" = "([a-z]+)"\]\?static-menu,s,again\)')


@dataclass(frozen=True, slots=True)
class StaticHop:
    """One `static-hop`: what its four arguments are."""

    number: str
    trunk: str
    ring_seconds: int
    confirm: bool


@dataclass(frozen=True, slots=True)
class Laid:
    """The caller goes on with a plan, or without hops to the operators."""

    name: str
    priority: int
    hops: tuple[StaticHop, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """The caller hears a prompt and may press a key."""

    prompt: str
    language: Language


class StaticMenu:
    """The conversation that the dialplan has by itself."""

    def __init__(self, configuration: Configuration) -> None:
        self._keys = _by_key(static_keys(configuration))
        self._language = configuration.menu.languages[0]
        self._nothing = Laid("no-choice", configuration.menu.no_choice.priority)

    def start(self, prompt: str = "menu", language: Language | None = None) -> Asked:
        """Return what a caller hears first who comes from another floor, or from none."""
        return Asked(prompt, language or self._language)

    def step(self, asked: Asked, key: str, at: datetime) -> Asked | Laid:
        """Return what comes after a key, or after none (an empty text)."""
        say = "repeat" if asked.prompt == "menu" else "nothing"  # ask
        found = self._keys.get(key) if key else None
        if found and (once := _ONCE.fullmatch(found[0])):
            if asked.language != once[1]:
                return _spoken(found)
        elif found:
            return _laid(found, at)
        if say == "nothing":
            return self._nothing
        return Asked("wrong" if key else say, asked.language)


def _by_key(lines: Iterable[str]) -> Mapping[str, list[str]]:
    """Return what is done for each key, in order; the context's own line is left out."""
    keys: dict[str, list[str]] = {}
    for line in lines:
        if found := _LINE.fullmatch(line):
            if found["key"]:
                keys[found["key"]] = []
            keys[next(reversed(keys))].append(found["first"] or found["more"])
    return keys


def _spoken(commands: list[str]) -> Asked:
    values = {m[1]: m[2] for command in commands if (m := _SET.fullmatch(command))}
    return Asked(values["SAY"], cast("Language", values["CHANNEL(language)"]))


def _laid(commands: list[str], at: datetime) -> Laid:
    """Do what the commands of a key do; raise ValueError at one that this page does not know."""
    values, hops, goes = {"OPEN": "1"}, list[StaticHop](), ""
    for command in commands:
        if found := _SET.fullmatch(command):
            values[found[1]] = found[2]
        elif found := _WHEN.fullmatch(command):
            values["OPEN"] = "1" if _holds(found, at) else values["OPEN"]
        elif found := _HOP.fullmatch(command):
            if values["OPEN"] == "1" or command.startswith("Gosub("):
                hops.append(StaticHop(found[1], found[2], int(found[3]), found[4] == "1"))
        elif found := _GOTO.fullmatch(command):
            goes = found[1]
        else:
            raise ValueError(f"the static menu does what is not known here: {command}")
    walked = tuple(hops) if goes == "walk-plan" else ()
    return Laid(values["PLAN_ID"], int(values["PLAN_PRIO"]), walked)


def _holds(span: re.Match[str], at: datetime) -> bool:
    """Return whether Asterisk's times hold: both ends are inside, to the minute (pbx_timing.c)."""
    local = at.astimezone(WIB)
    today = WEEKDAYS[local.weekday()] in span[3].split("&")
    return today and span[1] <= f"{local:%H:%M}" <= span[2]
