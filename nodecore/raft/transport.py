"""PySyncObj's connections, with our addresses: a member is its advertised `ip:port`, dialled through a map.

Of two members the one whose address is larger as a string dials the other (as PySyncObj has it). Beside the
dialling this mends what would hurt: nothing is sent before a connection's greeting is done, one member has
one connection, idle connections are kept alive, and nothing but members speaks (PySyncObj's own operators'
messages and read-only nodes are refused). Invariant: a message that `send` refuses has not left this node.
"""

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pysyncobj.config import FAIL_REASON
from pysyncobj.monotonic import monotonic
from pysyncobj.node import TCPNode
from pysyncobj.poller import POLL_EVENT_TYPE
from pysyncobj.tcp_connection import CONNECTION_STATE, TcpConnection
from pysyncobj.transport import TCPTransport

from nodecore.raft.mending import Mending, is_administrative
from nodecore.runtime.arrivals import Arrivals

HELLO_BYTES = 32
"""Of the random key that opens every connection."""
PORT_OFFSET = 1000
"""Raft is dialled at the member's port minus this where nothing else is said, as in Nacos."""

_ALIVE = {"type": "alive"}
"""For the transport alone: followers have nothing to say to each other, and a silent connection is dead."""
_ALIVE_SHARE = 3
"""How many go into the time after which a connection is dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where this node listens and where it dials.

    Args:
        bound: listens already; the transport closes it.
        dial: advertised address -> `ip:port`.
        arrivals: told the hello of every connection.
    """

    bound: socket.socket
    dial: Mapping[str, str]
    arrivals: Arrivals


def raft_address(dial: Mapping[str, str], member: str) -> tuple[str, int]:
    """Return host and port at which a member's Raft is dialled."""
    given = dial.get(member)
    host, _, port = (given or member).rpartition(":")
    return host, int(port) if given else int(port) - PORT_OFFSET


class RaftTransport(TCPTransport):  # type: ignore[misc]  # PySyncObj has no types
    """What `SyncObj` speaks through.

    Args:
        place: where to listen and dial.
        sync_object: whom it serves.
        own: this node.
        others: the other members.
    """

    def __init__(self, place: Place, sync_object: Any, own: TCPNode, others: set[TCPNode]) -> None:
        self._place = place
        self._greeted: set[TCPNode] = set()
        self._said_s: dict[TCPNode, float] = {}
        self._mending = Mending(sync_object)
        super().__init__(sync_object, own, others)

    def send(self, node: TCPNode, message: dict[str, Any]) -> bool:
        """Send to a member that has been greeted; False when it is not connected, before or after."""
        if node not in self._greeted or is_administrative(message):
            self._turn_away(node, message)
            return False
        mended = self._mending.outgoing(message)
        if mended is None:
            return False
        self._said_s[node] = monotonic()
        return bool(super().send(node, mended))

    def destroy(self) -> None:
        """Close everything, the listening socket included."""
        super().destroy()
        self._greeted.clear()

    def dropNode(self, node: TCPNode) -> None:  # noqa: N802  PySyncObj's name
        """Forget a member."""
        super().dropNode(node)
        self._greeted.discard(node)
        self._said_s.pop(node, None)

    def _turn_away(self, node: TCPNode, message: dict[str, Any]) -> None:
        """Answer a command in place of a leader that is not connected: PySyncObj would wait for ever."""
        if message["type"] == "apply_command" and "request_id" in message:
            refusal = {
                "type": "apply_command_response",
                "request_id": message["request_id"],
                "error": FAIL_REASON.MISSING_LEADER,
            }
            super()._onMessageReceived(node, refusal)

    def _createServer(self) -> None:  # noqa: N802
        self._server = _Listener(self._syncObj, self._place.bound, self._onNewIncomingConnection)
        self._ready = True

    def _connectIfNecessarySingle(self, node: TCPNode) -> bool:  # noqa: N802
        connection = self._connections.get(node)
        if connection is not None and connection.state != CONNECTION_STATE.DISCONNECTED:
            return True
        if connection is None or not self._shouldConnect(node) or self._tried_just_now(node):
            return False
        self._lastConnectAttempt[node] = monotonic()
        if connection.connect(*raft_address(self._place.dial, node.address)):
            return True
        connection.disconnect()  # it keeps the socket that could not connect
        return False

    def _tried_just_now(self, node: TCPNode) -> bool:
        last_s: float | None = self._lastConnectAttempt.get(node)
        return last_s is not None and monotonic() - last_s < self._syncObj.conf.connectionRetryTime

    def _onTick(self) -> None:  # noqa: N802
        super()._onTick()
        now_s = monotonic()
        limit_s = self._syncObj.conf.connectionTimeout
        for node in list(self._greeted):
            if now_s - self._said_s.get(node, 0.0) >= limit_s / _ALIVE_SHARE:
                self.send(node, dict(_ALIVE))
        for node, connection in list(self._connections.items()):
            started_s = self._lastConnectAttempt.get(node, now_s)
            dialling = connection.state != CONNECTION_STATE.DISCONNECTED and node not in self._greeted
            if dialling and now_s - started_s > limit_s:
                connection.disconnect()

    def _onIncomingMessageReceived(self, conn: TcpConnection, message: object) -> None:  # noqa: N802
        if not conn.sendRandKey:
            self._greet(conn, message)
            return
        node = self._nodeAddrToNode.get(message) if isinstance(message, str) else None
        if node is None or self._shouldConnect(node):
            self._unknownConnections.discard(conn)
            conn.disconnect()
            return
        before = self._connections.pop(node, None)
        if before is not None:
            self._onNodeDisconnected(node)
            before.disconnect()
        super()._onIncomingMessageReceived(conn, message)

    def _greet(self, conn: TcpConnection, hello: object) -> None:
        if not isinstance(hello, bytes) or len(hello) != HELLO_BYTES:
            self._unknownConnections.discard(conn)
            conn.disconnect()
            return
        self._place.arrivals.note(hello.hex())
        conn.sendRandKey = hello
        conn.recvRandKey = os.urandom(HELLO_BYTES)
        conn.send(conn.recvRandKey)

    def _onOutgoingMessageReceived(self, conn: TcpConnection, message: object) -> None:  # noqa: N802
        if self._connToNode(conn) is not None:
            super()._onOutgoingMessageReceived(conn, message)

    def _onNodeConnected(self, node: TCPNode) -> None:  # noqa: N802
        self._greeted.add(node)
        super()._onNodeConnected(node)

    def _onNodeDisconnected(self, node: TCPNode) -> None:  # noqa: N802
        self._greeted.discard(node)
        super()._onNodeDisconnected(node)

    def _onMessageReceived(self, node: TCPNode, message: Any) -> None:  # noqa: N802
        if not isinstance(message, dict) or message.get("type") == _ALIVE["type"]:
            return
        mended = self._mending.incoming(message)
        if mended is not None:
            sent = self._mending.sent_to(node)
            super()._onMessageReceived(node, mended)
            self._mending.go_on(node, mended, sent)


class _Listener:
    """Accepts connections on a socket that somebody else has bound; PySyncObj's own server binds anew."""

    def __init__(
        self, sync_object: Any, bound: socket.socket, connected: Callable[[TcpConnection], None]
    ) -> None:
        self._sync_object = sync_object
        self._bound = bound
        self._connected = connected
        bound.setblocking(False)
        sync_object._poller.subscribe(  # noqa: SLF001  as PySyncObj's transport does
            bound.fileno(), self._accept, POLL_EVENT_TYPE.READ | POLL_EVENT_TYPE.ERROR
        )

    def unbind(self) -> None:
        """Close it."""
        if self._bound.fileno() >= 0:
            self._sync_object._poller.unsubscribe(self._bound.fileno())  # noqa: SLF001
            self._bound.close()

    def _accept(self, _descriptor: int, _events: int) -> None:
        try:
            accepted, _ = self._bound.accept()
        except OSError:
            return  # gone before it was accepted, or nobody there: nothing is lost
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        accepted.setblocking(False)
        conf = self._sync_object.conf
        self._connected(
            TcpConnection(
                poller=self._sync_object._poller,  # noqa: SLF001
                socket=accepted,
                timeout=conf.connectionTimeout,
                sendBufferSize=conf.sendBufferSize,
                recvBufferSize=conf.recvBufferSize,
            )
        )
