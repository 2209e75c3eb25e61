"""What `make` and `asterisk/root.sh` do without a network: they go on with what is there."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OLD, OLDER = "root-aaaaaaaaaaaa.env-bbbbbbbbbbbb", "root-cccccccccccc.env-dddddddddddd"
CUT_OFF = 'echo "no network" >&2; exit 100'
ROOT_NEEDS = ("root.sh", "packages", "setup.sh", "version.sh")


def _environment() -> dict[str, str]:
    """Return ours without what `make test` has put there for the makes below it."""
    return {k: v for k, v in os.environ.items() if k not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}


class Checkout:
    """A copy of the checkout on a machine without a network, whose programs are ours."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.cache, self._programs = folder / "here", folder / "cache", folder / "bin"
        (self.folder / "asterisk").mkdir(parents=True)
        for name in ("Makefile", "uv.lock", *(f"asterisk/{n}" for n in ROOT_NEEDS)):
            shutil.copy(ROOT / name, self.folder / name)
        self.program("mmdebstrap", CUT_OFF)
        self.program("apt-get", CUT_OFF)
        self.program("gpg", "")
        self.program("bwrap", 'echo "$2"')  # the root that is shown to the command
        self.program("sudo", 'while [ "${1#-}" != "$1" ]; do shift; done; exec "$@"')

    def program(self, name: str, text: str) -> None:
        """Put a program where the shell finds it before any other."""
        self._executable(self._programs / name, text)

    def siaga(self, text: str) -> None:
        """Install a `siaga` that does this."""
        self._executable(self.folder / ".venv" / "bin" / "siaga", text)

    def has_uv(self, text: str) -> None:
        """Have a `uv` in the cache that does this."""
        self._executable(self.cache / "uv" / "bin" / "uv", text)

    def built(self, environment: str, age_seconds: int) -> None:
        """Have a root and its environment in the cache."""
        (self.cache / environment.partition(".")[0]).mkdir(parents=True, exist_ok=True)
        (self.cache / environment).mkdir()
        made = (1e9 - age_seconds, 1e9 - age_seconds)
        os.utime(self.cache / environment, made)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        path = f"{self._programs}:{os.environ['PATH']}"
        return subprocess.run(
            words,
            cwd=self.folder,
            env={**_environment(), "PATH": path, "SIAGA_CACHE": str(self.cache)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def _executable(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)


@pytest.fixture
def here(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_a_first_root_that_cannot_be_built_is_a_failure(here: Checkout) -> None:
    built = here.run("asterisk/root.sh", "build")
    assert built.returncode == 1
    assert "mmdebstrap failed" in built.stderr
    assert "not built yet" in here.run("asterisk/root.sh", "run", "true").stderr


def test_a_root_that_cannot_be_renewed_is_used_as_it_is(here: Checkout) -> None:
    here.built(OLDER, age_seconds=90)
    here.built(OLD, age_seconds=60)
    root = str(here.cache / OLD.partition(".")[0])
    built = here.run("asterisk/root.sh", "build")
    assert (built.returncode, built.stdout) == (0, f"{root}\n")
    assert "mmdebstrap failed" in built.stderr
    assert f"NOT renewed, for what is said above (is there a network?): going on with {root}" in (
        built.stderr
    )
    assert here.run("asterisk/root.sh", "path").stdout == f"{root}\n"
    assert here.run("asterisk/root.sh", "run", "true").stdout == f"{root}\n"


def test_an_environment_without_its_root_is_not_used(here: Checkout) -> None:
    here.built(OLDER, age_seconds=90)
    here.built(OLD, age_seconds=60)
    (here.cache / OLD.partition(".")[0]).rmdir()
    assert (
        here.run("asterisk/root.sh", "path").stdout == f"{here.cache}/{OLDER.partition('.')[0]}\n"
    )


def test_when_only_pythons_packages_cannot_be_fetched_the_new_root_is_used(here: Checkout) -> None:
    here.built(OLD, age_seconds=60)
    here.program("mmdebstrap", 'for new; do :; done; mkdir "$new"')
    here.program("bwrap", CUT_OFF)
    here.has_uv(CUT_OFF)
    (here.cache / "uv-cache-root").mkdir()
    assert here.run("asterisk/root.sh", "build").stdout == f"{here.cache}/root-aaaaaaaaaaaa\n"
    (new,) = set(here.cache.glob("root-????????????")) - {here.cache / "root-aaaaaaaaaaaa"}
    here.built(f"{new.name}.env-eeeeeeeeeeee", age_seconds=600)
    assert here.run("asterisk/root.sh", "build").stdout == f"{new}\n"


def test_under_sudo_the_root_is_where_who_called_it_has_built_it(here: Checkout) -> None:
    here.program(
        "getent", f'[ "$*" = "passwd staff" ] && echo "staff:x:1000:1000::{here.folder}:/bin/sh"'
    )
    here.cache = here.folder / ".cache" / "siaga112"
    here.built(OLD, age_seconds=60)
    words = ("env", "-u", "SIAGA_CACHE", "-u", "XDG_CACHE_HOME", "HOME=/root", "SUDO_USER=staff")
    found = here.run(*words, "asterisk/root.sh", "path")
    assert found.stdout == f"{here.cache}/root-aaaaaaaaaaaa\n"


@pytest.mark.parametrize(
    ("target", "told"),
    [("down", "down"), ("drain", "down --drain --seconds 600")],
)
def test_to_stop_a_line_nothing_is_renewed(here: Checkout, target: str, told: str) -> None:
    here.siaga('echo "$@"')
    (here.folder / "asterisk" / "root.sh").write_text("#!/bin/sh\nexit 1\n")
    stopped = here.run("make", target)
    assert (stopped.returncode, stopped.stdout) == (0, f"{told}\n"), stopped.stderr


def test_an_environment_that_cannot_be_renewed_is_used_as_it_is(here: Checkout) -> None:
    here.has_uv(CUT_OFF)
    assert here.run("make", "venv").returncode == 2
    here.siaga("")
    renewed = here.run("make", "venv")
    assert renewed.returncode == 0
    assert renewed.stderr == (
        "no network\n"
        "NOT renewed, for what is said above (is there a network?): going on with .venv as it is\n"
    )


def test_code_that_does_not_start_is_not_brought_into_use(here: Checkout) -> None:
    here.siaga('echo "ImportError: no" >&2; exit 1')
    here.built(OLD, age_seconds=60)
    here.has_uv("")
    upgraded = here.run("make", "upgrade")
    assert upgraded.returncode == 2
    assert "ImportError: no\nnot upgraded: this code does not start" in upgraded.stderr
    assert "The line goes on as it was" in upgraded.stderr
