"""`siaga check`: what is refused, what is only a warning, and where it stands."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.__main__ import main
from routing import checking
from routing.checking import check
from routing.configuration import Configuration, Conflict
from routing.loading import ConfigurationError

Edited = Callable[..., Path]
DAMKAR = 'number: "113", ring_seconds: 20'
BPBD = 'number: "117", ring_seconds: 20'
OFFICE = 'hours: [{days: [mon, tue, wed, thu, fri], opens: "08:00", closes: "16:00"}]'
TELKOM = ("site.yaml", "# telkom", "telkom")
PERSON = ("site.yaml", "simulated_operator: true", "simulated_operator: false")


def warnings(folder: Path) -> list[str]:
    return [str(w).replace(f"{folder}/", "") for w in check(folder).warnings]


def test_of_what_is_shipped_nothing_needs_a_word(edited: Edited) -> None:
    assert warnings(edited()) == []


def test_hours_in_which_a_key_rings_no_agency_are_told_to_the_minute(edited: Edited) -> None:
    night = 'hours: [{days: [mon], opens: "22:00", closes: "06:10"}]'
    (said,) = warnings(edited(("agencies.yaml", BPBD, f"{BPBD}, {night}")))
    assert said == (
        "menu.yaml:27:5: services.disaster.agencies: no hotline is open Tuesday 06:10 to Monday "
        "22:00; operators take key 3 then; else mend `hours` in agencies.yaml"
    )


def test_hours_that_leave_no_gap_between_two_agencies_are_no_warning(edited: Edited) -> None:
    rest = (
        'hours: [{days: [mon, tue, wed, thu], opens: "16:00", closes: "08:00"}, '
        '{days: [fri], opens: "16:00", closes: "00:00"}, '
        '{days: [sat, sun], opens: "00:00", closes: "00:00"}, '
        '{days: [mon], opens: "00:00", closes: "08:00"}]'
    )
    folder = edited(
        ("agencies.yaml", BPBD, f"{BPBD}, {OFFICE}"), ("agencies.yaml", DAMKAR, f"{DAMKAR}, {rest}")
    )
    said = [line for line in warnings(folder) if "fallen-tree" in line]
    assert said == []
    assert len(warnings(folder)) == 2


def test_of_many_gaps_the_first_are_told_and_the_others_counted(edited: Edited) -> None:
    hours = ", ".join(f'{{opens: "{h:02}:00", closes: "{h:02}:30"}}' for h in (8, 12))
    (said,) = warnings(edited(("agencies.yaml", BPBD, f"{BPBD}, hours: [{hours}]")))
    assert "and 7 more" in said


def test_a_hotline_whose_ring_is_cut_or_left_out_is_told(edited: Edited) -> None:
    asked = ("agencies.yaml", DAMKAR, f"{DAMKAR}, confirm: true")
    (said,) = warnings(edited(asked))
    assert "fallen-tree.agencies: damkar-113 is not rung when nobody before it answers" in said
    cut = ("agencies.yaml", BPBD, BPBD.replace("20", "10"))
    (said,) = warnings(edited(asked, cut))
    assert "damkar-113 rings 10 s and not 20" in said


def test_two_hotlines_of_one_number_are_told(edited: Edited) -> None:
    folder = edited(("agencies.yaml", DAMKAR, 'sip: "117@10.1.2.3", ring_seconds: 20'), PERSON)
    said = [line for line in warnings(folder) if "recording" not in line]
    assert len(said) == 1
    assert "damkar-113 is not rung after bpbd-117, which has the same number" in said[0]


def test_recordings_beside_real_telephones_are_told_key_by_key(edited: Edited) -> None:
    real = ("agencies.yaml", DAMKAR, f"{DAMKAR}, trunk: telkom")
    said = warnings(edited(TELKOM, PERSON, real))
    played = [line.partition(": ")[2].partition(";")[0] for line in said]
    assert "services.disaster.agencies: a recording answers for bpbd-117, " in played[1] + ", "
    assert not any("services.fire" in line for line in said)
    assert played[-1].startswith("last_hotline: a recording is the last resort")


def test_a_real_trunk_behind_the_simulation_is_never_reached(edited: Edited) -> None:
    both = ("site.yaml", "outgoing: [simulated]", "outgoing: [simulated, telkom]")
    said = warnings(edited(TELKOM, PERSON, both))
    assert any("services.fire" in line and "a recording answers" in line for line in said)


CARRIER = (
    ("site.yaml", "outgoing: [simulated]", "outgoing: [telkom]"),
    ("site.yaml", '["127.0.0.1"]', '["203.0.113.0/28"]'),
    PERSON,
)


@pytest.mark.parametrize(("channels", "enough"), [(14, False), (15, True)])
def test_a_trunk_with_fewer_channels_than_operators_and_hotlines_take_is_told(
    channels: int, enough: bool, edited: Edited
) -> None:
    carrier = f'telkom: {{gateway: "203.0.113.5:5060", channels: {channels}}}'
    folder = edited(("site.yaml", '# telkom: {gateway: "203.0.113.5:5060"}', carrier), *CARRIER)
    said = [line.partition("telkom.channels: ")[2].partition(";")[0] for line in warnings(folder)]
    short = "3 phones of ours and 6 hotlines at once take 15 channels (found '14')"
    assert said == ([] if enough else [short])


def test_a_carrier_that_brings_no_calls_needs_one_channel_for_each_hotline(edited: Edited) -> None:
    carrier = 'telkom: {gateway: "198.51.100.5:5060", channels: 5}'
    folder = edited(("site.yaml", '# telkom: {gateway: "203.0.113.5:5060"}', carrier), *CARRIER)
    (said,) = warnings(folder)
    assert "channels: 6 hotlines at once take 6 channels" in said


def test_a_dead_end_is_refused_with_the_file_the_place_and_the_way(
    edited: Edited, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(_: Configuration) -> list[Conflict]:
        return [Conflict("menu.yaml", ("services", "fire", "agencies"), "stuck", "mend it")]

    folder = edited()
    with pytest.raises(ConfigurationError) as caught:
        check(folder, None, found, found)
    assert [str(p) for p in caught.value.problems] == [
        f"{folder}/menu.yaml:17:5: services.fire.agencies: stuck; mend it"
    ] * 2
    monkeypatch.setattr(checking, "dead_ends", found)
    with pytest.raises(ConfigurationError, match="stuck"):
        check(folder)


def test_a_file_that_would_take_long_to_prove_is_refused_at_once(edited: Edited) -> None:
    windows = ", ".join(f'{{opens: "00:{n % 60:02}", closes: "23:00"}}' for n in range(15000))
    outgoing = ", ".join(["simulated"] * 30000)
    folder = edited(
        ("agencies.yaml", BPBD, f"{BPBD}, hours: [{windows}]"),
        ("site.yaml", "outgoing: [simulated]", f"outgoing: [{outgoing}]"),
    )
    with pytest.raises(ConfigurationError) as caught:
        check(folder)
    assert [(p.key, p.message, p.remedy) for p in caught.value.problems] == [
        ("agencies.bpbd.hotlines.0.hours", "too long", "write at most 21"),
        ("outgoing", "too long", "write at most 8"),
    ]


# ------------------------------------------------------------------ the command


def siaga(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, words)
    return done.exit_code, done.stdout, done.stderr


def test_a_folder_is_checked_and_warnings_alone_do_not_fail(edited: Edited) -> None:
    folder = edited(("agencies.yaml", BPBD, f"{BPBD}, {OFFICE}"))
    status, out, err = siaga("check", str(folder))
    assert status == 0
    assert out.startswith(f"{folder} is good: fire")
    assert err.startswith(f"WARNING: {folder}/menu.yaml:27:5: services.disaster.agencies: ")


def test_for_programs_both_are_there(edited: Edited) -> None:
    folder = edited(("agencies.yaml", BPBD, f"{BPBD}, {OFFICE}"))
    status, out, err = siaga("check", "--json", str(folder))
    found = json.loads(out)
    assert (status, err) == (0, "")
    assert found["ok"] is True
    assert found["problems"] == []
    assert [(w["line"], w["key"]) for w in found["warnings"]] == [
        (27, "services.disaster.agencies")
    ]


def test_what_leads_back_to_us_fails(edited: Edited) -> None:
    folder = edited(("agencies.yaml", '"113"', '"112"'))
    status, out, err = siaga("check", str(folder))
    assert (status, out) == (1, "")
    assert "112 is our own number" in err
    status, out, err = siaga("check", "--json", str(folder))
    assert (status, json.loads(out)["ok"], err) == (1, False, "")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    status, _, err = siaga("check", str(tmp_path / "none"))
    assert status == 2
    assert "does not exist" in err
