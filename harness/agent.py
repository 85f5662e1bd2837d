"""One service client of a cluster: a process of its own, with its own links to every node (R21)."""

import json
import re
from dataclasses import dataclass
from typing import Any

from harness.agent_process import AgentPlan
from harness.client import Instance, instance_from_json
from harness.node import EXIT_REAL_S, Condition
from harness.node_log import NodeLog
from harness.ownership import grouped_name
from harness.processes import Launch, Mark, Process

_SEES = re.compile(r"^monotonic=(\S+) agent=\S+ event=sees service=(\S+) detail=(.*)$", re.MULTILINE)
START = Mark(0)
_LISTENING = r"event=listening service= detail="


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a subscriber learnt of a service: the whole list, how it came, from which node, and when.

    Args:
        instances: sorted by address.
        how: `push` or `poll`.
        node: the name of the node that told.
        at_s: CLOCK_MONOTONIC in document seconds.

    """

    instances: tuple[Instance, ...]
    how: str
    node: str
    at_s: float


class Agent:
    """A client that registered one instance in some services, beats for it, and subscribes to others."""

    def __init__(self, plan: AgentPlan, log: NodeLog, process: Process) -> None:
        self.plan = plan
        self.name = plan.name
        self.services = plan.services
        self.instance = Instance(plan.ip, plan.port)
        self.log = log
        self.process = process
        self.condition = Condition.RUNNING

    def __repr__(self) -> str:
        return f"<{self.name} {self.instance} {self.condition}>"

    @property
    def is_running(self) -> bool:
        """Whether it can answer: neither ended nor paused."""
        return self.condition is Condition.RUNNING and self.process.is_alive

    def sees(self, service: str) -> Sight | None:
        """Return what it last learnt of a service that it subscribes to; None before that."""
        sights = self.sights(service)
        return sights[-1] if sights else None

    def sights(self, service: str) -> list[Sight]:
        """Return every push it has had of a service, and every list it asked for that was news, in order."""
        name = grouped_name(service)
        return [
            self._sight(float(moment), json.loads(detail))
            for moment, of, detail in _SEES.findall(self.log.since(START))
            if of == name
        ]

    def wait_listening(self, *, within_s: float) -> dict[str, str]:
        """Wait until it takes pushes; return where, for each node, as `127.0.0.1:PORT` of UDP.

        Raises:
            WaitTimeout: not in time.

        """
        line = self.log.wait_for(_LISTENING, within_s=within_s)
        return dict(json.loads(line.partition("detail=")[2]))

    def _sight(self, monotonic_s: float, detail: dict[str, Any]) -> Sight:
        return Sight(
            instances=tuple(sorted(map(instance_from_json, detail["hosts"]))),
            how=detail["how"],
            node=detail["node"],
            at_s=self.log.document_s(monotonic_s),
        )

    @property
    def pid(self) -> int:
        """Process id."""
        return self.process.pid

    def kill(self) -> None:
        """SIGKILL, and wait for the end: the agent beats no more and deregisters nothing."""
        self.process.kill()
        self.process.wait(EXIT_REAL_S)
        self.condition = Condition.KILLED

    def pause(self) -> None:
        """SIGSTOP: no beat leaves until `resume`."""
        self.process.pause()
        self.condition = Condition.PAUSED

    def resume(self) -> None:
        """SIGCONT."""
        self.process.resume()
        self.condition = Condition.RUNNING


def agent_launch(plan: AgentPlan, log: NodeLog) -> Launch:
    """Return what the launcher has to fork for an agent."""
    return Launch(
        name=plan.name, log_path=log.path, argv=(plan.to_json(),), entry="harness.agent_process:main"
    )
