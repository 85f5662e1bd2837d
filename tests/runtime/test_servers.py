"""The servers of a node in this process: what hardly any run of a whole node comes to."""

import resource
import socket
from collections.abc import Iterator
from fcntl import F_DUPFD_CLOEXEC, fcntl

import pytest

from nodecore.config import Limits
from nodecore.web.server import Servers, bind
from tests.runtime.application import wsgi_client
from tests.runtime.looping import looping

DESCRIPTOR = 1100
"""One that select() does not take."""


@pytest.fixture
def high_descriptors() -> Iterator[None]:
    """Let this process have descriptors beyond select()'s, as a node with a thousand clients has."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft <= DESCRIPTOR:
        resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTOR + 1, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("high_descriptors")
def test_a_node_with_more_connections_than_select_takes_answers_all_the_same() -> None:
    """Its listener has descriptor 1100; before and after there were none as high."""
    with wsgi_client() as client, bind("127.0.0.1", 0) as low, bind("127.0.0.1", 0) as peer:
        listener = socket.socket(fileno=fcntl(low.fileno(), F_DUPFD_CLOEXEC, DESCRIPTOR))
        assert listener.fileno() >= DESCRIPTOR
        addresses = listener.getsockname(), peer.getsockname()
        servers = Servers(client.application, listener, peer, Limits())
        with looping(servers, addresses[1]):
            assert [_asked(address) for address in addresses] == [b"HTTP/1.1 200 OK"] * 2


def _asked(address: tuple[str, int]) -> bytes:
    with socket.create_connection(address, 5) as connection:
        connection.sendall(b"GET /cutheal/state HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return connection.recv(65536).partition(b"\r\n")[0]
