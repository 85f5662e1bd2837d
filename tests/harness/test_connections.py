"""Connections to what is gone are found, and what is not looked for is not."""

import socket

import pytest

import harness.ports
from harness.connections import DESCRIPTORS, connected_to
from harness.ports import Reservations


def test_open_and_half_closed_connections_are_found_by_where_they_lead() -> None:
    """Each once; another socket, a pipe and a listener are none, and looking leaves nothing open."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        assert connected_to({address}) == []
        with socket.create_connection(listener.getsockname()) as client, listener.accept()[0] as server:
            own = f"127.0.0.1:{client.getsockname()[1]}"
            assert connected_to({address, own}) == sorted([address, own])
            server.close()
            assert connected_to({address, own}) == [address]
            before = len(list(DESCRIPTORS.iterdir()))
            connected_to({address})
            assert len(list(DESCRIPTORS.iterdir())) == before
        assert connected_to({address}) == []


def test_what_only_waits_for_the_garbage_collector_is_no_connection() -> None:
    """As the half-read answer of a killed node, which its error's traceback holds in a circle."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        client = socket.create_connection(listener.getsockname())
        circle: list[object] = [client.makefile("rb")]
        circle.append(circle)
        with listener.accept()[0]:
            client.close()
            assert connected_to({address}) == [address], "its file is held"
            del circle
            assert connected_to({address}) == []


def test_addresses_given_back_are_told_once() -> None:
    """Whoever asks again hears only of those given back since."""
    with Reservations() as ports:
        first, second = ports.reserve(2)
        ports.release([first])
        assert ports.given_back() == {first}
        assert ports.given_back() == set()
    assert ports.given_back() == {second}


def test_an_address_that_is_dealt_again_was_not_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel may deal a port twice in a row; then a connection to it leads to what is there now."""
    holders: list[socket.socket] = []

    def deal_the_same() -> tuple[str, socket.socket]:
        holders.append(socket.socket())
        return "127.0.0.1:4000", holders[-1]

    monkeypatch.setattr(harness.ports, "_bind", deal_the_same)
    with Reservations() as ports:
        ports.release(ports.reserve(1))
        ports.reserve(1)
        assert ports.given_back() == set()
