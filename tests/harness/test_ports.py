"""Reserved ports: dealt to nobody else, free for our own processes to listen on."""

import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.ports import Reservations

MANY = 150

RESERVE = f"""
import sys
from harness.ports import Reservations
with Reservations() as ports:
    print(" ".join(ports.reserve({MANY})), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def ports():
    with Reservations() as reservations:
        yield reservations


def _listen(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, int(port)))
    listener.listen()
    return listener


def _connect(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=2)


def test_addresses_come_in_ring_order(ports):
    """The ring sorts addresses as strings, where "127.0.0.1:9999" comes after "127.0.0.1:40000"."""
    dealt = ports.reserve(20)
    assert dealt == sorted(dealt)
    assert len(set(dealt)) == 20
    assert all(address.startswith("127.0.0.1:") for address in dealt)
    assert ports.addresses == dealt


def test_our_process_listens_again_and_again_on_its_port(ports):
    """A node may die and come back: its port is still its own each time."""
    (address,) = ports.reserve(1)
    for _ in range(5):
        with _listen(address), _connect(address) as client:
            assert "{}:{}".format(*client.getpeername()) == address
    with pytest.raises(ConnectionRefusedError):
        _connect(address)


def test_a_stranger_that_names_the_port_is_refused(ports):
    """Without SO_REUSEADDR nobody binds a reserved port."""
    (address,) = ports.reserve(1)
    with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
        stranger.bind(("127.0.0.1", int(address.rpartition(":")[2])))


def test_no_connection_is_dealt_a_reserved_port(ports):
    """The local ends of outgoing connections never sit on a port that a node will want."""
    reserved = set(ports.reserve(100))
    (target,) = ports.reserve(1)
    with _listen(target) as listener:
        clients = [_connect(target) for _ in range(100)]
        accepted = [listener.accept()[0] for _ in clients]
        dealt = {f"127.0.0.1:{client.getsockname()[1]}" for client in clients}
        for end in (*clients, *accepted):
            end.close()
    assert not dealt & reserved


def test_processes_that_reserve_at_once_never_share_a_port():
    """Four reservers in processes of their own, all holding: every port is dealt once."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", RESERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    try:
        with ThreadPoolExecutor() as pool:
            lines = list(pool.map(lambda process: process.stdout.readline(), processes))
    finally:
        for process in processes:
            process.communicate()
    dealt = [address for line in lines for address in line.split()]
    assert len(dealt) == 4 * MANY
    assert len(set(dealt)) == len(dealt)


def test_released_addresses_are_given_back_and_the_others_kept(ports):
    """Who releases says which; asking twice is an error that shows what is reserved."""
    first, second = ports.reserve(2)
    ports.release([first])
    assert ports.addresses == [second]
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", int(first.rpartition(":")[2])))
    with pytest.raises(ValueError, match=rf"not reserved here: {first}; reserved are \['{second}'\]"):
        ports.release([first, second])
    assert ports.addresses == [second], "a refused release changes nothing"


def test_a_child_process_inherits_no_reservation(ports):
    """A node that kept the sockets would keep the ports after the cluster is gone."""
    ports.reserve(3)
    listing = "import os; print(len(os.listdir('/proc/self/fd')))"
    with_reservations = subprocess.check_output([sys.executable, "-c", listing], close_fds=False)
    ports.close()
    without = subprocess.check_output([sys.executable, "-c", listing], close_fds=False)
    assert with_reservations == without
