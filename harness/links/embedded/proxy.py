"""A proxy: a listener, its connections, and the toxics of either direction.

Invariant: `enabled` says whether it listens, and while it does, `listen` is the address that it is bound to.
What happens to open connections at each change is what Toxiproxy 2.12 does.
"""

import errno
import os
import socket
from random import Random

from harness.links.embedded.addresses import BadAddress, NotLoopback, dial_addresses, listen_address
from harness.links.embedded.connection import DOWNSTREAM, UPSTREAM, Connection
from harness.links.embedded.kinds import Told
from harness.links.embedded.link import Stage
from harness.links.embedded.loop import READ, Loop

BACKLOG = 4096
ACCEPTS_AT_ONCE = 64
RETRY_S = 0.05
"""Until it is tried again to accept, where there was no file descriptor left."""


class CannotListen(Exception):
    """A proxy could not be started; the message is Go's."""


class Proxy:
    """A proxy as the API names it.

    Args:
        loop: of all sockets and timers.
        seed: of what befalls its connections.
        name: in the API.
        listen: where clients connect; port 0 until it is first started is any.
        upstream: what is dialled for each of them.

    """

    def __init__(self, loop: Loop, seed: int, name: str, listen: str, upstream: str) -> None:
        self.name = name
        self.listen = listen
        self.upstream = upstream
        self.enabled = False
        self._loop = loop
        self._seed = seed
        self._listener: socket.socket | None = None
        self._chains: dict[str, list[Told]] = {UPSTREAM: [], DOWNSTREAM: []}
        self._connections: set[Connection] = set()
        self._accepted = 0
        self._is_watched = False

    @property
    def toxics(self) -> list[Told]:
        """Every toxic, those of the upstream first, each stream in order of creation."""
        return [*self._chains[UPSTREAM], *self._chains[DOWNSTREAM]]

    def as_json(self) -> dict[str, object]:
        """Return it as the API tells of it."""
        return {
            "name": self.name,
            "listen": self.listen,
            "upstream": self.upstream,
            "enabled": self.enabled,
            "Logger": {},
            "toxics": [told.as_json() for told in self.toxics],
        }

    def start(self) -> None:
        """Listen, unless it does.

        Raises:
            CannotListen: the address is taken or cannot be read.
            NotLoopback: other machines could reach it.

        """
        if self.enabled:
            return
        try:
            self._listener = _listener(self.listen)
        except BadAddress as bad:
            raise CannotListen(f"listen tcp: {bad}") from bad
        self.listen = _bound(self._listener)
        self.enabled = True
        self._watch(wanted=True)

    def stop(self) -> None:
        """Stop listening, and close every connection."""
        if self._listener is not None:
            self._watch(wanted=False)
            self._listener.close()
            self._listener = None
        self.enabled = False
        for connection in tuple(self._connections):
            connection.abort()
        self._connections.clear()

    def differs(self, listen: str, upstream: str) -> bool:
        """Tell whether it would have to be started anew to be this.

        Raises:
            BadAddress: `listen` cannot be read.
            NotLoopback: other machines could reach it.

        """
        return self.listen != str(listen_address(listen)) or self.upstream != upstream

    def update(self, listen: str, upstream: str, *, enabled: bool) -> None:
        """Become this. What changes nothing does nothing; a new address closes every connection.

        Raises:
            BadAddress, NotLoopback: nothing was changed.
            CannotListen: it has the new address now, and does not listen.

        """
        if self.differs(listen, upstream):
            self.stop()
            self.listen, self.upstream = listen, upstream
        if enabled and not self.enabled:
            self.start()
        elif not enabled:
            self.stop()

    def toxic(self, name: str) -> Told | None:
        """Return the toxic of this name."""
        return next((told for told in self.toxics if told.name == name), None)

    def add_toxic(self, told: Told) -> None:
        """Put a toxic at the end of its stream, on open connections too."""
        self._chains[told.direction].append(told)
        for connection in tuple(self._connections):
            if link := connection.links.get(told.direction):
                link.add(self._stage(told, connection.number))

    def update_toxic(self, told: Told) -> None:
        """Have open connections follow what the toxic is told now."""
        for connection in tuple(self._connections):
            if link := connection.links.get(told.direction):
                link.update(told)

    def remove_toxic(self, told: Told) -> None:
        """Take a toxic out of its stream, on open connections too."""
        self._chains[told.direction].remove(told)
        for connection in tuple(self._connections):
            if link := connection.links.get(told.direction):
                link.remove(told)

    def _accept(self) -> None:
        for _ in range(ACCEPTS_AT_ONCE):
            if self._listener is None:
                return
            try:
                client, _ = self._listener.accept()
            except OSError as problem:
                if problem.errno in (errno.EMFILE, errno.ENFILE):
                    self._pause()
                return
            self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        self._accepted += 1
        connection = Connection(self._loop, client, self._accepted, self._stages, self._connections.discard)
        self._connections.add(connection)
        try:
            addresses = dial_addresses(self.upstream)
        except (BadAddress, NotLoopback):
            addresses = []
        connection.dial(addresses)

    def _stages(self, direction: str, number: int) -> list[Stage]:
        return [self._stage(told, number) for told in self._chains[direction]]

    def _stage(self, told: Told, number: int) -> Stage:
        """Draw from the connection's own generator: what befalls it does not follow from others' traffic."""
        return Stage(told, Random(f"{self._seed} {self.name} {number} {told.direction} {told.name}"))

    def _pause(self) -> None:
        """Accept no more until a moment has passed: the listener stays ready, and would be asked for ever."""
        self._watch(wanted=False)
        self._loop.call_at(self._loop.now() + RETRY_S, lambda: self._watch(wanted=True))

    def _watch(self, *, wanted: bool) -> None:
        if self._listener is None or wanted == self._is_watched:
            return
        self._is_watched = wanted
        if wanted:
            self._loop.watch(self._listener, READ, lambda _mask: self._accept())
        else:
            self._loop.forget(self._listener)


def _listener(listen: str) -> socket.socket:
    address = listen_address(listen)
    listener = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setblocking(False)
        listener.bind((address.host, address.port))
        listener.listen(BACKLOG)
    except OSError as problem:
        listener.close()
        words = os.strerror(problem.errno or 0).lower()
        raise CannotListen(f"listen tcp {address}: bind: {words}") from problem
    return listener


def _bound(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if listener.family == socket.AF_INET6 else f"{host}:{port}"
