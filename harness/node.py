"""One node of a running cluster: its process, its address, and how to hurt it.

What happens to the process also happens to the links: behind an enabled proxy a dead host would
look like an open port.
"""

import re
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from harness.links.fabric import Links
from harness.node_log import NodeLog
from harness.processes import Exit, Launch, Launcher, Mark, Process
from harness.program import CannotDo, Capability, NodePlan, Program, View, require, view_or_reason
from harness.raft import RaftView, raft_view

EXIT_REAL_S = 5.0
"""How long a node may take to end: to drain after SIGTERM, or for the kernel to free its ports."""


Watcher = Callable[["Node"], None]


class Condition(StrEnum):
    """What the harness did to a process; `crashed` is what it did by itself."""

    RUNNING = "running"
    PAUSED = "paused"
    KILLED = "killed"
    TERMINATED = "terminated"
    REMOVED = "removed"
    CRASHED = "crashed"


class Node:
    """A node: it keeps its name, its ports and its links for life, through any number of processes."""

    def __init__(
        self, plan: NodePlan, program: Program, launcher: Launcher, links: Links, log: NodeLog
    ) -> None:
        self.plan = plan
        self.name = plan.name
        self.address = plan.client_address
        self.api: Any = program.connect(plan)
        self.data_dir = Path(plan.data_dir)
        self.log = log
        self.conditions = [(time.monotonic(), Condition.RUNNING)]
        self._program = program
        self._launcher = launcher
        self._links = links
        self.disturbed = False
        """Whether anything was done to its process but to start it."""
        self.watchers: list[Watcher] = []
        """Told whenever its condition changes."""
        self._process: Process | None = None
        self._begin = log.mark()
        self._logged: set[str] = set()

    def __repr__(self) -> str:
        return f"<{self.name} {self.address} {self.condition}>"

    @property
    def condition(self) -> Condition:
        """What was done to its process last; `conditions` has all, each with its CLOCK_MONOTONIC time."""
        return self.conditions[-1][1]

    @property
    def pid(self) -> int:
        """Process id of the current, or else the last, process."""
        return self.process.pid

    @property
    def process(self) -> Process:
        """The current, or else the last, process."""
        assert self._process is not None, f"{self.name} was never started"
        return self._process

    @property
    def is_running(self) -> bool:
        """Whether the node's process exists and is not paused."""
        return self.condition is Condition.RUNNING

    @property
    def members_file(self) -> Path:
        """Where it reads who its members are."""
        return Path(self.plan.members_file)

    def launch(self) -> Launch:
        """Return what the launcher has to start."""
        start = self._program.start(self.plan)
        return Launch(
            name=self.name,
            log_path=self.log.path,
            argv=start.argv,
            entry=start.entry,
            env=start.env,
            cwd=start.cwd,
            preload=start.preload,
        )

    def started(self, process: Process) -> None:
        """Take over the process that `launch` described."""
        self.disturbed = self._process is not None
        self._process = process
        self._become(Condition.RUNNING)

    def removed(self) -> None:
        """End the process, by SIGTERM if it can hear it; the node is no part of its cluster any more."""
        if self.is_running and self.process.is_alive:
            self.process.terminate()
        else:
            self.process.kill()
        self.process.wait(EXIT_REAL_S)
        self._become(Condition.REMOVED)
        self.api.close()

    def view(self) -> View:
        """Return what the node believes now, asked around the links."""
        return self._program.view(self)

    def view_or_reason(self) -> View | str:
        """Return the node's view, or one line that says why there is none."""
        __tracebackhide__ = True
        return view_or_reason(self._program, self)

    @property
    def raft(self) -> RaftView:
        """What the node says of its Raft log now, asked around the links.

        Raises:
            CannotDo: the cluster has no CP.
            ApiError, Unreachable: the node does not answer.

        """
        __tracebackhide__ = True
        require(self._program, Capability.CP, f"{self.name}.raft")
        if not self.plan.raft_address:
            raise CannotDo(f"{self.name}.raft: its cluster has no CP; ask for one with cp=True")
        return raft_view(self.api.raft(), self._names)

    def dial_instances(self, links: tuple[tuple[str, str], ...]) -> None:
        """Have the node check these instances, by address, through these links, from now on and for life.

        Raises:
            ApiError, Unreachable: it runs and does not do so.

        """
        __tracebackhide__ = True
        self.plan = replace(self.plan, probe_dial=links)
        if self.is_running:
            self.api.dial_instances(dict(links), self.plan.identity)

    def raft_or_reason(self) -> RaftView | str:
        """Return what the node says of its Raft log, or one line that says why it does not."""
        __tracebackhide__ = True
        try:
            return self.raft
        except self._program.no_answer as error:
            return str(error) or type(error).__name__

    def has_logged(self, pattern: str) -> bool:
        """Tell whether the present process has written a line in which the regular expression is found."""
        if pattern not in self._logged and re.search(pattern, self.log.since(self._begin), re.MULTILINE):
            self._logged.add(pattern)
        return pattern in self._logged

    def kill(self) -> None:
        """SIGKILL, and wait for the end; links that lead here refuse from now on."""
        __tracebackhide__ = True
        self._require(Capability.KILL, "kill")
        self.process.kill()
        self.process.wait(EXIT_REAL_S)
        self._ended(Condition.KILLED)

    def terminate(self) -> Exit:
        """SIGTERM: let the node drain; return how it ended."""
        self.process.terminate()
        end = self.process.wait(EXIT_REAL_S)
        self._ended(Condition.TERMINATED)
        return end

    def pause(self) -> None:
        """SIGSTOP: the node keeps its connections and says nothing."""
        __tracebackhide__ = True
        self._require(Capability.PAUSE, "pause")
        self.process.pause()
        self.disturbed = True
        self._become(Condition.PAUSED)
        self._links.set_condition(self.name, self.condition)

    def resume(self) -> None:
        """SIGCONT."""
        self.process.resume()
        self._become(Condition.RUNNING)
        self._links.set_condition(self.name, self.condition)

    def restart(self, *, wipe: bool = False) -> None:
        """End the process if it lives, and start it again on the same ports.

        Args:
            wipe: also empty the node's data folder, with CP the journal and the snapshot of its Raft: then
                it has forgotten whom it voted for and what it acknowledged, which Raft allows to no member.
                nodecore's AP data live in memory only and are gone either way.

        """
        __tracebackhide__ = True
        self._require(Capability.RESTART, "restart")
        if self.condition in (Condition.RUNNING, Condition.PAUSED):
            self.kill()
        if wipe:
            _empty(self.data_dir)
        self._begin = self.log.mark()
        self._logged.clear()
        self.started(self._launcher.spawn(self.launch()))
        self._links.node_started(self.name)

    def crashed(self) -> Exit | None:
        """Return how the node ended if it did so by itself, else None."""
        end = self.process.exit
        if end is None or self.condition not in (Condition.RUNNING, Condition.PAUSED):
            return None
        self._ended(Condition.CRASHED)
        return end

    def dump_stacks(self) -> None:
        """Have the process write all its stacks into its log; only a forked one knows how to."""
        if self.is_running and self.launch().entry is not None:
            self.process.signal(signal.SIGUSR1)

    def begin_again(self, mark: Mark) -> None:
        """Be as new to another test: what the log holds after the mark goes, and the observer is another."""
        self.log.cut_back(mark)
        self._logged.clear()
        self.api.close()
        self.api = self._program.connect(self.plan)

    def close(self) -> None:
        """Close the observer's connections."""
        self.api.close()

    @property
    def _names(self) -> dict[str, str]:
        """Advertised address -> name of each node, this one included."""
        name_of = {str(link): name for name, link in self.plan.links.items()}
        return {self.address: self.name} | {address: name_of[link] for address, link in self.plan.dial}

    def _require(self, capability: Capability, call: str) -> None:
        if self.condition is Condition.REMOVED:
            raise ValueError(f"{self.name} was removed from its cluster; cluster.add_node() makes a new node")
        __tracebackhide__ = True
        require(self._program, capability, f"{self.name}.{call}()")

    def _become(self, condition: Condition) -> None:
        self.conditions.append((time.monotonic(), condition))
        for tell in self.watchers:
            tell(self)

    def _ended(self, condition: Condition) -> None:
        self.disturbed = True
        self._become(condition)
        self.api.close()
        self._links.node_died(self.name)


def _empty(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
