"""One socket of a proxied connection: watched for what its two links want, closed once.

Invariant: nothing is watched that nobody wants, so an idle or ended socket costs nothing and wakes nobody.
"""

import socket
import struct
from collections.abc import Callable

from harness.links.embedded.loop import READ, WRITE, Loop

Callback = Callable[[], None]

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def _nothing() -> None:
    """Stand in for what is not set yet, or no more."""


class Endpoint:
    """A non-blocking socket; `on_...` are called when it can be read or written, or was closed here."""

    __slots__ = ("_loop", "_mask", "is_closed", "on_closed", "on_readable", "on_writable", "socket")

    def __init__(self, loop: Loop, own: socket.socket) -> None:
        own.setblocking(False)
        self.socket = own
        self.is_closed = False
        self.on_readable: Callback = _nothing
        self.on_writable: Callback = _nothing
        self.on_closed: Callback = _nothing
        self._loop = loop
        self._mask = 0

    def want(self, readiness: int, *, wanted: bool) -> None:
        """Watch, or no longer watch, for READ or WRITE."""
        mask = self._mask | readiness if wanted else self._mask & ~readiness
        if mask == self._mask or self.is_closed:
            return
        if not mask:
            self._loop.forget(self.socket)
        elif self._mask:
            self._loop.change(self.socket, mask, self._ready)
        else:
            self._loop.watch(self.socket, mask, self._ready)
        self._mask = mask

    def tune(self) -> None:
        """Set what Go sets on every connection: small writes leave at once, dead peers are noticed."""
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def reset_on_close(self) -> None:
        """Have the peer see an RST when this is closed, for the rest of its life."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)

    def close(self) -> None:
        """Close it, if it is open; the peer sees a FIN, or an RST if bytes of its were not read."""
        if self.is_closed:
            return
        self.want(READ | WRITE, wanted=False)
        self.is_closed = True
        self.socket.close()
        on_closed = self.on_closed
        self.on_readable = self.on_writable = self.on_closed = _nothing
        on_closed()

    def _ready(self, mask: int) -> None:
        if mask & WRITE and self._mask & WRITE:
            self.on_writable()
        if mask & READ and self._mask & READ:
            self.on_readable()
