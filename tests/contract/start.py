"""The three servers under the contract: how each is started, and started again when a check has ended it."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from harness.links.locate import find_server
from harness.links.toxiproxy import server_argv, wait_ready
from harness.ports import Reservations
from tests.contract.peers import DEAF_PATIENCE, Patience
from tests.contract.server import Server
from tests.doubles.bound import bound

DEAF_SERVER = Path(__file__).parent.parent / "doubles" / "deaf_toxiproxy"

Argv = Callable[[str], Sequence[str]]


def _real(api_address: str) -> Sequence[str]:
    return server_argv(find_server(), api_address)


def _embedded(api_address: str) -> Sequence[str]:
    return (sys.executable, "-m", "harness.links.embedded.main", "--listen", api_address, "--seed", "1")


def _deaf(api_address: str) -> Sequence[str]:
    return (sys.executable, *server_argv(DEAF_SERVER, api_address))


SERVERS: Mapping[str, tuple[Argv, Patience]] = {
    "real": (_real, Patience()),
    "embedded": (_embedded, Patience()),
    "deaf": (_deaf, DEAF_PATIENCE),
}


class Servers:
    """Servers that are started when they are first asked for, and ended with the block.

    Args:
        folder: of their logs.

    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = Reservations()
        self._running: dict[str, Server] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        for server in self._running.values():
            server.close()
        self._ports.close()

    def get(self, name: str) -> Server:
        """Return the server of that name: real, embedded or deaf."""
        server = self._running.get(name)
        if server is not None and server.process.poll() is not None:
            server.close()
            server = None
        if server is None:
            server = self._running[name] = self._start(name)
        return server

    def _start(self, name: str) -> Server:
        argv, patience = SERVERS[name]
        (api_address,) = self._ports.reserve(1)
        environment = {**os.environ, "LOG_LEVEL": "error"}
        with (self._folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(bound(argv(api_address)), env=environment, stdout=log, stderr=log)
        try:
            return Server(name, process, wait_ready(api_address, pid=process.pid), patience)
        except BaseException:
            process.kill()
            process.wait()
            raise
