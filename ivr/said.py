"""Words of the console that are not on one page alone: refusals, and what agencies are called."""

from collections.abc import Mapping
from typing import Literal

from ivr.words import Words

Ours = Literal["claimed", "not-listed", "never", "role"]
"""What the console itself refuses."""

_REFUSED: Mapping[str, tuple[str, str]] = {
    "no-such-call": ("Panggilan itu sudah tidak ada.", "That call is gone."),
    "no-such-hotline": ("Nomor instansi itu tidak dikenal.", "That hotline is not known."),
    "no-such-phone": ("Telepon itu tidak dikenal.", "That telephone is not known."),
    "not-yours": ("Panggilan itu tidak di telepon Anda.", "That call is not on your telephone."),
    "not-a-supervisor": ("Hanya untuk pengawas.", "For supervisors only."),
    "no-phone": (
        "Telepon Anda belum masuk. Nyalakan telepon, lalu coba lagi.",
        "Your telephone is not logged in. Switch it on and try again.",
    ),
    "phone-busy": ("Telepon Anda sedang dipakai.", "Your telephone is in use."),
    "alone": (
        "Belum ada orang lain di panggilan. Tunggu sampai instansi berbicara.",
        "Nobody else is in the call. Wait until the agency talks.",
    ),
    "already-there": ("Instansi itu sudah dihubungi.", "That agency is in the call already."),
    "not-there": ("Instansi itu tidak di panggilan.", "That agency is not in the call."),
    "no-trunk": (
        "Tidak ada trunk ke luar. Beri tahu staf telekomunikasi.",
        "There is no trunk out. Tell telecom staff.",
    ),
    "abroad": (
        "Nomor luar negeri tidak boleh ditelepon dari sini (callbacks di site.yaml).",
        "Numbers abroad may not be rung from here (callbacks in site.yaml).",
    ),
    "no-number": ("Nomor itu tidak bisa ditelepon.", "That number cannot be rung."),
    "no-reason": ("Pilih alasan jeda.", "Choose a reason for the pause."),
    "not-done": (
        "Tidak jadi: panggilan sudah berubah. Lihat layar, lalu coba lagi.",
        "Nothing came of it: the call had moved on. Look at the screen and try again.",
    ),
    "records-away": (
        "Basis data tidak menjawab: mendengarkan tanpa catatan tidak boleh.",
        "The records do not answer: nobody listens in unnoted.",
    ),
    "asterisk-away": (
        "Asterisk tidak menjawab; panggilan tetap berjalan. Coba lagi.",
        "Asterisk does not answer; calls go on. Try again.",
    ),
    "claimed": ("Sudah diambil rekan lain.", "A colleague has taken it."),
    "not-listed": ("Nomor itu tidak di daftar lagi.", "That number is no longer listed."),
    "never": (
        "JANGAN ditelepon: dering bisa membahayakan penelepon.",
        "DO NOT ring: it may put the caller in danger.",
    ),
    "role": ("Bukan untuk peran Anda.", "Not for your role."),
}


def refused(word: str, words: Words) -> str:
    """Return why an order was not done; a word that is none of these is shown as it is."""
    return words.pick(*_REFUSED.get(word, (word, word)))


def label(agency: str) -> str:
    """Return what stands on a button for an agency: PSC 119 for psc-119."""
    return agency.replace("-", " ").upper()
