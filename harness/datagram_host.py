"""The relay of one cluster's datagrams: started through the launcher, replaced when it no longer answers."""

from itertools import count
from pathlib import Path

from harness.links.api import LinkServerDied
from harness.links.datagrams import Datagrams, RelayControl
from harness.ports import Reservations
from harness.processes import Launch, Launcher, Process
from harness.waiting import wait_for

START_REAL_S = 10.0
"""A fork, and the import of a module."""

END_REAL_S = 5.0
"""After SIGKILL; the kernel takes milliseconds."""


class DatagramHost:
    """Starts the relay on a reserved control port and knows the links that it carries.

    Args:
        launcher: owns its process.
        ports: where its control port is reserved.
        folder: of its log.

    """

    def __init__(self, launcher: Launcher, ports: Reservations, folder: Path) -> None:
        self._launcher = launcher
        self._ports = ports
        self._folder = folder
        self._numbers = count(1)
        (self._address,) = ports.reserve(1)
        self.process, control = self._start()
        self.datagrams = Datagrams(control)

    def revive(self) -> str | None:
        """Replace a relay that does not answer; return a sentence that says so, or None."""
        try:
            self.datagrams.look()
        except LinkServerDied as died:
            self._end()
            self._ports.release([self._address])
            (self._address,) = self._ports.reserve(1)
            self.process, control = self._start()
            self.datagrams.restore(control)
            return f"{died}; it was replaced and its links restored"
        return None

    def close(self) -> None:
        """End the process and give its port back."""
        self.datagrams.close()
        self._end()
        self._ports.release([self._address])

    def abandon(self) -> None:
        """Let go of everything when the launcher is gone, and the process with it."""
        self.datagrams.close()
        self._ports.release([self._address])

    def _start(self) -> tuple[Process, RelayControl]:
        launch = Launch(
            name="datagrams",
            log_path=self._folder / f"datagrams-{next(self._numbers)}.log",
            argv=(self._address,),
            entry="harness.links.relay:main",
        )
        process = self._launcher.spawn(launch)
        control = wait_for(
            f"the datagram relay at {self._address} to answer",
            lambda: RelayControl(self._address),
            bool,
            START_REAL_S,
            interrupt=process.raise_if_dead,
            tolerate=(LinkServerDied,),
        )
        return process, control

    def _end(self) -> None:
        self.process.kill()
        self.process.wait(END_REAL_S)
