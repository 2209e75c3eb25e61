"""How a page is written: templates, the language, and what every page is told.

Law: whatever a caller, an agency or a colleague wrote is text on a page, never markup.
"""

from collections.abc import Mapping
from pathlib import Path

import jinja2
from markupsafe import Markup
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.templating import Jinja2Templates

from ivr.desk.console.cookies import LANGUAGE, VISIT, YEAR_SECONDS, cookie, csrf, give
from ivr.districts import called
from ivr.said import label
from ivr.words import Lang, Words, clock

FOLDER = Path(__file__).parent

_environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(FOLDER / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters["clock"] = clock
_environment.filters["hour"] = lambda at: clock(at)[11:16]
_environment.filters["label"] = label
_environment.filters["service"] = lambda service, words: words.name(service)
_environment.globals["district"] = called
_templates = Jinja2Templates(env=_environment)

_WHY: Mapping[str, tuple[str, str]] = {
    "csrf": (
        "Halaman ini terlalu lama terbuka. Kembali, muat ulang, lalu coba lagi.",
        "This page was open for too long. Go back, load it again, and try once more.",
    ),
    "cross-site": (
        "Permintaan ini datang dari situs lain. Bukalah konsol di tab baru.",
        "This came from another site. Open the console in a tab of its own.",
    ),
    "role": ("Halaman ini bukan untuk peran Anda.", "This page is not for your role."),
    "Not Found": ("Halaman ini tidak ada.", "There is no such page."),
}


def language(connection: HTTPConnection) -> Lang:
    """Return the language to write in: what was just asked for, else what is remembered."""
    asked = connection.query_params.get("language") or cookie(connection, LANGUAGE)
    return "en" if asked == "en" else "id"


def render(
    request: Request,
    template: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **context: object,
) -> Response:
    """Return a page from a template.

    Every template also knows `words`, `pick`, `visitor`, `csrf`, `csrf_field()` and `switch`, the
    address of the page in the other language.
    """
    words = Words(language(request))
    common = {
        "words": words,
        "pick": words.pick,
        "visitor": request.state.visitor,
        "csrf": csrf(request),
        "csrf_field": lambda: _csrf_field(request),
        "switch": _switch(request, "en" if words.lang == "id" else "id"),
    }
    response = _templates.TemplateResponse(
        request, template, {**common, **context}, status, headers and dict(headers)
    )
    if request.state.is_new:
        give(response, request, VISIT, request.state.visit)
    if "language" in request.query_params:
        give(response, request, LANGUAGE, words.lang, YEAR_SECONDS)
    return response


def fragment(template: str, lang: Lang, **context: object) -> str:
    """Return a part of a page: the same for everybody who reads this language."""
    words = Words(lang)
    return _environment.get_template(template).render(words=words, pick=words.pick, **context)


def explain(connection: HTTPConnection, status: int, why: str) -> Response:
    """Return a page that says why there is no other, and what to do; JSON for a script."""
    words = Words(language(connection))
    known = _foreign(connection) if why == "origin" else _WHY.get(why)
    said = words.pick(*known) if known else why
    if connection.scope["type"] == "http" and wants_a_page(connection):
        return render(Request(connection.scope), "error.html", status, why=said)
    return JSONResponse({"error": said}, status)


def wants_a_page(connection: HTTPConnection) -> bool:
    """Return whether a person waits for the answer, and not a script."""
    return "text/html" in connection.headers.get("accept", "")


def _foreign(connection: HTTPConnection) -> tuple[str, str]:
    origin, host = connection.headers.get("origin", "?"), connection.headers.get("host", "?")
    proxy = (
        "jika ada proxy di antaranya, biarkan ia meneruskan Host apa adanya",
        "if there is a proxy in between, let it hand on Host as it came",
    )
    return (
        f"Halaman dari {origin} tidak boleh mengirim ke {host}; {proxy[0]}.",
        f"A page of {origin} may not send to {host}; {proxy[1]}.",
    )


def _csrf_field(request: Request) -> Markup:
    return Markup('<input type="hidden" name="csrf" value="{}">').format(csrf(request))


def _switch(request: Request, other: Lang) -> str:
    return f"?{request.url.include_query_params(language=other).query}"
