"""The four files of `config/` as one value, and what must hold between them."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from routing.agencies import Agencies, Spoken
from routing.remedies import Place
from routing.services import MenuFile, PromptName
from routing.site import Operators, Site

MAX_RING_SECONDS = 40
"""How long hotlines may ring for one service before an operator is rung."""

MAX_HOPS = 8
"""How many hops the dialplan walks, so that a wrong plan cannot make it walk for ever."""

SECTIONS = frozenset(
    {"global", "system", "udp", "ws", "simulation", "from-trunk", "far-end"}
    | {"newcomer", "drill", "drilled"}
    | {"phone", "caller", "way-out", "operator", "operator-aor", "browser", "visitor"}  # templates
)
"""Sections of pjsip.conf that are ours. Asterisk refuses every endpoint when two share a name."""

CONTEXTS = frozenset(
    {"emergency", "record-call", "ask-controller", "ask-stand-in", "wait-for-floor", "ask", "judge"}
    | {"nothing-runs", "static-menu", "static-keys", "static-hop", "plan-known", "walk-plan"}
    | {"hop-begins", "hop-over", "nobody-yet", "failed-hop", "ring-escape", "agency-accept"}
    | {"joined", "leg-left", "operator-joined", "has-sound", "ops", "last-hotline"}
    | {"emergency-end", "simulated-answer"}
    | {"hotline-allow", "trunk-allow", "phone-allow"}
    | {"desk-order", "desk-leg", "desk-phone", "desk-hotlines", "may-order"}
    | {"desk-listen", "listening"}
    | {"bring-in", "bring-in-over", "brought", "brought-over", "stop-ringing"}
    | {"end-agencies", "end-legs"}
    | {"finished", "transferred", "call-back"}
)
"""Contexts of the dialplan. Each gets a version's name wherever it stands (routing/dialplan.py)."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Something two places disagree on: the file and place to mend, what is wrong, the remedy."""

    file: str
    place: Place
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything staff edit, checked. Built only by `routing.loading`."""

    agencies: Agencies
    menu: MenuFile
    operators: Operators
    site: Site


Names = Collection[str] | None
"""Names that a file gives; None when it could not be read, so that none can be called unknown."""


@dataclass(frozen=True, slots=True)
class Readable:
    """The files that could be read, None in the place of each other, and the names in all four."""

    agencies: Agencies | None
    menu: MenuFile | None
    operators: Operators | None
    site: Site | None
    agency_names: Names
    hotline_names: Names
    trunk_names: Names


def conflicts(r: Readable) -> Iterator[Conflict]:
    """Yield everything that is wrong between the values of the files; nothing when they agree.

    What needs a file that could not be read is not judged.
    """
    if r.menu:
        yield from _keys(r.menu)
        yield from _sentences(r.menu, r.agencies)
        yield from _blanks(r.menu)
        yield from _agencies_named(r.menu, r.agency_names)
        yield from _reserved("menu.yaml", "services", r.menu.services)
    if r.agencies:
        yield from _hotlines(r.agencies, r.trunk_names)
        yield from _reserved("agencies.yaml", "agencies", r.agencies.agencies)
    if r.site:
        yield from _trunks(r.site, r.agencies)
        yield from _called_as_hotlines(r.site, r.agencies)
    if r.operators:
        yield from _phones(r.operators, r.agencies, r.trunk_names)
        yield from _last_resort(r.operators, r.agencies, r.hotline_names)
    if r.menu and r.agencies and r.site:
        yield from _limits(r.menu, r.agencies, r.site)


def _keys(menu: MenuFile) -> Iterator[Conflict]:
    seen: dict[str, Place] = {}
    for key, place in menu.bound_keys():
        if key in seen:
            free = " ".join(k for k in "1234567890" if k not in {b for b, _ in menu.bound_keys()})
            yield Conflict(
                "menu.yaml",
                place,
                f"key {key} is bound twice: also by {'.'.join(map(str, seen[key]))}",
                f"give one of them a free key: {free or 'none is free, remove a service'}",
            )
        seen.setdefault(key, place)


def _unknown(kind: str, name: str, known: Collection[str]) -> tuple[str, str]:
    close = get_close_matches(name, known, n=1)
    remedy = f"did you mean {close[0]}?" if close else f"write one of: {', '.join(known)}"
    return f"there is no {kind} {name}", remedy


def _agencies_named(menu: MenuFile, known: Names) -> Iterator[Conflict]:
    for service, s in menu.services.items():
        for field, names in (("agencies", s.agencies), ("reports", s.reports)):
            for i, name in enumerate(names):
                if known is not None and name not in known:
                    place = ("services", service, field, i)
                    yield Conflict("menu.yaml", place, *_unknown("agency", name, known))


def _reserved(file: str, field: str, names: Collection[str]) -> Iterator[Conflict]:
    for name in names:
        if name in CONTEXTS:
            place: Place = (field, name)
            message = f"the name {name} is taken by the dialplan"
            yield Conflict(file, place, message, "choose another")


def _last_resort(
    operators: Operators, agencies: Agencies | None, known: Names
) -> Iterator[Conflict]:
    last, place = operators.last_hotline, ("last_hotline",)
    if known is not None and last not in known:
        message, remedy = _unknown("hotline", last, known)
        yield Conflict("operators.yaml", place, f"no last resort: {message}", remedy)
    if any(h.name == last and h.hours for h in (agencies.hotlines() if agencies else ())):
        yield Conflict(
            "operators.yaml",
            place,
            f"the last resort must always be open, and {last} has hours",
            "name another hotline, or remove its `hours` in agencies.yaml",
        )


def _hotlines(agencies: Agencies, trunks: Names) -> Iterator[Conflict]:
    known, seen = agencies.agencies, {"operator"}  # simulated-operator is a sentence already
    place: Place
    for name, agency in known.items():
        place = ("agencies", name)
        if agency.part_of is not None and agency.part_of not in known:
            unknown = _unknown("agency", agency.part_of, known)
            yield Conflict("agencies.yaml", (*place, "part_of"), *unknown)
        if agency.hotlines and agency.spoken is None:
            message = "an agency with hotlines needs the name a caller hears"
            yield Conflict("agencies.yaml", place, message, "add `spoken: {id: ..., en: ...}`")
        for i, hotline in enumerate(agency.hotlines):
            place = ("agencies", name, "hotlines", i)
            if hotline.name in seen or f"simulated-{hotline.name}" in CONTEXTS:
                message, remedy = (
                    f"the name {hotline.name} is taken",
                    "give each hotline its own name",
                )
                yield Conflict("agencies.yaml", (*place, "name"), message, remedy)
            seen.add(hotline.name)
            if hotline.dialled in CONTEXTS:
                message = f"the name {hotline.dialled} is taken by the dialplan"
                remedy = "let the agency's telephone have another name"
                yield Conflict("agencies.yaml", (*place, "sip"), message, remedy)
            if trunks is not None and hotline.trunk and hotline.trunk not in trunks:
                unknown = _unknown("trunk", hotline.trunk, trunks)
                yield Conflict("agencies.yaml", (*place, "trunk"), *unknown)


def _own_endpoints(agencies: Agencies | None) -> set[str]:
    """Return the endpoints that hotlines with `sip` get, as far as they are known."""
    return {h.endpoint for h in (agencies.hotlines() if agencies else ()) if h.endpoint}


def _trunks(site: Site, agencies: Agencies | None) -> Iterator[Conflict]:
    trunks = site.trunks
    taken = SECTIONS | CONTEXTS | _own_endpoints(agencies)
    for name in trunks:
        if name in taken:
            message = f"the name {name} is taken"
            yield Conflict("site.yaml", ("trunks", name), message, "give the trunk another name")
    for name in [name for name, trunk in trunks.items() if trunk.simulated][1:]:
        message = "a second simulated trunk"
        yield Conflict("site.yaml", ("trunks", name), message, "keep one of them")
    for i, name in enumerate(site.outgoing):
        if name not in trunks:
            yield Conflict("site.yaml", ("outgoing", i), *_unknown("trunk", name, trunks))
    if site.callbacks:
        yield from _callback_trunk(site, site.callbacks.trunk)
    if site.simulated_operator and not any(t.simulated for t in trunks.values()):
        yield Conflict(
            "site.yaml",
            ("simulated_operator",),
            "a simulated operator needs a simulated trunk to be reached over",
            "write `simulated_operator: false` to go live",
        )


def _callback_trunk(site: Site, trunk: str) -> Iterator[Conflict]:
    place = "callbacks", "trunk"
    if trunk not in site.trunks:
        yield Conflict("site.yaml", place, *_unknown("trunk", trunk, site.trunks))
    elif site.trunks[trunk].simulated:
        message = "the simulation plays no citizens: nobody can be called back over it"
        yield Conflict("site.yaml", place, message, "name a carrier's trunk, or remove `callbacks`")


def _called_as_hotlines(site: Site, agencies: Agencies | None) -> Iterator[Conflict]:
    numbers = {h.number: h.name for h in agencies.hotlines()} if agencies else {}
    for i, number in enumerate(site.also_called):
        if number in numbers:
            message = f"{number} is the number of {numbers[number]}, which we call ourselves"
            remedy = "remove it: a carrier that sends it to us must be told to take it there"
            yield Conflict("site.yaml", ("also_called", i), message, remedy)


def _phones(o: Operators, agencies: Agencies | None, trunks: Names) -> Iterator[Conflict]:
    taken = {*SECTIONS, *CONTEXTS, *(trunks or ()), *_own_endpoints(agencies)}
    for group, phones in (("operators", o.operators), ("backup", o.backup)):
        for i, phone in enumerate(phones):
            place = (group, i, "account")
            if phone.account in taken:
                message = f"the name {phone.account} is taken by another phone, trunk or section"
                yield Conflict("operators.yaml", place, message, "give each phone its own account")
            taken.add(phone.account)


def _sentences(menu: MenuFile, agencies: Agencies | None) -> Iterator[Conflict]:
    wanted: tuple[PromptName, ...] = PromptName.__args__  # type: ignore[attr-defined]  # a Literal
    spoken: list[tuple[str, Place, Spoken | None]] = []
    spoken.extend(("menu.yaml", ("prompts", n), menu.prompts.get(n)) for n in wanted)
    for name, service in menu.services.items():
        spoken.append(("menu.yaml", ("services", name, "spoken"), service.spoken))
    spoken.append(("menu.yaml", ("operator", "spoken"), menu.operator.spoken))
    for name, agency in (agencies.agencies if agencies else {}).items():
        if agency.spoken is not None:
            spoken.append(("agencies.yaml", ("agencies", name, "spoken"), agency.spoken))
    for file, place, texts in spoken:
        missing = [lang for lang in menu.languages if not (texts or {}).get(lang, "").strip()]
        if missing:
            message = f"no text in {' and '.join(missing)}"
            yield Conflict(file, place, message, f"add `{missing[0]}: ...`")


def _blanks(menu: MenuFile) -> Iterator[Conflict]:
    """Yield each prompt that leaves out what it must say, or has a blank that nothing fills."""
    filled = {"menu": "{choices}", "wrong": "{choices}", "simulated-agency": "{agency}"}
    for name, texts in menu.prompts.items():
        wanted = [filled[name]] if name in filled else []
        for language, text in texts.items():
            if re.findall(r"\{[^}]*\}?", text) != wanted:
                yield Conflict(
                    "menu.yaml",
                    ("prompts", name, language),
                    "the blanks in braces are not those of this prompt",
                    f"write {wanted[0]} once and no other" if wanted else "write it without braces",
                )


def _limits(menu: MenuFile, agencies: Agencies, site: Site) -> Iterator[Conflict]:
    known = agencies.agencies
    outgoing = sum(1 for trunk in site.outgoing if trunk in site.trunks)
    for name, service in menu.services.items():
        lines = [h for a in service.agencies if a in known for h in known[a].hotlines]
        ways = [1 if h.trunk or h.sip else outgoing for h in lines]
        rings = sum(h.ring_seconds for h in lines)  # one that rang is not rung over another trunk
        hops = sum(ways)
        place = ("services", name, "agencies")
        if hops > MAX_HOPS:
            yield Conflict(
                "menu.yaml",
                place,
                f"makes {hops} hops; the dialplan walks at most {MAX_HOPS}",
                "name fewer agencies, hotlines or outgoing trunks",
            )
        elif rings > MAX_RING_SECONDS:
            yield Conflict(
                "menu.yaml",
                place,
                f"rings {rings} s before an operator; at most {MAX_RING_SECONDS} s",
                "shorten ring_seconds in agencies.yaml, or name fewer agencies or outgoing trunks",
            )
