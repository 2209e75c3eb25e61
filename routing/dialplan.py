"""Values and the written dialplan into the compiled one: versions, fences, static menu, far ends.

Law 1: what is compiled here says the same as `routing.plan`; hours become Asterisk's own.
Law 2: only names, numbers and seconds that the loader has checked are written: none needs quotes.
Law 3: a call stays in the contexts of the version it came in with. Asterisk goes on by context and
priority number after a reload (pbx.c:6462), so a version's contexts never change and stay loaded.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from routing.agencies import WEEKDAYS, Hotline, Hours, Weekday
from routing.configuration import Configuration
from routing.plan import hops_of, service_hotlines

ENTRANCES = ("from-trunk", "from-operators", "drill", "reject", "desk", "simulated")
"""What endpoints and orders name: each context exists once, and leads into the newest version."""

_SECTION = re.compile(r"^\[([a-z-]+)\]$.*?(?=^\[|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Controller:
    """Where the dialplan finds the controller, and how long a floor may be quiet.

    `stand_ins` is how many stand-ins may run at once. `test_word` is what a call of ours says, in
    its header X-Siaga-Test, to count as a test; no call is one while it is empty.
    """

    agi_url: str
    quiet_seconds: float = 2.5
    stand_ins: int = 6
    test_word: str = ""


def extensions(
    configuration: Configuration, controller: Controller, written: str, version: str
) -> str:
    """Return the globals and the entrances, which lead into `version`.

    `written` is the text of `asterisk/dialplan.conf`.
    """
    compiled = _text(_globals(configuration, controller), _simulated(configuration))
    everything = contexts_of(written + _contexts(configuration))
    called = {"from-trunk": _text(_also_called(configuration))}
    entrances = (
        text + called.get(name, "") for name, text in _sections(written) if name in ENTRANCES
    )
    return _HEAD + _versioned(compiled + "".join(entrances), everything, version)


def contexts(configuration: Configuration, written: str, version: str) -> str:
    """Return the contexts of `version`: all that are written or compiled, but the entrances."""
    compiled = _contexts(configuration)
    inside = "".join(text for name, text in _sections(written) if name not in ENTRANCES)
    return _HEAD + _versioned(inside + compiled, contexts_of(written + compiled), version)


def contexts_of(text: str) -> tuple[str, ...]:
    """Return the names of the contexts in a dialplan, in order."""
    return tuple(name for name, _ in _sections(text))


def staged(configuration: Configuration, version: str, known: Collection[str]) -> str:
    """Return the way into a version that is not in force yet: for a drill, by its static menu.

    `known` are the numbers that the simulation in force answers for already.
    """
    new = sorted({h.dialled for h in configuration.agencies.hotlines()} - {*known})
    answer = f"Gosub(simulated-answer-{version},s,1(simulated-operator))"
    lines = (
        f"[drill]\nexten => staged-static,1,Set(__DRILL=judge-{version})",
        f" same => n,Set(FLOOR=stand-in)\n same => n,Goto(emergency-{version},s,1)",
        "[simulated]",
        *(f"exten => {number},1,{answer}" for number in new),
    )
    return _HEAD + "".join(f"{line}\n" for line in lines)


def include(newest: str, *earlier: str) -> str:
    """Return the lines that make Asterisk read further files.

    One that is missing ends the reading there and then, and what was read comes into force
    (config.c, process_text_line): so the newest comes first, and the others are only tried.
    """
    earlier_lines = "".join(f'#tryinclude "{path}"\n' for path in earlier)
    return f'\n#include "{newest}"\n{earlier_lines}'


_HEAD = "; Compiled by `siaga apply`. Changes here are overwritten.\n"


def _sections(written: str) -> Iterator[tuple[str, str]]:
    """Yield each context's name and text; what is before the first is left out."""
    for section in _SECTION.finditer(written):
        yield section[1], section[0]


def _versioned(text: str, names: Sequence[str], version: str) -> str:
    """Give each context the version's name after its own, and wherever it is named.

    Comments are left out: they are for who reads `asterisk/dialplan.conf`.
    """
    inside = sorted((name for name in names if name not in ENTRANCES), key=len, reverse=True)
    named = re.compile(rf"(?<![\w-])({'|'.join(inside)})(?![\w-])")

    lines = (line.partition(";")[0].rstrip() for line in text.split("\n"))
    return "\n".join(named.sub(rf"\g<1>-{version}", line) for line in lines if line)


def _contexts(configuration: Configuration) -> str:
    return _text(
        _fences(configuration),
        static_keys(configuration),
        _last_hotline(configuration),
        _desk_hotlines(configuration),
    )


def _text(*parts: Iterator[str]) -> str:
    return "".join(f"{line}\n" for part in parts for line in part)


def _globals(c: Configuration, controller: Controller) -> Iterator[str]:
    simulated = [name for name, trunk in c.site.trunks.items() if trunk.simulated]
    yield "[globals]"
    yield f"AGI_URL = {controller.agi_url}"
    yield f"QUIET_SECONDS = {controller.quiet_seconds}"
    yield f"STAND_INS = {controller.stand_ins}"
    yield f"TEST_WORD = {controller.test_word}"
    yield f"NO_CHOICE_PRIO = {c.menu.no_choice.priority}"
    yield f"OVERFLOW_SECONDS = {c.operators.overflow_seconds}"
    yield f"SIMULATED_OPERATOR = {int(c.site.simulated_operator)}"
    yield f"SIMULATED_TRUNK = {simulated[0] if simulated else 'none'}"
    callbacks = c.site.callbacks
    yield f"CALLBACK_TRUNK = {callbacks.trunk if callbacks else ''}"
    # A part of the pattern in `desk-order`: p stands for +.
    yield f"CALLBACK_ABROAD = {'|p[1-9][0-9]{6,14}' if callbacks and callbacks.abroad else ''}"


def _also_called(c: Configuration) -> Iterator[str]:
    """Let in what a carrier is known to call us, and send back what it was to take to a hotline."""
    for number in c.site.also_called:
        yield f"exten => {number},1,Goto(emergency,s,1)"
    for number in sorted({h.number for h in c.agencies.hotlines() if h.number}):
        yield f"exten => {number},1,Hangup(1)"


def _fences(c: Configuration) -> Iterator[str]:
    """List what may be dialled: nothing else can be, whatever a plan says."""
    hotlines = c.agencies.hotlines()
    owners = {h.dialled: name for name, h in reversed(_owned(c))}
    yield "[hotline-allow]"
    for number, agency in sorted(owners.items()):
        yield f"exten => {number},1,Return({agency})"
    yield "[trunk-allow]"
    for trunk in sorted({*c.site.trunks, *(h.endpoint for h in hotlines if h.endpoint)}):
        yield f"exten => {trunk},1,NoOp()"
    yield "[phone-allow]"
    for phone in c.operators.phones():
        yield f"exten => {phone.account},1,NoOp()"


def _owned(c: Configuration) -> list[tuple[str, Hotline]]:
    """Return every hotline with the agency whose it is, in the order of the file."""
    return [(name, h) for name, agency in c.agencies.agencies.items() for h in agency.hotlines]


def static_keys(c: Configuration) -> Iterator[str]:
    """One extension a key, named `k` and the key so that no caller can dial it."""
    menu = c.menu
    yield "[static-keys]"
    for name, service in menu.services.items():
        yield from _static_choice(service.key, name, service.priority)
        for hotline in service_hotlines(c, name):
            yield from _static_hops(c, hotline)
        yield " same => n,Goto(walk-plan,s,1)"
    for key in (menu.operator.key, "*", "#"):
        yield from _static_choice(key, "operator", menu.operator.priority)
        yield " same => n,Goto(ops,s,1)"
    yield from _static_choice(menu.cannot_speak.key, "cannot-speak", menu.cannot_speak.priority)
    yield " same => n,Goto(ops,s,1)"
    english = menu.languages[1]
    # Once only: whoever is in the second language already has pressed a key that means nothing.
    again = f'$["${{CHANNEL(language)}}" = "{english}"]?static-menu,s,again'
    yield f"exten => k{menu.english.key},1,GotoIf({again})"
    yield f" same => n,Set(CHANNEL(language)={english})"
    yield " same => n,Set(SAY=menu)"
    yield " same => n,Goto(static-menu,s,try)"


def _static_choice(key: str, name: str, priority: int) -> Iterator[str]:
    yield f"exten => k{key},1,Set(PLAN_ID={name})"
    yield f" same => n,Set(PLAN_PRIO={priority})"


def _static_hops(c: Configuration, hotline: Hotline) -> Iterator[str]:
    hops = [
        f"static-hop,s,1({hop.number},{hop.trunk},{hop.ring_seconds},{int(hop.confirm)})"
        for hop in hops_of(c, hotline)
    ]
    if hotline.hours is None:
        yield from (f" same => n,Gosub({hop})" for hop in hops)
        return
    yield " same => n,Set(OPEN=0)"
    for window in hotline.hours:
        for span in asterisk_times(window):
            yield f" same => n,ExecIfTime({span}?Set(OPEN=1))"
    yield from (f" same => n,GosubIf($[${{OPEN}} = 1]?{hop})" for hop in hops)


def asterisk_times(window: Hours) -> Iterator[str]:
    """Yield the window as `times,weekdays,mdays,months,zone` of ExecIfTime.

    Asterisk's times include their last minute and cannot cross midnight (pbx_timing.c), so the
    last minute is left out, and a window that crosses becomes two.
    """
    if not window.crosses_midnight:
        yield _span(window.opens, _minute_before(window.closes), window.days)
        return
    yield _span(window.opens, "23:59", window.days)
    if window.closes != "00:00":
        following = tuple(WEEKDAYS[(WEEKDAYS.index(day) + 1) % 7] for day in window.days)
        yield _span("00:00", _minute_before(window.closes), following)


def _span(first: str, last: str, days: tuple[Weekday, ...]) -> str:
    return f"{first}-{last},{'&'.join(days)},*,*,Asia/Jakarta"


def _minute_before(clock: str) -> str:
    hours, minutes = divmod(int(clock[:2]) * 60 + int(clock[3:]) - 1, 60)
    return f"{hours:02}:{minutes:02}"


def _last_hotline(c: Configuration) -> Iterator[str]:
    """Ring the number behind all operators; over another trunk only if the first leads nowhere.

    The caller may leave it by 0 while it rings and by *0 when a machine speaks: operators again.
    """
    agency, last = next(x for x in _owned(c) if x[1].name == c.operators.last_hotline)
    yield "[last-hotline]"
    yield "exten => s,1,Set(EXITCONTEXT=ring-escape)"
    for hop in hops_of(c, last):
        options = f"gidHrU(agency-accept^{int(hop.confirm)})"
        dial = f"PJSIP/{hop.number}@{hop.trunk},{min(hop.ring_seconds, 20)}^10,{options}"
        yield f" same => n,Gosub(hop-begins,s,1(last,{agency},{hop.number},{hop.trunk}))"
        yield f" same => n,TryExec(Dial({dial}))"
        yield " same => n,Gosub(hop-over,s,1(last))"
        yield ' same => n,GotoIf($["${JOINED}${PICKED_UP}" != ""]?done)'
        nowhere = '"${DIALSTATUS}" = "CHANUNAVAIL" | "${DIALSTATUS}" = "CONGESTION"'
        yield f" same => n,GotoIf($[{nowhere}]?:done)"
    yield " same => n(done),Return()"


def _desk_hotlines(c: Configuration) -> Iterator[str]:
    """Lay out, by the name of a hotline, the hops that an operator may order, whatever the hour."""
    yield "[desk-hotlines]"
    for hotline in c.agencies.hotlines():
        first = f"exten => {hotline.name},1"
        for hop in hops_of(c, hotline):
            target = f"{hop.number},{hop.trunk},{hop.ring_seconds},{int(hop.confirm)}"
            yield f"{first},Gosub(static-hop,s,1({target}))"
            first = " same => n"
        yield " same => n,Return()"


def _simulated(c: Configuration) -> Iterator[str]:
    """Answer for who is not rung: each hotline by what is dialled, and the operator."""
    yield "[simulated]"
    answering = {h.dialled: h for h in reversed(c.agencies.hotlines())}
    for number, hotline in sorted(answering.items()):
        answer = f"simulated-answer,s,1({simulated_prompt(hotline)})"
        yield f"exten => {number},1,Gosub({answer})"
    yield "exten => operator,1,Gosub(simulated-answer,s,1(simulated-operator))"


def simulated_prompt(hotline: Hotline) -> str:
    """Return the name of the sentence that is spoken when this hotline is simulated."""
    return f"simulated-{hotline.name}"
