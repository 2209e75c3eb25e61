"""The AGI wire format: every shape Asterisk sends, every byte that is not AGI, what we may send."""

import io
import signal
from collections.abc import Iterator
from itertools import pairwise

import asterisk.agi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.agi import (
    MAX_BUFFER_BYTES,
    MAX_HEADER_LINES,
    MAX_LINE_BYTES,
    MAX_WORDS,
    ChannelGone,
    Connection,
    Environment,
    Event,
    LocalProtocolError,
    RemoteProtocolError,
    Reply,
    command,
)

OPENING = b"agi_network: yes\nagi_callerid: 081234567890\nagi_arg_1: siaga-1.7\n\n"
GONE = ChannelGone()
USAGE = (
    b"520-Invalid command syntax.  Proper usage follows:\nUsage: GET DATA <file>\n200 result=1\n"
)


def begun() -> Connection:
    """A session that has had its opening lines."""
    connection = Connection()
    connection.receive(OPENING)
    return connection


def asked() -> Connection:
    """A session that waits for one answer."""
    connection = begun()
    connection.send("GET", "DATA", "menu", "50", "1")
    return connection


# ------------------------------------------------------------------ the opening lines


def test_a_session_opens_with_what_asterisk_knows_of_the_call() -> None:
    (environment,) = Connection().receive(OPENING)
    assert isinstance(environment, Environment)
    assert environment.callref == "siaga-1.7"
    assert environment.ani == "081234567890"


@pytest.mark.parametrize("line", [b"agi_callerid: unknown\n", b"agi_callerid:\n", b""])
def test_a_hidden_number_is_empty(line: bytes) -> None:
    (environment,) = Connection().receive(b"agi_network: yes\n" + line + b"\n")
    assert isinstance(environment, Environment)
    assert (environment.ani, environment.callref) == ("", "")


def test_the_last_of_two_equal_lines_wins_because_our_own_come_last() -> None:
    (environment,) = Connection().receive(b"agi_arg_1: theirs\nagi_arg_1: ours\n\n")
    assert isinstance(environment, Environment)
    assert environment.callref == "ours"


def test_a_value_may_hold_colons_and_lines_may_end_in_crlf() -> None:
    (environment,) = Connection().receive(b"agi_request: agi://127.0.0.1:4573/menu\r\n\r\n")
    assert isinstance(environment, Environment)
    assert environment.values == {"request": "agi://127.0.0.1:4573/menu"}


def test_bytes_that_are_not_utf8_cost_a_character_and_not_the_call() -> None:
    (environment,) = Connection().receive("agi_calleridname: André\n\n".encode("latin-1"))
    assert isinstance(environment, Environment)
    assert environment.values == {"calleridname": "Andr\ufffd"}


@pytest.mark.parametrize(
    "opening",
    [
        pytest.param(b"\n", id="nothing"),
        pytest.param(b"GET / HTTP/1.1\r\n", id="a browser"),
        pytest.param(b"agi_network\n", id="no colon"),
        pytest.param(b"HANGUP\n", id="a hang-up before the call"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\xfc\n", id="TLS"),
    ],
)
def test_who_does_not_open_as_asterisk_does_is_refused(opening: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        Connection().receive(opening)


def test_opening_lines_are_counted() -> None:
    lines = [b"agi_arg_%d: x\n" % i for i in range(MAX_HEADER_LINES)]
    (environment,) = Connection().receive(b"".join(lines) + b"\n")
    assert isinstance(environment, Environment)
    with pytest.raises(RemoteProtocolError, match="never end"):
        Connection().receive(b"".join(lines) + b"agi_one: more\n")


def test_equal_opening_lines_are_counted_too() -> None:
    with pytest.raises(RemoteProtocolError, match="never end"):
        Connection().receive(b"agi_arg_1: x\n" * (MAX_HEADER_LINES + 1))


def test_opening_lines_are_weighed() -> None:
    line = b"agi_arg_%d: " + b"x" * 1000 + b"\n"
    with pytest.raises(RemoteProtocolError, match="never end"):
        Connection().receive(b"".join(line % i for i in range(17)))


# ------------------------------------------------------------------ answers


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("200 result=0", Reply(200, "0")),
        ("200 result=5", Reply(200, "5")),
        ("200 result=*", Reply(200, "*")),
        ("200 result=", Reply(200, "")),
        ("200 result=1 (#)", Reply(200, "1", "#")),
        ("200 result=0 Gosub complete", Reply(200, "0")),
        ("200 result=-2", Reply(200, "-2")),
        ("200 result=0 endpos=5120", Reply(200, "0")),
        ("200 result=1 (081234567890)", Reply(200, "1", "081234567890")),
        ('200 result=1 (a b (c) "d")', Reply(200, "1", 'a b (c) "d"')),
        ("200 result=1 (hangup)", Reply(200, "1", "hangup")),
        ("200 result=1 ()", Reply(200, "1", "")),
        ("200 result=1 (open", Reply(200, "1")),
        ("200 result=1 )(", Reply(200, "1")),
        ("200", Reply(200, "")),
        ("510 Invalid or unknown command", Reply(510, "")),
        ("510 Invalid or unknown command (-1)", Reply(510, "", "-1")),
        ("520 Invalid command syntax.", Reply(520, "")),
    ],
)
def test_an_answer_is_understood(line: str, reply: Reply) -> None:
    assert asked().receive(f"{line}\n".encode()) == [reply]


def test_an_answer_that_is_only_on_its_way_is_waited_for() -> None:
    connection = asked()
    assert connection.receive(b"100 Trying...\n") == []
    assert connection.receive(b"200 result=1\n") == [Reply(200, "1")]


def test_a_usage_text_of_many_lines_is_one_answer_and_the_next_is_in_step() -> None:
    connection = asked()
    assert connection.receive(USAGE + b"520 End of proper usage.\n") == [Reply(520, "")]
    connection.send("NOOP")
    assert connection.receive(b"200 result=0\n") == [Reply(200, "0")]


def test_a_hangup_inside_a_usage_text_is_a_hangup() -> None:
    connection = asked()
    assert connection.receive(USAGE + b"HANGUP\n") == [GONE]
    assert connection.receive(b"520 End of proper usage.\n") == [Reply(520, "")]


@pytest.mark.parametrize("line", [b"result=1\n", b"2000 result=1\n", b"hello\n", b"\n", b"\xff\n"])
def test_what_is_not_an_answer_is_refused(line: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="not a reply"):
        asked().receive(line)


def test_an_answer_to_nothing_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="to no command"):
        begun().receive(b"200 result=0\n")


def test_a_second_answer_to_one_command_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="to no command"):
        asked().receive(b"200 result=0\n200 result=0\n")


@pytest.mark.parametrize("end", [b"", b"\n"], ids=["without an end", "with an end"])
def test_a_line_too_long_is_refused(end: bytes) -> None:
    line = b"200 result=1 (" + b"x" * MAX_BUFFER_BYTES + b")"
    with pytest.raises(RemoteProtocolError, match="longer"):
        asked().receive(line + end)


# ------------------------------------------------------------------ the channel is gone


@pytest.mark.parametrize(
    "told",
    [
        pytest.param([b"HANGUP\n", b""], id="the word"),
        pytest.param([b"HANGUP\n", b"HANGUP\n", b""], id="the word twice"),
        pytest.param([b"200 result=-1\n", b"HANGUP\n", b"HANGUP\n", b""], id="-1, then the word"),
        pytest.param([b"511 Command Not Permitted on a dead channel\n", b""], id="511"),
        pytest.param([b"", b""], id="the end of the stream"),
        pytest.param([b"200 resu", b""], id="the end in the middle of a line"),
    ],
)
def test_all_ways_of_being_gone_are_one_event_told_once(told: list[bytes]) -> None:
    connection = asked()
    assert [event for data in told for event in connection.receive(data)] == [GONE]
    assert connection.gone


def test_a_hangup_may_come_before_the_answer() -> None:
    assert asked().receive(b"HANGUP\n200 result=1\n") == [GONE, Reply(200, "1")]


def test_a_hangup_may_come_after_the_answer() -> None:
    assert asked().receive(b"200 result=1\nHANGUP\n") == [Reply(200, "1"), GONE]


def test_a_hangup_may_come_with_the_opening_lines() -> None:
    events = Connection().receive(OPENING + b"HANGUP\n")
    assert [type(event) for event in events] == [Environment, ChannelGone]


def test_a_session_that_ends_before_it_began_is_gone() -> None:
    connection = Connection()
    assert connection.receive(b"") == [GONE]
    assert connection.gone


# ------------------------------------------------------------------ how the bytes are cut


LINES = st.sampled_from(
    [
        *(b"200 result=1", b"200 result= (timeout)", b"200 result=-1", b"100 Trying", b"HANGUP"),
        *(b"520-Usage:", b"520 End of proper usage.", b"511 Dead", b"510 Unknown", b"", b"?"),
    ]
)
STREAMS = st.lists(LINES, max_size=6).map(lambda lines: b"\n".join(lines) + b"\n") | st.binary()


def hear(connection: Connection, pieces: list[bytes]) -> list[Event] | None:
    """Feed the pieces; return the events, or None when they are not AGI."""
    try:
        return [event for piece in pieces if piece for event in connection.receive(piece)]
    except RemoteProtocolError:
        return None


@given(STREAMS)
def test_byte_by_byte_says_the_same_as_all_at_once(stream: bytes) -> None:
    pieces = [stream[i : i + 1] for i in range(len(stream))]
    assert hear(asked(), pieces) == hear(asked(), [stream])


@given(STREAMS, st.lists(st.integers(0, 200)))
def test_the_opening_lines_may_be_cut_anywhere(stream: bytes, cuts: list[int]) -> None:
    whole = OPENING + stream
    edges = [0, *sorted(cut for cut in cuts if cut < len(whole)), len(whole)]
    pieces = [whole[i:j] for i, j in pairwise(edges)]
    assert hear(Connection(), pieces) == hear(Connection(), [whole])


@given(st.lists(STREAMS))
def test_garbage_raises_nothing_but_that_it_is_garbage(pieces: list[bytes]) -> None:
    for connection in (Connection(), begun(), asked()):
        hear(connection, pieces)
        connection.receive(b"")
        assert connection.gone


# ------------------------------------------------------------------ commands


def asterisk_words(line: bytes) -> list[str]:
    """Part a command into words as Asterisk does (res_agi.c, parse_args)."""
    words: list[str] = []
    quoted = escaped = False
    between = True
    for character in line.decode().removesuffix("\n"):
        if character == '"' and not escaped:
            quoted = not quoted
            if quoted and between:
                words.append("")
                between = False
        elif character in " \t" and not quoted and not escaped:
            between = True
        elif character == "\\" and not escaped:
            escaped = True
            continue
        else:
            if between:
                words.append("")
                between = False
            words[-1] += character
        escaped = False
    return words


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("NOOP",), b"NOOP\n"),
        (("GET", "DATA", "menu", "50", "1"), b'GET "DATA" "menu" "50" "1"\n'),
        (("EXEC", "MSet", "A=1,B=2"), b'EXEC "MSet" "A=1,B=2"\n'),
        (("VERBOSE", 'say "a\\b"'), b'VERBOSE "say \\"a\\\\b\\""\n'),
        (("SET", "VARIABLE", "X", ""), b'SET "VARIABLE" "X" ""\n'),
    ],
)
def test_a_command_is_one_line_with_its_words_quoted(words: tuple[str, ...], line: bytes) -> None:
    assert command(*words) == line


SAFE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=40)


@given(st.lists(SAFE, max_size=8))
def test_asterisk_reads_the_very_words_we_sent(words: list[str]) -> None:
    assert asterisk_words(command("SET", *words)) == ["SET", *words]


@pytest.mark.parametrize("bad", ["\r", "\n", "\0"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_would_begin_another_command_is_refused(bad: str, place: int) -> None:
    words = ["SET", "VARIABLE", "X"]
    words[place] += bad + "EXEC System x"
    with pytest.raises(LocalProtocolError, match="cannot be sent"):
        command(*words)


def test_a_line_that_asterisk_would_split_is_refused() -> None:
    room = MAX_LINE_BYTES - len(command("NOOP", ""))
    assert len(command("NOOP", "x" * room)) == MAX_LINE_BYTES
    with pytest.raises(LocalProtocolError, match="too long"):
        command("NOOP", "x" * (room + 1))


def test_more_words_than_asterisk_counts_safely_are_refused() -> None:
    assert command("NOOP", *["x"] * (MAX_WORDS - 1))
    with pytest.raises(LocalProtocolError, match="too long"):
        command("NOOP", *["x"] * MAX_WORDS)


def test_a_command_before_the_opening_lines_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="not begun"):
        Connection().send("NOOP")


def test_a_second_command_in_flight_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="no answer yet"):
        asked().send("NOOP")


def test_a_command_to_a_channel_that_is_gone_is_refused() -> None:
    connection = begun()
    connection.receive(b"HANGUP\n")
    with pytest.raises(LocalProtocolError, match="gone"):
        connection.send("NOOP")


def test_a_command_that_cannot_be_sent_leaves_the_session_as_it_was() -> None:
    connection = begun()
    with pytest.raises(LocalProtocolError):
        connection.send("SET", "VARIABLE", "X", "a\nb")
    assert connection.send("NOOP") == b"NOOP\n"


# ------------------------------------------------------------------ a second opinion: pyst2


@pytest.fixture
def hangup_signal() -> Iterator[None]:
    """Give back the handler that pyst2 takes for itself."""
    handler = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, handler)


class Pyst2:
    """The same far end, spoken to by pyst2 over text files."""

    def __init__(self, *answers: str) -> None:
        said = OPENING.decode() + "".join(f"{answer}\n" for answer in answers)
        self._sent = io.StringIO()
        self.agi = asterisk.agi.AGI(io.StringIO(said), self._sent, io.StringIO())

    def commands(self) -> list[list[str]]:
        return [asterisk_words(line.encode()) for line in self._sent.getvalue().splitlines()]


class Ours:
    """The same far end, spoken to by us."""

    def __init__(self, *answers: str) -> None:
        self.connection = Connection()
        (self.environment,) = self.connection.receive(OPENING)
        self._answers = iter(answers)
        self._sent: list[bytes] = []

    def ask(self, *words: str) -> Event:
        self._sent.append(self.connection.send(*words))
        (event,) = self.connection.receive(f"{next(self._answers)}\n".encode())
        return event

    def commands(self) -> list[list[str]]:
        return [asterisk_words(line) for line in self._sent]


@pytest.mark.usefixtures("hangup_signal")
def test_pyst2_reads_the_same_of_the_call() -> None:
    ours = Ours().environment
    assert isinstance(ours, Environment)
    assert Pyst2().agi.env == {f"agi_{key}": value for key, value in ours.values.items()}


@pytest.mark.usefixtures("hangup_signal")
@pytest.mark.parametrize("answer", ["200 result=1", "200 result= (timeout)", "200 result=*"])
def test_pyst2_hears_the_same_key(answer: str) -> None:
    theirs, ours = Pyst2(answer), Ours(answer)
    reply = ours.ask("GET", "DATA", "menu", "50", "1")
    assert isinstance(reply, Reply)
    assert theirs.agi.get_data("menu", 50, 1) == reply.result
    assert theirs.commands() == ours.commands()


@pytest.mark.usefixtures("hangup_signal")
def test_pyst2_writes_the_same_variables() -> None:
    answers = ["200 result=1"] * 2
    theirs, ours = Pyst2(*answers), Ours(*answers)
    for name, value in {"PLAN_N": "1", "PLAN_COMMIT": "siaga-1.7:1"}.items():
        theirs.agi.set_variable(name, value)
        assert ours.ask("SET", "VARIABLE", name, value) == Reply(200, "1")
    assert theirs.commands() == ours.commands()


@pytest.mark.usefixtures("hangup_signal")
def test_pyst2_reads_the_same_value() -> None:
    answer = "200 result=1 (081234567890)"
    theirs, ours = Pyst2(answer), Ours(answer)
    reply = ours.ask("GET", "VARIABLE", "CALLERID(num)")
    assert isinstance(reply, Reply)
    assert theirs.agi.get_variable("CALLERID(num)") == reply.value
    assert theirs.commands() == ours.commands()
