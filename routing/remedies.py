"""What to write where a text is wanted and something else stands, by the key it stands under.

Law: who does what is said here is not told off again. So quotes are offered only where the quoted
text would be right.
"""

import re

Place = tuple[str | int, ...]
"""Where something stands in a file: keys, and positions in lists counted from 0."""

_AGENCY = "write the name of an agency, such as damkar"
_TRUNK = "write the name of a trunk, such as telkom"
_CLOCK = 'write it as "07:30"'
_DIGITS = "write it in digits, without quotes or a zero in front"
NUMBER = 'write 2 to 15 digits in quotes, no + and no hyphens, as it is dialled: "0761123"'
KEY = 'write one digit in quotes, as in "1"'

_WRITE = {
    "key": KEY,
    "number": NUMBER,
    "sip": 'write it as "113@10.1.2.3:5060"',
    "opens": _CLOCK,
    "closes": _CLOCK,
    "last_hotline": "write the name of a hotline, such as polisi-110",
    "part_of": _AGENCY,
    "account": 'write a name that is more than digits, as in "operator-1"',
    "agencies": _AGENCY,
    "reports": _AGENCY,
    "trunk": _TRUNK,
    "outgoing": _TRUNK,
    "also_called": 'write it in quotes, as in "0761112"',
    "incoming": 'write an address in quotes, as in "203.0.113.5"',
    "gateway": 'write it as "203.0.113.5:5060"',
    "ring_seconds": _DIGITS,
    "overflow_seconds": _DIGITS,
    "wait_seconds": _DIGITS,
    "repeat_wait_seconds": _DIGITS,
    "priority": _DIGITS,
    "channels": _DIGITS,
}
_RIGHT_IN_QUOTES = {
    "number": re.compile("[0-9]{2,15}"),
    "opens": re.compile("([01][0-9]|2[0-3]):[0-5][0-9]"),
    "closes": re.compile("([01][0-9]|2[0-3]):[0-5][0-9]"),
    "also_called": re.compile("[+]?[0-9]{3,20}"),
    "key": re.compile("[0-9]"),
    "account": re.compile("[a-z0-9-]*[a-z-][a-z0-9-]*"),
}


def instead(place: Place, text: str) -> str:
    """Return what to do about `text`, which stands at `place` without the quotes it may need."""
    key = next((part for part in reversed(place) if isinstance(part, str)), "")
    right = _RIGHT_IN_QUOTES.get(key)
    if key in _WRITE and not (right and right.fullmatch(text)):
        return _WRITE[key]
    return f'put it in quotes: "{text}"' if text else "write a text"
