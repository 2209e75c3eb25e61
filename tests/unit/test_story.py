"""A call is told as it was lived through, second by second, and listed on one line."""

from dataclasses import replace

from ivr.callrecord import CallRecord, Hop, Step, Talk
from ivr.calls.listing import Narrow, head, line
from ivr.calls.story import story
from ivr.words import Words

TOLD = CallRecord(
    callref="siaga-1795610060.2",
    began_at=1795610060.0,
    ani="0812",
    dnis="112",
    trunk="from-trunk",
    answered_at=1795610060.5,
    steps=(Step(1795610063.0, "menu", ""), Step(1795610066.0, "repeat", "4")),
    service="fallen-tree",
    language="id",
    floor="controller",
    hops=(
        Hop(1795610066.5, "1", "bpbd", "117", "telkom", "BUSY", 17, 0.5),
        Hop(1795610067.5, "2", "damkar", "113", "telkom", "ANSWER", 16, 4.5, 5.0),
    ),
    queued_at=1795610077.5,
    talks=(
        Talk(1795610072.0, "agency", "damkar", 5.0, served=False),
        Talk(1795610084.0, "operator", "operator-1", 56.0),
    ),
    recording="2026/11/25/siaga-1795610060.2.wav",
    alarms=("no-operator",),
    stage="ended",
    ended_at=1795610140.0,
    outcome="connected-operator",
)


def test_a_call_is_told_with_its_seconds() -> None:
    assert story(TOLD, Words("id")) == [
        "panggilan     siaga-1795610060.2",
        "penelepon     0812",
        "masuk         2026-11-25 19:34:20 WIB",
        "lewat         saluran telekomunikasi (112)",
        "layanan       pohon tumbang",
        "ditanya oleh  pengendali",
        "bahasa        id",
        "",
        " 0,0 dtk  panggilan masuk",
        " 0,5 dtk  diangkat sistem",
        " 3,0 dtk  menu: tidak menekan apa-apa",
        " 6,0 dtk  menu singkat: menekan 4",
        " 6,5 dtk  menghubungi bpbd (117, telkom)",
        " 7,0 dtk  bpbd: sibuk (BUSY, 17), berdering 0,5 dtk",
        " 7,5 dtk  menghubungi damkar (113, telkom)",
        "12,0 dtk  berbicara dengan damkar",
        "17,0 dtk  damkar menutup, belum melayani",
        "17,5 dtk  petugas diminta",
        "24,0 dtk  berbicara dengan operator-1",
        "80,0 dtk  selesai: dilayani petugas",
        "",
        "hasil             dilayani petugas",
        "sampai ke orang   24,0 dtk, operator-1",
        "menunggu petugas  6,5 dtk",
        "berbicara         61,0 dtk",
        "rekaman           2026/11/25/siaga-1795610060.2.wav",
        "peringatan        tidak ada petugas yang masuk",
    ]


def test_a_caller_who_waits_has_not_reached_anyone_yet() -> None:
    waiting = replace(TOLD, talks=(), hops=(), stage="queue", ended_at=None, outcome=None, ani="")
    said = "\n".join(story(waiting, Words("en")))
    assert "caller    no number" in said
    assert "outcome      in the queue" in said
    assert "to a person  not yet" in said


def test_a_caller_who_left_while_it_rang_did_not_wait() -> None:
    hop = replace(TOLD.hops[0], status="CANCEL", cause=0)
    left = replace(TOLD, talks=(), hops=(hop,), queued_at=None, outcome="abandoned-ringing")
    said = "\n".join(story(left, Words("en")))
    assert "7.0 s  bpbd: caller did not wait, rang 0.5 s" in said
    assert "to a person  never" in said


def test_a_test_call_is_marked() -> None:
    assert "uji           ya, tidak dihitung" in story(replace(TOLD, test=True), Words("id"))
    waiting = replace(TOLD, test=True, outcome=None, stage="menu")
    assert "di menu (uji)" in line(waiting, Words("id"))


def test_the_columns_of_a_line_stand_under_their_heads() -> None:
    for words in (Words("id"), Words("en")):
        names, one = head(words), line(TOLD, words)
        for name in (words.pick("penelepon", "caller"), words.pick("panggilan", "call")):
            value = "0812" if name in ("penelepon", "caller") else TOLD.callref
            assert names.rindex(name) == one.index(value)


def test_a_number_is_listed_in_full() -> None:
    assert " 0812 " in line(TOLD, Words("id"))
    assert " - " in line(replace(TOLD, ani=""), Words("id"))


def test_on_a_narrow_screen_a_day_is_a_line_and_nothing_wraps() -> None:
    narrow = Narrow(Words("id"), 80)
    assert narrow(TOLD).splitlines() == [
        "2026-11-25 WIB",
        "19:34:20  0812  pohon tumbang  dilayani petugas  operator-1  1795610060.2",
    ]
    assert narrow(replace(TOLD, ani="+6281234567890")).splitlines() == [
        "19:34:20  +6281234567890  pohon tumbang  dilayani petugas  1795610060.2",
    ]
    tomorrow = narrow(replace(TOLD, began_at=TOLD.began_at + 86_400))
    assert tomorrow.startswith("2026-11-26 WIB\n19:34:20")


def test_an_agency_that_an_operator_brought_in_is_told_beside_his_talk() -> None:
    way = ("desk", "pmi", "119", "telkom", "ANSWER", 16, 4.0, 20.0, "psc-119", "operator-1")
    told = story(replace(TOLD, hops=(*TOLD.hops, Hop(1795610090.0, *way))), Words("id"))
    assert [line.strip() for line in told if "pmi" in line] == [
        "30,0 dtk  menghubungi pmi (119, telkom)",
        "34,0 dtk  pmi ikut berbicara",
        "54,0 dtk  pmi pergi",
    ]
