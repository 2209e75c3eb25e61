"""One connection to a broker: the client of aiomqtt 2.5 (over paho-mqtt 2.2), safe at its seams.

Law 1: a message counts as told only when the broker took it. The bare client takes a refusal, too,
for an acknowledgement.
Law 2: what comes is acknowledged when it was dealt with: until then the broker keeps it for us. The
bare client acknowledges at once, and drops what it has no room for.
Law 3: however a connection ends, nothing of it stays open or at work. The bare client forgets its
socket when an answer is late, and may watch a number that is another's socket by then.
Law 4: who is stopped, stops. The bare client waits by `asyncio.wait_for`, which before Python 3.12
forgets that it was cancelled when the answer comes at that moment.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import aiomqtt
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from ivr.messages import Message
from ivr.mqtturl import Broker, trust

_T = TypeVar("_T")

QOS = 1
NOWHERE = "siaga112/nowhere"
"""A topic that nobody listens to."""
SESSION_SECONDS = 30 * 24 * 3600
"""How long a broker keeps what agencies say while the desk is away."""
UNHEARD = 1000
"""How many messages without an acknowledgement (QoS 0) may wait to be looked at."""

# What it has to say comes to us as errors; we log them once, as events.
_SILENT = logging.Logger("mqtt", logging.CRITICAL + 1)  # noqa: LOG001 - none of the tree's


@dataclass(frozen=True, slots=True)
class Limits:
    """How long each wait on a broker may be, and how much may be on its way at once.

    A link is dead when nothing is heard from it for `keepalive_seconds` twice. `in_flight` is less
    than a broker takes at once as a rule (Receive Maximum; mosquitto's is 20). `look_rows` is how
    many rows of the outbox are looked at together, every `look_seconds` if nobody says a word.
    """

    connect_seconds: float = 5.0
    answer_seconds: float = 20.0
    farewell_seconds: float = 2.0
    keepalive_seconds: int = 15
    first_retry_seconds: float = 1.0
    longest_retry_seconds: float = 30.0
    look_seconds: float = 5.0
    in_flight: int = 16
    look_rows: int = 64


class _Room(asyncio.Queue[aiomqtt.Message]):
    """What came and was not looked at yet. Of QoS 1 the broker sends no more than fit (Law 2)."""

    def put_nowait(self, item: aiomqtt.Message) -> None:
        if item.qos or self.qsize() < UNHEARD:
            super().put_nowait(item)


class Link(aiomqtt.Client):
    """One connection, MQTT 5, QoS 1, with a session of its own at the broker."""

    def __init__(self, to: Broker, will: Message, limits: Limits) -> None:
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        session.SessionExpiryInterval = SESSION_SECONDS
        session.ReceiveMaximum = limits.in_flight
        super().__init__(
            to.host,
            to.port,
            username=to.user or None,
            password=to.password or None,
            identifier=f"siaga-{to.user or 'desk'}",
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=False,
            properties=session,
            keepalive=limits.keepalive_seconds,
            timeout=limits.connect_seconds,
            will=aiomqtt.Will(will.topic, will.body, QOS, will.retain),
            tls_context=trust(to) if to.tls else None,
            queue_type=_Room,
            logger=_SILENT,
        )
        self._answers: dict[int, asyncio.Future[ReasonCode]] = {}
        self._answer_seconds = limits.answer_seconds
        self._client.connect_timeout = limits.connect_seconds
        self._client.manual_ack_set(True)

    async def say(self, message: Message, seconds: float | None = None) -> None:
        """Publish a message; return when the broker has acknowledged it.

        Raises MqttError when it does not in time, or refuses it (`refused`).
        """
        sent = self._client.publish(message.topic, message.body, QOS, message.retain)
        if sent.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise aiomqtt.MqttCodeError(sent.rc)
        answer = self._answers[sent.mid] = self._loop.create_future()
        try:
            async with asyncio.timeout(seconds or self._answer_seconds):
                reason = await answer
        except TimeoutError:
            raise aiomqtt.MqttError("the broker does not answer in time") from None
        finally:
            del self._answers[sent.mid]
        if reason.is_failure:
            raise aiomqtt.MqttCodeError(reason)

    async def forget(self, topic: str) -> None:
        """Let the broker keep what was said on a topic no longer. Raises MqttError.

        Who lets it keep many would fill it. At a broker that is not ours we may have no right to.
        """
        try:
            await self.say(Message(topic, "", retain=True))
        except aiomqtt.MqttError as error:
            if not refused(error):
                raise

    async def settle(self) -> None:
        """Return when the broker has kept all that it acknowledged before. Raises MqttError.

        mosquitto acknowledges first and writes to its disk before it reads the next packet
        (src/loop.c, plugins/persist-sqlite/tick.c): killed between the two, it has lost what it
        acknowledged. So its answer to one more packet says what is safe; this one asks for nothing.
        """
        await self.unsubscribe(NOWHERE, timeout=self._answer_seconds)

    async def listen(self, topic: str) -> bool:
        """Ask for what is said on a topic, and what was kept of it; return whether we may.

        Of what is kept we are told that it is, and not of what we say ourselves.
        """
        options = SubscribeOptions(QOS, noLocal=True, retainAsPublished=True)
        (answer,) = await self.subscribe(topic, options=options)
        return not (isinstance(answer, ReasonCode) and answer.is_failure)

    def dealt_with(self, message: aiomqtt.Message) -> None:
        """Let the broker forget a message to us (Law 2)."""
        self._client.ack(message.mid, message.qos)

    async def _wait_for(self, fut: Awaitable[_T], timeout: float | None) -> _T:  # noqa: ASYNC109
        try:
            async with asyncio.timeout(self.timeout if timeout is None else timeout):
                return await fut
        except TimeoutError:
            raise aiomqtt.MqttError("the broker does not answer in time") from None

    def _on_publish(
        self,
        client: Any,  # noqa: ANN401 - aiomqtt's
        userdata: Any,  # noqa: ANN401
        mid: int,
        reason_code: ReasonCode,
        properties: Properties,
    ) -> None:
        del client, userdata, properties
        answer = self._answers.get(mid)
        if answer and not answer.done():
            answer.set_result(reason_code)

    def _on_socket_register_write(
        self,
        client: Any,  # noqa: ANN401 - aiomqtt's
        userdata: Any,  # noqa: ANN401
        sock: Any,  # noqa: ANN401
    ) -> None:
        del userdata

        def watch() -> None:
            if client.socket() is sock:  # Law 3: it may be closed by now
                self._loop.add_writer(sock.fileno(), self._write)

        self._loop.call_soon_threadsafe(watch)  # the thread that connects calls this too

    def _write(self) -> None:
        try:
            self._client.loop_write()
        except Exception as error:  # noqa: BLE001 - whatever broke it, the link is broken
            if not self._disconnected.done():
                self._disconnected.set_exception(error)

    async def leave(self, entering: "asyncio.Future[Any]") -> None:
        """End the connection in good order if it is one, and in any case (Law 3)."""
        # A thread that connects cannot be stopped: it has its own limit, `connect_seconds`.
        await asyncio.wait({entering})
        try:
            if not entering.cancelled() and entering.exception() is None:
                await self.__aexit__(None, None, None)
        except aiomqtt.MqttError:
            pass  # it does not even take a farewell
        finally:
            self._client._sock_close()  # noqa: SLF001 - paho has no other word for it
            if self._disconnected.done() and not self._disconnected.cancelled():
                self._disconnected.exception()  # it was told where it mattered


@contextlib.asynccontextmanager
async def connected(to: Broker, will: Message, limits: Limits) -> AsyncIterator[Link]:
    """Come to a broker; it says `will` for us when we are gone without a word.

    Raises MqttError when it does not let us in, cannot be reached, or does not answer in time.
    """
    link = Link(to, will, limits)
    entering = asyncio.ensure_future(link.__aenter__())
    try:
        await asyncio.shield(entering)
        yield link
    finally:
        await link.leave(entering)


def refused(error: BaseException) -> bool:
    """Return whether a broker understood us and said no, rather than being away."""
    rc = getattr(error, "rc", None)
    return isinstance(rc, ReasonCode) and rc.packetType in (PacketTypes.CONNACK, PacketTypes.PUBACK)


async def until_one_ends(*works: Coroutine[object, object, None]) -> None:
    """Run all until the first ends, then end the others; raise what it raised.

    An asyncio.TaskGroup before Python 3.13 forgets that it was cancelled when a task of it has just
    failed: a desk that is to stop would not.
    """
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
