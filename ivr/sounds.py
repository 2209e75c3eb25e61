"""Do the sounds in a folder go with a configuration, and how long does each of them last."""

from pathlib import Path

from ivr import prompts
from ivr.menu import MAX_SILENT_SECONDS, menu, sentences, silent_seconds
from routing.agencies import Language
from routing.configuration import Configuration


def prompt_seconds(configuration: Configuration, folder: Path) -> dict[tuple[Language, str], float]:
    """Return how long each prompt of `configuration` lasts that has audio in `folder`."""
    paths = {(s.language, s.name): folder / f"{s.prompt}.alaw" for s in sentences(configuration)}
    return {key: prompts.seconds(path) for key, path in paths.items() if path.exists()}


def wrong(configuration: Configuration, folder: Path) -> list[str]:
    """Return what keeps the prompts in `folder` from going with `configuration`, line by line."""
    old = prompts.stale(
        list(sentences(configuration)), prompts.placeholders(folder), prompts.files(folder)
    )
    remedy = "does not say what config/ says; run `make sounds`"
    lines = [f"{folder}/{name}.alaw {remedy}" for name in old]
    heard = menu(configuration, prompt_seconds(configuration, folder))
    for language in configuration.menu.languages:
        silent = silent_seconds(heard, language)
        if silent > MAX_SILENT_SECONDS:
            lines.append(
                f"{folder}/{language}: a caller who does nothing waits {silent:.1f} s for an "
                f"operator, over {MAX_SILENT_SECONDS:.0f} s; shorten `menu`, `repeat` or a wait"
            )
    return lines
