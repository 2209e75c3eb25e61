"""The one composition root and the `siaga` command.

Each command prints for people and, with `--json`, for programs. What goes wrong is said on standard
error, with what to do about it, and ends with a status that is not zero.
"""

import asyncio
import json
import sys
from dataclasses import asdict
from typing import Any

import click
from pydantic import ValidationError

from ivr import address, applied, dialling, host, logs, prompts, recordings, switch
from ivr import status as line_status
from ivr import upgrade as upgrading
from ivr.check import check_command, schema_command
from ivr.controller import run
from ivr.group import Siaga
from ivr.menu import sentences
from ivr.phone.command import call_command
from ivr.ready import Part, unready_here
from ivr.secret import word_of_tests
from ivr.settings import Settings
from ivr.supervisor import HostError
from routing.loading import ConfigurationError, load

NOT_AS_ASKED = 3
"""The status of `siaga up` when 112 answers, but not all is as asked: with an earlier configuration
than `config/`, or without a part that no call waits for."""

DESK_SECONDS = 10.0
"""How long a desk may take to answer after a start."""


def _say(line: str) -> None:
    click.echo(line, err=True)


@click.group(cls=Siaga)
@click.version_option(package_name="siaga112")
@click.pass_context
def main(ctx: click.Context) -> None:
    """112 Pekanbaru: a caller reaches a person."""
    try:
        ctx.obj = Settings()
    except ValidationError as error:
        for wrong in error.errors():
            name = (
                f"SIAGA_{str(wrong['loc'][0]).upper()}={wrong['input']}: " if wrong["loc"] else ""
            )
            click.echo(name + wrong["msg"].removeprefix("Value error, "), err=True)
        sys.exit(2)
    ctx.default_map = {"call": {"to": lambda: dialling.asked_at(ctx.obj)}}


as_json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")


main.add_command(check_command)
main.add_command(schema_command)


@main.command()
@as_json_option
@click.pass_obj
def apply(settings: Settings, as_json: bool) -> None:
    """Check config/ and put it in force, on the running system too.

    There our own calls press every key first, in the new version, and ring nobody.
    """
    from ivr.drill import staged_or_in_force  # noqa: PLC0415 - no other command waits for it

    version, going = switch.put_in_force(settings, _say, staged_or_in_force)
    if as_json:
        click.echo(json.dumps({"version": version, "running": going}))
    else:
        where = "on the running system" if going else "for the next start"
        click.echo(f"configuration {version} is in force {where}")


@main.command()
@as_json_option
@click.argument("version", default="")
@click.pass_obj
def rollback(settings: Settings, version: str, as_json: bool) -> None:
    """Take the last change of config/ back, or go back to VERSION."""
    from ivr.drill import staged_or_in_force  # noqa: PLC0415

    earlier, now, going = switch.roll_back(settings, _say, version, staged_or_in_force)
    if as_json:
        click.echo(json.dumps({"version": now, "of": earlier, "running": going}))
        return
    click.echo(f"what was in force as {earlier} is in force again, as {now}")
    kept = settings.state / "applied" / now / "config"
    click.echo(f"config/ still says what was taken back: mend it, or cp {kept}/*.yaml config/")


@main.command(hidden=True)
@click.argument("version")
@click.pass_obj
def again(settings: Settings, version: str) -> None:
    """Put an earlier version in force again, for who then tells Asterisk (asterisk/start.sh)."""
    click.echo(f"{version} is in force again, as {applied.again(settings, version).name}")


@main.command()
@click.pass_obj
def ivr(settings: Settings) -> None:
    """Run the controller: it speaks the menu to callers (a service)."""
    logs.configure()
    try:
        import uvloop  # noqa: PLC0415 - not every machine has it
    except ImportError:
        asyncio.run(run(settings))
    else:
        uvloop.run(run(settings))


@main.command()
@click.pass_obj
def desk(settings: Settings) -> None:
    """Run the desk: records, MQTT, /metrics and /healthz (a service)."""
    from ivr.desk.process import run as run_desk  # noqa: PLC0415 - no other command waits for it

    logs.configure()
    logs.configure_libraries()
    try:
        asyncio.run(run_desk(settings))
    except RuntimeError as error:
        raise HostError(str(error)) from None


@main.command()
@as_json_option
@click.argument("part", type=click.Choice(["asterisk", "ivr", "desk"]), required=False)
@click.pass_obj
def ready(settings: Settings, part: Part | None, as_json: bool) -> None:
    """Say whether a call to 112 would be answered now.

    Or whether one part of the line is ready for it.
    """
    settings = address.of_the_line(settings, applied.CURRENT)
    why = asyncio.run(unready_here(settings, part))
    warnings = () if why or part else _warnings(settings)
    for line in () if as_json else warnings:
        _say(line)
    if as_json:
        click.echo(json.dumps({"ready": not why, "why": why, "warnings": warnings}))
    elif why:
        click.echo(why, err=True)
    else:
        click.echo(f"{part or '112'} answers")
    if why:
        sys.exit(1)


def _warnings(settings: Settings, desk_seconds: float = 0.0) -> tuple[str, ...]:
    """Return what staff must know of a line that answers. Nothing where it cannot be asked."""
    try:
        return line_status.status(settings, desk_seconds).warnings
    except (ConfigurationError, HostError, OSError):
        return ()


@main.command()
@as_json_option
@click.pass_obj
def status(settings: Settings, as_json: bool) -> None:
    """Say what the line does now.

    Live or simulated, its controllers, callers and telephones.
    """
    now = line_status.status(settings)
    why = asyncio.run(unready_here(address.of_the_line(settings, applied.CURRENT)))
    if as_json:
        click.echo(json.dumps({"ready": not why, "why": why, **asdict(now)}, indent=2))
    else:
        click.echo("\n".join(line_status.lines(now, why)))
    if why:
        sys.exit(1)


@main.command()
@click.pass_obj
def up(settings: Settings) -> None:
    """Start everything on this machine.

    `make up` does this, and what comes before it.
    """
    now = host.up(settings, _say)
    click.echo(dialling.how_to_dial(now.settings), nl=False)
    for line in (*_warnings(now.settings, DESK_SECONDS), *now.without):
        _say(line)
    if now.refused:
        _say(f"\nconfig/ is NOT in force: the line runs with {now.version}. What is wrong:")
        _say(f"{now.refused}")
    if now.refused or now.without:
        sys.exit(NOT_AS_ASKED)


@main.command()
@click.pass_obj
def upgrade(settings: Settings) -> None:
    """Bring this checkout into use on the line; no call ends.

    `make upgrade` does this, and what comes before it.
    """
    upgrading.upgrade(settings, _say)
    click.echo("upgraded")


@main.command()
@click.option("--drain", is_flag=True, help="Refuse new calls, and let those inside finish first.")
@click.option(
    "--seconds",
    type=click.IntRange(min=1),
    default=600,
    show_default=True,
    help="The longest to wait for them.",
)
@click.pass_obj
def down(settings: Settings, drain: bool, seconds: int) -> None:
    """Stop what `up` started; all calls end."""
    host.down(settings, _say, seconds if drain else None)


@main.command(name="prompts")
@click.option("--force", is_flag=True, help="Speak every placeholder again.")
@click.option(
    "--recorded",
    multiple=True,
    metavar="PROMPT",
    help="Accept the recording saved as PROMPT (such as id/menu); speak nothing.",
)
@click.pass_obj
def prompts_command(settings: Settings, force: bool, recorded: tuple[str, ...]) -> None:
    """Speak the placeholders that are missing or say an old text. Recordings are left alone."""
    configuration = load(settings.config)
    spoken = list(sentences(configuration))
    for name in recorded:
        note = recordings.accept(spoken, name, settings.sounds)
        click.echo(f"{name} is noted as a recording of {note.text!r}")
    if recorded:
        return
    for built in prompts.build(spoken, settings.sounds, force=force):
        click.echo(f"{built.prompt}  {built.seconds:.1f} s")
    if left := recordings.wrong(configuration, settings.sounds):
        raise recordings.PromptError("left to a person:\n" + "\n".join(left))


@main.command(
    params=[
        *call_command.params,
        click.Option(
            ["--really"], is_flag=True, help="Press keys though they may ring real agencies."
        ),
    ],
    help=call_command.help,
)
@click.pass_context
def call(ctx: click.Context, /, *, really: bool, **words: Any) -> None:  # noqa: ANN401 - its options
    """Guard `siaga call`: a key that is pressed on a line that may be live rings a real agency."""
    if words["keys"] and not really and (why := dialling.may_ring(ctx.obj, *words["to"])):
        raise click.UsageError(f"{why}; if keys may ring real agencies, add --really")
    ctx.invoke(call_command, **words, test_word=word_of_tests(ctx.obj.state))


if __name__ == "__main__":
    main()
