"""A node that only answers probes (`POST` and `GET /cutheal/probe?id=`), on one port, in one thread."""

import json
import selectors
import socket
import threading
import time
from typing import Self
from urllib.parse import parse_qs, urlsplit


class StandIn:
    """Listens on "127.0.0.1:PORT"; may be paused, killed and started again on the same port.

    Args:
        address: where to listen.
        seen: probes seen, shared by the ports of one node.
        status: what every probe is answered with.

    """

    def __init__(self, address: str, seen: dict[str, float] | None = None, status: str = "200 OK") -> None:
        self.address = address
        self.seen: dict[str, float] = {} if seen is None else seen
        self._status = status
        self._running = threading.Event()
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End, unless it was killed."""
        if self._thread.is_alive():
            self.kill()

    def start(self) -> None:
        host, port = self.address.rsplit(":", 1)
        self._listener = socket.create_server((host, int(port)), backlog=128)
        self._listener.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._running.set()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def kill(self) -> None:
        """End: close everything."""
        self._wake.send(b"x")
        self._running.set()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()
        self._wake.close()

    def pause(self) -> None:
        """Answer nothing from now on, and keep all connections."""
        self._running.clear()

    def resume(self) -> None:
        """Answer what has come meanwhile, and go on."""
        self._running.set()

    def _serve(self) -> None:
        buffers: dict[socket.socket, bytes] = {}
        while True:
            for key, _ in self._selector.select():
                self._running.wait()
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                if sock is self._woken:
                    return
                if sock is self._listener:
                    connection, _ = sock.accept()
                    buffers[connection] = b""
                    self._selector.register(connection, selectors.EVENT_READ)
                else:
                    self._read(sock, buffers)

    def _read(self, sock: socket.socket, buffers: dict[socket.socket, bytes]) -> None:
        """Answer all whole requests; one who asked may be gone before it is answered."""
        try:
            data = sock.recv(65536)
            buffers[sock] += data
            while b"\r\n\r\n" in buffers[sock]:
                head, _, buffers[sock] = buffers[sock].partition(b"\r\n\r\n")
                sock.sendall(self._answer_to(head))
        except (ConnectionResetError, BrokenPipeError):
            data = b""
        if not data:
            del buffers[sock]
            self._selector.unregister(sock)
            sock.close()

    def _answer_to(self, head: bytes) -> bytes:
        method, target = head.decode().split("\r\n")[0].split(" ")[:2]
        body = json.dumps(self._answer(method, parse_qs(urlsplit(target).query)["id"][0])).encode()
        return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n" % (self._status.encode(), len(body)) + body

    def _answer(self, method: str, probe_id: str) -> dict[str, object]:
        if method == "POST":
            self.seen[probe_id] = time.monotonic()
            return {"id": probe_id}
        return {"seen": {one: self.seen.get(one) for one in probe_id.split(",")}}
