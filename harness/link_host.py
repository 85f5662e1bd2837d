"""The link server of one session: started through the launcher, replaced when it no longer answers."""

from itertools import count
from pathlib import Path

from harness.links.api import ToxiproxyApi
from harness.links.backend import Backend
from harness.links.toxiproxy import server_argv, wait_ready
from harness.ports import Reservations
from harness.processes import Exit, Launch, Launcher, Process
from harness.waiting import WaitTimeout

EMBEDDED_ENTRY = "harness.links.embedded.main:main"
WORD_OF_DEATH_REAL_S = 0.5
"""From the kernel through the launcher: a millisecond."""


class LinkHost:
    """Starts the link server on a reserved port and knows its API.

    Args:
        backend: which server.
        folder: of its log.
        launcher: owns its process.
        ports: where its port is reserved.
        seed: of what it draws.

    """

    def __init__(
        self, backend: Backend, folder: Path, launcher: Launcher, ports: Reservations, seed: int
    ) -> None:
        self.backend = backend
        self._seed = seed
        self._folder = folder
        self._launcher = launcher
        self._ports = ports
        self._numbers = count(1)
        (self._address,) = ports.reserve(1)
        self.process, self.api = self._start()

    def how_it_ended(self) -> Exit | None:
        """Return how it ended, word of which may be on its way; None when it just does not answer."""
        try:
            return self.process.wait(WORD_OF_DEATH_REAL_S)
        except WaitTimeout:
            return None

    def replace(self) -> ToxiproxyApi:
        """Kill what is left of the server and start another on a new port; return its API."""
        self.process.kill()
        self.api.close()
        self._ports.release([self._address])
        (self._address,) = self._ports.reserve(1)
        self.process, self.api = self._start()
        return self.api

    def close(self) -> None:
        """Close the API's connection; the process ends with the launcher."""
        self.api.close()

    def _start(self) -> tuple[Process, ToxiproxyApi]:
        log_path = self._folder / f"{self.backend.name}-{next(self._numbers)}.log"
        process = self._launcher.spawn(self._launch(log_path))
        return process, wait_ready(self._address, pid=process.pid, interrupt=process.raise_if_dead)

    def _launch(self, log_path: Path) -> Launch:
        """The process's name in `ps` is the backend's; the real server draws nothing, so it needs no seed."""
        name, program = self.backend.name, self.backend.path
        if program is None:
            argv: tuple[str, ...] = ("--listen", self._address, "--seed", str(self._seed))
            return Launch(name=name, log_path=log_path, entry=EMBEDDED_ENTRY, argv=argv)
        argv = server_argv(program, self._address)
        return Launch(name=name, log_path=log_path, argv=argv, env=(("LOG_LEVEL", "error"),))
