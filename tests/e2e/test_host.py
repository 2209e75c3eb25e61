"""`make up` and `make down`, and what they promise of the machine."""

import contextlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hosted import Host
from line import ROOT, until


@pytest.fixture
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("host")
    folder.chmod(0o755)
    host = Host(folder)
    yield host
    host.siaga("down")


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_up_is_safe_to_repeat_what_dies_comes_back_and_down_ends_it_all(host: Host) -> None:
    up = host.siaga("up")
    assert up.returncode == 0, up.stderr
    assert "sip:112@127.0.0.1:41060" in up.stdout
    asterisk, controller = host.pid("asterisk"), host.pid("ivr:1")

    again = host.siaga("up")
    assert again.returncode == 0, again.stderr
    assert (host.pid("asterisk"), host.pid("ivr:1")) == (asterisk, controller)

    os.killpg(controller, signal.SIGKILL)
    os.killpg(asterisk, signal.SIGKILL)
    until(lambda: not alive(asterisk) and not alive(controller), "both are dead")
    until(host.ready, "the supervisor brought them back", 30)

    last = [host.pid("asterisk"), host.pid("ivr:1")]
    down = host.siaga("down")
    assert down.returncode == 0, down.stderr
    assert not any(alive(pid) for pid in last)
    assert host.siaga("down").returncode == 0


def a_typo(host: Host) -> None:
    """Edit the configuration: a mistake in it."""
    site = host.config / "site.yaml"
    site.write_text(site.read_text().replace("outgoing: [simulated]", "outgoing: [simulatd]"))


def test_with_a_mistake_in_config_the_line_starts_as_it_was_last_in_force(host: Host) -> None:
    assert host.siaga("apply").returncode == 0
    version = host.version
    a_typo(host)
    del host.environment["SIAGA_SIP_BIND"]  # a start by itself, with nobody to set it again
    for n in range(2):  # the second time it runs already
        up = host.siaga("up")
        assert up.returncode == 3, f"{n}: {up.stderr}"
        assert f"config/ is NOT in force: the line runs with {version}" in up.stderr
        assert "outgoing.0: there is no trunk simulatd" in up.stderr
        assert "sip:112@127.0.0.1:41060" in up.stdout
        assert host.ready()
    checked = host.siaga("check")
    assert checked.returncode == 1
    assert "What is in force stays." in checked.stderr


def test_nothing_starts_on_a_bad_configuration_where_none_was_ever_good(host: Host) -> None:
    a_typo(host)
    up = host.siaga("up")
    assert up.returncode == 1
    assert "Nothing is in force yet." in up.stderr
    assert "site.yaml:13:12: outgoing.0: there is no trunk simulatd" in up.stderr
    assert "did you mean simulated?" in up.stderr
    assert not (host.state / "supervisor.pid").exists()


def test_a_running_system_keeps_its_last_good_configuration(host: Host) -> None:
    assert host.siaga("up").returncode == 0
    before = (host.state / "current").readlink()
    menu = host.config / "menu.yaml"
    menu.write_text(menu.read_text().replace('key: "2"', 'key: "1"'))
    applied = host.siaga("apply")
    assert applied.returncode == 1
    assert "key 1 is bound twice" in applied.stderr
    assert (host.state / "current").readlink() == before
    assert host.ready()


def test_an_edit_is_in_force_on_the_running_line_at_once(host: Host) -> None:
    assert host.siaga("up").returncode == 0
    asterisk = host.pid("asterisk")
    operators = host.config / "operators.yaml"
    operators.write_text(operators.read_text().replace("operator-2", "operator-3"))
    agencies = host.config / "agencies.yaml"
    agencies.write_text(agencies.read_text().replace('number: "113"', 'number: "0761113"'))
    applied = host.siaga("apply")
    assert applied.returncode == 0, applied.stderr
    assert "on the running system" in applied.stdout
    assert "operator-3" in host.asterisk("pjsip show endpoints")
    assert "operator-3" in host.asterisk("queue show operators")
    assert "0761113" in host.asterisk(f"dialplan show static-keys-{host.version}")
    assert host.pid("asterisk") == asterisk


def test_a_port_that_another_program_holds_is_named(host: Host) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 41060))
        up = host.siaga("up")
    assert up.returncode == 1
    assert "127.0.0.1:41060 cannot be had: Address already in use by " in up.stderr
    assert f"(process {os.getpid()})" in up.stderr
    assert "SIAGA_SIP_BIND" in up.stderr


def test_a_port_that_no_call_waits_for_keeps_no_line_down(host: Host) -> None:
    with contextlib.ExitStack() as taken:
        for port in (41063, 41064, 41065):
            # It sets SO_REUSEADDR: what the last line's connections left in TIME_WAIT is no holder.
            taken.enter_context(socket.create_server(("127.0.0.1", port)))
        up = host.siaga("up")
        assert up.returncode == 3, up.stderr
        assert "sip:112@127.0.0.1:41060" in up.stdout
        for without in ("the desk does not see the line", "no records now", "agencies are told"):
            assert f"WARNING: {without}" in up.stderr
        assert "set SIAGA_MQTT_BIND" in up.stderr
        called = host.siaga("call", "--keys", "1", "--hold", "0.5")
        assert called.returncode == 0, called.stderr


def test_a_line_on_an_address_of_its_own_is_ready(host: Host) -> None:
    host.environment["SIAGA_SIP_BIND"] = "127.0.0.5:41060"
    site = host.config / "site.yaml"
    site.write_text(site.read_text().replace('["127.0.0.1"]', '["203.0.113.5"]'))
    up = host.siaga("up")
    assert up.returncode == 0, up.stderr
    assert "sip:112@127.0.0.5:41060" in up.stdout


def test_the_address_of_site_yaml_is_where_the_line_listens(host: Host) -> None:
    del host.environment["SIAGA_SIP_BIND"]
    site = host.config / "site.yaml"
    site.write_text(site.read_text() + '\nlisten: "127.0.0.5:41060"\n')
    up = host.siaga("up")
    assert up.returncode == 0, up.stderr
    assert "sip:112@127.0.0.5:41060" in up.stdout
    assert host.ready()
    site.write_text(site.read_text().replace("127.0.0.5", "127.0.0.6"))
    applied = host.siaga("apply")
    assert applied.returncode == 0
    assert "the line goes on listening on 127.0.0.5:41060" in applied.stderr
    assert host.ready()
    assert host.siaga("down").returncode == 0
    again = host.siaga("up")
    assert "sip:112@127.0.0.6:41060" in again.stdout, again.stderr
    assert host.ready()


def test_an_address_that_no_interface_has_is_warned_of_and_the_line_starts_as_it_was(
    host: Host,
) -> None:
    del host.environment["SIAGA_SIP_BIND"]
    site = host.config / "site.yaml"
    site.write_text(site.read_text() + '\nlisten: "127.0.0.5:41060"\n')
    assert host.siaga("apply").returncode == 0
    site.write_text(site.read_text().replace("127.0.0.5", "192.0.2.10"))
    nowhere = "no interface of this machine has 192.0.2.10; it has: 127.0.0.1"
    for command in ("check", "apply", "status"):
        assert nowhere in "".join(output(host.siaga(command))), command
    assert "[Errno" not in "".join(output(host.siaga("status")))
    up = host.siaga("up")
    assert up.returncode == 3, up.stderr
    assert "sip:112@127.0.0.5:41060" in up.stdout
    assert nowhere in up.stderr
    assert host.ready()
    assert host.siaga("apply").returncode == 0, "an address is taken at the next start"


def output(done: subprocess.CompletedProcess[str]) -> tuple[str, str]:
    return done.stdout, done.stderr


def test_of_two_commands_at_once_the_second_waits_and_finds_the_line_running(host: Host) -> None:
    with ThreadPoolExecutor() as pool:
        both = [done.result() for done in [pool.submit(host.siaga, "up") for _ in range(2)]]
    said = sorted((done.stderr for done in both), key=len)
    assert [done.returncode for done in both] == [0, 0], said
    assert "starting Asterisk" in "".join(said)
    assert any("waiting until" in s and "already running" in s for s in said), said


def test_a_state_folder_whose_name_is_too_long_is_refused_with_the_reason(host: Host) -> None:
    host.environment["SIAGA_STATE"] = str(host.state / ("long" * 25))
    up = host.siaga("up")
    assert up.returncode == 1
    assert "set SIAGA_STATE to a shorter one" in up.stderr
    assert not host.state.exists()


def test_the_status_of_a_line_is_what_its_asterisk_says(host: Host) -> None:
    up = host.siaga("up")
    assert "no operator is logged in: callers reach a simulated operator" in up.stderr
    told = host.siaga("status")
    assert told.returncode == 0, told.stderr
    assert "112 answers on 127.0.0.1:41060" in told.stdout
    assert "operator-1 (Operator 1): NOT logged in" in told.stdout
    until(lambda: json.loads(host.siaga("status", "--json").stdout)["controllers"] == 2, "both")
    now = json.loads(host.siaga("status", "--json").stdout)
    assert (now["ready"], now["live"], now["version"]) == (True, False, host.version)
    assert (now["calls"], now["waiting"], now["refusing"]) == (0, 0, False)
    assert [phone["logged_in"] for phone in now["operators"] + now["backup"]] == [False] * 3

    del host.environment["SIAGA_SIP_BIND"]  # the running line is found without it
    assert host.ready()
    called = host.siaga("call", "--keys", "1", "--hold", "0.5")
    assert called.returncode == 0, called.stderr


def test_a_desk_that_hangs_and_records_that_cannot_be_written_are_warned_of(host: Host) -> None:
    host.environment["SIAGA_DATABASE_URL"] = "postgresql+psycopg://siaga@127.0.0.1:9/records"
    up = host.siaga("up")
    assert up.returncode == 0, up.stderr
    assert "WARNING: the records cannot be read: " in up.stderr

    del host.environment["SIAGA_DATABASE_URL"]
    assert host.siaga("down").returncode == 0
    up = host.siaga("up")
    assert up.returncode == 0, up.stderr
    assert "the desk does not answer" not in up.stderr
    desk = host.pid("desk")
    os.killpg(desk, signal.SIGSTOP)
    try:
        told = host.siaga("status")
        assert told.returncode == 0
        assert "WARNING: the desk does not answer on 127.0.0.1:41064" in told.stdout
        assert "the desk does not answer on 127.0.0.1:41064" in host.siaga("calls").stderr
    finally:
        os.killpg(desk, signal.SIGCONT)


def test_on_a_live_line_nobody_is_invited_to_ring_an_agency(host: Host) -> None:
    site = host.config / "site.yaml"
    text = site.read_text().replace("outgoing: [simulated]", "outgoing: [telkom]")
    text = text.replace("simulated_operator: true", "simulated_operator: false")
    site.write_text(text.replace("# telkom: {gateway: ", "telkom: {gateway: "))
    up = host.siaga("up")
    assert up.returncode == 0, up.stderr
    assert "this line is LIVE: key 1 rings damkar-113" in up.stdout
    assert "--keys" not in up.stdout
    assert "nobody can call in" in up.stderr
    pressed = host.siaga("call", "--keys", "1")
    assert pressed.returncode == 2
    assert "this line is LIVE: key 1 rings damkar-113" in pressed.stderr
    assert "add --really" in pressed.stderr
    assert host.siaga("status").stdout.splitlines()[1] == "  line         LIVE"
    assert host.siaga("call", "--help").returncode == 0


def test_a_name_that_no_server_answers_for_costs_a_call_nothing(host: Host) -> None:
    host.state.mkdir()
    inside = [str(ROOT / "asterisk" / "root.sh"), "run"]
    told = {}
    for question in ("cat /etc/nsswitch.conf", "getent hosts siaga", "hostname"):
        told[question] = subprocess.run(
            [*inside, *question.split()],
            env=host.environment,
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        ).stdout
    assert "hosts: files\n" in told["cat /etc/nsswitch.conf"]
    assert told["hostname"] == "siaga\n"
    assert told["getent hosts siaga"].startswith("127.0.0.1")


def test_secrets_are_for_root_alone(host: Host) -> None:
    assert host.siaga("apply").returncode == 0
    secret = host.state / "secrets" / "operator-1"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert secret.stat().st_uid == 0
    assert (host.state / "current" / "pbx" / "pjsip.conf").stat().st_mode & 0o007 == 0


@pytest.mark.parametrize(
    ("version", "good"),
    [
        ("Asterisk 22.10.1+dfsg+~cs6.17.60671434-1", True),
        ("Asterisk 22.11.0~rc1", True),
        ("Asterisk 22.100.0", True),
        ("Asterisk 22.10.0", False),
        ("Asterisk 22.9.2", False),
        ("Asterisk 20.20.1", False),
        ("Asterisk 23.0.0", False),
        ("", False),
    ],
)
def test_any_other_asterisk_is_refused_with_the_reason(version: str, good: bool) -> None:
    command = ["sh", str(ROOT / "asterisk" / "version.sh"), version]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    assert (done.returncode == 0) is good
    if not good:
        assert "22.10.1" in done.stderr
