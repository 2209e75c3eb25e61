"""Which telephones a caller can make ring, and which of them are real."""

from collections.abc import Callable

import pytest

from routing.configuration import Configuration
from routing.rings import in_words, really_rung

Configured = Callable[..., Configuration]
TELKOM = ("site.yaml", "# telkom", "telkom")
DAMKAR = 'number: "113", ring_seconds: 20'


def test_as_shipped_no_real_telephone_rings(shipped: Configuration) -> None:
    assert really_rung(shipped) == ()
    assert in_words(shipped) == "simulated"


@pytest.mark.parametrize("outgoing", ["[telkom]", "[simulated, telkom]"])
def test_over_a_gateway_every_key_rings_a_real_one(outgoing: str, configured: Configured) -> None:
    live = configured(TELKOM, ("site.yaml", "outgoing: [simulated]", f"outgoing: {outgoing}"))
    assert in_words(live) == "LIVE"
    assert str(really_rung(live)[0]) == "key 1 rings damkar-113"


@pytest.mark.parametrize("target", [f"{DAMKAR}, trunk: telkom", 'sip: "113@10.1.2.3"'])
def test_one_agency_alone_may_be_real(target: str, configured: Configured) -> None:
    partly = configured(TELKOM, ("agencies.yaml", DAMKAR, target))
    rung = "key 1 rings damkar-113, key 4 rings damkar-113"
    assert in_words(partly) == f"PARTLY LIVE: {rung}"


def test_a_hotline_may_be_rung_by_a_key_and_as_the_last_of_all(configured: Configured) -> None:
    partly = configured(TELKOM, ("agencies.yaml", '"110",', '"110", trunk: telkom,'))
    rung = "key 7 rings polisi-110, the last resort rings polisi-110"
    assert in_words(partly) == f"PARTLY LIVE: {rung}"


def test_what_no_caller_can_reach_is_not_live(configured: Configured) -> None:
    hotline = """name: Dinas Perhubungan
    spoken: {id: Dishub, en: transport}
    hotlines: [{name: dishub, number: "113", trunk: telkom}]"""
    line = configured(TELKOM, ("agencies.yaml", "name: Dinas Perhubungan", hotline))
    assert in_words(line) == "simulated"
