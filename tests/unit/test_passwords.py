"""What is kept of a password, and what it costs to compare one."""

from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type

from ivr.passwords import Passwords

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "tiga kata biasa"


def test_what_is_kept_is_argon2id_at_the_price_of_the_rfc_and_with_salt() -> None:
    passwords = Passwords()
    kept = passwords.hash(PASSWORD)
    said = extract_parameters(kept)
    assert (said.type, said.time_cost, said.memory_cost) == (Type.ID, 3, 65536)
    assert kept != passwords.hash(PASSWORD)
    assert not passwords.is_old(kept)
    assert passwords.is_old(Passwords(CHEAP).hash(PASSWORD))


def test_only_the_password_itself_fits() -> None:
    passwords = Passwords(CHEAP)
    kept = passwords.hash(PASSWORD)
    assert passwords.fits(kept, PASSWORD)
    for other in ("", PASSWORD + " ", PASSWORD.upper(), "\udcff"):
        assert not passwords.fits(kept, other)


def test_a_letter_is_the_same_however_the_keyboard_sends_it() -> None:
    passwords = Passwords(CHEAP)
    assert passwords.fits(passwords.hash("caf\u00e9 di sudirman"), "cafe\u0301 di sudirman")


def test_where_there_is_no_account_a_password_is_compared_too_and_never_fits() -> None:
    compared: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override] # noqa: A002
            compared.append(str(hash))
            return super().verify(hash, password)

    passwords = Passwords(Counting(time_cost=1, memory_cost=8, parallelism=1))
    assert not passwords.fits(None, "")
    assert not passwords.fits(None, PASSWORD)
    assert extract_parameters(compared[0]).memory_cost == 8
    assert len(compared) == 2


def test_a_hash_that_is_none_fits_nothing() -> None:
    assert not Passwords(CHEAP).fits("geheim", "geheim")
