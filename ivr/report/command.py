"""`siaga report`: the figures of a day or a month, as a table, CSV, JSON or a page of HTML.

The exit status is 0 when there are figures, even if nobody called; 1 when the records cannot be
read or the page not written; 2 when the period is none.
"""

import time
from pathlib import Path

import click

from ivr.figures import Figures
from ivr.period import Period, a_day, a_month, today
from ivr.reading import fail, records
from ivr.report.page import html as as_html
from ivr.report.table import text
from ivr.report.tidy import as_csv, as_json
from ivr.settings import Settings
from ivr.words import Lang, Words, clock


@click.command("report")
@click.option("--day", metavar="2026-11-25", help="A day in WIB; without it and --month: today.")
@click.option("--month", metavar="2026-11", help="A month in WIB.")
@click.option("--lang", type=click.Choice(["id", "en"]), default="id", show_default=True)
@click.option("--csv", "for_sheets", is_flag=True, help="One table: figure, group, value, unit.")
@click.option("--json", "for_programs", is_flag=True, help="One JSON object.")
@click.option(
    "--html", "file", metavar="FILE", help="Write a page with plots; - for standard output."
)
@click.pass_obj
def report_command(  # noqa: PLR0913 - one argument an option
    settings: Settings,
    *,
    day: str | None,
    month: str | None,
    lang: Lang,
    for_sheets: bool,
    for_programs: bool,
    file: str | None,
) -> None:
    """Print the figures of a day or a month.

    Who called, who was reached, and how soon.
    """
    forms = (for_sheets, for_programs, file is not None)
    if sum(forms) > 1 or not (day is None or month is None):
        raise click.UsageError("choose one of --day and --month, and one of --csv, --json, --html")
    words, now = Words(lang), time.time()
    figures = _read(settings, _period(day, month, words, now), words)
    if file is not None:
        _write(file, as_html(figures, words, now), words)
    elif for_sheets:
        click.echo(as_csv(figures), nl=False)
    else:
        click.echo(as_json(figures) if for_programs else text(figures, words))


def _period(day: str | None, month: str | None, words: Words, now: float) -> Period:
    """Return the period that is meant. Raises BadParameter for none, or one that is to come."""
    this = today(now)
    written = this.name if day is None and month is None else day or month or ""
    try:
        period = a_day(written) if month is None else a_month(written)
    except ValueError:
        like = "--day 2026-11-25" if month is None else "--month 2026-11"
        said = words.pick("bukan tanggal: tulis misalnya", "is no date: write it like")
        raise click.BadParameter(f"{written!r} {said} {like}") from None
    if period.first > this.first:
        said = words.pick("belum mulai: hari ini", "has not begun: today is")
        raise click.BadParameter(f"{period.name} {said} {this.name} (WIB)")
    return period


def _read(settings: Settings, period: Period, words: Words) -> Figures:
    """Return the figures. Who finds no call is told so."""
    with records(settings, words) as engine:
        from ivr.records.figures import last_began_at, of_period  # noqa: PLC0415 - as there

        figures = of_period(engine, period)
        if figures.empty:
            click.echo(_nobody(period, last_began_at(engine), words), err=True)
        return figures


def _nobody(period: Period, last: float | None, words: Words) -> str:
    said = words.pick("tidak ada panggilan pada", "no calls in")
    if last is None:
        then = words.pick(
            "belum pernah ada; `siaga status` memeriksa saluran",
            "there never was one; `siaga status` looks at the line",
        )
    else:
        then = f"{words.pick('yang terakhir', 'the last was at')} {clock(last)} WIB"
    return f"{said} {period.name}: {then}"


def _write(file: str, page: str, words: Words) -> None:
    if file == "-":
        click.echo(page, nl=False)
        return
    try:
        Path(file).write_text(page, encoding="utf-8")
    except OSError as error:
        remedy = words.pick("pilih berkas lain untuk --html", "choose another file for --html")
        fail(f"{file}: {error.strerror}: {remedy}")
    click.echo(f"{file} {words.pick('selesai ditulis', 'is written')}", err=True)
