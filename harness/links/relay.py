"""The process that carries a cluster's datagrams: `main(["127.0.0.1:CONTROL_PORT"])`, forked by the launcher.

Each link has a UDP port of its own where its source sends, and leads to where its target receives; what the
target answers goes back to who had sent. It is told over TCP, one JSON object a line, which links lose what.
Invariant: a datagram passes unchanged or not at all; nothing that comes in over UDP or TCP ends the process.
"""

import json
import selectors
import socket
import sys
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from harness.links.link import socket_address

HOST = "127.0.0.1"
DATAGRAM_BYTES_MAX = 65_535
LINE_BYTES_MAX = 1 << 20
SENDERS_MAX = 16
"""Who sends over one link: its source and the harness's prober; a stranger's place is taken by the next."""


def main(argv: Sequence[str]) -> int:
    """Carry datagrams until the process is killed."""
    with selectors.DefaultSelector() as selector:
        Relay(selector, socket_address(argv[0])).serve()
    return 0


class Relay:
    """All links of one cluster, and the port over which they are controlled."""

    def __init__(self, selector: selectors.BaseSelector, control: tuple[str, int]) -> None:
        self._selector = selector
        self._links: dict[str, _Carried] = {}
        listener = socket.create_server(control)
        listener.setblocking(False)
        self._watch(listener, lambda: self._accept(listener))

    def serve(self) -> None:
        """Handle one event after another, for ever."""
        while True:
            for key, _ in self._selector.select():
                key.data()

    # ---- control ----

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            received = bytearray()
            self._watch(connection, lambda: self._read(connection, received))

    def _read(self, connection: socket.socket, received: bytearray) -> None:
        try:
            fresh = connection.recv(LINE_BYTES_MAX)
        except OSError:
            fresh = b""
        received += fresh
        if not fresh or len(received) > LINE_BYTES_MAX:
            self._selector.unregister(connection)
            connection.close()
            return
        while b"\n" in received:
            line, _, rest = bytes(received).partition(b"\n")
            received[:] = rest
            with suppress(OSError):  # who asked has gone; the end of the connection is the next event
                connection.sendall(json.dumps(self._answer(line)).encode() + b"\n")

    def _answer(self, line: bytes) -> dict[str, object]:
        try:
            return self._obey(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError) as error:
            return {"error": f"{type(error).__name__}: {error}"}

    def _obey(self, order: dict[str, Any]) -> dict[str, object]:
        match order["do"]:
            case "open":
                self._links[order["link"]] = opened = _Carried(self._watch, self._unwatch, order["listen"])
                return {"listen": opened.listen}
            case "lead":
                self._links[order["link"]].lead(socket_address(order["to"]))
            case "lose":
                for name, link in self._links.items():
                    link.loses = (name in order["there"], name in order["back"])
            case "close":
                for name in order["links"]:
                    self._links.pop(name).close()
            case "tell":
                return {name: list(link.loses) for name, link in self._links.items()}
            case other:
                raise ValueError(f"no order is called {other!r}")
        return {}

    def _watch(self, sock: socket.socket, on_readable: Callable[[], None]) -> None:
        self._selector.register(sock, selectors.EVENT_READ, on_readable)

    def _unwatch(self, sock: socket.socket) -> None:
        self._selector.unregister(sock)
        sock.close()


class _Carried:
    """One link: a port where its source sends, and a socket towards the target for each who sends there.

    With a socket each, the target's answer finds back to who had sent what it answers.
    """

    def __init__(
        self,
        watch: Callable[[socket.socket, Callable[[], None]], None],
        unwatch: Callable[[socket.socket], None],
        listen: str,
    ) -> None:
        self._watch = watch
        self._unwatch = unwatch
        self._outer = _udp_socket(socket_address(listen))
        self._to: tuple[str, int] | None = None
        self._senders: OrderedDict[tuple[str, int], socket.socket] = OrderedDict()
        self.loses = (False, False)
        """What the source sends, and what the target answers."""
        watch(self._outer, self._there)

    @property
    def listen(self) -> str:
        return "{}:{}".format(*self._outer.getsockname())

    def lead(self, to: tuple[str, int]) -> None:
        """Carry to this address from now on."""
        self._to = to
        self._forget_senders()

    def close(self) -> None:
        self._forget_senders()
        self._unwatch(self._outer)

    def _there(self) -> None:
        with suppress(OSError):  # of a port that nobody receives on: the datagram is lost, as datagrams are
            datagram, sender = self._outer.recvfrom(DATAGRAM_BYTES_MAX)
            if self._to is not None and not self.loses[0]:
                self._towards_target(sender, self._to).send(datagram)

    def _towards_target(self, sender: tuple[str, int], to: tuple[str, int]) -> socket.socket:
        inner = self._senders.get(sender)
        if inner is None:
            inner = _udp_socket((HOST, 0))
            inner.connect(to)
            self._senders[sender] = made = inner
            self._watch(made, lambda: self._back(made, sender))
            if len(self._senders) > SENDERS_MAX:
                self._unwatch(self._senders.popitem(last=False)[1])
        self._senders.move_to_end(sender)
        return inner

    def _back(self, inner: socket.socket, sender: tuple[str, int]) -> None:
        with suppress(OSError):
            datagram = inner.recv(DATAGRAM_BYTES_MAX)
            if not self.loses[1]:
                self._outer.sendto(datagram, sender)

    def _forget_senders(self) -> None:
        while self._senders:
            self._unwatch(self._senders.popitem()[1])


def _udp_socket(address: tuple[str, int]) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
