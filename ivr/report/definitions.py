"""What the figures mean, in Indonesian and English; it stands beside them wherever they are."""

COUNTED = (
    (
        "Hari dan jam: saat panggilan masuk, dalam WIB. Panggilan yang masih berlangsung hanya "
        "dihitung sebagai berlangsung."
    ),
    (
        "Days and hours: when the call came in, WIB. A call that goes on is counted as open and in "
        "nothing else."
    ),
)
HUMAN = (
    (
        "Masuk: dari panggilan masuk (INVITE) sampai orang pertama yang melayani; menu bukan "
        "orang. Antrean: dari petugas diminta sampai petugas menjawab. Median dan p90: nilai "
        "terkecil yang mencakup sedikitnya 50 % dan 90 % (peringkat terdekat), dibulatkan ke atas "
        "ke 0,1 detik; bagian dalam 10, 15, 20 dan 30 detik dihitung tepat. Tanda -: tidak ada, "
        "karena tidak semua dijawab."
    ),
    (
        "Call: from when it came in (the INVITE) to the first person who served; a menu is no "
        "person. Queue: from when operators were asked to the operator's answer. Median and p90: "
        "the smallest value that covers at least 50 % and 90 % (nearest rank), rounded up to "
        "0.1 s; the shares within 10, 15, 20 and 30 s are exact. A dash: there is none, because "
        "not all were answered."
    ),
)
RATE = (
    (
        "Permen Kominfo 16/2013 Pasal 15: dijawab orang dalam 30 detik / (diterima - ditutup "
        "penelepon dalam 5 detik tanpa dijawab)."
    ),
    (
        "Permen Kominfo 16/2013, Pasal 15: answered by a person within 30 s / (received - "
        "disconnected by the caller within 5 s, unanswered)."
    ),
)
ENDINGS = (
    (
        "Instansi, petugas: yang terakhir melayani. Menu, dering, antrean: tempat penelepon "
        "meninggalkan panggilan."
    ),
    (
        "Agency, operator: who served last. Menu, ringing, queue: where the caller abandoned the "
        "call."
    ),
)
HANDOFF = (
    (
        "Berhasil: instansi tersambung dan melayani, tidak menutup dalam 10 detik. Detik: dari "
        "mulai dihubungi sampai tersambung; bagian ≤30 detik dihitung dari yang berhasil."
    ),
    (
        "Reached: the agency was joined and served, and did not leave within 10 s. Seconds: from "
        "when it was rung to joined; the share within 30 s is of those reached."
    ),
)
