"""Who gives a command, for the audit: the login name, and behind sudo that of who called it."""

import os
import pwd


def who() -> str:
    """Return the login name of who asks: behind sudo, of who called it."""
    if os.geteuid() == 0 and (name := os.environ.get("SUDO_USER")):
        return name
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def owner() -> tuple[int, int] | None:
    """Return the user and group behind sudo, None where nobody is."""
    ids = [os.environ.get(name, "") for name in ("SUDO_UID", "SUDO_GID")]
    if os.geteuid() != 0 or not all(number.isdecimal() for number in ids):
        return None
    return int(ids[0]), int(ids[1])
