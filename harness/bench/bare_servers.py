"""Bare waitress processes, started like nodes: the floor of a boot and of the client API."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from harness.links.link import socket_address
from harness.ports import Reservations
from harness.processes import Launch, Launcher
from harness.waiting import wait_for

PRELOAD = ("harness.bench.bare",)
"""Of the launcher that starts them: what they need, and no more."""

ANSWER_WITHIN_REAL_S = 10.0


@contextmanager
def bare_servers(launcher: Launcher, addresses: list[str]) -> Iterator[None]:
    """Start a process on each of these reserved addresses; in the block all answer."""
    launches = [
        Launch(
            name=f"bare{number}",
            log_path=launcher.folder / "bare.log",
            argv=(address.rsplit(":", 1)[1],),
            entry="harness.bench.bare:main",
        )
        for number, address in enumerate(addresses)
    ]
    processes = launcher.spawn_all(launches)
    try:
        for address in addresses:
            wait_for(f"an answer of {address}", lambda a=address: _answers(a), bool, ANSWER_WITHIN_REAL_S)  # type: ignore[misc]
        yield
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait(ANSWER_WITHIN_REAL_S)


@contextmanager
def bare_server(launcher: Launcher) -> Iterator[str]:
    """Start one process; give its address."""
    with Reservations() as ports:
        addresses = ports.reserve(1)
        with bare_servers(launcher, addresses):
            yield addresses[0]


def _answers(address: str) -> bool:
    try:
        with socket.create_connection(socket_address(address), 1) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return connection.recv(64).startswith(b"HTTP/1.")
    except OSError:
        return False
