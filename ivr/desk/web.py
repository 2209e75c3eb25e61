"""What the desk tells over HTTP: `/healthz` for who watches the line, `/metrics` for Prometheus.

All else is the console, for people who log in.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from ivr.desk.console.board import Board
from ivr.desk.console.door import Door
from ivr.desk.console.phone import Phones
from ivr.desk.console.routes import console
from ivr.desk.health import Trouble


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the answers come from. `red` and `warnings` are asked at each request."""

    red: Callable[[], Iterable[Trouble]]
    warnings: Callable[[], Iterable[Trouble]]
    registry: CollectorRegistry
    door: Door
    board: Board
    phones: Phones


def application(sources: Sources) -> Starlette:
    """Return the pages of the desk, as an ASGI application."""

    async def healthz(_: Request) -> Response:
        red = [asdict(trouble) for trouble in sources.red()]
        warnings = [asdict(trouble) for trouble in sources.warnings()]
        body = {"ok": not red, "trouble": red, "warnings": warnings}
        return JSONResponse(
            body, status_code=503 if red else 200, headers={"Cache-Control": "no-store"}
        )

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(sources.registry), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/metrics", metrics),
            Mount("/", console(sources.door, sources.board, sources.phones)),
        ]
    )
