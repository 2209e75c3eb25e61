"""Our own broker: its accounts, and what each may say and read, as mosquitto takes them.

Law 1: an agency reads the reports to itself and acknowledges them. Nothing else of ours is open
to it (acl(5) is a list of what is allowed).
Law 2: no password stands in a file that the broker reads, only what proves one.
"""

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from routing.agencies import BROKER_ACCOUNTS

DESK, MONITOR = BROKER_ACCOUNTS
ITERATIONS = 1000
"""As mosquitto_passwd(1) has it. Our passwords are 192 random bits: guessing is not the danger."""
SALT_BYTES = 64
"""mosquitto takes 12 or 64 (libcommon/password_common.c, pw__decode_sha512_pbkdf2)."""


def accounts(agencies: Iterable[str]) -> tuple[str, ...]:
    """Return the name of every account: ours and one for each agency."""
    return (DESK, MONITOR, *agencies)


def secret_name(account: str) -> str:
    """Return the name of the file in `var/secrets` with the password of an account.

    It has a dot, so it is no telephone's: a telephone called mqtt-damkar would share it.
    """
    return f"mqtt.{account}"


def for_desk(passwords: Mapping[str, str]) -> dict[str, str]:
    """Return what the desk alone may read, by file name: its own password."""
    return {secret_name(DESK): passwords[DESK]}


def password_of_desk(current: Path) -> str:
    """Return the password with which `siaga desk` comes to our broker.

    `current` is the folder of the version in force. Raises OSError when there is none, or when this
    user may not read it.
    """
    return (current / "desk" / secret_name(DESK)).read_text("ascii")


def compiled(
    bind: str, passwords: Mapping[str, str], salt: Callable[[int], bytes] = secrets.token_bytes
) -> dict[str, str]:
    """Return what `asterisk/mosquitto.conf` takes in, by file name.

    `bind` is the address and port to listen on, `passwords` the password of each account.
    """
    host, _, port = bind.rpartition(":")
    proofs = (f"{name}:{proof(word, salt(SALT_BYTES))}" for name, word in passwords.items())
    return {
        "listener.conf": f"listener {port} {host}\nuse_username_as_clientid true\n",
        "passwords": _lines(proofs),
        "acl": acl(name for name in passwords if name not in BROKER_ACCOUNTS),
    }


def proof(password: str, salt: bytes) -> str:
    """Return what proves a password, in the form of mosquitto_passwd(1): PBKDF2, SHA-512."""
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    return f"$7${ITERATIONS}${_base64(salt)}${_base64(key)}"


def acl(agencies: Iterable[str]) -> str:
    """Return what each account may say ("write") and read, as mosquitto's acl file has it."""
    lines = [
        f"user {DESK}",
        "topic write siaga112/#",
        "topic read siaga112/agencies/+/reports/+/ack",
        f"user {MONITOR}",
        "topic read siaga112/#",
    ]
    for agency in agencies:
        reports = f"siaga112/agencies/{agency}/reports"
        lines += [f"user {agency}", f"topic read {reports}", f"topic write {reports}/+/ack"]
    return _lines(lines)


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
