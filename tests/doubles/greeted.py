"""A Raft port that only takes greetings, by PySyncObj's own code: it answers each and remembers its key."""

import os
import pickle
import selectors
import socket
import struct
import threading
import time
import zlib
from typing import Self

import nodecore.raft  # noqa: F401 - sees to it that PySyncObj leaves `socket` alone

PATIENCE_REAL_S = 1.5
"""Whoever was silent for longer is hung up on when he says something."""


class Greeted:
    """Listens on "127.0.0.1:PORT" in one thread.

    Args:
        address: where.
        seen: keys seen in hexadecimal digits, shared with the node's other ports.
        secret: the password of the Raft cluster.

    """

    def __init__(self, address: str, seen: dict[str, float], secret: str) -> None:
        self.address = address
        self._seen = seen
        from pysyncobj.encryptor import getEncryptor  # noqa: PLC0415 - after nodecore.raft, as said there

        self._encryptor = getEncryptor(secret)
        host, port = address.rsplit(":", 1)
        self._listener = socket.create_server((host, int(port)), backlog=128)
        self._connections: dict[socket.socket, tuple[float, bytes]] = {}
        self._wake, self._woken = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        for sock in (self._listener, self._woken):
            self._selector.register(sock, selectors.EVENT_READ)
        self._all_silent_before = 0.0
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._wake.send(b"x")
        self._thread.join()
        for sock in (self._listener, self._wake, self._woken, *self._connections):
            sock.close()
        self._selector.close()

    def lose_patience(self) -> None:
        """Hang up on whoever is connected now as soon as he says something."""
        self._all_silent_before = time.monotonic()

    def _serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._woken:
                    return
                if key.fileobj is self._listener:
                    connection, _ = self._listener.accept()
                    self._connections[connection] = (time.monotonic(), b"")
                    self._selector.register(connection, selectors.EVENT_READ)
                else:
                    assert isinstance(key.fileobj, socket.socket)
                    self._read(key.fileobj)

    def _read(self, connection: socket.socket) -> None:
        since, before = self._connections[connection]
        try:
            data = connection.recv(65536)
        except ConnectionResetError:
            data = b""
        has_waited = since < self._all_silent_before or time.monotonic() - since > PATIENCE_REAL_S
        if not data or has_waited:
            self._end(connection)
            return
        received = before + data
        self._connections[connection] = (time.monotonic(), received)
        if len(received) >= 4 and len(received) >= 4 + struct.unpack("i", received[:4])[0]:
            self._answer(connection, received[4:])

    def _answer(self, connection: socket.socket, encrypted: bytes) -> None:
        key = pickle.loads(zlib.decompress(self._encryptor.decrypt(encrypted)))
        assert isinstance(key, bytes), "a greeting is nothing but a key"
        assert len(key) == 32, "a greeting is a key of 32 bytes"
        self._seen[key.hex()] = time.monotonic()
        message = zlib.compress(pickle.dumps(os.urandom(32), protocol=2), 3)
        answer = self._encryptor.encrypt_at_time(message, int(time.monotonic()))
        connection.sendall(struct.pack("i", len(answer)) + answer)

    def _end(self, connection: socket.socket) -> None:
        del self._connections[connection]
        self._selector.unregister(connection)
        connection.close()
