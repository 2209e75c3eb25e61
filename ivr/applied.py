"""The configuration in force: compiled from `config/`, kept in the state folder, switched at once.

Law 1: what runs is never read from `config/` or from the sounds there. A broken edit cannot reach
a caller or a restart, and keys and the sentence that names them change together.
Law 2: `current` is a link that is replaced in one step, so what it names is all old or all new.
"""

import contextlib
import os
import secrets
import shutil
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from ivr import address, recordings
from ivr.settings import Settings
from routing.configuration import Configuration
from routing.dialplan import Controller, contexts, extensions, include
from routing.endpoints import Listening, pjsip, queues, rtp
from routing.loading import FILES, load

CURRENT = "current"
DIALPLAN = Path(__file__).resolve().parents[1] / "asterisk" / "dialplan.conf"
CONTEXTS = "/var/lib/siaga/applied/{}/pbx/contexts.conf"
"""Where Asterisk finds the contexts of a version: the state folder as its root shows it."""
STAMP = "%Y%m%dT%H%M%SZ"
KEPT = timedelta(days=1)
"""How long callers may still be in the contexts of a version that is no longer in force."""
ASTERISK_GROUP = 11200
"""The group of Asterisk in the private root and the image (asterisk/setup.sh)."""


def apply(settings: Settings) -> Path:
    """Check `config/`, compile it and put it in force; return the folder that now is current.

    Raises ConfigurationError when `config/` has problems and PromptError when speech for it is
    missing or too long; what was in force then stays.
    """
    # Asterisk and the controller read it as users of their own, whatever the umask of who applies.
    umask = os.umask(0o022)
    try:
        return _apply(settings)
    finally:
        os.umask(umask)


def check(settings: Settings) -> Configuration:
    """Return what stands in `config/`; raise ConfigurationError if it cannot be used here."""
    site = load(settings.config).site
    return load(settings.config, _listening(address.chosen(settings, site)))


def _apply(settings: Settings) -> Path:
    check(settings)  # its problems are told with the names of the files that are edited
    folder = _new_folder(settings.state / "applied")
    (folder / "config").mkdir()
    for name in FILES:
        shutil.copyfile(settings.config / name, folder / "config" / name)
    configuration = load(folder / "config")  # a file may have been saved since
    recordings.finish(configuration, settings.sounds, folder / "sounds")
    settings = address.chosen(settings, configuration.site)
    (folder / address.COMPILED).write_text(address.text(settings))
    pbx = folder / "pbx"
    pbx.mkdir(mode=0o750)
    for name, text in compiled(configuration, settings, folder.name).items():
        target = pbx / name
        target.touch(mode=0o640)
        target.write_text(text, encoding="utf-8")
        _let_asterisk_read(target)
    _let_asterisk_read(pbx)
    _point(settings.state / CURRENT, folder)
    return folder


def compiled(configuration: Configuration, settings: Settings, version: str) -> dict[str, str]:
    """Return what Asterisk includes, by file name. Makes the secrets that do not exist yet."""
    listening = _listening(settings)
    accounts = [phone.account for phone in configuration.operators.phones()]
    passwords = {account: secret(settings.state, account) for account in accounts}
    controller = Controller(f"agi://{settings.agi_bind}/menu")
    written = DIALPLAN.read_text(encoding="utf-8")
    return {
        "extensions.conf": extensions(configuration, controller, written, version)
        + include([CONTEXTS.format(v) for v in (*kept(settings.state, version), version)]),
        "contexts.conf": contexts(configuration, written, version),
        "pjsip.conf": pjsip(configuration, listening, passwords),
        "queues.conf": queues(configuration),
        "rtp.conf": rtp(listening),
    }


def _listening(settings: Settings) -> Listening:
    return Listening(
        sip=settings.sip_bind,
        simulation=settings.simulation_bind,
        rtp_first=settings.rtp_first,
        rtp_last=settings.rtp_last,
    )


def kept(state: Path, version: str) -> list[str]:
    """Return the versions before `version` in which callers may still be, oldest first.

    A version was in force until the next one's name says; the last of all is always kept.
    """
    written = sorted((state / "applied").glob("*/pbx/contexts.conf"))
    earlier = [name for path in written if (name := path.parts[-3]) < version]
    newest = _made_at(version)
    periods = pairwise([*earlier, version])
    return [name for name, end in periods if end == version or newest - _made_at(end) < KEPT]


def _made_at(version: str) -> datetime:
    return datetime.strptime(version[:16], STAMP).replace(tzinfo=UTC)


def in_force(settings: Settings) -> tuple[str, Configuration]:
    """Return the name of the current version and its configuration.

    Raises FileNotFoundError when nothing was ever applied.
    """
    try:
        folder = (settings.state / CURRENT).resolve(strict=True)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"no configuration was ever applied in {settings.state}: run `siaga apply`"
        ) from None
    return folder.name, load(folder / "config")


def version(settings: Settings) -> str:
    """Return the name of the current version, or an empty text before the first."""
    try:
        return (settings.state / CURRENT).readlink().name
    except OSError:
        return ""


def secret(state: Path, account: str) -> str:
    """Return the password of a SIP account, made at its first use and readable by root alone."""
    path = state / "secrets" / account
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        # Written before it gets its name: an empty file would be an empty password for ever.
        new = path.with_name(f".{account}.{os.getpid()}")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(24) + "\n")
        with contextlib.suppress(FileExistsError):  # another process was first: theirs counts
            os.link(new, path)
        new.unlink()
    return path.read_text(encoding="ascii").strip()


def _new_folder(parent: Path) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    stamp = datetime.now(UTC).strftime(STAMP)
    for n in range(100):
        folder = parent / f"{stamp}-{n:02}"
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(f"a hundred versions in one second in {parent}")


def _let_asterisk_read(path: Path) -> None:
    """Give the file to Asterisk's group. Without root, Asterisk runs as ourselves and can read."""
    if os.geteuid() == 0:
        os.chown(path, -1, ASTERISK_GROUP)


def _point(link: Path, folder: Path) -> None:
    """Make `link` name `folder`, in one step (rename(2))."""
    new = link.with_name(f".{link.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(Path("applied") / folder.name)
    new.replace(link)
