"""Both ends of a connection through a proxy, in the hands of a check.

Invariant: whatever a peer waits for has a deadline, and what does not come, or should not have, is an
AssertionError that says what was heard instead.
"""

import socket
import time
from dataclasses import dataclass

from harness.links.link import socket_address

CHUNK_BYTES = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a check waits, in real seconds.

    `comes_s` is for what should come, `ends_s` for an end that should, `silence_s` for what should not.
    """

    comes_s: float = 20.0
    ends_s: float = 20.0
    silence_s: float = 0.15


DEAF_PATIENCE = Patience(ends_s=0.5, silence_s=5.0)
"""Where nothing is ever held back or closed: its bytes come late on a busy machine, its ends never."""


class Peer:
    """One end of a connection.

    Args:
        connection: is closed with the peer.
        patience: of this server.

    """

    def __init__(self, connection: socket.socket, patience: Patience) -> None:
        self._socket = connection
        self._patience = patience
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def sends(self, data: bytes) -> None:
        """Send it all; the other end must take it."""
        self._socket.settimeout(self._patience.comes_s)
        try:
            self._socket.sendall(data)
        except OSError as problem:
            raise AssertionError(f"{len(data)} bytes could not be sent: {problem!r}") from problem

    def hears(self, expected: bytes) -> float:
        """Hear exactly these bytes next; return the seconds since the call."""
        begin = time.monotonic()
        heard = self.hears_bytes(len(expected))
        assert heard == expected, f"heard {_brief(heard)} where {_brief(expected)} was due"
        return time.monotonic() - begin

    def hears_bytes(self, count: int) -> bytes:
        """Hear so many bytes and return them."""
        parts: list[bytes] = []
        left = count
        while left:
            part = self._receive(self._patience.comes_s, min(left, CHUNK_BYTES))
            assert part, f"heard the end after {count - left} of {count} bytes"
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def hears_a_piece(self) -> bytes:
        """Hear what comes by one read."""
        piece = self._receive(self._patience.comes_s, CHUNK_BYTES)
        assert piece, "heard the end where bytes were due"
        return piece

    def hears_nothing(self, silence_s: float | None = None) -> None:
        """Hear neither a byte nor an end for a while."""
        self._socket.settimeout(max(silence_s or 0.0, self._patience.silence_s))
        try:
            heard = self._socket.recv(CHUNK_BYTES)
        except TimeoutError:
            return
        except OSError as problem:
            raise AssertionError(f"heard {problem!r} where silence was due") from problem
        raise AssertionError(f"heard {_brief(heard) if heard else 'the end'} where silence was due")

    def hears_all(self) -> bytes:
        """Hear everything up to an orderly end."""
        parts = []
        while part := self._receive(self._patience.ends_s, CHUNK_BYTES):
            parts.append(part)
        return b"".join(parts)

    def hears_or_ends(self, expected: bytes) -> bool:
        """Hear exactly these bytes, or an orderly end instead; tell which."""
        heard = self._receive(self._patience.comes_s, len(expected))
        assert heard in (expected, b""), f"heard {_brief(heard)} where {_brief(expected)} or the end was due"
        return heard == expected

    def hears_the_end(self) -> None:
        """Hear an orderly end next (FIN), and no byte before it."""
        heard = self._receive(self._patience.ends_s, CHUNK_BYTES)
        assert not heard, f"heard {_brief(heard)} where the end was due"

    def hears_a_reset(self) -> None:
        """Hear a reset next (RST), and no byte before it."""
        self._socket.settimeout(self._patience.ends_s)
        try:
            heard = self._socket.recv(CHUNK_BYTES)
        except ConnectionResetError:
            return
        except TimeoutError as problem:
            raise AssertionError("heard nothing where a reset was due") from problem
        raise AssertionError(f"heard {_brief(heard) if heard else 'the end'} where a reset was due")

    def hears_some_end(self) -> None:
        """Hear, after whatever bytes, an end of either kind."""
        self._socket.settimeout(self._patience.ends_s)
        try:
            while self._socket.recv(CHUNK_BYTES):
                pass
        except ConnectionResetError:
            return
        except TimeoutError as problem:
            raise AssertionError("the connection lives on where an end was due") from problem

    def sends_no_more(self) -> None:
        """Half close: say that nothing more will be said, and go on listening."""
        self._socket.shutdown(socket.SHUT_WR)

    def leaves(self) -> None:
        """Close."""
        self._socket.close()

    def is_reset_by_closing(self) -> None:
        """Close by a reset."""
        linger_on_for_0_s = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_on_for_0_s)
        self._socket.close()

    def _receive(self, patience_s: float, count: int) -> bytes:
        self._socket.settimeout(patience_s)
        try:
            return self._socket.recv(count)
        except OSError as problem:
            raise AssertionError(f"heard {problem!r} where something was due") from problem


class Listener:
    """An upstream: where proxies lead to."""

    def __init__(self, patience: Patience, backlog: int = 128) -> None:
        self._patience = patience
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=backlog)
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"

    def accepts(self) -> socket.socket:
        """Accept the next connection."""
        self._socket.settimeout(self._patience.comes_s)
        try:
            return self._socket.accept()[0]
        except TimeoutError as problem:
            raise AssertionError(f"nobody connected to {self.address}") from problem

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()


def dial(address: str, patience: Patience) -> socket.socket:
    """Connect; a refusal is an AssertionError."""
    try:
        return socket.create_connection(socket_address(address), patience.comes_s)
    except OSError as problem:
        raise AssertionError(f"could not connect to {address}: {problem!r}") from problem


def assert_refused(address: str) -> None:
    """Nobody must listen at an address."""
    try:
        socket.create_connection(socket_address(address), 5).close()
    except ConnectionRefusedError:
        return
    raise AssertionError(f"{address} accepts connections where a refusal was due")


def _brief(data: bytes) -> str:
    return repr(data) if len(data) <= 40 else f"{data[:40]!r}... ({len(data)} bytes)"
