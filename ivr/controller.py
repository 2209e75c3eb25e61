"""`siaga ivr`: the controller's process, from its first look at the configuration to its last call.

Law 1: it never stops for a bad configuration. What is in force stays until a better one is.
Law 2: it listens only when it has answered a call of its own. Who listens, answers.
Law 3: one whose loop is stuck ends, so that the kernel gives it no more callers.
"""

import asyncio
import contextlib
import faulthandler
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import structlog

from ivr import applied
from ivr.fastagi import Limits, Server
from ivr.flow import Flow
from ivr.menu import menu
from ivr.ready import agi_answers
from ivr.settings import Settings
from ivr.sounds import prompt_seconds
from routing.configuration import Configuration
from routing.loading import ConfigurationError
from routing.plan import Plan, plan

LOOK_SECONDS = 1.0
"""How often the controller looks whether another configuration came into force."""
DRAIN_SECONDS = 32.0
"""How long callers in the menu have to finish it when the controller is asked to stop."""
BEAT_SECONDS = 1.0
STUCK_SECONDS = 5.0
"""How long the loop may stand still: it would take its share of the callers and answer none."""

log = structlog.get_logger()


class InForce:
    """The configuration that calls beginning now are served by."""

    def __init__(
        self, configuration: Configuration, sounds: Path, clock: Callable[[], datetime]
    ) -> None:
        self._configuration = configuration
        self._clock = clock
        self.flow = Flow(menu(configuration, prompt_seconds(configuration, sounds)))

    def plan(self, service: str) -> Plan:
        """Return what to try for `service` now."""
        return plan(self._configuration, service, self._clock())


async def run(settings: Settings) -> None:
    """Serve calls until SIGTERM or SIGINT, then let those in the menu be handed over.

    Raises FileNotFoundError when no configuration was ever applied, OSError when the address cannot
    be had, and RuntimeError when our own call is not answered.
    """
    version, configuration = applied.in_force(settings)
    serving = _serving(configuration, settings)
    with _ended_when_stuck():
        await _serve(serving, settings, version)


async def _serve(serving: InForce, settings: Settings, version: str) -> None:
    await _answer_ourselves(serving)
    peers = frozenset(address.strip() for address in settings.agi_peers.split(","))
    server = Server(serving, Limits(peers=peers))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await server.listen(settings.agi_host, settings.agi_port)
    log.info("controller.listening", address=settings.agi_bind, version=version)
    while not stop.is_set():
        version = _follow(server, settings, version)
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await stop.wait()
        except TimeoutError:
            continue
    log.info("controller.draining", calls=server.calls)
    await server.drain(DRAIN_SECONDS)
    log.info("controller.stopped")


@contextlib.contextmanager
def _ended_when_stuck() -> Iterator[None]:
    """End the process, with a traceback in its log, when the loop stands still; while draining too.

    A thread that needs no lock of Python's does it (faulthandler), so a loop that is stuck in C
    ends as well. Asterisk goes on without us at once, and whoever started us starts another.
    """
    loop = asyncio.get_running_loop()
    next_beat: asyncio.TimerHandle | None = None

    def beat() -> None:
        nonlocal next_beat
        faulthandler.dump_traceback_later(STUCK_SECONDS, exit=True)
        next_beat = loop.call_later(BEAT_SECONDS, beat)

    beat()
    try:
        yield
    finally:
        if next_beat:
            next_beat.cancel()
        faulthandler.cancel_dump_traceback_later()


async def _answer_ourselves(serving: InForce) -> None:
    """Take a call on a port of our own: a mistake in the code shows before a caller meets it."""
    server = Server(serving)
    port = await server.listen("127.0.0.1", 0)
    answered = await agi_answers("127.0.0.1", port)
    await server.drain(1)
    if not answered:
        raise RuntimeError("it does not answer a call of its own, so it takes none")


def _serving(configuration: Configuration, settings: Settings) -> InForce:
    sounds = settings.state / applied.CURRENT / "sounds"
    return InForce(configuration, sounds, lambda: datetime.now(UTC))


def _follow(server: Server, settings: Settings, version: str) -> str:
    """Take the configuration that came into force since `version`; return what is served now."""
    newest = applied.version(settings)
    if newest in ("", version):
        return version
    try:
        newest, configuration = applied.in_force(settings)
        server.service = _serving(configuration, settings)
    except (ConfigurationError, OSError) as error:
        log.warning("configuration.refused", version=newest, why=str(error), serving=version)
        return newest
    log.info("configuration.in_force", version=newest)
    return newest
