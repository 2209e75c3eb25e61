"""One mistake, one line: what is wrong in `config/`, where it stands and what to write instead."""

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.floors import differences
from routing import checking
from routing.configuration import Configuration
from routing.dialplan import Controller, contexts, extensions
from routing.document import Problem
from routing.endpoints import Listening, accounts, pjsip, queues
from routing.loading import FILES, ConfigurationError, load

CONFIG = Path(__file__).parents[2] / "config"
WRITTEN = (CONFIG.parent / "asterisk" / "dialplan.conf").read_text()
SHIPPED = {name: (CONFIG / name).read_text(encoding="utf-8") for name in FILES}

Edited = Callable[..., Path]


H = 'number: "113", ring_seconds: 20'
T = '# telkom: {gateway: "203.0.113.5:5060"}'
CONTROL = "control characters are not allowed; remove what is not plain text"

# Each: what it is, the lines as shipped, the lines instead, and what `siaga check` says.
MISTAKES = r"""
a number without quotes
- number: "113"
+ number: 113
agencies.yaml:27:36: agencies.damkar.hotlines.0.number: must be text (found '113'); put it in quotes: "113"

a number with a leading zero and no quotes
- "0761123"
+ 0761123
agencies.yaml:45:33: agencies.pln.hotlines.0.number: YAML would read this as a different number (found '0761123'); put it in quotes: "0761123"

a number that is a word
- "113"
+ damkar
agencies.yaml:27:36: agencies.damkar.hotlines.0.number: not a telephone number (found 'damkar'); write 2 to 15 digits in quotes, no + and no hyphens, as it is dialled: "0761123"

a number with its country
- "0761123"
+ "+62761123"
agencies.yaml:45:33: agencies.pln.hotlines.0.number: not a telephone number (found '+62761123'); write 2 to 15 digits in quotes, no + and no hyphens, as it is dialled: "0761123"

a number with a hyphen and no quotes
- "0761123"
+ 0761-123
agencies.yaml:45:33: agencies.pln.hotlines.0.number: not a telephone number (found '0761-123'); write 2 to 15 digits in quotes, no + and no hyphens, as it is dialled: "0761123"

a number that YAML would read as minutes
- "0761123"
+ 0761:123
agencies.yaml:45:33: agencies.pln.hotlines.0.number: YAML would read this as a different number (found '0761:123'); write 2 to 15 digits in quotes, no + and no hyphens, as it is dialled: "0761123"

seconds with a zero in front
- number: "113", ring_seconds: 20
+ number: "113", ring_seconds: 05
agencies.yaml:27:57: agencies.damkar.hotlines.0.ring_seconds: YAML would read this as a different number (found '05'); write it in digits, without quotes or a zero in front

hotlines of which none is left
-     hotlines:
-       - {name: bpbd-117, number: "117", ring_seconds: 20}
+     hotlines:
+       # - {name: bpbd-117, number: "117", ring_seconds: 20}
agencies.yaml:19:14: agencies.bpbd.hotlines: empty (found ''); remove `hotlines:` or add an entry

a time without quotes
- number: "113", ring_seconds: 20
+ number: "113", ring_seconds: 20, hours: [{opens: 10:00, closes: "16:00"}]
agencies.yaml:27:77: agencies.damkar.hotlines.0.hours.0.opens: YAML would read this as a different number (found '10:00'); put it in quotes: "10:00"

a time that does not exist
- number: "113", ring_seconds: 20
+ number: "113", ring_seconds: 20, hours: [{opens: "08:00", closes: "24:00"}]
agencies.yaml:27:94: agencies.damkar.hotlines.0.hours.0.closes: not a time of day (found '24:00'); write it as "07:30"

a day that does not exist
- number: "113", ring_seconds: 20
+ number: "113", ring_seconds: 20, hours: [{days: [monday], opens: "08:00", closes: "16:00"}]
agencies.yaml:27:77: agencies.damkar.hotlines.0.hours.0.days.0: not a choice here (found 'monday'); write one of: 'mon', 'tue', 'wed', 'thu', 'fri', 'sat' or 'sun'

a text for a number of seconds
- number: "113", ring_seconds: 20
+ number: "113", ring_seconds: "20"
agencies.yaml:27:57: agencies.damkar.hotlines.0.ring_seconds: must be a whole number (found '20'); write it in digits, without quotes

ringing too long
- number: "113", ring_seconds: 20
+ number: "113", ring_seconds: 41
agencies.yaml:27:57: agencies.damkar.hotlines.0.ring_seconds: too big (found '41'); write 40 or less

yes for true
- number: "113", ring_seconds: 20
+ number: "113", ring_seconds: 20, confirm: yes
agencies.yaml:27:70: agencies.damkar.hotlines.0.confirm: must be true or false (found 'yes'); write one of these two words, without quotes

both number and sip
- number: "113", ring_seconds: 20
+ number: "113", ring_seconds: 20, sip: "113@10.1.2.3"
agencies.yaml:27:9: agencies.damkar.hotlines.0: needs one target; give either `number` or `sip`

neither number nor sip
- number: "113", ring_seconds: 20
+ ring_seconds: 20
agencies.yaml:27:9: agencies.damkar.hotlines.0: needs one target; give either `number` or `sip`

sip and trunk
- number: "113", ring_seconds: 20
+ sip: "113@10.1.2.3", trunk: simulated
agencies.yaml:27:9: agencies.damkar.hotlines.0: a hotline with `sip` is called directly; remove `trunk`

a host name in sip
- number: "113", ring_seconds: 20
+ sip: "113@damkar.example"
agencies.yaml:27:33: agencies.damkar.hotlines.0.sip: not a SIP address (found '113@damkar.example'); write "113@10.1.2.3:5060": an address in digits, never a host name

a key with a slip
- number: "113", ring_seconds: 20
+ number: "113", ring_second: 20
agencies.yaml:27:43: agencies.damkar.hotlines.0.ring_second: unknown key (found '20'); did you mean ring_seconds?

a key of nothing
- number: "113", ring_seconds: 20
+ number: "113", ring_seconds: 20, colour: red
agencies.yaml:27:61: agencies.damkar.hotlines.0.colour: unknown key (found 'red'); remove it

a name with a capital
- name: damkar-113
+ name: Damkar-113
agencies.yaml:27:16: agencies.damkar.hotlines.0.name: not a name (found 'Damkar-113'); use small letters, digits and hyphens, at most 31

an agency with a capital
-   damkar:
+   Damkar:
agencies.yaml:23:3: agencies.Damkar: not a name; use small letters, digits and hyphens, at most 31

an agency without a name
-     name: Dinas Sosial
+     hotlines: []
agencies.yaml:32:3: agencies.dinas-sosial.name: missing; add `name:`

an agency with a line break in its name
- name: Dinas Sosial
+ name: "Dinas\nSosial"
agencies.yaml:33:11: agencies.dinas-sosial.name: not one line of plain text (found 'Dinas\nSosial'); write it again without tabs or line breaks

an agency with a hotline and nothing to say
-     spoken: {id: Damkar, en: the fire brigade}
agencies.yaml:23:3: agencies.damkar: an agency with hotlines needs the name a caller hears; add `spoken: {id: ..., en: ...}`

an agency without English
- {id: Damkar, en: the fire brigade}
+ {id: Damkar}
agencies.yaml:25:5: agencies.damkar.spoken: no text in en; add `en: ...`

a language that nobody speaks
- {id: Damkar, en: the fire brigade}
+ {id: Damkar, en: the fire brigade, de: Feuerwehr}
agencies.yaml:25:48: agencies.damkar.spoken.de: not a choice here (found 'Feuerwehr'); write one of: 'id' or 'en'

part of an agency that does not exist
- part_of: dinas-kesehatan
+ part_of: dinas-kesehata
agencies.yaml:54:14: agencies.psc-119.part_of: there is no agency dinas-kesehata (found 'dinas-kesehata'); did you mean dinas-kesehatan?

two hotlines of one name
- name: bpbd-117
+ name: polisi-110
agencies.yaml:20:16: agencies.bpbd.hotlines.0.name: the name polisi-110 is taken (found 'polisi-110'); give each hotline its own name

a hotline with the name of a sentence
- name: bpbd-117
+ name: operator
agencies.yaml:20:16: agencies.bpbd.hotlines.0.name: the name operator is taken (found 'operator'); give each hotline its own name

a trunk that does not exist
- number: "113", ring_seconds: 20
+ number: "113", ring_seconds: 20, trunk: telkom
agencies.yaml:27:68: agencies.damkar.hotlines.0.trunk: there is no trunk telkom (found 'telkom'); write one of: simulated

an empty list of hours
- number: "113", ring_seconds: 20
+ number: "113", ring_seconds: 20, hours: []
agencies.yaml:27:61: agencies.damkar.hotlines.0.hours: too short; write at least 1

an agency that does not exist
- agencies: [psc-119]
+ agencies: [psc-118]
menu.yaml:22:16: services.medical.agencies.0: there is no agency psc-118 (found 'psc-118'); did you mean psc-119?

a report to an agency that does not exist
- reports: [perkim]
+ reports: [kehutanan]
menu.yaml:34:15: services.fallen-tree.reports.0: there is no agency kehutanan (found 'kehutanan'); write one of: polresta, kodim-0301, satpol-pp, bpbd, dinas-kesehatan, damkar, pupr, perkim, dinas-sosial, pmi, dishub, pln, basarnas, psc-119

a word for a list
- agencies: [psc-119]
+ agencies: psc-119
menu.yaml:22:15: services.medical.agencies: must be a list (found 'psc-119'); write it in brackets, as in [a, b]

a key of the telephone bound twice
- key: "2"
+ key: "1"
menu.yaml:19:10: services.medical.key: key 1 is bound twice: also by services.fire.key (found '1'); give one of them a free key: 2

a key of the telephone without quotes
- key: "2"
+ key: 2
menu.yaml:19:10: services.medical.key: must be text (found '2'); put it in quotes: "2"

a key of the telephone with a zero in front
- key: "2"
+ key: 02
menu.yaml:19:10: services.medical.key: YAML would read this as a different number (found '02'); write one digit in quotes, as in "1"

a wait with a comma
- asks for 4 s.
- wait_seconds: 4
+ asks for 4 s.
+ wait_seconds: 4,5
menu.yaml:8:15: wait_seconds: must be a number (found '4,5'); use a decimal point: 4.5

a key of two digits
- key: "2"
+ key: "22"
menu.yaml:19:10: services.medical.key: not a key of a telephone (found '22'); write one digit in quotes, as in "1"

a priority below nought
- priority: 5
+ priority: -1
menu.yaml:30:15: services.fallen-tree.priority: too small (found '-1'); write 0 or more

a wait that is a word
- wait_seconds: 4
+ wait_seconds: long
menu.yaml:8:15: wait_seconds: must be a number (found 'long'); write it in digits, without quotes

a wait too long
- repeat_wait_seconds: 0.4
+ repeat_wait_seconds: 10.5
menu.yaml:10:22: repeat_wait_seconds: too big (found '10.5'); write 10.0 or less

the same language twice
- [id, en]
+ [id, id]
menu.yaml:5:1: languages: the same language twice; write [id, en]

one language
- [id, en]
+ [id]
menu.yaml:5:1: languages: too short; write at least 2

a spoken name that is a number
- id: kebakaran
+ id: 1
menu.yaml:16:18: services.fire.spoken.id: must be text (found '1'); put it in quotes: "1"

a spoken name of spaces
- id: kebakaran
+ id: "  "
menu.yaml:16:5: services.fire.spoken: no text in id; add `id: ...`

a prompt over two lines
- id: "Tekan angka, atau tunggu."
+ id: |
+       Tekan angka,
+       atau tunggu.
menu.yaml:66:9: prompts.repeat.id: not one line of plain text (found 'Tekan angka,\natau tunggu.\n'); write it again without tabs or line breaks

a prompt that is missing
-   accept:
-     id: "Panggilan darurat 112. Tekan 1 untuk menerima."
-     en: "Emergency call from 112. Press 1 to accept."
menu.yaml:61:1: prompts.accept: no text in id and en; add `id: ...`

a menu that names no choices
- id: "112 Pekanbaru: tekan {choices}."
+ id: "112 Pekanbaru: tekan angka."
menu.yaml:63:9: prompts.menu.id: the blanks in braces are not those of this prompt (found '112 Pekanbaru: tekan angka.'); write {choices} once and no other

a blank that nothing fills
- id: "Tekan angka, atau tunggu."
+ id: "Tekan {angka}, atau tunggu."
menu.yaml:66:9: prompts.repeat.id: the blanks in braces are not those of this prompt (found 'Tekan {angka}, atau tunggu.'); write it without braces

a prompt that does not exist
-   repeat:
+   repeats:
menu.yaml:65:3: prompts.repeats: not a choice here; write one of: 'menu', 'repeat', 'wrong', 'accept', 'hold-on', 'still-there', 'simulated-agency' or 'simulated-operator'

no operator on key 0
- operator: {key: "0", priority: 6, spoken: {id: petugas, en: operator}}
menu.yaml:5:1: operator: missing; add `operator:`

a group that is a number
- {key: "8", priority: 9}
+ 8
menu.yaml:54:15: cannot_speak: must be a group of keys (found '8'); write `key: value` lines under it

no operators
- operators:
-   - {account: operator-1, name: Operator 1}
-   - {account: operator-2, name: Operator 2}
+ operators: []
operators.yaml:4:1: operators: too short; write at least 1

a last hotline that does not exist
- last_hotline: polisi-110
+ last_hotline: polisi-11
operators.yaml:14:15: last_hotline: no last resort: there is no hotline polisi-11 (found 'polisi-11'); did you mean polisi-110?

no last hotline
- last_hotline: polisi-110
+ # last_hotline: polisi-110
operators.yaml:4:1: last_hotline: missing; add `last_hotline:`

a phone with the name of a trunk
- account: pengawas-1
+ account: simulated
operators.yaml:10:15: backup.0.account: the name simulated is taken by another phone, trunk or section (found 'simulated'); give each phone its own account

a phone with the name of our own section
- account: pengawas-1
+ account: from-trunk
operators.yaml:10:15: backup.0.account: the name from-trunk is taken by another phone, trunk or section (found 'from-trunk'); give each phone its own account

a phone with digits that are no text
- account: pengawas-1
+ account: 0811
operators.yaml:10:15: backup.0.account: YAML would read this as a different number (found '0811'); write a name that is more than digits, as in "operator-1"

a phone that could be a caller's number
- account: pengawas-1
+ account: "0761500"
operators.yaml:10:15: backup.0.account: an account of digits alone could be a caller's number, who is then refused (found '0761500'); put a word into it, as in operator-1

a phone with what carriers write for a hidden number
- account: pengawas-1
+ account: anonymous
operators.yaml:10:15: backup.0.account: carriers write anonymous for a caller who hides the number, who is then refused (found 'anonymous'); give the phone another account, as in operator-1

a number for the name of the last hotline
- last_hotline: polisi-110
+ last_hotline: 110
operators.yaml:14:15: last_hotline: must be text (found '110'); write the name of a hotline, such as polisi-110

no operator left in the list
- operators:
-   - {account: operator-1, name: Operator 1}
-   - {account: operator-2, name: Operator 2}
+ operators:
operators.yaml:4:11: operators: empty (found ''); add an entry

an overflow too early
- overflow_seconds: 25
+ overflow_seconds: 4
operators.yaml:11:19: overflow_seconds: too small (found '4'); write 5 or more

a key twice
- overflow_seconds: 25
+ overflow_seconds: 25
+ overflow_seconds: 30
operators.yaml:12:1: overflow_seconds: the key overflow_seconds stands twice (found '30'); keep one of the two

calls from nowhere
- ["127.0.0.1"]
+ []
site.yaml:5:1: incoming: too short; write at least 1

a called number without quotes
- # also_called: ["0761112"]
+ also_called: [0761112]
site.yaml:19:15: also_called.0: YAML would read this as a different number (found '0761112'); put it in quotes: "0761112"

a called number that is a pattern
- # also_called: ["0761112"]
+ also_called: ["_X."]
site.yaml:19:15: also_called.0: not a called number (found '_X.'); write it as the carrier sends it, in quotes, as in "0761112": digits, + only in front

a called number that is answered already
- # also_called: ["0761112"]
+ also_called: ["0761112", "+112"]
site.yaml:19:1: also_called: +112 is answered always; remove it

a called number twice
- # also_called: ["0761112"]
+ also_called: ["0761112", "0761112"]
site.yaml:19:1: also_called: a number stands twice; keep one of the two

a called number that is a hotline of ours
- # also_called: ["0761112"]
+ also_called: ["0761112", "113"]
site.yaml:19:26: also_called.1: 113 is the number of damkar-113, which we call ourselves (found '113'); remove it: a carrier that sends it to us must be told to take it there

our own number as a hotline
- "113"
+ "112"
agencies.yaml:27:36: agencies.damkar.hotlines.0.number: 112 is our own number: the carrier brings it back to us (found '112'); write the agency's own number

a trunk that leads nowhere
- # telkom: {gateway: "203.0.113.5:5060"}
+ telkom: {}
site.yaml:10:3: trunks.telkom: needs one way out; give either `gateway: "address:port"` or `simulated: true`

a simulated trunk with channels
- simulated: {simulated: true}
+ simulated: {simulated: true, channels: 30}
site.yaml:9:3: trunks.simulated: the simulation has no channels; remove `channels`

a trunk with channels in quotes
- # telkom: {gateway: "203.0.113.5:5060"}
+ telkom: {gateway: "203.0.113.5:5060", channels: "30"}
site.yaml:10:51: trunks.telkom.channels: must be a whole number (found '30'); write it in digits, without quotes

a second simulated trunk
- # telkom: {gateway: "203.0.113.5:5060"}
+ other: {simulated: true}
site.yaml:10:3: trunks.other: a second simulated trunk; keep one of them

a trunk with the name of our own section
- # telkom: {gateway: "203.0.113.5:5060"}
+ from-trunk: {gateway: "203.0.113.5"}
site.yaml:10:3: trunks.from-trunk: the name from-trunk is taken; give the trunk another name

a trunk with the name of a context of the dialplan
- # telkom: {gateway: "203.0.113.5:5060"}
+ ops: {gateway: "203.0.113.5"}
site.yaml:10:3: trunks.ops: the name ops is taken; give the trunk another name

a service with the name of a context of the dialplan
- fallen-tree:
+ joined:
menu.yaml:28:3: services.joined: the name joined is taken by the dialplan; choose another

an agency's telephone with the name of a context of the dialplan
- number: "113"
+ sip: "ops@10.1.2.3"
agencies.yaml:27:33: agencies.damkar.hotlines.0.sip: the name ops is taken by the dialplan (found 'ops@10.1.2.3'); let the agency's telephone have another name

a way to call back that does not exist
- # callbacks: {trunk: telkom}
+ callbacks: {trunk: telkom}
site.yaml:22:20: callbacks.trunk: there is no trunk telkom (found 'telkom'); write one of: simulated

a way to call back that leads to nobody
- # callbacks: {trunk: telkom}
+ callbacks: {trunk: simulated}
site.yaml:22:20: callbacks.trunk: the simulation plays no citizens: nobody can be called back over it (found 'simulated'); name a carrier's trunk, or remove `callbacks`

a way out that does not exist
- outgoing: [simulated]
+ outgoing: [simulated, telkom]
site.yaml:13:23: outgoing.1: there is no trunk telkom (found 'telkom'); write one of: simulated

trunks as a list
-   simulated: {simulated: true}
+   - simulated
site.yaml:8:1: trunks: must be a group of keys; write `key: value` lines under it

a simulated operator without a simulated trunk
- simulated: {simulated: true}
+ simulated: {gateway: "203.0.113.5"}
site.yaml:16:21: simulated_operator: a simulated operator needs a simulated trunk to be reached over (found 'true'); write `simulated_operator: false` to go live

an anchor
- ["127.0.0.1"]
+ &here ["127.0.0.1"]
site.yaml:5:11: anchors and aliases (& and *) are not allowed; write the value out in full

an alias
- ["127.0.0.1"]
+ [*here]
site.yaml:5:12: anchors and aliases (& and *) are not allowed; write the value out in full

a tag
- ["127.0.0.1"]
+ !!python/object:os.system ["127.0.0.1"]
site.yaml:5:11: tags (tag:yaml.org,2002:python/object:os.system) are not allowed; write the value out in full

a second document
- outgoing: [simulated]
+ ---
+ outgoing: [simulated]
site.yaml:13:1: a second document (---) is not allowed; write the value out in full

a tab
-   simulated: {simulated: true}
+ 	simulated: {simulated: true}
site.yaml:9:1: a tab; indent with spaces

a tab after spaces
-   simulated: {simulated: true}
+   simulated: {simulated: true}
+ 	 other: {gateway: "203.0.113.5"}
site.yaml:10:1: a tab; indent with spaces

a sign with a meaning of its own
- outgoing: [simulated]
+ outgoing: @simulated
site.yaml:13:11: a value cannot begin with @; put the value in quotes

a bracket left open
- outgoing: [simulated]
+ outgoing: [simulated
site.yaml:16:1: did not find expected ',' or ']'; mend the YAML between line 13 and here

a quote left open
- ["127.0.0.1"]
+ ["127.0.0.1]
site.yaml:10:24: did not find expected ',' or ']'; mend the YAML between line 5 and here

a list as a key
- outgoing: [simulated]
+ outgoing: [simulated]
+ ? [a]
+ : b
site.yaml:14:3: a key must be a word; write `key: value`

a key with an escape
- outgoing: [simulated]
+ outgoing: [simulated]
+ "\e[2J\n": 1
site.yaml:14:1: \x1b[2J\n: unknown key (found '1'); remove it

a key of nothing at all
- simulated_operator: true
+ simulated_operator:
site.yaml:16:20: simulated_operator: must be true or false (found ''); write one of these two words, without quotes
"""  # noqa: E501 - one problem, one line


def problems(folder: Path, own: Listening | None = None) -> tuple[Problem, ...]:
    """Return what is wrong in a folder that cannot be loaded."""
    with pytest.raises(ConfigurationError) as caught:
        load(folder, own)
    return caught.value.problems


@pytest.mark.parametrize(
    "mistake", MISTAKES.strip().split("\n\n"), ids=lambda text: text.partition("\n")[0]
)
def test_a_mistake_gives_one_line_with_its_place_and_its_remedy(
    mistake: str, edited: Edited
) -> None:
    _, *edit, said = mistake.split("\n")
    old, new = ("\n".join(line[2:] for line in edit if line[0] == sign) for sign in "-+")
    folder = edited((said.partition(":")[0], old, new))
    (problem,) = problems(folder)
    assert str(problem) == f"{folder}/{said}"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  simulated: {", "\u00a0 simulated: {", "9:1: a no-break space"),
        ("outgoing: [", "outgoing:\u3000[", "13:10: an odd kind of space"),
        ("# Every hotline", "\u00a0# Every hotline", "12:1: a no-break space"),
    ],
)
def test_what_only_looks_like_a_space_is_told_where_it_stands(
    old: str, new: str, said: str, edited: Edited
) -> None:
    folder = edited(("site.yaml", old, new))
    (problem,) = problems(folder)
    assert str(problem) == f"{folder}/site.yaml:{said}; delete it and type a plain space"


def test_an_odd_space_in_a_comment_harms_nobody(edited: Edited) -> None:
    assert load(edited(("site.yaml", "# Every hotline", "#\u00a0Every\u3000hotline")))


ODD = [
    "a;b",
    "a,b",
    "[a]",
    "a](b",
    "${a}",
    "a=>b",
    "a\nb",
    "a\n",
    "\x1b[2J",
    "\0",
    "a\tb",
    "é",
    " ",
    "",
]
UNSEEN = ["a\nb", "a\n", "a\r", "\x1b[2J", "\0", "\t", "\x85", "\u2028", "\u202e"]
REFUSED = {
    "not a name to show": [*ODD, 'a "b"', "a\\", "-", "a" * 41],
    "not a name": [*ODD, "A", "a b", "-a", "a" * 32, "../a"],
    "not a gateway": [
        *(f"203.0.113.5{odd}" for odd in ODD if odd),
        *("sbc.telkom.example", "203.0.113", "203.0.113.999", "203.0.113.05"),
        *("203.0.113.5:99999", "203.0.113.5:65536", "203.0.113.5:0", "203.0.113.5:"),
        "\u0662\u0660\u0663.0.113.5",
    ],
    "not an address": [
        *(f"127.0.0.1{odd}" for odd in ODD if odd),
        *("sbc.telkom.example", "127.0.0", "127.0.0.256", "::1", "127.0.0.1:5060"),
        *("127.0.0.1/33", "0.0.0.0/0", "0.0.0.0/7", "127.0.0.1/"),
    ],
    "not a called number": [*(f"0761112{odd}" for odd in ODD if odd), "", "12", "_112", "1+12"],
    "not one line of plain text": UNSEEN,
}


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("operators.yaml", "name: Operator 1}", "name: {}}}", "not a name to show"),
        ("operators.yaml", "account: pengawas-1", "account: {}", "not a name"),
        ("site.yaml", T, "telkom: {{gateway: {}}}", "not a gateway"),
        ("site.yaml", '"127.0.0.1"', "{}", "not an address"),
        ("site.yaml", '# also_called: ["0761112"]', "also_called: [{}]", "not a called number"),
        ("menu.yaml", "id: kebakaran", "id: {}", "not one line of plain text"),
        ("menu.yaml", '"English, 9."', "{}", "not one line of plain text"),
        ("agencies.yaml", "name: Dinas Sosial", "name: {}", "not one line of plain text"),
    ],
)
def test_what_could_break_out_of_a_line_of_asterisk_is_refused(
    file: str, old: str, new: str, message: str, edited: Edited
) -> None:
    for value in REFUSED[message]:
        folder = edited((file, old, new.format(json.dumps(value))))
        (problem,) = problems(folder)
        assert problem.message == message
        assert str(problem).isprintable()


def test_what_rings_too_long_before_an_operator_is_refused(edited: Edited) -> None:
    (problem,) = problems(edited(("agencies.yaml", H, 'number: "113", ring_seconds: 21')))
    assert Path(problem.file).name == "menu.yaml"
    assert (problem.line, problem.key) == (32, "services.fallen-tree.agencies")
    assert problem.message == "rings 41 s before an operator; at most 40 s"
    assert problem.remedy.startswith("shorten ring_seconds in agencies.yaml")


def test_more_hops_than_the_dialplan_walks_are_refused(edited: Edited) -> None:
    hotline = '      - {{name: {}, number: "119", ring_seconds: {}}}'
    nine = "\n".join(hotline.format(f"psc-{n}", 5) for n in range(9))
    (problem,) = problems(edited(("agencies.yaml", hotline.format("psc-119", 20), nine)))
    assert Path(problem.file).name == "menu.yaml"
    assert (problem.line, problem.key) == (22, "services.medical.agencies")
    assert problem.message == "makes 9 hops; the dialplan walks at most 8"


def test_the_parts_of_a_problem_can_be_read_one_by_one(edited: Edited) -> None:
    folder = edited(("agencies.yaml", '"113", ring', '"113", rings'))
    (problem,) = problems(folder)
    assert problem == Problem(
        file=f"{folder}/agencies.yaml",
        line=27,
        column=43,
        key="agencies.damkar.hotlines.0.rings_seconds",
        value="'20'",
        message="unknown key",
        remedy="did you mean ring_seconds?",
    )


def test_a_problem_without_key_and_value_is_still_one_line() -> None:
    problem = Problem("config/site.yaml", 1, 1, "", "", "the file is empty", "restore it")
    assert str(problem) == "config/site.yaml:1:1: the file is empty; restore it"


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"", "1:1: the file is empty; restore it from version control"),
        (b"\n# nothing\n", "1:1: the file is empty; restore it from version control"),
        (b"incoming:\n  - \xff\n", "2:5: not UTF-8 text; save it as UTF-8"),
        ("incoming: 1".encode("utf-16"), "1:1: not UTF-8 text; save it as UTF-8"),
        (b"#" * (2 << 20), "1:1: larger than 1048576 bytes; split or shorten it"),
        (b"[" * 100_000, "1:21: nested too deep; write the value out in full"),
        (b"- a\n- b\n", "1:1: must be a group of keys; write `key: value` lines under it"),
        (
            b"\xc3\xa9: \x1b\n",
            f"1:4: unacceptable character #x001b: {CONTROL}",
        ),
        (
            b"trunks: ~\x0b",
            f"1:10: unacceptable character #x000b: {CONTROL}",
        ),
    ],
    ids=["empty", "comments", "latin-1", "utf-16", "2 MB", "deep", "a list", "escape", "vt"],
)
def test_a_file_that_is_no_configuration_gives_one_line(
    raw: bytes, line: str, edited: Edited
) -> None:
    folder = edited()
    (folder / "site.yaml").write_bytes(raw)
    (problem,) = problems(folder)
    assert str(problem) == f"{folder}/site.yaml:{line}"


def test_a_missing_file_is_asked_for(edited: Edited) -> None:
    folder = edited()
    (folder / "site.yaml").unlink()
    (problem,) = problems(folder)
    assert str(problem) == (
        f"{folder}/site.yaml:1:1: cannot be read: No such file or directory; put the file there"
    )


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["a folder", "a pipe"])
def test_what_stands_in_the_place_of_a_file_and_is_none_is_not_waited_for(
    make: Callable[[Path], None], edited: Edited
) -> None:
    folder = edited()
    (folder / "site.yaml").unlink()
    make(folder / "site.yaml")
    (problem,) = problems(folder)
    said = "not a file; put a file of this name there"
    assert str(problem) == f"{folder}/site.yaml:1:1: {said}"


def test_a_folder_with_nothing_in_it_lacks_four_files(tmp_path: Path) -> None:
    assert [Path(p.file).name for p in problems(tmp_path)] == list(FILES)


def test_every_problem_of_a_run_is_reported_in_the_order_of_the_files(edited: Edited) -> None:
    folder = edited(
        ("site.yaml", "simulated_operator: true", "simulated_operator: perhaps"),
        ("operators.yaml", "overflow_seconds: 25", "overflow_second: 25"),
        ("menu.yaml", 'key: "4"', "key: 4"),
        ("menu.yaml", "wait_seconds: 4\n", "wait_seconds: 4\nwait_seconds: 05\n"),
        ("agencies.yaml", '"0761123"', "0761123"),
        ("agencies.yaml", '"110", ring_seconds: 20', '"110", ring_seconds: 99'),
    )
    assert [f"{Path(p.file).name}:{p.line} {p.key}" for p in problems(folder)] == [
        "agencies.yaml:11 agencies.polresta.hotlines.0.ring_seconds",
        "agencies.yaml:45 agencies.pln.hotlines.0.number",
        "menu.yaml:9 wait_seconds",
        "menu.yaml:9 wait_seconds",
        "menu.yaml:30 services.fallen-tree.key",
        "operators.yaml:4 overflow_seconds",
        "operators.yaml:11 overflow_second",
        "site.yaml:16 simulated_operator",
    ]


SHORT = ('"110", ring_seconds: 20', '"110", ring_seconds: 1')


def test_a_mistake_in_one_file_hides_none_between_the_values_of_the_others(
    edited: Edited,
) -> None:
    folder = edited(
        ("agencies.yaml", *SHORT),
        ("menu.yaml", 'key: "2"', 'key: "1"'),
        ("menu.yaml", "agencies: [psc-119]", "agencies: [psc-118]"),
        ("menu.yaml", "Tekan angka, atau", "Tekan {angka}, atau"),
        ("operators.yaml", "last_hotline: polisi-110", "last_hotline: polisi-11"),
        ("operators.yaml", "pengawas-1", "simulated"),
        ("site.yaml", "outgoing: [simulated]", "outgoing: [simulate]"),
    )
    assert [f"{Path(p.file).name}:{p.line} {p.message}" for p in problems(folder)] == [
        "agencies.yaml:11 too small",
        "menu.yaml:19 key 1 is bound twice: also by services.fire.key",
        "menu.yaml:22 there is no agency psc-118",
        "menu.yaml:66 the blanks in braces are not those of this prompt",
        "operators.yaml:10 the name simulated is taken by another phone, trunk or section",
        "operators.yaml:14 no last resort: there is no hotline polisi-11",
        "site.yaml:13 there is no trunk simulate",
    ]


@pytest.mark.parametrize(
    "edit",
    [
        ("agencies.yaml", *SHORT),
        ("agencies.yaml", "  psc-119:", "  PSC-119:"),
        ("agencies.yaml", "name: polisi-110", "name: Polisi-110"),
        ("agencies.yaml", "name: polisi-110", "nam: polisi-110"),
        ("agencies.yaml", "agencies:\n", "agency:\n"),
        ("agencies.yaml", "agencies:\n", "agencies: [\n"),
        ("agencies.yaml", "part_of: dinas-kesehatan", "part_of: dinas"),
        ("menu.yaml", "wait_seconds: 4\n", "wait_seconds: four\n"),
        ("operators.yaml", "account: pengawas-1", "account: Pengawas"),
        ("site.yaml", "trunks:\n", "trunk:\n"),
        ("site.yaml", "simulated: {simulated: true}", "simulated: {simulated: yes}"),
        ("site.yaml", "trunks:\n", "trunks: {\n"),
    ],
    ids=lambda edit: f"{edit[1].strip()} to {edit[2].strip()}",
)
def test_a_name_in_a_file_with_a_mistake_is_missed_by_no_other_file(
    edit: tuple[str, str, str], edited: Edited
) -> None:
    assert {Path(p.file).name for p in problems(edited(edit))} == {edit[0]}


def test_the_last_resort_has_no_hours(edited: Edited) -> None:
    hours = '"110", hours: [{opens: "08:00", closes: "16:00"}],'
    (problem,) = problems(edited(("agencies.yaml", '"110",', hours)))
    assert Path(problem.file).name == "operators.yaml"
    assert problem.message == "the last resort must always be open, and polisi-110 has hours"
    assert problem.remedy == "name another hotline, or remove its `hours` in agencies.yaml"


OWN = Listening("192.0.2.10:5060", "127.0.0.2:5070", 10000, 14999)
EVERYWHERE = Listening("0.0.0.0:5060", "127.0.0.2:5070", 10000, 14999)


@pytest.mark.parametrize(
    ("gateway", "own", "leads_back"),
    [
        ("192.0.2.10", OWN, True),
        ("192.0.2.10:5060", OWN, True),
        ("127.0.0.2:5070", OWN, True),
        ("127.0.0.9", EVERYWHERE, True),
        ("192.0.2.10:5061", OWN, False),
        ("192.0.2.11", OWN, False),
        ("192.0.2.11", EVERYWHERE, False),
    ],
)
def test_a_way_out_that_leads_back_to_this_machine_is_refused(
    gateway: str, own: Listening, leads_back: bool, edited: Edited
) -> None:
    folder = edited(
        ("site.yaml", T, f'telkom: {{gateway: "{gateway}"}}'),
        ("agencies.yaml", H, f'sip: "113@{gateway}"'),
        ("site.yaml", "simulated_operator: true", "simulated_operator: false"),
    )
    message = f"leads back to this machine: {gateway} is an address of its own"
    found = [(p.key, p.message) for p in problems(folder, own)] if leads_back else []
    assert load(folder)
    if not leads_back:
        assert load(folder, own)
    assert found == [
        ("agencies.damkar.hotlines.0.sip", message),
        ("trunks.telkom.gateway", message),
    ] * int(leads_back)


@pytest.mark.parametrize(
    ("edits", "rings"),
    [
        ([("site.yaml", "[simulated]", "[telkom, simulated]")], "key 1 rings damkar-113"),
        ([("agencies.yaml", H, f"{H}, trunk: telkom")], "key 1 rings damkar-113"),
        ([("agencies.yaml", H, 'sip: "113@10.1.2.3"')], "key 1 rings damkar-113"),
        ([("agencies.yaml", '"110",', '"110", trunk: telkom,')], "key 7 rings polisi-110"),
    ],
)
def test_a_recording_is_no_operator_where_a_real_telephone_rings(
    edits: list[tuple[str, str, str]], rings: str, edited: Edited
) -> None:
    folder = edited(("site.yaml", T, T.removeprefix("# ")), *edits)
    (problem,) = problems(folder, OWN)
    assert problem.key == "simulated_operator"
    said = f"a recording would answer those who need a person: {rings}, which is real"
    assert (problem.message, problem.remedy) == (said, "write `simulated_operator: false`")
    # What was put in force by an earlier version still starts.
    assert load(folder).site.simulated_operator


def test_a_way_out_that_no_key_uses_rings_nobody(edited: Edited) -> None:
    assert load(edited(("site.yaml", T, T.removeprefix("# "))), OWN)


def test_who_answers_in_the_agencies_place_and_who_drills_are_no_callers(edited: Edited) -> None:
    folder = edited(("site.yaml", '["127.0.0.1"]', '["203.0.113.5", "127.0.0.0/8"]'))
    simulation, drill, browser = problems(folder, OWN)
    assert {(x.line, x.key) for x in (simulation, drill, browser)} == {(5, "incoming.1")}
    assert simulation.message == "holds 127.0.0.2, where the simulation of the agencies calls from"
    assert drill.message == "holds 127.0.0.9, where a drill calls from"
    assert browser.message == "holds 127.0.0.5, where the telephone in a browser calls from"


def test_a_loop_is_told_beside_a_file_that_cannot_be_read(edited: Edited) -> None:
    folder = edited(
        ("site.yaml", '["127.0.0.1"]', '["127.0.0.1/24"]'), ("agencies.yaml", "agencies:\n", "a:\n")
    )
    assert [p.key for p in problems(folder, OWN)] == ["agencies", "a", *["incoming.0"] * 3]


def test_a_key_bound_when_none_is_free_cannot_be_given_another(edited: Edited) -> None:
    more = (
        '  flood:\n    key: "1"\n    priority: 5\n'
        "    spoken: {id: banjir, en: flood}\n    agencies: [bpbd]\n"
    )
    (problem,) = problems(edited(("menu.yaml", "services:\n", f"services:\n{more}")))
    assert problem.remedy == "give one of them a free key: none is free, remove a service"


def test_a_trunk_and_the_endpoint_of_a_sip_hotline_cannot_share_a_name(edited: Edited) -> None:
    folder = edited(
        ("agencies.yaml", H, 'sip: "113@10.1.2.3"'),
        ("site.yaml", T, 'sip-damkar-113: {gateway: "203.0.113.5"}'),
        ("operators.yaml", "pengawas-1", "sip-damkar-113"),
    )
    assert [p.message for p in problems(folder)] == [
        "the name sip-damkar-113 is taken by another phone, trunk or section",
        "the name sip-damkar-113 is taken",
    ]


def test_a_second_trunk_does_not_count_as_ringing_twice(edited: Edited) -> None:
    folder = edited(
        ("site.yaml", "# telkom", "telkom"),
        ("site.yaml", "outgoing: [simulated]", "outgoing: [simulated, telkom]"),
    )
    assert load(folder).site.outgoing == ("simulated", "telkom")


def test_line_ends_of_windows_a_mark_at_the_start_and_a_leading_dash_line_are_no_mistake(
    edited: Edited,
) -> None:
    folder = edited()
    text = SHIPPED["site.yaml"].replace("\n", "\r\n")
    (folder / "site.yaml").write_bytes(f"\ufeff---\r\n{text}".encode())
    assert load(folder) == load(CONFIG)


def check(folder: Path) -> None:
    """Prove and compile the folder, or hold that each problem can be found and mended."""
    try:
        configuration = checking.check(folder, None, differences).configuration
    except ConfigurationError as error:
        found = error.problems
    else:
        check_compiled(configuration)
        return
    assert found
    for problem in found:
        assert problem.line >= 1
        assert problem.column >= 1
        assert problem.message
        assert problem.remedy
        assert str(problem).isprintable()


def check_compiled(configuration: Configuration) -> None:
    """Hold that nothing in the compiled text can begin a comment or another line."""
    secrets = dict.fromkeys(accounts(configuration), "secret")
    listening = Listening("127.0.0.1:5060", "127.0.0.2:5070", 10000, 14999)
    compiled = (
        extensions(configuration, Controller("agi://127.0.0.1:4573/menu"), WRITTEN, "v1"),
        contexts(configuration, WRITTEN, "v1"),
        pjsip(configuration, listening, secrets),
        queues(configuration),
    )
    for text in compiled:
        for line in text.removeprefix("; Compiled by").splitlines():
            assert line.isascii()
            assert line.isprintable()
            assert ";" not in line


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make one copy of the shipped files for all examples: each puts back what it changed."""
    return shutil.copytree(CONFIG, tmp_path_factory.mktemp("scratch") / "config")


def check_text(scratch: Path, name: str, text: str) -> None:
    """Do the same for the shipped configuration with one file of another text."""
    (scratch / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        check(scratch)
    finally:
        (scratch / name).write_text(SHIPPED[name], encoding="utf-8")


YAML_ISH = st.lists(
    st.one_of(
        st.sampled_from(
            ["\n", "  ", "- ", ": ", "? ", "{", "}", "[", "]", ",", '"', "'", "#", "&a"]
        ),
        st.sampled_from(
            ["*a", "!!str ", "---\n", "...\n", "|\n", ">-\n", "%YAML 1.1\n", "\t", "<<"]
        ),
        st.sampled_from(
            ["~", "0", "07", "1.5", "1e9", "10:00", "true", "agencies", "trunks", "id"]
        ),
        st.characters(),
    ),
    max_size=40,
).map("".join)


@settings(derandomize=True, deadline=None, max_examples=80)
@given(name=st.sampled_from(list(FILES)), text=YAML_ISH)
def test_whatever_stands_in_a_file_is_loaded_or_refused_with_places(
    scratch: Path, name: str, text: str
) -> None:
    check_text(scratch, name, text)


@settings(derandomize=True, deadline=None, max_examples=80)
@given(name=st.sampled_from(list(FILES)), text=YAML_ISH, at=st.floats(0, 1))
def test_whatever_is_put_into_a_shipped_file_is_loaded_or_refused_with_places(
    scratch: Path, name: str, text: str, at: float
) -> None:
    whole = SHIPPED[name]
    cut = int(at * len(whole))
    check_text(scratch, name, whole[:cut] + text + whole[cut:])


def mutated(text: str, chance: random.Random) -> str:
    """Return the text with a few of its lines and characters lost, doubled or replaced."""
    for _ in range(chance.randint(1, 3)):
        parts = text.splitlines(keepends=True) if chance.random() < 0.5 else list(text)
        i, j = chance.randrange(len(parts)), chance.randrange(len(parts))
        parts[i : i + 1] = chance.choice([[], [parts[i]] * 2, [parts[j]]])
        text = "".join(parts)
    return text


@settings(derandomize=True, deadline=None, max_examples=150)
@given(name=st.sampled_from(list(FILES)), chance=st.randoms(use_true_random=False))
def test_a_shipped_file_with_a_slip_is_loaded_or_refused_with_places(
    scratch: Path, name: str, chance: random.Random
) -> None:
    check_text(scratch, name, mutated(SHIPPED[name], chance))
