"""Pekanbaru's fifteen kecamatan, and the names by which callers may still know them.

Twelve became fifteen with Perda Kota Pekanbaru 2/2020, in force at the end of 2020: Tampan was
dissolved, Rumbai Pesisir became Rumbai, the Rumbai of before became Rumbai Barat. A caller's
"Rumbai" or "Tampan" may therefore be either: the operator picks, we never guess.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class District:
    """A kecamatan. `before` is the one that its land belonged to until 2020, where that differs.

    `key` is what is stored and told.
    """

    key: str
    name: str
    before: str = ""


DISTRICTS: Sequence[District] = (
    District("binawidya", "Binawidya", before="Tampan"),
    District("bukit-raya", "Bukit Raya"),
    District("kulim", "Kulim", before="Tenayan Raya"),
    District("limapuluh", "Limapuluh"),
    District("marpoyan-damai", "Marpoyan Damai"),
    District("payung-sekaki", "Payung Sekaki"),
    District("pekanbaru-kota", "Pekanbaru Kota"),
    District("rumbai", "Rumbai", before="Rumbai Pesisir"),
    District("rumbai-barat", "Rumbai Barat", before="Rumbai"),
    District("rumbai-timur", "Rumbai Timur", before="Rumbai Pesisir"),
    District("sail", "Sail"),
    District("senapelan", "Senapelan"),
    District("sukajadi", "Sukajadi"),
    District("tenayan-raya", "Tenayan Raya"),
    District("tuah-madani", "Tuah Madani", before="Tampan"),
)

_KNOWN = {one.key: one for one in DISTRICTS}


def is_district(key: str) -> bool:
    """Return whether this is the key of a kecamatan."""
    return key in _KNOWN


def called(key: str | None) -> str:
    """Return the name that people read; of one that nobody knows, the key; of none, nothing."""
    if not key:
        return ""
    return _KNOWN[key].name if key in _KNOWN else key
