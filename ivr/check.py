"""`siaga check`: whether `config/` can be used, and what to mend if not."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from ivr import address, applied, recordings
from ivr.settings import Settings
from routing import schemas
from routing.loading import ConfigurationError


@click.command("check")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.argument("folder", type=click.Path(exists=True, path_type=Path), required=False)
@click.pass_obj
def check_command(settings: Settings, folder: Path | None, as_json: bool) -> None:
    """Say whether config/ can be used, and what to mend if not.

    FOLDER is looked at instead of config/. No caller may get stuck in it, whatever is pressed and
    whoever answers, and its prompts must be there. A WARNING is for you to judge.
    """
    settings = settings.model_copy(update={"config": folder} if folder else {})
    warnings: list[dict[str, object]] = []
    try:
        checked = applied.examine(settings)
    except ConfigurationError as error:
        if not as_json:
            raise
        problems = [asdict(problem) for problem in error.problems]
    else:
        configuration = checked.configuration
        lines = recordings.wrong(configuration, settings.sounds)
        used = address.warnings(address.chosen(settings, configuration.site), configuration.site)
        problems = [{"message": line} for line in lines]
        warnings = [asdict(warning) for warning in checked.warnings]
        warnings += [{"message": line} for line in used]
        said = (*(f"WARNING: {warning}" for warning in checked.warnings), *used, *lines)
        for line in () if as_json else said:
            click.echo(line, err=True)
    if as_json:
        found = {"ok": not problems, "problems": problems, "warnings": warnings}
        click.echo(json.dumps(found, indent=2))
    elif not problems:
        name = folder or "config/"
        click.echo(f"{name} is good: {', '.join(configuration.menu.services)}")
    if problems:
        sys.exit(1)


@click.command("schema", hidden=True)
@click.pass_obj
def schema_command(settings: Settings) -> None:
    """Write the JSON Schemas of config/ again, after a change of the models."""
    (settings.config / schemas.FOLDER).mkdir(exist_ok=True)
    for name, text in schemas.schemas().items():
        (settings.config / schemas.FOLDER / name).write_text(text, encoding="utf-8")
