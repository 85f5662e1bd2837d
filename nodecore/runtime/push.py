"""The node's UDP socket: sends pushes and takes acknowledgements, from one thread that nobody waits for.

Socket and thread come with the first push: a node without subscribers has neither. Invariant: a push is
handed over without waiting, also under the core's lock, and no datagram, whatever is in it, ends the thread.
"""

import queue
import selectors
import socket
import threading
from collections.abc import Callable

from nodecore.core.events import Push, PushAcked
from nodecore.errors import Malformed
from nodecore.runtime.logs import NodeLog
from nodecore.runtime.wire.push import decode_ack, encode_push, packet_bytes_max

ACK_BYTES_MAX = 4096
"""An acknowledgement has some 60 bytes."""
_CLOSE_REAL_S = 5.0


class PushSocket:
    """Sends what it is given and tells of acknowledgements.

    Args:
        host: the interface to send from: the node's own.
        log: told of what could not be sent, and of datagrams that are no acknowledgement.
        deliver: takes acknowledgements; called by the thread.

    """

    def __init__(self, host: str, log: NodeLog, deliver: Callable[[PushAcked], None]) -> None:
        self._host = host
        self._log = log
        self._deliver = deliver
        self._queue: queue.SimpleQueue[Push | None] = queue.SimpleQueue()
        self._woken, self._waker = socket.socketpair()
        self._waker.setblocking(False)
        self._woken.setblocking(False)
        self._thread: threading.Thread | None = None

    def send(self, push: Push) -> None:
        """Have a push sent. Returns at once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="push", daemon=True)
            self._thread.start()
        self._hand_over(push)

    def close(self) -> None:
        """Send what was handed over, then end the thread.

        Raises:
            RuntimeError: it does not end.
        """
        self._hand_over(None)
        if self._thread is not None:
            self._thread.join(_CLOSE_REAL_S)
            if self._thread.is_alive():
                raise RuntimeError(f"the push thread has not ended for {_CLOSE_REAL_S} s")
        self._waker.close()
        self._woken.close()

    def _hand_over(self, push: Push | None) -> None:
        self._queue.put(push)
        try:
            self._waker.send(b"x")
        except BlockingIOError:
            return  # the buffer is full of wake-ups that have not been looked at

    def _run(self) -> None:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as udp, selectors.DefaultSelector() as selector:
            udp.bind((self._host, 0))
            udp.setblocking(False)
            selector.register(udp, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while self._send_queued(udp):
                for key, _ in selector.select():
                    if key.fileobj is udp:
                        self._receive(udp)
                    else:
                        self._woken.recv(ACK_BYTES_MAX)

    def _send_queued(self, udp: socket.socket) -> bool:
        """Send all that was handed over; return whether more is to come."""
        while not self._queue.empty():
            push = self._queue.get()
            if push is None:
                return False
            self._send(udp, push)
        return True

    def _send(self, udp: socket.socket, push: Push) -> None:
        """What cannot be sent is logged: the client polls, and is sent it again like what it did not get."""
        to = (push.subscriber.ip, push.subscriber.port)
        packet = encode_push(push)
        limit = packet_bytes_max(push.subscriber.agent)
        if len(packet) > limit:
            self._tell(push, f"{len(packet)} bytes, and this client reads {limit}")
            return
        try:
            udp.sendto(packet, to)
        except OSError as error:
            self._tell(push, str(error))

    def _receive(self, udp: socket.socket) -> None:
        try:
            datagram, source = udp.recvfrom(ACK_BYTES_MAX)
        except OSError as error:
            self._log.write("warning", "push_receive_failed", [("error", str(error))])
            return
        try:
            ack = decode_ack(datagram, source[1])
        except Malformed as error:
            fields = [("source", f"{source[0]}:{source[1]}"), ("error", str(error))]
            self._log.write("debug", "not_an_ack", fields)
            return
        self._deliver(ack)

    def _tell(self, push: Push, why: str) -> None:
        subscriber = push.subscriber
        fields = [("to", f"{subscriber.ip}:{subscriber.port}"), ("service", push.listed.service)]
        self._log.write("warning", "push_not_sent", [*fields, ("why", why)])
