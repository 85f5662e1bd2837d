"""One service client of a cluster: a process of its own, with its own links to every node (R21)."""

from harness.agent_process import AgentPlan
from harness.client import Instance
from harness.node import EXIT_REAL_S, Condition
from harness.node_log import NodeLog
from harness.processes import Launch, Process


class Agent:
    """A client that registered one instance in some services and beats for it until it is stopped."""

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
