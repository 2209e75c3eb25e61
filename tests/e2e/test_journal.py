"""The journal of a real Asterisk: valid whatever comes in, and read whole while it is rotated."""

import contextlib
import itertools
import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from journal_reader import Desk
from line import ROOT, Line, until
from test_call import HOSTILE, dial, dial_together, order

from ivr.journalline import Line as Noted
from ivr.journalline import Position
from ivr.phone import Key
from ivr.tail import LIVE, rotate
from ivr.tail.files import in_order
from ivr.tail.lines import read

QUOTED = "0%22%5c%22%5c%5c%22"
FORGED = "0%0a%7b%22eventtime%22%3a%221%22,%22eventtype%22%3a%22STARTS%22%7d%0d%0a"
USERS = {
    "quotes and backslashes": QUOTED,
    "a line of ours": FORGED,
    "an expression": "0%24%7bSHELL(id)%7d%24%5b1%5d%22%29,%27",
    "bytes that are no text": "0%01%1f%7f%ff%fe%c3%28",
    "three kilobytes": "0" * 3000 + QUOTED,
}
"""What may stand before the @ of an address. Each begins like a number, so it is let in."""
NAMES = {
    "escapes": r"x\\\"y\\\\",
    "no ASCII": "\u00e9\u202e\U0001f525",
    "a line of ours": r"{\"eventtime\":\"1\",\"eventtype\":\"STARTS\"}",
}


def lines(line: Line) -> list[bytes]:
    """Return the lines of the journal as they stand there."""
    path = line.settings.state / "journal" / "calls.jsonl"
    return [each for each in path.read_bytes().split(b"\n") if each]


def is_valid(noted: bytes) -> bool:
    """Say whether a line is one object of texts."""
    try:
        fields = json.loads(noted.decode())
    except ValueError:
        return False
    return isinstance(fields, dict) and all(isinstance(value, str) for value in fields.values())


def test_every_line_of_the_journal_is_valid_whatever_a_caller_sends(line: Line) -> None:
    since = len(lines(line))
    usual = {"hold_seconds": 0.2, "max_seconds": 8.0}
    orders = [
        *(order(line, Key("1"), from_header=each, **usual) for each in HOSTILE.values()),
        *(order(line, Key("1"), number=each, **usual) for each in USERS.values()),
    ]
    dial_together(orders)
    forged = list(itertools.product(NAMES.values(), (QUOTED, FORGED)))
    for name, user in forged:
        line.sipp("caller-forges", at="127.0.0.1:35096", user=user, name=name).finish()
    noted = lines(line)[since:]
    assert [each for each in noted if not is_valid(each)] == []
    calls = [each for each in noted if b'"eventtype":"CALL"' in each]
    assert len(calls) == len(orders) + len(forged)


def files(folder: Path) -> list[Path]:
    """Return the files of a journal, in the order in which they were written."""
    return sorted(folder.glob("calls*.jsonl"), key=lambda path: in_order(path.name))


def all_lines(folder: Path) -> list[Noted]:
    """Return what stands in a journal, however its lines are spread over files."""
    return list(read(b"".join(x.read_bytes() for x in files(folder)), Position("", 0)).lines)


def test_a_journal_that_is_rotated_while_calls_run_is_read_whole(line: Line) -> None:
    folder = line.settings.state / "journal"
    desk = Desk(folder)
    desk.read()
    before = len(desk.lines)
    keys = (Key("1", after_seconds=0.2 * number) for number in range(20))
    orders = [order(line, key, hold_seconds=0.2) for key in keys]
    renamed = set()
    with ThreadPoolExecutor(1) as phones:
        calling = phones.submit(dial_together, orders)
        while not calling.done():
            renamed.add(rotate(folder, time.time(), most_bytes=1).name)
            assert desk.look().troubles == ()
            wait([calling], timeout=0.002)
    assert all(report.reached for report in calling.result())
    until(lambda: line.channels() == 0, "every channel is gone", 20)
    assert desk.read() == ()
    assert len(renamed) > 50
    assert desk.lines == all_lines(folder)
    assert desk.bad == []
    told = [each for each in desk.lines[before:] if each.what in {"CALL", "ENDED"}]
    assert sorted(Counter(each.leg for each in told).values()) == [2] * len(orders)


DESK = """
import time
from pathlib import Path
from ivr.tail import Tail, prune, rotate
folder, offsets = Path("/var/lib/siaga/journal"), {}
name = rotate(folder, time.time(), 1).name
tail = Tail(folder)
while (look := tail.read(offsets)).batch:
    offsets[look.batch.position.file] = look.batch.position.offset
print(name, look.troubles, name in prune(folder, time.time() + 2 * 86400, 1, offsets).names)
"""


def test_the_user_of_the_desk_can_read_and_rotate_and_prune_what_asterisk_writes(
    line: Line,
) -> None:
    dial(line, Key("1"), hold_seconds=0.2)
    user = ("setpriv", "--reuid=11202", "--regid=11202", "--groups=11200", "--no-new-privs")
    done = subprocess.run(
        [ROOT / "asterisk" / "root.sh", "run", *user, "python3", "-c", DESK],
        env=line._environment(),
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    name, *rest = done.stdout.split(maxsplit=1)
    assert name.startswith("calls-")
    assert rest == ["() True\n"]


@pytest.fixture
def short_of_disk(tmp_path: Path) -> Iterator[Line]:
    """A line whose journal is on a small disk of its own."""
    line = Line(tmp_path, 39060)
    tmp_path.chmod(0o755)
    journal = tmp_path / "journal"
    journal.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-osize=128k", "tmpfs", journal], check=True)
    try:
        line.configure()
        line.start("asterisk", "ivr")
        yield line
    finally:
        line.close()
        subprocess.run(["umount", journal], check=True)


def test_a_full_disk_costs_the_journal_only_what_it_had_no_room_for(short_of_disk: Line) -> None:
    line = short_of_disk
    folder = line.settings.state / "journal"
    desk = Desk(folder)
    with (folder / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while ballast.write(b"\0" * 512):
            pass
    orders = [order(line, Key("1"), hold_seconds=0.2) for _ in range(12)]
    assert all(report.reached for report in dial_together(orders)), "no call waits for the journal"
    until(lambda: line.channels() == 0, "every channel is gone", 20)
    desk.read()
    kept = sum(each.what == "ENDED" for each in desk.lines)
    assert kept < len(orders)
    (folder / "ballast").unlink()
    orders = [order(line, Key("1"), hold_seconds=0.2) for _ in range(3)]
    assert all(report.reached for report in dial_together(orders))
    until(lambda: line.channels() == 0, "every channel is gone", 20)
    assert desk.read() == ()
    assert sum(each.what == "ENDED" for each in desk.lines) == kept + len(orders)
    assert desk.lines == all_lines(folder)
    (bad,) = desk.bad
    written = (folder / LIVE).read_bytes()[bad.position.offset :]
    assert written.startswith(bad.text.encode() + b'{"eventtime":'), "the next came straight after"
