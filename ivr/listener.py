"""A port that several controllers listen on at once: the kernel shares out the calls between them.

Law: leaving costs no caller anything. What waits to be accepted when a listener closes is reset,
and that caller would hear the menu from the start (tcp_migrate_req of the kernel is off as a rule).
So it is accepted first, with nothing between the last one and the close. This holds for a
controller that leaves, not for one that is killed.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Self

BACKLOG = 512


class Listener:
    """One of those that share the port."""

    def __init__(
        self, door: socket.socket, server: asyncio.Server, protocol: Callable[[], asyncio.Protocol]
    ) -> None:
        self._socket = door
        self._server = server
        self._protocol = protocol
        self.port: int = door.getsockname()[1]

    @classmethod
    async def open(cls, host: str, port: int, protocol: Callable[[], asyncio.Protocol]) -> Self:
        """Begin to accept; `port` 0 lets the kernel choose one.

        Raises OSError when somebody else holds the port: sharing it takes our user (socket(7),
        SO_REUSEPORT).
        """
        door = socket.create_server((host, port), backlog=BACKLOG, reuse_port=True)
        door.setblocking(False)
        loop = asyncio.get_running_loop()
        return cls(door, await loop.create_server(protocol, sock=door, backlog=BACKLOG), protocol)

    async def close(self) -> None:
        """Accept all who have come, and leave the port to the others."""
        await asyncio.sleep(0)  # asyncio finishes what it has accepted: closed, it would drop it
        late = list(self._waiting())
        self._server.close()
        loop = asyncio.get_running_loop()
        for connection in late:
            with contextlib.suppress(OSError):  # it has left again
                await loop.connect_accepted_socket(self._protocol, connection)

    def _waiting(self) -> Iterator[socket.socket]:
        with contextlib.suppress(OSError):  # there are no more
            while True:
                connection, _ = self._socket.accept()
                connection.setblocking(False)
                yield connection
