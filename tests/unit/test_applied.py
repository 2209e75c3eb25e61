"""Putting a configuration in force: all of it or none of it, and secrets that stay secret."""

import os
import secrets
import shutil
import threading
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import pytest

from ivr import applied, versions
from ivr.recordings import PromptError
from ivr.secret import secret
from ivr.settings import Settings
from routing.loading import FILES, ConfigurationError, load

ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A checkout of its own: configuration that a test may edit, and state."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    return Settings(config=tmp_path / "config", state=tmp_path / "var")


def edit(settings: Settings, name: str, old: str, new: str) -> None:
    path = settings.config / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def permissions(path: Path) -> str:
    return oct(path.stat().st_mode & 0o777)


def test_what_is_in_force_is_a_copy_that_edits_do_not_reach(settings: Settings) -> None:
    folder = applied.apply(settings)
    before = load(settings.config)
    edit(settings, "agencies.yaml", '"113"', '"0761113"')
    name, configuration = applied.in_force(settings)
    assert (name, configuration) == (folder.name, before)
    assert applied.version(settings) == folder.name


def test_a_line_that_leads_back_to_where_this_machine_listens_is_not_put_in_force(
    settings: Settings,
) -> None:
    applied.apply(settings)
    before = applied.version(settings)
    edit(settings, "site.yaml", "# telkom", "telkom")
    edit(settings, "site.yaml", "203.0.113.5:5060", "127.0.0.1:5062")
    elsewhere = settings.model_copy(update={"sip_bind": "127.0.0.1:5062"})
    with pytest.raises(
        ConfigurationError, match=r"site\.yaml:10:21: .* leads back to this machine"
    ):
        applied.apply(elsewhere)
    assert applied.version(settings) == before
    assert applied.check(settings).site.trunks["telkom"].gateway == "127.0.0.1:5062"


def test_everything_asterisk_includes_is_compiled(settings: Settings) -> None:
    applied.apply(settings)
    pbx = settings.state / "current" / "pbx"
    names = {path.name for path in pbx.iterdir()}
    whole = {"contexts", "extensions", "http", "manager", "pjsip", "queues", "rtp", "staged"}
    assert names == {f"{name}.conf" for name in whole}
    assert "exten => 113,1,Return(damkar)" in (pbx / "contexts.conf").read_text()
    assert "agi://127.0.0.1:4573/menu" in (pbx / "extensions.conf").read_text()
    assert {path.name for path in (settings.state / "current" / "config").iterdir()} == set(FILES)


def test_the_sounds_in_force_hold_the_configured_wait_whoever_spoke(
    settings: Settings, tmp_path: Path
) -> None:
    sounds = Path(shutil.copytree(settings.sounds, tmp_path / "sounds"))
    (sounds / "id/menu.alaw").write_bytes(b"\x2a" * 8000)  # as a person saves it: speech alone
    (sounds / "id/menu.alaw").chmod(0o600)
    edit(settings, "menu.yaml", "wait_seconds: 4", "wait_seconds: 6")
    folder = applied.apply(settings.model_copy(update={"sounds": sounds}))
    played = folder / "sounds" / "id" / "menu.alaw"
    assert played.stat().st_size == 7 * 8000
    assert permissions(played) == "0o644"
    assert not (folder / "sounds" / "PROMPTS.txt").exists()


def test_what_is_in_force_stays_when_speech_is_missing(settings: Settings, tmp_path: Path) -> None:
    folder = applied.apply(settings)
    with pytest.raises(PromptError, match="speech is missing"):
        applied.apply(settings.model_copy(update={"sounds": tmp_path / "none"}))
    assert applied.version(settings) == folder.name


def test_callers_stay_in_the_version_they_came_in_with_for_a_day(settings: Settings) -> None:
    made = settings.state / "applied"
    for day in ("20261101T000000Z-00", "20261120T000000Z-00", "20261123T120000Z-00"):
        (made / day / "pbx").mkdir(parents=True)
        (made / day / "pbx" / "contexts.conf").touch()
    # The second was in force until noon of the 23rd, the first until the 20th.
    now = "20261124T100000Z-00"
    assert versions.kept(settings.state, now) == ["20261120T000000Z-00", "20261123T120000Z-00"]
    much_later = "20270101T000000Z-00"
    assert versions.kept(settings.state, much_later) == ["20261123T120000Z-00"]


def test_the_contexts_of_the_last_version_stay_loaded_beside_the_new(settings: Settings) -> None:
    first, second = applied.apply(settings), applied.apply(settings)
    text = (settings.state / "current" / "pbx" / "extensions.conf").read_text()
    included = [(x.split()[0], x.split("/")[5]) for x in text.splitlines() if "include" in x]
    # An old one that is gone must not keep the new one from being read.
    assert included == [("#include", second.name), ("#tryinclude", first.name)]
    assert f"Goto(emergency-{second.name},s,1)" in text


def test_callers_stay_in_the_version_in_force_though_the_clock_was_set_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applied, "datetime", Ahead)
    ahead = applied.apply(settings)
    monkeypatch.setattr(applied, "datetime", Stopped)
    applied.apply(settings)
    text = (settings.state / "current" / "pbx" / "extensions.conf").read_text()
    assert f"/{ahead.name}/" in text


def test_an_earlier_version_comes_back_as_a_new_one_beside_those_after_it(
    settings: Settings,
) -> None:
    first = applied.apply(settings)
    edit(settings, "agencies.yaml", '"113"', '"0761113"')
    second = applied.apply(settings)
    back = applied.again(settings, first.name)
    assert applied.version(settings) == back.name
    assert applied.in_force(settings)[1] == load(first / "config")
    pbx = settings.state / "current" / "pbx"
    extensions, contexts = (
        (pbx / "extensions.conf").read_text(),
        (pbx / "contexts.conf").read_text(),
    )
    assert f"Goto(emergency-{back.name},s,1)" in extensions
    assert [x.split("/")[5] for x in extensions.splitlines() if "include" in x] == [
        *(back.name, first.name, second.name)
    ]
    assert f"[emergency-{back.name}]" in contexts
    assert first.name not in contexts
    assert {permissions(path) for path in pbx.iterdir()} == {"0o640"}


def test_a_version_that_is_gone_cannot_come_back(settings: Settings) -> None:
    first = applied.apply(settings)
    with pytest.raises(FileNotFoundError):
        applied.again(settings, "20261120T000000Z-00")
    assert applied.version(settings) == first.name


def test_a_version_that_could_not_be_built_leaves_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = applied.apply(settings)

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(applied, "_hand_over", full)
    with pytest.raises(OSError, match="no space"):
        applied.apply(settings)
    assert [path.name for path in (settings.state / "applied").iterdir()] == [first.name]
    assert not list(settings.state.glob("building-*"))
    assert applied.version(settings) == first.name


def test_a_broken_edit_leaves_what_is_in_force_and_names_the_edited_file(
    settings: Settings,
) -> None:
    folder = applied.apply(settings)
    edit(settings, "menu.yaml", 'key: "1"', 'key: "2"')
    with pytest.raises(ConfigurationError, match=f"{settings.config}/menu.yaml:"):
        applied.apply(settings)
    assert applied.version(settings) == folder.name
    assert [path.name for path in (settings.state / "applied").iterdir()] == [folder.name]


def test_an_edit_saved_between_the_check_and_the_copy_does_not_slip_in(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = applied.apply(settings)

    def saved_meanwhile(source: Path, target: Path) -> None:
        target.write_text(source.read_text().replace('key: "1"', 'key: "2"'))

    monkeypatch.setattr(shutil, "copyfile", saved_meanwhile)
    with pytest.raises(ConfigurationError):
        applied.apply(settings)
    assert applied.version(settings) == folder.name


def test_before_the_first_there_is_no_version_and_the_remedy_is_named(settings: Settings) -> None:
    assert applied.version(settings) == ""
    with pytest.raises(FileNotFoundError, match="siaga apply"):
        applied.in_force(settings)


class Stopped(datetime):
    """A clock that stands still."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "Stopped":
        return cls(2026, 11, 23, 12, 0, 0, tzinfo=tz)


class Ahead(Stopped):
    """The same clock before it was set back: it took our time for UTC."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "Ahead":
        return cls(2026, 11, 23, 19, 0, 0, tzinfo=tz)


def test_two_versions_in_one_second_are_two(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applied, "datetime", Stopped)
    names = [applied.apply(settings).name for _ in range(2)]
    assert names == ["20261123T120000Z-00", "20261123T120000Z-01"]
    assert applied.version(settings) == names[1]


def test_more_versions_in_one_second_than_have_a_name_are_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applied, "datetime", Stopped)
    for n in range(100):
        (settings.state / "applied" / f"20261123T120000Z-{n:02}").mkdir(parents=True)
    with pytest.raises(FileExistsError, match="a hundred versions"):
        applied.apply(settings)


def test_a_version_is_named_by_the_time_in_utc(settings: Settings) -> None:
    stamp = applied.apply(settings).name.removesuffix("-00")
    made = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - made).total_seconds()) < 60


def test_whoever_reads_while_it_is_switched_finds_one_or_the_other(settings: Settings) -> None:
    one, other = applied.apply(settings), applied.apply(settings)
    done, found = threading.Event(), set()

    def read() -> None:
        while not done.is_set():
            found.add((settings.state / "current").resolve(strict=True).name)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(200):
        applied._point(settings.state / "current", one)
        applied._point(settings.state / "current", other)
    done.set()
    reader.join(timeout=5)
    assert not reader.is_alive()
    assert found <= {one.name, other.name}
    assert applied.version(settings) == other.name


def test_a_switch_that_was_killed_half_way_does_not_stop_the_next(settings: Settings) -> None:
    applied.apply(settings)
    (settings.state / ".current.new").symlink_to("applied/never-finished")
    folder = applied.apply(settings)
    assert applied.version(settings) == folder.name


def test_what_is_in_force_does_not_depend_on_where_the_state_folder_is_mounted(
    settings: Settings, tmp_path: Path
) -> None:
    folder = applied.apply(settings)
    settings.state.rename(tmp_path / "elsewhere")
    moved = Settings(config=settings.config, state=tmp_path / "elsewhere")
    assert applied.in_force(moved)[0] == folder.name


def test_the_users_of_asterisk_and_the_controller_can_read_it_whatever_the_umask(
    settings: Settings,
) -> None:
    umask = os.umask(0o077)
    try:
        folder = applied.apply(settings)
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(umask)
    for path in (settings.state, folder.parent, folder, folder / "config"):
        assert permissions(path) == "0o755"
    assert {permissions(path) for path in (folder / "config").iterdir()} == {"0o644"}
    assert {permissions(path) for path in (folder / "pbx").iterdir()} == {"0o640"}


# ------------------------------------------------------------------ secrets


def test_every_phone_has_a_secret_that_only_its_owner_can_read(settings: Settings) -> None:
    applied.apply(settings)
    folder = settings.state / "secrets"
    assert {path.name for path in folder.iterdir()} >= {"operator-1", "operator-2", "pengawas-1"}
    assert permissions(folder) == "0o700"
    assert {permissions(path) for path in folder.iterdir()} == {"0o600"}


def test_secrets_are_long_and_differ(settings: Settings) -> None:
    applied.apply(settings)
    made = [path.read_text().strip() for path in (settings.state / "secrets").iterdir()]
    assert len(set(made)) == len(made)
    assert all(len(secret) >= 32 for secret in made)


def test_a_secret_is_made_once(settings: Settings) -> None:
    made = secret(settings.state, "operator-1")
    applied.apply(settings)
    assert secret(settings.state, "operator-1") == made
    assert made in (settings.state / "current" / "pbx" / "pjsip.conf").read_text()


def test_the_desk_and_asterisk_know_one_secret_with_which_it_watches(settings: Settings) -> None:
    folder = applied.apply(settings)
    watcher = applied.watcher_secret(settings)
    assert watcher == secret(settings.state, applied.WATCHER)
    assert f"secret = {watcher}\n" in (folder / "pbx" / "manager.conf").read_text()


def test_before_anything_is_in_force_the_desk_has_no_secret(settings: Settings) -> None:
    with pytest.raises(FileNotFoundError):
        applied.watcher_secret(settings)


def test_no_telephone_can_have_the_account_whose_secret_is_the_desks(settings: Settings) -> None:
    edit(settings, "operators.yaml", "operator-1", applied.WATCHER)
    with pytest.raises(ConfigurationError, match="small letters, digits and hyphens"):
        applied.apply(settings)


def test_of_two_processes_that_make_a_secret_at_once_the_first_counts(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = secret(settings.state, "operator-1")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "exists", lambda _: False)  # we looked before the other had made it
        assert secret(settings.state, "operator-1") == first
    assert [path.name for path in (settings.state / "secrets").iterdir()] == ["operator-1"]


def test_a_secret_never_has_its_name_before_it_has_its_text(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_: int) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(secrets, "token_urlsafe", killed)
        with pytest.raises(KeyboardInterrupt):
            secret(settings.state, "operator-1")
    assert secret(settings.state, "operator-1")


def test_passwords_that_asterisk_reads_are_not_for_everyone(settings: Settings) -> None:
    folder = applied.apply(settings)
    assert permissions(folder / "pbx") == "0o750"
    assert {permissions(path) for path in (folder / "pbx").iterdir()} == {"0o640"}
