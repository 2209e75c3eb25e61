"""The files of the recordings: only ours, only there, and gone for good when they are removed."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.retention.folder import Folder
from ivr.retention.policy import RecordingError

REF = "siaga-1795497172.0"
NAME = f"{REF}.wav"
OLD_NAME = f"2026/11/24/{NAME}"

HOSTILE = [
    *("", ".", "..", "/", "x", "x.mp3", ".wav", ".x.wav", "-x.wav", "x.wav\n", "\nx.wav"),
    *("../x.wav", "/etc/passwd", "/x.wav", "2026/11/24/../x.wav", "2026/../../x.wav"),
    *("2026/11/24//x.wav", "2026/11/x.wav", "2026/11/24/25/x.wav", "a/b/c/x.wav", "./x.wav"),
    *("x.wav/", "x\0.wav", "x y.wav", "x;rm.wav", "$(x).wav", "x.wav/../../y.wav", "\u0661.wav"),
    f"{'x' * 250}.wav",
]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    path = tmp_path / "recordings"
    path.mkdir()
    (tmp_path / "secret.wav").write_bytes(b"not ours")
    return Folder(path)


def put(folder: Folder, name: str = NAME, sound: bytes = b"sound") -> Path:
    path = folder.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(sound)
    return path


@pytest.mark.parametrize("name", [NAME, OLD_NAME])
def test_a_recording_is_found_read_and_removed(folder: Folder, name: str) -> None:
    path = put(folder, name)
    assert folder.size(name) == 5
    assert folder.readable(name) == path
    folder.remove(name)
    assert not path.exists()
    assert folder.size(name) is None
    folder.remove(name)


@pytest.mark.parametrize("name", [NAME, OLD_NAME])
def test_a_removal_is_on_the_disk_before_it_is_said(
    folder: Folder, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(folder, name)
    synced: list[tuple[str, bool]] = []

    def fsync(file: int) -> None:
        synced.append((str(Path(f"/proc/self/fd/{file}").readlink()), path.exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    folder.remove(name)
    folder.remove(name)
    assert synced == [(str(path.parent), False)] * 2, "an earlier try may have been cut short"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_no_name(folder: Folder, name: str) -> None:
    for act in (folder.size, folder.readable, folder.remove):
        with pytest.raises(RecordingError, match="no name of a recording"):
            act(name)


@given(st.text(alphabet="./\\ax0w v\0\n", max_size=20) | st.text(max_size=20))
def test_no_name_at_all_leads_out_of_the_folder(name: str) -> None:
    folder = Folder(Path("/nowhere/recordings"))
    try:
        assert folder.size(name) is None
    except RecordingError:
        return
    inside = os.path.normpath(folder.path / name)
    assert inside.startswith("/nowhere/recordings/")
    assert inside.endswith(".wav")


@pytest.mark.parametrize("to", ["../secret.wav", "/etc/hostname", "nowhere.wav", "."])
def test_a_link_is_no_recording_and_what_it_names_is_safe(folder: Folder, to: str) -> None:
    (folder.path / NAME).symlink_to(to)
    assert folder.size(NAME) is None
    with pytest.raises(RecordingError, match="is no file"):
        folder.readable(NAME)
    with pytest.raises(RecordingError, match="is no file"):
        folder.copy(NAME, folder.path.parent / "copy.wav")
    folder.remove(NAME)
    assert not (folder.path / NAME).is_symlink()
    assert (folder.path.parent / "secret.wav").exists()


def test_a_link_in_place_of_a_day_leads_nowhere(folder: Folder) -> None:
    (folder.path / "2026" / "11").mkdir(parents=True)
    (folder.path / "2026" / "11" / "24").symlink_to(folder.path.parent)
    assert folder.size("2026/11/24/secret.wav") is None
    with pytest.raises(RecordingError):
        folder.readable("2026/11/24/secret.wav")
    with pytest.raises(OSError, match="Not a directory"):
        folder.remove("2026/11/24/secret.wav")
    assert (folder.path.parent / "secret.wav").exists()
    assert list(folder.files()) == []


def test_a_pipe_or_a_folder_is_no_recording(folder: Folder) -> None:
    os.mkfifo(folder.path / "pipe.wav")
    (folder.path / "folder.wav").mkdir()
    for name in ("pipe.wav", "folder.wav"):
        assert folder.size(name) is None
        with pytest.raises(RecordingError, match="is no file"):
            folder.readable(name)


def test_a_disk_that_is_not_mounted_is_not_taken_for_an_erased_file(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "recordings")
    assert folder.size(NAME) is None
    assert folder.free_bytes() > 0
    with pytest.raises(RecordingError, match="mount its disk"):
        folder.remove(NAME)


def test_only_what_is_named_like_a_recording_is_listed(folder: Folder) -> None:
    for name in (NAME, OLD_NAME, "2026/11/24/y.wav"):
        put(folder, name)
    for name in ("ballast", "lost+found/x.wav", "2026/x.wav", "2026/11/24/25/x.wav", "x.wav.tmp"):
        put(folder, name)
    os.utime(folder.path / NAME, (50, 100))
    found = {file.name: file.changed_at for file in folder.files()}
    assert set(found) == {NAME, OLD_NAME, "2026/11/24/y.wav"}
    assert found[NAME] == 100


def test_a_copy_is_private_and_whole_or_not_there(folder: Folder, tmp_path: Path) -> None:
    put(folder, sound=b"no header, but sound")
    copy = tmp_path / "copy.wav"
    folder.copy(NAME, copy, (os.getuid(), os.getgid()))
    assert copy.read_bytes() == b"no header, but sound"
    assert copy.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        folder.copy(NAME, copy)
    assert copy.exists()
    with pytest.raises(OverflowError):
        folder.copy(NAME, tmp_path / "other.wav", (-99, 1 << 40))
    assert not (tmp_path / "other.wav").exists()
