"""The accounts of our own broker: who may say and read what, and how it is proved."""

import base64
import hashlib
from pathlib import Path

import pytest

from ivr import applied, broker
from ivr.secret import secret
from ivr.settings import Settings
from routing.loading import ConfigurationError, load

ROOT = Path(__file__).parents[2]


def rights(acl: str) -> dict[str, set[str]]:
    """Return what each account may do."""
    found: dict[str, set[str]] = {}
    for line in acl.splitlines():
        what, _, words = line.partition(" ")
        if what == "user":
            own = found.setdefault(words, set())
        else:
            own.add(words)
    return found


def test_an_agency_reads_its_own_reports_and_acknowledges_them_and_no_more() -> None:
    may = rights(broker.acl(["damkar", "bpbd"]))
    assert may["damkar"] == {
        "read siaga112/agencies/damkar/reports",
        "write siaga112/agencies/damkar/reports/+/ack",
    }
    assert set(may) == {"desk", "monitor", "damkar", "bpbd"}


def test_the_desk_says_everything_and_hears_acknowledgements_alone() -> None:
    may = rights(broker.acl([]))
    assert may["desk"] == {"write siaga112/#", "read siaga112/agencies/+/reports/+/ack"}
    assert may["monitor"] == {"read siaga112/#"}


def test_what_proves_a_password_is_not_the_password() -> None:
    files = broker.compiled("127.0.0.1:1883", {"desk": "geheim"}, bytes)
    account, _, proof = files["passwords"].strip().partition(":")
    kind, iterations, salt, key = proof.removeprefix("$").split("$")
    assert (account, kind, base64.b64decode(salt)) == ("desk", "7", bytes(64))
    proved = hashlib.pbkdf2_hmac("sha512", b"geheim", bytes(64), int(iterations))
    assert base64.b64decode(key) == proved
    assert "geheim" not in "".join(files.values())


def test_two_accounts_with_one_password_do_not_look_alike() -> None:
    lines = broker.compiled("127.0.0.1:1883", {"a": "x", "b": "x"})["passwords"].splitlines()
    assert len({line.partition(":")[2] for line in lines}) == 2


def test_the_broker_listens_where_it_is_told_and_knows_a_client_by_its_account() -> None:
    text = broker.compiled("10.1.2.3:1884", {"desk": "x"})["listener.conf"]
    assert text.splitlines() == ["listener 1884 10.1.2.3", "use_username_as_clientid true"]


def test_every_agency_in_force_has_an_account_and_the_desk_knows_its_own(tmp_path: Path) -> None:
    settings = Settings(config=ROOT / "config", state=tmp_path / "var")
    folder = applied.apply(settings)
    agencies = load(settings.config).agencies.agencies
    passwords = (folder / "broker" / "passwords").read_text().splitlines()
    assert [line.partition(":")[0] for line in passwords] == ["desk", "monitor", *agencies]
    assert set(rights((folder / "broker" / "acl").read_text())) == {"desk", "monitor", *agencies}
    assert broker.password_of_desk(folder) == secret(settings.state, "mqtt.desk")
    assert (settings.state / "secrets" / "mqtt.damkar").exists()
    for name in ("broker", "desk"):
        assert (folder / name).stat().st_mode & 0o777 == 0o750
        assert {path.stat().st_mode & 0o777 for path in (folder / name).iterdir()} == {0o640}


@pytest.mark.parametrize("name", ["desk", "monitor"])
def test_no_agency_has_the_name_of_an_account_of_ours(tmp_path: Path, name: str) -> None:
    for path in (ROOT / "config").glob("*.yaml"):
        text = path.read_text()
        if path.name == "agencies.yaml":
            text = text.replace("  pmi:\n", f"  {name}:\n")
        (tmp_path / path.name).write_text(text)
    with pytest.raises(ConfigurationError, match=f"agencies.{name}: the name {name} is an account"):
        load(tmp_path)


def test_an_earlier_version_comes_back_with_its_accounts(tmp_path: Path) -> None:
    settings = Settings(config=ROOT / "config", state=tmp_path / "var")
    first = applied.apply(settings)
    told = (first / "broker" / "passwords").read_text()
    applied.apply(settings)
    again = applied.again(settings, first.name)
    assert (again / "broker" / "passwords").read_text() == told
    assert [owners(again, name) for name in applied.READERS] == [
        owners(first, name) for name in applied.READERS
    ]


def owners(version: Path, name: str) -> set[tuple[int, int, int]]:
    found = [path.stat() for path in (version / name, *(version / name).iterdir())]
    return {(one.st_uid, one.st_gid, one.st_mode) for one in found}
