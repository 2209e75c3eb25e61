"""Carries out what people at the console order: says it to Asterisk, and looks whether it happened.

Law 1: all that Asterisk is told is an order of its own dialplan's (asterisk/dialplan.conf,
desk-order), at its own socket, where the user of the desk may say nothing else
(asterisk/etc/cli_permissions.conf).
Law 2: an order is done when it is seen to be done; what was only said is `not-done`.
Law 3: who listens in is noted first. No other order waits for the records.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import structlog

from ivr import joining
from ivr.callrecord import CallRecord
from ivr.desk.console.records import Records
from ivr.joining import Joining
from ivr.live import Live, Phone
from ivr.orders import (
    BringIn,
    CallBack,
    DropHotline,
    Finish,
    Leave,
    Listen,
    Order,
    Pause,
    Person,
    Ready,
    RefusedError,
    Seen,
    Transfer,
    ticket,
)
from ivr.records import audit
from ivr.records.errors import RecordsError
from ivr.settings import Settings
from routing.configuration import Configuration

CONSOLE = "asterisk/run/asterisk.ctl"
"""Asterisk's own socket, in the state folder (asterisk/etc/asterisk.conf, astrundir)."""
SAY_SECONDS = 2.0
DONE_SECONDS = 3.0
"""How soon an order that was said must be seen: a telephone that is rung takes a moment."""
LOOK_SECONDS = 0.02
MAX_ANSWER_BYTES = 4096

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the line. Each function gives what is so at the moment of asking.

    `going` are the records of the calls that go on, by reference.
    """

    live: Callable[[], Live]
    going: Callable[[], Mapping[str, CallRecord]]
    configuration: Callable[[], Configuration]


class Actions:
    """Performs orders, and notes them."""

    def __init__(
        self,
        settings: Settings,
        known: Known,
        records: Records,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._socket = settings.state / CONSOLE
        self._known = known
        self._records, self._clock = records, clock
        self._notes = set[asyncio.Task[None]]()

    def joinings(self, callref: str) -> tuple[Joining, ...]:
        """Return the hotlines that operators have brought into a call that goes on, or tried to."""
        call = self._known.going().get(callref)
        return joining.joinings(call) if call else ()

    def offer(self, callref: str, now: float) -> str | None:
        """Return the hotline to offer the operator of a call, None for none."""
        call = self._known.going().get(callref)
        return joining.offer(call, self._known.configuration(), now) if call else None

    async def perform(self, by: Person, order: Order) -> str:
        """Do it; return nothing when it was done, else a word of `ivr.orders.Refusal`."""
        try:
            told = ticket(order, by, self._seen(order))
            if isinstance(order, Listen):
                await self._note(by, order)
            begun = self._clock()
            await self._say(told)
            await self._see(order, by, begun)
        except RefusedError as error:
            log.info("order.refused", by=by.name, order=_name(order), why=error.why)
            return error.why
        log.info("order.done", by=by.name, order=_name(order))
        if not isinstance(order, Listen):
            self._note_later(by, order)
        return ""

    def _seen(self, order: Order) -> Seen:
        configuration = self._known.configuration()
        callbacks = configuration.site.callbacks
        return Seen(
            live=self._known.live(),
            joinings=self.joinings(getattr(order, "callref", "")),
            hotlines={hotline.name for hotline in configuration.agencies.hotlines()},
            phones={phone.account for phone in configuration.operators.phones()},
            calls_back=callbacks is not None,
            abroad=callbacks is not None and callbacks.abroad,
        )

    async def _note(self, by: Person, order: Order) -> None:
        """Write the order into the audit. Raises RefusedError when the records do not take it."""
        words = {k: str(v) for k, v in asdict(order).items()}
        subject, now = next(iter(words.values())), self._clock()
        try:
            await self._records.write(
                lambda c: audit.note(c, now, by.name, _name(order), [subject], **words)
            )
        except RecordsError as error:
            log.warning("order.not_noted", by=by.name, order=_name(order), why=str(error))
            raise RefusedError("records-away") from error

    def _note_later(self, by: Person, order: Order) -> None:
        """Note what was done. Whoever ordered it does not wait for that."""

        async def note() -> None:
            with contextlib.suppress(RefusedError):
                await self._note(by, order)

        task = asyncio.create_task(note())
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    # -- Asterisk

    async def _say(self, told: str) -> None:
        """Hand an order in. Raises RefusedError when Asterisk is not there, or takes no orders."""
        command = f"channel originate Local/ear@desk/n extension {told}@desk"
        try:
            async with asyncio.timeout(SAY_SECONDS):
                answer = await self._answered(command)
        except OSError as error:  # a time limit is one
            log.warning("order.asterisk_away", why=str(error) or "no answer in time")
            raise RefusedError("asterisk-away") from error
        if answer:
            log.error("order.asterisk_refuses", said=answer)
            raise RefusedError("asterisk-away")

    async def _answered(self, command: str) -> str:
        """Return what Asterisk says to a command, after its greeting. Raises OSError."""
        reader, writer = await asyncio.open_unix_connection(self._socket)
        try:
            greeting = await reader.readline()
            if not greeting:
                raise ConnectionResetError("the socket was closed at once")
            writer.write(f"cli quit after {command}\0".encode())
            await writer.drain()
            return (await reader.read(MAX_ANSWER_BYTES)).decode(errors="replace").strip(" \r\n\0")
        finally:
            writer.close()

    async def _see(self, order: Order, by: Person, begun: float) -> None:
        """Wait until an order is seen to be done. Raises RefusedError when it is not."""
        end = time.monotonic() + DONE_SECONDS
        while not self._is_done(order, by, begun):
            if time.monotonic() > end:
                raise RefusedError("not-done")
            await asyncio.sleep(LOOK_SECONDS)

    def _is_done(self, order: Order, by: Person, begun: float) -> bool:
        live = self._known.live()
        match order:
            case BringIn():
                there = [j for j in self.joinings(order.callref) if j.hotline == order.hotline]
                # The journal's clock is Asterisk's, on this machine: it is ours but for a moment.
                return any(j.state in ("ringing", "talking") or j.since >= begun - 1 for j in there)
            case DropHotline():
                there = [j for j in self.joinings(order.callref) if j.hotline == order.hotline]
                return all(j.state not in ("ringing", "talking") for j in there)
            case Leave() | Transfer():
                legs = (live.channels or {}).values()
                own = [c for c in legs if (c.account, c.callref) == (by.phone, order.callref)]
                return live.channels is not None and not own
            case Finish():
                return live.channels is not None and order.callref not in live.channels
            case Listen() | CallBack():
                return any(p.ringing or p.talking for p in self._phones(by.phone))
            case Pause() | Ready():
                paused = isinstance(order, Pause)
                return any(p.paused == paused for p in self._phones(order.account))

    def _phones(self, account: str | None) -> list[Phone]:
        return [p for p in self._known.live().phones or () if p.account == account]


def _name(order: Order) -> str:
    return f"order.{type(order).__name__.lower()}"
