"""Who sits at which telephone in a browser."""

from ivr.desk.webphone import CODES, Refused, Seat, Seated, Seats

PHONES = ("operator-1", "operator-2")
AYU = Seat("operator-1", "Ayu", "a")
CITRA = Seat("operator-1", "Citra", "b")


def seated(seats: Seats, seat: Seat, *, insists: bool = False) -> Seated:
    came = seats.sit(seat, PHONES, insists=insists)
    assert isinstance(came, Seated)
    return came


def test_a_free_telephone_is_whose_asks() -> None:
    assert seated(Seats(), AYU) == Seated(Seats({"operator-1": AYU}))


def test_a_telephone_that_is_in_no_browser_is_nobodys() -> None:
    stranger = Seat("pengawas-1", "Budi", "c")
    assert Seats().sit(stranger, PHONES, insists=True) == Refused("no-phone")
    assert Seats().sit(Seat("", "Dewi", "d"), PHONES, insists=True) == Refused("no-phone")


def test_a_second_browser_is_told_who_has_it() -> None:
    there = seated(Seats(), AYU).seats
    assert there.sit(CITRA, PHONES, insists=False) == Refused("taken", "Ayu")


def test_who_insists_takes_it_and_the_first_is_named() -> None:
    there = seated(Seats(), AYU).seats
    assert seated(there, CITRA, insists=True) == Seated(Seats({"operator-1": CITRA}), AYU)


def test_a_page_that_comes_back_is_no_second_browser() -> None:
    again = Seat("operator-1", "Ayu", "a")
    assert seated(seated(Seats(), AYU).seats, again).seats.taken["operator-1"] is again


def test_who_was_displaced_leaves_the_seat_to_who_has_it() -> None:
    after = seated(seated(Seats(), AYU).seats, CITRA, insists=True).seats
    assert after.leave(AYU) is after
    assert after.leave(CITRA) == Seats()


def test_each_reason_has_a_code_of_its_own_that_is_ours_to_give() -> None:
    assert len(set(CODES.values())) == len(CODES)
    assert all(4000 <= code < 5000 for code in CODES.values())  # RFC 6455 section 7.4.2
