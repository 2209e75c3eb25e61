"""The words of reports and lists, in Indonesian and English, and how each writes a number."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from routing.agencies import WIB

Lang = Literal["id", "en"]

DAYS = {
    "id": ("Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_MONTHS = {
    "id": (
        *("Januari", "Februari", "Maret", "April", "Mei", "Juni"),
        *("Juli", "Agustus", "September", "Oktober", "November", "Desember"),
    ),
    "en": (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
}

_NAMES: Mapping[str, tuple[str, str]] = {
    # How a call ended.
    "connected-agency": ("diserahkan ke instansi", "put through to an agency"),
    "connected-operator": ("dilayani petugas", "served by an operator"),
    "abandoned-menu": ("ditinggalkan di menu", "abandoned in the menu"),
    "abandoned-ringing": ("ditinggalkan saat berdering", "abandoned while ringing"),
    "abandoned-queue": ("ditinggalkan di antrean", "abandoned in the queue"),
    "cut-off": ("terputus (gangguan)", "cut off (a fault)"),
    "open": ("masih berlangsung", "still open"),
    "test": ("uji", "test"),
    # What was asked for, or why an operator was.
    "fire": ("kebakaran", "fire"),
    "medical": ("medis", "medical"),
    "disaster": ("bencana", "disaster"),
    "fallen-tree": ("pohon tumbang", "fallen tree"),
    "power": ("listrik", "power"),
    "rescue": ("SAR", "rescue"),
    "police": ("polisi", "police"),
    "operator": ("petugas", "operator"),
    "cannot-speak": ("tak bisa bicara", "cannot speak"),
    "no-choice": ("tanpa pilihan", "no choice"),
    # Who uses the desk; an operator is above.
    "supervisor": ("pengawas", "supervisor"),
    "telecom": ("telekomunikasi", "telecom"),
    # Who asked.
    "controller": ("pengendali", "controller"),
    "stand-in": ("pengganti", "stand-in"),
    "static": ("menu tetap", "static menu"),
    # Where a call is.
    "menu": ("di menu", "in the menu"),
    "ringing": ("berdering", "ringing"),
    "queue": ("di antrean", "in the queue"),
    "talking": ("berbicara", "talking"),
    # Why an attempt failed.
    "busy": ("sibuk", "busy"),
    "no-answer": ("tidak dijawab", "no answer"),
    "full": ("saluran penuh", "line full"),
    "unreachable": ("tidak terjangkau", "unreachable"),
    "refused": ("ditolak trunk", "refused by the trunk"),
    "wrong-number": ("nomor salah", "wrong number"),
    "not-accepted": ("tidak diterima", "not accepted"),
    "left": ("menutup dalam 10 dtk", "left within 10 s"),
    "other": ("lain-lain", "other"),
    "caller-left": ("penelepon tidak menunggu", "caller did not wait"),
    # Over what a call came, or went on.
    "from-trunk": ("saluran telekomunikasi", "the carrier's line"),
    "from-operators": ("telepon petugas", "an operator's phone"),
    "simulated": ("simulasi", "simulation"),
    # What staff must look at. What stands after journal- is ivr/tail/files.py's.
    "called-number": (
        "nomor yang dihubungi tidak dikenal",
        "a number was called that we do not know",
    ),
    "fenced-hop": ("tujuan di luar pagar ditolak", "a target outside the fence was refused"),
    "no-operator": ("tidak ada petugas yang masuk", "no operator is logged in"),
    "no-sound": ("telepon petugas tanpa suara", "an operator's phone without sound"),
    "not-recorded": ("panggilan tidak direkam", "a call is not recorded"),
    "trunk-refuses": ("trunk menolak", "the trunk refuses"),
    "recording-disk": ("ruang untuk rekaman", "room for recordings"),
    "end-not-noted": ("akhir panggilan tidak tercatat", "the end of a call was not noted"),
    "clock-leapt": ("jam mesin melompat", "the clock leapt"),
    "journal-shrank": ("berkas jurnal memendek", "a journal file shrank"),
    "journal-changed": ("berkas jurnal diubah", "a journal file was changed"),
    "journal-gone": ("berkas jurnal hilang", "a journal file is gone"),
    "journal-lost": ("baris jurnal hilang", "journal lines are lost"),
    # Parts of the line (ivr/desk/health.py); the controller is above.
    "asterisk": ("Asterisk", "Asterisk"),
    "journal": ("jurnal dibaca", "reading the journal"),
    "noting": ("jurnal ditulis", "writing the journal"),
    "disk": ("disk", "disk"),
    "ami": ("pengamatan saluran", "watching the line"),
    "broker": ("broker MQTT", "MQTT broker"),
    "recordings": ("rekaman", "recordings"),
    "house": ("berkas jurnal lama", "old journal files"),
}


@dataclass(frozen=True, slots=True)
class Words:
    """One language."""

    lang: Lang = "id"

    def name(self, key: str) -> str:
        """Return what a service, an outcome and the like is called; a name nobody knows stays."""
        found = _NAMES.get(key)
        return (found[0] if self.lang == "id" else found[1]) if found else key

    def pick(self, indonesian: str, english: str) -> str:
        """Return the one in this language."""
        return indonesian if self.lang == "id" else english

    def count(self, number: int) -> str:
        """Write 1234567 as 1.234.567, in English as 1,234,567."""
        return f"{number:,}".replace(",", self.pick(".", ","))

    def decimal(self, number: float) -> str:
        """Write one digit after the comma, in English after the point."""
        whole, _, digit = f"{number:.1f}".partition(".")
        return f"{self.count(int(whole))}{self.pick(',', '.')}{digit}"

    def seconds(self, seconds: float | None) -> str:
        """Write seconds; a dash where there are none."""
        return "-" if seconds is None else f"{self.decimal(seconds)} {self.pick('dtk', 's')}"

    def percent(self, share: float | None) -> str:
        """Write a share from 0 to 1; a dash where there is none."""
        return "-" if share is None else f"{self.decimal(share * 100)} %"

    def day(self, day: date) -> str:
        """Write a day: Rabu, 25 November 2026."""
        return f"{DAYS[self.lang][day.weekday()]}, {day.day} {self.month(day)}"

    def month(self, day: date) -> str:
        """Write the month of a day: November 2026."""
        return f"{_MONTHS[self.lang][day.month - 1]} {day.year}"


def clock(at: float) -> str:
    """Write a time in WIB: 2026-11-25 21:48:03."""
    return f"{datetime.fromtimestamp(at, WIB):%Y-%m-%d %H:%M:%S}"
