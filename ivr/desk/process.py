"""The desk's process: its tasks, its address, and its end.

Law 1: there is one desk at a time: a second one says so and ends.
Law 2: a mistake in one task takes none of the others down.
"""

import asyncio
import contextlib
import fcntl
import functools
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import structlog
import uvicorn

from ivr.desk import probes
from ivr.desk.relay import FRAME_BYTES, PING_SECONDS
from ivr.desk.service import RETRY_SECONDS, Desk
from ivr.desk.web import application
from ivr.settings import Settings

STOP_SECONDS = 5.0

log = structlog.get_logger()


async def run(settings: Settings) -> None:
    """Run the desk until SIGTERM or SIGINT.

    Raises FileNotFoundError when no configuration was ever applied, OSError when the address cannot
    be had, RuntimeError when another desk runs here.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with _alone(settings.state / "desk" / "lock"), _listening(settings.desk_bind) as listener:
        desk = Desk(settings)
        desk.metrics.show(desk.gauges)
        server = _Server(_configured(desk))
        tasks = [
            asyncio.create_task(server.serve(sockets=[listener])),
            *(asyncio.create_task(_for_ever(task)) for task in _tasks(desk, settings)),
        ]
        log.info("desk.listening", address=settings.desk_bind)
        await stop.wait()
        server.should_exit = True
        desk.board.feed.close()
        for task in tasks[1:]:
            task.cancel()
        await asyncio.wait(tasks, timeout=STOP_SECONDS)
    log.info("desk.stopped")


def _tasks(desk: Desk, settings: Settings) -> Iterator[Callable[[], Awaitable[None]]]:
    yield from (desk.read_journal, desk.watch, desk.board.feed.run, desk.board.counting.run)
    yield from (desk.tell_states, desk.talk, desk.keep_recordings)
    for part, ask in (
        ("asterisk", probes.asterisk(settings)),
        ("controller", probes.controller(settings)),
        ("noting", desk.noting),
        ("disk", probes.disk(settings.state, seen=desk.see_free)),
    ):
        yield functools.partial(probes.keep_asking, part, ask, desk.tell)


async def _for_ever(task: Callable[[], Awaitable[None]]) -> None:
    """Run a task again when it fails: a mistake in one takes none of the others down."""
    while True:
        try:
            await task()
        except Exception:
            log.exception("desk.task_failed", task=getattr(task, "__name__", "probe"))
        await asyncio.sleep(RETRY_SECONDS)


class _Server(uvicorn.Server):
    """The web server as one task of ours: signals are ours to hear."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _configured(desk: Desk) -> uvicorn.Config:
    return uvicorn.Config(
        application(desk.sources()),
        lifespan="off",
        log_config=None,
        access_log=False,
        ws="websockets-sansio",
        ws_max_size=FRAME_BYTES,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        timeout_graceful_shutdown=2,
    )


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Be the one desk of this state folder. Raises RuntimeError when there is another."""
    path.parent.mkdir(exist_ok=True)
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(
                f"another desk runs from {path.parent}: end that one first"
            ) from None
        yield
    finally:
        os.close(lock)


@contextlib.contextmanager
def _listening(bind: str) -> Iterator[socket.socket]:
    """Hold the address of the pages. Raises OSError when another program has it."""
    host, _, port = bind.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, int(port)))
        except OSError as error:
            why = f"{bind} cannot be had: {error.strerror}; set SIAGA_DESK_BIND"
            raise OSError(why) from error
        yield listener
