"""The loop of a node's servers in a thread of the test's."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from nodecore.web.server import Servers


@contextmanager
def looping(servers: Servers, address: tuple[str, int]) -> Iterator[None]:
    """Run it in a thread named `loop`; `address` is one that it listens on."""
    thread = threading.Thread(target=servers.run, name="loop")
    thread.start()
    try:
        yield
    finally:
        _end(servers, address)
        thread.join()


def _end(servers: Servers, address: tuple[str, int]) -> None:
    """What `stop` does for the loop's own thread; from this one, the loop may be over before it is woken."""
    servers._stopping = True
    with suppress(ConnectionError):
        socket.create_connection(address, 5).close()
