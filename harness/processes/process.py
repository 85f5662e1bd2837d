"""One process that the launcher owns, as the pytest process sees it.

Invariant: every wait for it ends at once with its death, or with that of its launcher.
"""

import signal
from typing import Protocol

from harness.processes import kernel
from harness.processes.logs import Log
from harness.processes.protocol import Exit, Launch, ProcessDied
from harness.waiting import wait_for

STATE_WITHIN_REAL_S = 10.0
"""A thread inside the kernel stops only when it comes out."""


class Owner(Protocol):
    """What a process needs of its launcher."""

    @property
    def is_alive(self) -> bool:
        """Whether it still takes requests."""
        ...

    def deliver(self, process: int, signal_number: int) -> bool:
        """Send a signal; return whether the process was there."""
        ...

    def raise_if_lost(self) -> None:
        """Raise LauncherDied when it is gone."""
        ...


class Process:
    """One process that the launcher owns."""

    def __init__(self, owner: Owner, number: int, pid: int, launch: Launch) -> None:
        self._owner = owner
        self._number = number
        self.name = launch.name
        self.pid = pid
        self.exit: Exit | None = None
        self.log = Log(launch.log_path, interrupt=self.raise_if_dead)

    def __repr__(self) -> str:
        return f"<Process {self.name} pid {self.pid} {self.exit or 'alive'}>"

    @property
    def is_alive(self) -> bool:
        """Whether neither it nor its launcher is known to have ended."""
        return self.exit is None and self._owner.is_alive

    def raise_if_dead(self) -> None:
        """Raise ProcessDied or LauncherDied if so: the `interrupt` of whoever waits for this process."""
        if self.exit is not None:
            raise ProcessDied(self.exit)
        self._owner.raise_if_lost()

    def signal(self, number: int) -> None:
        """Send a signal. Raises ProcessDied when the process has ended."""
        if not self._owner.deliver(self._number, number):
            self.raise_if_dead()

    def kill(self) -> None:
        """Send SIGKILL; nothing to do when it has ended already."""
        self._owner.deliver(self._number, signal.SIGKILL)

    def terminate(self) -> None:
        """Send SIGTERM; nothing to do when it has ended already. A paused process gets it when resumed."""
        self._owner.deliver(self._number, signal.SIGTERM)

    def pause(self) -> None:
        """Send SIGSTOP and return when the kernel shows every thread stopped. Raises ProcessDied."""
        self.signal(signal.SIGSTOP)
        self._wait_until("stopped", stopped=True)

    def resume(self) -> None:
        """Send SIGCONT and return when the process runs again. Raises ProcessDied."""
        self.signal(signal.SIGCONT)
        self._wait_until("running again", stopped=False)

    def wait(self, within_real_s: float) -> Exit:
        """Return how it ended. Raises WaitTimeout while it lives on, LauncherDied."""
        how = wait_for(
            f"the end of {self.name} (pid {self.pid})",
            lambda: self.exit,
            lambda how: how is not None,
            within_real_s,
            describe=lambda _: f"alive, thread states {kernel.thread_states(self.pid)}",
            interrupt=self._owner.raise_if_lost,
        )
        assert how is not None
        return how

    def _wait_until(self, what: str, *, stopped: bool) -> None:
        wait_for(
            f"{self.name} (pid {self.pid}) to be {what}",
            lambda: kernel.is_stopped(self.pid),
            lambda seen: seen == stopped,
            STATE_WITHIN_REAL_S,
            describe=lambda _: f"thread states {kernel.thread_states(self.pid)}",
            interrupt=self.raise_if_dead,
        )
