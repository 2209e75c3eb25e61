"""Refuses a filter that no call could match: a typo must not look like a quiet night."""

import re
from collections.abc import Collection
from difflib import get_close_matches
from typing import TYPE_CHECKING

import click

from ivr import applied
from ivr.settings import Settings
from ivr.words import Words
from routing.loading import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import Engine

FLOORS = ("controller", "stand-in", "static")
REASONS = ("operator", "cannot-speak", "no-choice")
"""Why an operator was asked, where a caller asked for no service."""
_A_TIME = re.compile(r"\d{1,2}:\d{2}(:\d{2})?")


def number(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    """Return a caller's number as the journal holds it. Raises BadParameter for other text."""
    if text is None or re.fullmatch(r"\+?[0-9]*", text):
        return text
    raise click.BadParameter(f"{text!r}: write it as it came: digits, perhaps after a +")


def check_bounds(since: float | None, until: float | None, words: Words) -> None:
    """Raise UsageError when no time lies between the two."""
    if since is not None and until is not None and since >= until:
        said = words.pick("--since tidak lebih awal dari --until", "--since is not before --until")
        raise click.UsageError(said)


def check_callref(callref: str | None, words: Words) -> None:
    """Raise UsageError when what stands where a call is named is half of a time without quotes."""
    if callref is not None and _A_TIME.fullmatch(callref):
        like = f"--since '2026-11-25 {callref}'"
        said = "itu waktu, bukan panggilan: pakai tanda kutip", "is a time, no call: use quotes"
        raise click.UsageError(f"{callref} {words.pick(*said)}: {like}")


def check_names(
    settings: Settings, engine: "Engine", service: object, agency: object, words: Words
) -> None:
    """Raise BadParameter for a service or an agency that neither config nor any call knows."""
    services, agencies = _known(settings)
    from ivr.records.engine import reading  # noqa: PLC0415 - as in ivr/reading.py
    from ivr.records.query import names  # noqa: PLC0415

    with reading(engine) as connection:
        met = names(connection)
    _check("--service", service, {*services, *REASONS, *met.services}, words)
    _check("--agency", agency, {*agencies, *met.agencies}, words)


def _known(settings: Settings) -> tuple[Collection[str], Collection[str]]:
    """Return the services and agencies in force; nothing where that cannot be read."""
    try:
        _, configuration = applied.in_force(settings)
    except (ConfigurationError, OSError):
        return (), ()
    return configuration.menu.services, configuration.agencies.agencies


def _check(option: str, given: object, known: Collection[str], words: Words) -> None:
    if given is None or given in known:
        return
    if close := get_close_matches(str(given), known, n=1):
        remedy = words.pick(f"maksudnya {close[0]}?", f"did you mean {close[0]}?")
    else:
        remedy = f"{words.pick('tulis salah satu', 'write one of')}: {', '.join(sorted(known))}"
    said = words.pick("tidak dikenal", "is not known")
    raise click.BadParameter(f"{given!r} {said}: {remedy}", param_hint=option)
