"""The four files of `config/` as one value, and what must hold between them."""

import re
from collections.abc import Iterator, Mapping
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
    {"global", "system", "udp", "simulation", "from-trunk", "far-end"}
    | {"phone", "caller", "way-out", "operator", "operator-aor"}  # templates
)
"""Sections of pjsip.conf that are ours. Asterisk refuses every endpoint when two share a name."""


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


def conflicts(c: Configuration) -> Iterator[Conflict]:
    """Yield everything that is wrong between the files; nothing when they agree."""
    yield from _keys(c)
    yield from _references(c)
    yield from _hotlines(c)
    yield from _trunks(c)
    yield from _phones(c)
    yield from _sentences(c)
    yield from _blanks(c)
    yield from _limits(c)


def _keys(c: Configuration) -> Iterator[Conflict]:
    seen: dict[str, Place] = {}
    for key, place in c.menu.bound_keys():
        if key in seen:
            free = " ".join(k for k in "1234567890" if k not in {b for b, _ in c.menu.bound_keys()})
            yield Conflict(
                "menu.yaml",
                place,
                f"key {key} is bound twice: also by {'.'.join(map(str, seen[key]))}",
                f"give one of them a free key: {free or 'none is free, remove a service'}",
            )
        seen.setdefault(key, place)


def _unknown(kind: str, name: str, known: Mapping[str, object] | list[str]) -> tuple[str, str]:
    close = get_close_matches(name, list(known), n=1)
    remedy = f"did you mean {close[0]}?" if close else f"write one of: {', '.join(known)}"
    return f"there is no {kind} {name}", remedy


def _references(c: Configuration) -> Iterator[Conflict]:
    known = c.agencies.agencies
    place: Place
    for service, s in c.menu.services.items():
        for field, names in (("agencies", s.agencies), ("reports", s.reports)):
            for i, name in enumerate(names):
                if name not in known:
                    place = ("services", service, field, i)
                    yield Conflict("menu.yaml", place, *_unknown("agency", name, known))
    for name, agency in known.items():
        if agency.part_of is not None and agency.part_of not in known:
            place = ("agencies", name, "part_of")
            yield Conflict("agencies.yaml", place, *_unknown("agency", agency.part_of, known))
    hotlines = [h.name for h in c.agencies.hotlines()]
    last = c.operators.last_hotline
    if last not in hotlines:
        message, remedy = _unknown("hotline", last, hotlines)
        yield Conflict("operators.yaml", ("last_hotline",), f"no last resort: {message}", remedy)


def _hotlines(c: Configuration) -> Iterator[Conflict]:
    seen = {"operator"}  # simulated-operator is a sentence already
    for name, agency in c.agencies.agencies.items():
        if agency.hotlines and agency.spoken is None:
            yield Conflict(
                "agencies.yaml",
                ("agencies", name),
                "an agency with hotlines needs the name a caller hears",
                "add `spoken: {id: ..., en: ...}`",
            )
        for i, hotline in enumerate(agency.hotlines):
            place = ("agencies", name, "hotlines", i, "name")
            if hotline.name in seen:
                message = f"the name {hotline.name} is taken"
                yield Conflict("agencies.yaml", place, message, "give each hotline its own name")
            seen.add(hotline.name)


def _trunks(c: Configuration) -> Iterator[Conflict]:
    trunks = c.site.trunks
    taken = SECTIONS | {h.endpoint for h in c.agencies.hotlines()}
    for name in trunks:
        if name in taken:
            message = f"the name {name} is taken"
            yield Conflict("site.yaml", ("trunks", name), message, "give the trunk another name")
    for name in [name for name, trunk in trunks.items() if trunk.simulated][1:]:
        message = "a second simulated trunk"
        yield Conflict("site.yaml", ("trunks", name), message, "keep one of them")
    for i, name in enumerate(c.site.outgoing):
        if name not in trunks:
            yield Conflict("site.yaml", ("outgoing", i), *_unknown("trunk", name, trunks))
    for name, agency in c.agencies.agencies.items():
        for i, hotline in enumerate(agency.hotlines):
            if hotline.trunk is not None and hotline.trunk not in trunks:
                place = ("agencies", name, "hotlines", i, "trunk")
                yield Conflict("agencies.yaml", place, *_unknown("trunk", hotline.trunk, trunks))
    if c.site.simulated_operator and not any(t.simulated for t in trunks.values()):
        yield Conflict(
            "site.yaml",
            ("simulated_operator",),
            "a simulated operator needs a simulated trunk to be reached over",
            "write `simulated_operator: false` to go live",
        )


def _phones(c: Configuration) -> Iterator[Conflict]:
    taken = {*SECTIONS, *c.site.trunks, *(h.endpoint for h in c.agencies.hotlines())}
    for group in ("operators", "backup"):
        for i, phone in enumerate(getattr(c.operators, group)):
            if phone.account.isdigit():
                yield Conflict(
                    "operators.yaml",
                    (group, i, "account"),
                    "an account of digits alone could be a caller's number, who is then refused",
                    "put a word into it, as in operator-1",
                )
            if phone.account in taken:
                place = (group, i, "account")
                message = f"the name {phone.account} is taken by another phone, trunk or section"
                yield Conflict("operators.yaml", place, message, "give each phone its own account")
            taken.add(phone.account)


def _sentences(c: Configuration) -> Iterator[Conflict]:
    wanted: tuple[PromptName, ...] = PromptName.__args__  # type: ignore[attr-defined]  # a Literal
    spoken: list[tuple[str, Place, Spoken | None]] = []
    spoken.extend(("menu.yaml", ("prompts", n), c.menu.prompts.get(n)) for n in wanted)
    for name, service in c.menu.services.items():
        spoken.append(("menu.yaml", ("services", name, "spoken"), service.spoken))
    spoken.append(("menu.yaml", ("operator", "spoken"), c.menu.operator.spoken))
    for name, agency in c.agencies.agencies.items():
        if agency.spoken is not None:
            spoken.append(("agencies.yaml", ("agencies", name, "spoken"), agency.spoken))
    for file, place, texts in spoken:
        missing = [lang for lang in c.menu.languages if not (texts or {}).get(lang, "").strip()]
        if missing:
            message = f"no text in {' and '.join(missing)}"
            yield Conflict(file, place, message, f"add `{missing[0]}: ...`")


def _blanks(c: Configuration) -> Iterator[Conflict]:
    """Yield each prompt that leaves out what it must say, or has a blank that nothing fills."""
    filled = {"menu": "{choices}", "wrong": "{choices}", "simulated-agency": "{agency}"}
    for name, texts in c.menu.prompts.items():
        wanted = [filled[name]] if name in filled else []
        for language, text in texts.items():
            if re.findall(r"\{[^}]*\}?", text) != wanted:
                yield Conflict(
                    "menu.yaml",
                    ("prompts", name, language),
                    "the blanks in braces are not those of this prompt",
                    f"write {wanted[0]} once and no other" if wanted else "write it without braces",
                )


def _limits(c: Configuration) -> Iterator[Conflict]:
    agencies = c.agencies.agencies
    outgoing = sum(1 for trunk in c.site.outgoing if trunk in c.site.trunks)
    for name, service in c.menu.services.items():
        lines = [h for a in service.agencies if a in agencies for h in agencies[a].hotlines]
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
