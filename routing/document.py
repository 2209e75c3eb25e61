"""One YAML file as plain data, with the place of each key and value, and the problems found there.

Law: nothing is guessed. What YAML would turn into something else (10:00 into 600, 0761 into 497)
is a problem here, and so are anchors, tags and duplicate keys.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml
from yaml.reader import ReaderError

from routing.remedies import Place, instead

MAX_BYTES = 1 << 20
MAX_DEPTH = 20

_PLAIN: tuple[tuple[re.Pattern[str], Any], ...] = (
    (re.compile(r"^(~|null|)$"), lambda _: None),
    (re.compile(r"^(true|false)$"), lambda text: text == "true"),
    (re.compile(r"^-?(0|[1-9][0-9]{0,15})$"), int),
    (re.compile(r"^-?(0|[1-9][0-9]{0,15})\.[0-9]{1,15}$"), float),
)
_ODD_SPACE = re.compile("[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]")
_COMMENT = re.compile(r"(?:^|[ \t])#")
_TRAP = re.compile(r"^[-+]?[0-9]+(:[0-9]+)+$|^[-+]?0[0-9]+$")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend. Lines and columns count from 1, as editors do."""

    file: str
    line: int
    column: int
    key: str
    value: str
    message: str
    remedy: str

    def __str__(self) -> str:
        """Return the one line that is printed, whatever stands in the file."""
        where = f"{self.file}:{self.line}:{self.column}: "
        key = f"{self.key}: " if self.key else ""
        value = f" (found {self.value})" if self.value else ""
        line = f"{where}{key}{self.message}{value}; {self.remedy}"
        return "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)


@dataclass(slots=True)
class Document:
    """A file as data, and where each key and value stands in it."""

    file: str
    data: Any = None
    keys: dict[Place, yaml.Mark] = field(default_factory=dict)
    values: dict[Place, yaml.Node] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    noted: set[Place] = field(default_factory=set)

    def problem(
        self, place: Place, message: str, remedy: str, mark: yaml.Mark | None = None
    ) -> None:
        """Note that something is wrong at `place`, or at `mark` when that is more exact."""
        self.noted.add(place)
        self.problems.append(self.at(place, message, remedy, mark))

    def at(self, place: Place, message: str, remedy: str, mark: yaml.Mark | None = None) -> Problem:
        """Return what is to be said of `place`, or of `mark`, without noting it as wrong."""
        found = self.values.get(place)
        scalar = found if isinstance(found, yaml.ScalarNode) else None
        at = mark or (scalar.start_mark if scalar else self._nearest(place))
        line, column = (at.line + 1, at.column + 1) if at else (1, 1)
        value = repr(scalar.value) if scalar else ""
        key = ".".join(map(str, place))
        return Problem(self.file, line, column, key, value[:60], message, remedy)

    def _nearest(self, place: Place) -> yaml.Mark | None:
        """Return where `place` begins: its key, its value, or what it is missing from."""
        while place not in self.keys and place not in self.values and place:
            place = place[:-1]
        value = self.values.get(place)
        return self.keys.get(place) or (value.start_mark if value else None)


def read(path: Path) -> Document:
    """Return the file as data, with what is wrong in it. One that is not YAML has no data."""
    document = Document(str(path))
    raw = b""
    try:
        raw = _bytes(path, document)
        text = raw.decode("utf-8")
        _refuse_odd_spaces(text, document)
        if not document.problems:
            _refuse_tricks(text, document)
        if document.problems:
            return document
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except OSError as error:
        document.problem((), f"cannot be read: {error.strerror}", "put the file there")
    except UnicodeDecodeError as error:
        document.problem((), "not UTF-8 text", "save it as UTF-8", _mark(raw, error.start))
    except yaml.MarkedYAMLError as error:
        document.problem((), *_not_yaml(error, text), error.problem_mark)
    except ReaderError as error:
        at = _mark(raw, error.position)
        document.problem((), str(error).splitlines()[0], "remove what is not plain text", at)
    else:
        if node is None:
            document.problem((), "the file is empty", "restore it from version control")
        else:
            document.data = _build(node, (), document)
    return document


def _bytes(path: Path, document: Document) -> bytes:
    """Return what stands in the file; where it is not one to read, note that and return nothing."""
    if path.exists() and not path.is_file():  # a pipe would be waited for, for ever
        document.problem((), "not a file", "put a file of this name there")
        return b""
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        document.problem((), f"larger than {MAX_BYTES} bytes", "split or shorten it")
        return b""
    return raw


def _mark(raw: bytes, offset: int) -> yaml.Mark:
    """Return the place of a byte in a file that is not text."""
    before = raw[:offset].decode("utf-8", "replace").split("\n")
    return yaml.Mark("", offset, len(before) - 1, len(before[-1]), None, 0)


def _not_yaml(error: yaml.MarkedYAMLError, text: str) -> tuple[str, str]:
    """Return what is wrong and what to do; in the parser's words where ours are no better."""
    mark, began = error.problem_mark, error.context_mark
    at = text[mark.index : mark.index + 1] if mark else ""
    if at == "\t":
        return "a tab", "indent with spaces"
    if at and "cannot start any token" in str(error.problem):
        return f"a value cannot begin with {at}", "put the value in quotes"
    if mark and began and began.line < mark.line:
        return str(error.problem), f"mend the YAML between line {began.line + 1} and here"
    return str(error.problem), "mend the YAML here or on the line above"


def _refuse_odd_spaces(text: str, document: Document) -> None:
    """Refuse what looks like a space and is none to YAML, which would stumble a line too late."""
    for n, line in enumerate(text.split("\n")):
        if odd := _ODD_SPACE.search(_COMMENT.split(line, maxsplit=1)[0]):
            mark = yaml.Mark("", 0, n, odd.start(), None, 0)
            kind = "a no-break space" if odd[0] == "\u00a0" else "an odd kind of space"
            document.problem((), kind, "delete it and type a plain space", mark)


def _refuse_tricks(text: str, document: Document) -> None:
    """Refuse what a configuration never needs: anchors, tags, second documents, deep nesting."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        trick = ""
        if getattr(event, "anchor", None):
            trick = "anchors and aliases (& and *) are not allowed"
        elif tag := getattr(event, "tag", None):
            trick = f"tags ({tag}) are not allowed"
        elif depth > MAX_DEPTH:
            trick = "nested too deep"
        elif documents > 1:
            trick = "a second document (---) is not allowed"
        if trick:
            document.problem(
                (), trick, "write the value out in full", cast("yaml.Mark", event.start_mark)
            )
            return


def _build(node: yaml.Node, place: Place, document: Document) -> Any:  # noqa: ANN401 - YAML is anything
    """Return the node as plain data, noting positions and problems in `document`."""
    document.values[place] = node
    if isinstance(node, yaml.SequenceNode):
        return [_build(child, (*place, i), document) for i, child in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                document.problem(
                    place, "a key must be a word", "write `key: value`", key_node.start_mark
                )
                continue
            key = key_node.value
            twice = key in data
            document.keys[(*place, key)] = key_node.start_mark
            data[key] = _build(value_node, (*place, key), document)
            if twice:
                message, remedy = f"the key {key} stands twice", "keep one of the two"
                document.problem((*place, key), message, remedy, key_node.start_mark)
        return data
    return _scalar(node, place, document)


def _scalar(node: yaml.Node, place: Place, document: Document) -> Any:  # noqa: ANN401 - YAML is anything
    text = str(node.value)
    if getattr(node, "style", None):  # quoted or a block; the C parser gives "" for plain text
        return text
    if _TRAP.match(text):
        document.problem(
            place,
            "YAML would read this as a different number",
            instead(place, text),
            node.start_mark,
        )
    return next((make(text) for pattern, make in _PLAIN if pattern.match(text)), text)
