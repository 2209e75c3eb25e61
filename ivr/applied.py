"""The configuration in force: compiled from `config/`, kept in the state folder, switched at once.

Law 1: what runs is never read from `config/` or from the sounds there. A broken edit cannot reach
a caller or a restart, and keys and the sentence that names them change together.
Law 2: `current` is a link that is replaced in one step, so what it names is all old or all new.
"""

import contextlib
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from ivr import address, broker, recordings, versions
from ivr.asker import who
from ivr.floors import differences
from ivr.secret import TEST_CALLS, secret
from ivr.settings import Settings
from ivr.versions import Note, notes
from routing import checking
from routing.changes import changes
from routing.checking import Checked
from routing.configuration import Configuration
from routing.dialplan import Controller, contexts, extensions, include, staged
from routing.endpoints import Listening, accounts, http, in_browsers, manager, pjsip, queues, rtp
from routing.loading import FILES, ConfigurationError, load

CURRENT = "current"
STAGED = "staged"
"""The link to a version that is loaded beside the one in force, for our own calls alone."""
DIALPLAN = Path(__file__).resolve().parents[1] / "asterisk" / "dialplan.conf"
CONTEXTS = "/var/lib/siaga/applied/{}/pbx/contexts.conf"
"""Where Asterisk finds the contexts of a version: the state folder as its root shows it."""
STAGED_CONTEXTS = "/var/lib/siaga/staged/pbx/contexts.conf"
Proven = Callable[[Configuration], None]
"""Proves a version that is staged, and raises when it may not come into force."""
WATCHER = "ami.desk"
"""The secret with which `siaga desk` watches Asterisk: with a dot, so it is no telephone's."""
PHONE = "phone.{}"
"""The secret of a telephone in a browser, in the desk's folder of a version: made for that one."""
BROKER = 11203
READERS = {"pbx": (-1, 11200), "desk": (-1, 11202), "broker": (BROKER, BROKER)}
"""Who may read a folder of a version beside root: the owner of its files (-1: root), and a group.
The users are those of Asterisk, the desk and the broker, which wants to own its passwords
(asterisk/setup.sh)."""


def apply(settings: Settings, proven: Proven | None = None) -> Path:
    """Check `config/`, compile it and put it in force; return the folder that now is current.

    Before that `proven` is given the new configuration, which is staged meanwhile. Raises what that
    raises, ConfigurationError when `config/` has problems, and PromptError when speech for it is
    missing or too long; what was in force then stays.
    """
    # Asterisk and the controller read it as users of their own, whatever the umask of who applies.
    umask = os.umask(0o022)
    try:
        check(settings)  # its problems are told with the names of the files that are edited
        build = partial(_build, settings)
        return _new(settings, build, proven)
    finally:
        os.umask(umask)


def check(settings: Settings) -> Configuration:
    """Return what stands in `config/`; raise ConfigurationError if it cannot be used here."""
    return examine(settings).configuration


def examine(settings: Settings) -> Checked:
    """Do the same, proving that no caller gets stuck, and return what staff should know too."""
    site = load(settings.config).site
    own = _listening(address.chosen(settings, site))
    return checking.check(settings.config, own, differences)


def again(settings: Settings, earlier: str, proven: Proven | None = None) -> Path:
    """Put an earlier version in force again, as a new one; return its folder.

    Callers who came in since are in the versions after it: those stay loaded, as after any change.
    Raises OSError when that version is gone, or there is no room for another, and what `proven`
    raises.
    """
    return _new(settings, partial(_copy, settings, earlier), proven)


def _copy(settings: Settings, earlier: str, folder: Path, version: str) -> None:
    shutil.copytree(settings.state / "applied" / earlier, folder, dirs_exist_ok=True)
    pbx = folder / "pbx"
    for name in ("contexts.conf", "extensions.conf", "staged.conf"):
        path = pbx / name
        if path.exists():  # an old version has less
            path.write_text(path.read_text().replace(earlier, version))
    entrances = (pbx / "extensions.conf").read_text().partition("\n#include")[0]
    included = include(*(CONTEXTS.format(v) for v in (version, *_earlier(settings, version))))
    (pbx / "extensions.conf").write_text(entrances + included)
    origin = {note.version: note.of for note in notes(settings.state)}.get(earlier) or earlier
    _note(settings, folder, Note(version, time.time(), who(), "rollback", origin))


def _new(settings: Settings, build: Callable[[Path, str], None], proven: Proven | None) -> Path:
    """Make a version and put it in force. `build` fills a folder for the name that it will have."""
    folder = _new_folder(settings.state / "applied")
    building = Path(tempfile.mkdtemp(prefix="building-", dir=settings.state))
    try:
        build(building, folder.name)
        _hand_over(building)
        building.chmod(0o755)
        if proven:
            with _staged(settings.state / STAGED, building):
                proven(load(building / "config"))
        building.rename(folder)  # over the empty one: what has a version's name is never half
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        folder.rmdir()
        raise
    _point(settings.state / CURRENT, Path("applied") / folder.name)
    return folder


@contextlib.contextmanager
def _staged(link: Path, building: Path) -> Iterator[None]:
    _point(link, Path(building.name))
    try:
        yield
    finally:
        link.unlink(missing_ok=True)


def _build(settings: Settings, folder: Path, version: str) -> None:
    (folder / "config").mkdir()
    for name in FILES:
        shutil.copyfile(settings.config / name, folder / "config" / name)
    configuration = load(folder / "config")  # a file may have been saved since
    recordings.finish(configuration, settings.sounds, folder / "sounds")
    settings = address.chosen(settings, configuration.site)
    (folder / address.COMPILED).write_text(address.text(settings))
    passwords = {
        name: secret(settings.state, broker.secret_name(name))
        for name in broker.accounts(configuration.agencies.agencies)
    }
    # Known to a page, so it lasts no longer than a version.
    phones = {account: secrets.token_urlsafe(24) for account in in_browsers(configuration)}
    _write(folder / "pbx", compiled(configuration, settings, version, phones))
    _write(folder / "broker", broker.compiled(settings.mqtt_bind, passwords))
    watcher = {WATCHER: secret(settings.state, WATCHER)}
    told = {PHONE.format(account): word for account, word in phones.items()}
    _write(folder / "desk", {**broker.for_desk(passwords), **watcher, **told})
    _note(settings, folder, Note(version, time.time(), who(), "apply", version))


def _note(settings: Settings, folder: Path, note: Note) -> None:
    """Note who makes this version and what it changes: all of it where nothing was before."""
    try:
        told = changes(in_force(settings)[1], load(folder / "config"))
    except (ConfigurationError, OSError):
        told = ()
    versions.write(folder, replace(note, changes=told))


def _write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files that hold passwords."""
    folder.mkdir(mode=0o750)
    for name, text in files.items():
        target = folder / name
        target.touch(mode=0o640)
        target.write_text(text, encoding="utf-8")


def compiled(
    configuration: Configuration, settings: Settings, version: str, phones: Mapping[str, str]
) -> dict[str, str]:
    """Return what Asterisk includes, by file name. Makes the secrets that do not exist yet.

    `phones` holds those of telephones in browsers.
    """
    listening = _listening(settings)
    by_wire = (account for account in accounts(configuration) if account not in phones)
    passwords = {**phones, **{account: secret(settings.state, account) for account in by_wire}}
    controller = Controller(
        f"agi://{settings.agi_bind}/menu", test_word=secret(settings.state, TEST_CALLS)
    )
    written = DIALPLAN.read_text(encoding="utf-8")
    return {
        "extensions.conf": extensions(configuration, controller, written, version)
        + include(*(CONTEXTS.format(v) for v in (version, *_earlier(settings, version)))),
        "contexts.conf": contexts(configuration, written, version),
        "staged.conf": staged(configuration, version, _answered(settings))
        + include(STAGED_CONTEXTS),
        "pjsip.conf": pjsip(configuration, listening, passwords),
        "queues.conf": queues(configuration),
        "rtp.conf": rtp(configuration, listening),
        "http.conf": http(settings.ws_bind),
        "manager.conf": manager(settings.ami_bind, secret(settings.state, WATCHER)),
    }


def _answered(settings: Settings) -> set[str]:
    """Return the numbers for which the simulation in force answers."""
    try:
        return {hotline.dialled for hotline in in_force(settings)[1].agencies.hotlines()}
    except (ConfigurationError, OSError):
        return set()


def _listening(settings: Settings) -> Listening:
    return Listening(
        sip=settings.sip_bind,
        simulation=settings.simulation_bind,
        rtp_first=settings.rtp_first,
        rtp_last=settings.rtp_last,
    )


def _earlier(settings: Settings, newest: str) -> list[str]:
    """Return the versions to keep loaded beside `newest`.

    Callers are in the one in force, also when a clock that was set back gave it a later name.
    """
    names = (*versions.kept(settings.state, newest), version(settings))
    return [name for name in dict.fromkeys(names) if name]


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


def watcher_secret(settings: Settings) -> str:
    """Return the password with which `siaga desk` watches: the one that Asterisk was told.

    Raises OSError when there is none, or when this user may not read it.
    """
    return (settings.state / CURRENT / "desk" / WATCHER).read_text(encoding="ascii")


def phone_secret(settings: Settings, account: str) -> str:
    """Return the password of a telephone in a browser: the one that Asterisk was told.

    Raises OSError when there is none.
    """
    folder = settings.state / CURRENT / "desk"
    return (folder / PHONE.format(account)).read_text(encoding="ascii")


def _new_folder(parent: Path) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    stamp = datetime.now(UTC).strftime(versions.STAMP)
    for n in range(100):
        folder = parent / f"{stamp}-{n:02}"
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(f"a hundred versions in one second in {parent}")


def _hand_over(version: Path) -> None:
    """Give each folder to who reads it. Without root, all run as ourselves and can."""
    if os.geteuid() != 0:
        return
    for name, (owner, group) in READERS.items():
        folder = version / name
        for path in (folder, *folder.iterdir()) if folder.exists() else ():  # an old one has less
            os.chown(path, owner if path != folder else -1, group)


def _point(link: Path, folder: Path) -> None:
    """Make `link` name `folder`, in one step (rename(2))."""
    new = link.with_name(f".{link.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(folder)
    new.replace(link)
