"""Whoever logs in a service of ours, a log is one JSON object a line."""

import json
import subprocess
import sys

SAYS = """
import logging, structlog
from ivr import logs
logs.configure()
logs.configure_libraries()
structlog.get_logger().info("call.began", call="1.0")
logging.getLogger("library").warning("it is %s", "late")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("library").exception("no")
"""


def test_what_a_library_says_is_one_json_object_a_line_too() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SAYS], capture_output=True, text=True, timeout=20, check=True
    )
    ours, theirs, failed = (json.loads(line) for line in done.stderr.splitlines())
    assert (ours["event"], ours["call"], ours["level"]) == ("call.began", "1.0", "info")
    assert (theirs["event"], theirs["logger"], theirs["level"]) == (
        "it is late",
        "library",
        "warning",
    )
    assert "ZeroDivisionError" in failed["exception"]
    assert ours["timestamp"].endswith("Z")
    assert theirs["timestamp"].endswith("Z")
