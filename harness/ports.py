"""Loopback ports that stay ours from before a node starts until the cluster is gone.

Invariant: while a reservation lives, the kernel deals its port to nobody. The socket is bound with
SO_REUSEADDR and never listens, so that nodes and the link server (waitress and Go set SO_REUSEADDR too) can
bind and listen on the port again and again, across kill -9 (measured.md, "Ports").
"""

import errno
import socket
from collections.abc import Iterable
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"


class NoPortsLeft(Exception):
    """The kernel has no free ephemeral port to deal."""


class Reservations:
    """A set of reserved addresses; a context manager that gives all of them back."""

    def __init__(self) -> None:
        self._sockets: dict[str, socket.socket] = {}
        self._given_back: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def addresses(self) -> list[str]:
        """All reserved "127.0.0.1:PORT", sorted as strings."""
        return sorted(self._sockets)

    def reserve(self, count: int) -> list[str]:
        """Reserve `count` ports; return "127.0.0.1:PORT" sorted as strings, which is ring order.

        Raises NoPortsLeft; then nothing of this call stays reserved.
        """
        dealt: dict[str, socket.socket] = {}
        try:
            for _ in range(count):
                address, holder = _bind()
                dealt[address] = holder
        except OSError as error:
            _close(dealt.values())
            if error.errno != errno.EADDRINUSE:
                raise
            raise NoPortsLeft(f"no ephemeral port left on {HOST} after {len(dealt)} of {count}") from error
        self._sockets.update(dealt)
        self._given_back.difference_update(dealt)
        return sorted(dealt)

    def release(self, addresses: Iterable[str]) -> None:
        """Give these addresses back to the kernel. Raises ValueError for one that is not reserved here."""
        addresses = list(addresses)
        unknown = [address for address in addresses if address not in self._sockets]
        if unknown:
            raise ValueError(f"not reserved here: {', '.join(unknown)}; reserved are {self.addresses}")
        _close(self._sockets.pop(address) for address in addresses)
        self._given_back.update(addresses)

    def given_back(self) -> set[str]:
        """Return the addresses given back, and not reserved again, since this was last asked."""
        given_back, self._given_back = self._given_back, set()
        return given_back

    def close(self) -> None:
        """Give everything back."""
        self.release(self.addresses)


def _bind() -> tuple[str, socket.socket]:
    """Bind to a port that the kernel chooses. Python sockets are close-on-exec: no node inherits them."""
    holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((HOST, 0))
    except OSError:
        holder.close()
        raise
    return f"{HOST}:{holder.getsockname()[1]}", holder


def _close(sockets: Iterable[socket.socket]) -> None:
    for holder in sockets:
        holder.close()
