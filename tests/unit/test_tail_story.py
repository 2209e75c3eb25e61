"""Whatever Asterisk, a full disk, a crash and the desk do: each line is read once, in order."""

import tempfile
from pathlib import Path
from typing import IO, Any

from hypothesis import given, settings
from hypothesis import strategies as st
from journal_reader import Desk, noted

from ivr.tail import LIVE, rotate
from ivr.tail.folder import SETTLED_SECONDS


class Story:
    """A journal as it comes about, and who reads it. One writes at a time, as in Asterisk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.desk = Desk(folder)
        self.whole: list[int] = []
        self.cut: list[bytes] = []
        self._now = 1795497172.0
        self._file: IO[bytes] | None = None
        self._line = self._left = b""
        self.numbered: list[bytes] = []

    # -- what Asterisk does

    def writes(self, lines: int) -> None:
        for _ in range(lines):
            self._begin(0)

    def is_writing(self, part: int) -> None:
        """Asterisk has written a part of a line, and goes on with it later."""
        self._begin(part)

    def has_no_room(self, part: int) -> None:
        """The disk has room for a part of a line only, and nobody writes the rest."""
        self._begin(part)
        self._abandon()

    def starts(self) -> None:
        """Asterisk was killed, perhaps as it wrote, and starts anew (asterisk/start.sh)."""
        self._abandon()
        self._now += 1.0
        with (self.folder / LIVE).open("ab") as file:
            file.write(b'\n{"eventtime":"%.6f","eventtype":"STARTS"}\n' % self._now)

    def _begin(self, part: int) -> None:
        self._finish()
        self._line = noted(len(self.numbered)) + b"\n"
        self._left = self._line[part:]
        self._file = (self.folder / LIVE).open("ab", buffering=0)
        self._file.write(self._line[:part])
        self.numbered.append(self._line)
        self._is_whole(before=len(self._line))

    def _finish(self) -> None:
        if self._file:
            self._file.write(self._left)
            before, self._left = len(self._left), b""
            self._is_whole(before)
            self._abandon()

    def _abandon(self) -> None:
        """Nobody writes the rest of a line. It lacks nothing if that is only its line break."""
        if self._file:
            self._file.close()
            self._file = None
            if len(self._left) > 1:
                self.cut.append(self._line[: -len(self._left)])

    def _is_whole(self, before: int) -> None:
        if len(self._left) <= 1 < before:
            self.whole.append(len(self.numbered) - 1)

    # -- what the desk does

    def is_rotated(self, times: int) -> None:
        self._now += 0.25
        for _ in range(times):
            assert rotate(self.folder, self._now, most_bytes=1).trouble is None

    def is_read(self, looks: int) -> None:
        for _ in range(looks):
            assert self.desk.look().troubles == ()

    def is_read_by_one_who_crashes(self, most_bytes: int) -> None:
        self.desk.tail.read(self.desk.offsets, most_bytes)
        self.desk.restart()

    def is_read_by_another(self, looks: int) -> None:
        self.desk.restart()
        self.is_read(looks)

    def time_passes(self, seconds: int) -> None:
        self.desk.now += seconds

    # -- what holds

    def ends(self) -> None:
        self.writes(1)
        self._finish()
        for _ in range(2):
            assert self.desk.read() == ()
            self.desk.now += SETTLED_SECONDS

    def is_as_written(self) -> None:
        assert self.desk.numbers == self.whole[: len(self.desk.numbers)]

    def is_all_there(self) -> None:
        assert self.desk.numbers == self.whole
        files = [file.fingerprint for file in self.desk.tail._folder.look(self.desk.now)]
        bad = sorted(self.desk.bad, key=lambda each: files.index(each.position.file))
        assert "".join(each.text for each in bad).encode() == b"".join(self.cut)


PART = st.integers(0, len(noted(0)) + 1)
STEPS = st.one_of(
    st.tuples(st.just("writes"), st.integers(1, 4)),
    st.tuples(st.just("is_writing"), PART),
    st.tuples(st.just("has_no_room"), PART),
    st.tuples(st.just("starts")),
    st.tuples(st.just("is_rotated"), st.integers(1, 2)),
    st.tuples(st.just("is_read"), st.integers(1, 3)),
    st.tuples(st.just("is_read_by_one_who_crashes"), st.sampled_from([1, 1 << 20])),
    st.tuples(st.just("is_read_by_another"), st.integers(1, 2)),
    st.tuples(st.just("time_passes"), st.sampled_from([1, 6, 60])),
)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_each_whole_line_is_read_once_and_in_order(steps: list[tuple[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        story = Story(Path(folder))
        for step, *how in steps:
            getattr(story, step)(*how)
            story.is_as_written()
        story.ends()
        story.is_all_there()
