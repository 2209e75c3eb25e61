"""The `siaga` command as a group: what goes wrong is one line each, and what is slow loads late."""

import importlib
import sys
from pathlib import Path

import click

from ivr import applied, recordings
from ivr.settings import Settings
from ivr.supervisor import HostError, explained
from routing.loading import ConfigurationError

LATER = {
    "alarms": ("ivr.calls", "alarms_command"),
    "backup": ("ivr.records.backup", "backup_command"),
    "callbacks": ("ivr.calls", "callbacks_command"),
    "drill": ("ivr.drill", "drill_command"),
    "history": ("ivr.changelog", "history_command"),
    "calls": ("ivr.calls", "calls_command"),
    "recording": ("ivr.retention.command", "recording_command"),
    "rehearse": ("ivr.rehearse", "rehearse_command"),
    "report": ("ivr.report", "report_command"),
    "user": ("ivr.users", "user_command"),
}
"""Commands that load only when asked for: most need the database, as slow to load as all others."""


class Siaga(click.Group):
    """The command, turning the errors that a user can mend into one line each."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted([*super().list_commands(ctx), *LATER])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; one of LATER is loaded now."""
        if cmd_name not in LATER:
            return super().get_command(ctx, cmd_name)
        module, name = LATER[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except ConfigurationError as error:
            for problem in error.problems:
                click.echo(str(problem), err=True)
            stays = "What is in force stays." if _version(ctx) else "Nothing is in force yet."
            click.echo(f"{len(error.problems)} to mend. {stays}", err=True)
        except (HostError, recordings.PromptError) as error:
            click.echo(f"siaga: {error}", err=True)
        except OSError as error:
            state = ctx.obj.state if isinstance(ctx.obj, Settings) else Path("var")
            click.echo(f"siaga: {explained(error, state)}", err=True)
        except KeyboardInterrupt:
            click.echo("\nsiaga: stopped by you; `siaga status` says what runs", err=True)
            sys.exit(130)
        sys.exit(1)


def _version(ctx: click.Context) -> str:
    return applied.version(ctx.obj) if isinstance(ctx.obj, Settings) else ""
