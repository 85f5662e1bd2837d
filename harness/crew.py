"""The parties of one cluster: starts nodes and agents, deals them addresses and links, ends them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.agent import Agent, agent_launch
from harness.agent_process import AgentPlan
from harness.checked import Checked, CheckedInstance
from harness.datagram_host import DatagramHost
from harness.links.fabric import Links
from harness.links.link import Channel, Link
from harness.members_file import write_members_file
from harness.node import Condition, Node
from harness.node_log import NodeLog
from harness.ownership import grouped_name
from harness.patience import Patience
from harness.ports import Reservations
from harness.processes import Launcher, Mark
from harness.program import CannotDo, Capability, NodePlan, require
from harness.spec import ClusterSpec
from harness.ways import Ports, Ways

if TYPE_CHECKING:
    from toxiproxy import Toxiproxy

AGENT_PORT = 8080
END_REAL_S = 5.0
"""After SIGKILL; the kernel takes milliseconds."""
BEAT_S = 5.0
AGENT_TIMEOUT_S = 1.0
AGENT_TIMEOUT_MIN_REAL_S = 0.3
LISTENING_WITHIN_S = 200.0
"""Document seconds, as long as a cluster has to get ready; it takes some milliseconds."""


def identity_drawn(seed: int) -> str:
    """Return the secret that the nodes of a cluster share for life."""
    return f"{seed:x}"


class Crew:
    """Nodes and agents of one cluster, each with its links.

    Args:
        spec: the cluster that was asked for.
        patience: how long a document second is.
        seed: of the agents' choices and the nodes' identity.
        folder: of this cluster's logs and data.

    """

    def __init__(
        self,
        spec: ClusterSpec,
        *,
        patience: Patience,
        seed: int,
        log_level: str,
        folder: Path,
        launcher: Launcher,
        ports: Reservations,
        links: Links,
    ) -> None:
        self.spec = spec
        self.links = links
        self.folder = folder
        self.patience = patience
        self.seed = seed
        self._identity = identity_drawn(seed)
        self._log_level = log_level
        self._launcher = launcher
        self._ports = ports
        self._addresses: list[str] = []
        self._addresses_of_agents: list[str] = []
        self.is_closed = False
        """Whether everything was let go of."""
        self.used_up = ""
        """Why no other test may have it; "" while one may, as far as is known here."""
        self._numbered = 0
        self._ways = Ways(links, self._reserve, has_peer_port=spec.program.has_peer_port, cp=spec.cp)
        self.nodes: list[Node] = []
        self.removed: list[Node] = []
        self.agents: list[Agent] = []
        self.checked = Checked(links, self._reserve)
        self.datagrams: DatagramHost | None = None
        """Of the pushes to agents that subscribe; comes with the first of them."""

    @property
    def pids(self) -> list[int]:
        """The ids of all processes of this cluster."""
        relay = [self.datagrams.process.pid] if self.datagrams else []
        return [*(party.pid for party in self.parties), *relay]

    @property
    def parties(self) -> list[Node | Agent]:
        """All nodes, then all agents."""
        return [*self.nodes, *self.agents]

    @property
    def all_parties(self) -> list[Node | Agent | CheckedInstance]:
        """All that a cut can name."""
        return [*self.parties, *self.checked.instances]

    @property
    def has_changed(self) -> bool:
        """Whether its nodes are others than those that it began with."""
        return self._numbered != self.spec.nodes or bool(self.removed)

    def __getitem__(self, name: str) -> Node | Agent:
        for party in self.parties:
            if party.name == name:
                return party
        known = ", ".join(party.name for party in self.parties)
        raise KeyError(f"no node or agent {name!r} in this cluster; there are {known}")

    def node(self, name: str) -> Node:
        """Return the node of that name."""
        return next(node for node in self.nodes if node.name == name)

    def start_nodes(self) -> None:
        """Make all links, then fork all nodes at once."""
        nodes = self._make_nodes(self.spec.nodes)
        self.tell_members(nodes)
        processes = self._launcher.spawn_all([node.launch() for node in nodes])
        for node, process in zip(nodes, processes, strict=True):
            node.started(process)
        self.nodes = nodes

    def make_node(self) -> Node:
        """Deal the next node its addresses and links; it is no part of the crew before it is started."""
        (node,) = self._make_nodes(1)
        node.plan = replace(node.plan, raft_join=self.spec.cp)
        return node

    def tell_members(self, members: Sequence[Node]) -> None:
        """Write the list of members anew for each of them; who is dead or stopped reads it later."""
        in_order = sorted(members, key=lambda node: node.address)
        for node in in_order:
            node.plan = self._ways.plan_with(node.plan, in_order)
            write_members_file(node.plan)

    def start_node(self, node: Node) -> None:
        """Start a node that `make_node` made."""
        node.started(self._launcher.spawn(node.launch()))
        self.nodes = sorted([*self.nodes, node], key=lambda node: node.address)

    def end_node(self, node: Node) -> None:
        """End the node's process, if it has one, and its links for good; its ports stay reserved."""
        if node in self.nodes:
            node.removed()
            self.nodes.remove(node)
            self.removed.append(node)
        self.links.remove(node.name)

    def start_agent(self, name: str, services: Sequence[str], subscribes: Sequence[str] = ()) -> Agent:
        """Link a new agent to every node and start it; one that subscribes is back to be linked from them."""
        self._check_free(name)
        if not services and not subscribes:
            raise ValueError(f"agent {name!r} needs at least one service to register in or to subscribe to")
        listens = self._reserve(len(self.nodes))
        self._addresses_of_agents += listens
        links = [
            Link(source=name, target=node.name, channel=Channel.CLIENT, listen=listen, upstream=node.address)
            for node, listen in zip(self.nodes, listens, strict=True)
        ]
        self.links.add(links)
        plan = AgentPlan(
            name=name,
            ip=f"10.0.0.{len(self.agents) + 1}",
            port=AGENT_PORT,
            services=tuple(grouped_name(service) for service in services),
            servers=tuple((link.target, link.listen) for link in links),
            beat_real_s=BEAT_S * self.patience.time_scale,
            timeout_real_s=max(AGENT_TIMEOUT_S * self.patience.time_scale, AGENT_TIMEOUT_MIN_REAL_S),
            seed=self.seed,
            subscribes=tuple(grouped_name(service) for service in subscribes),
            push=tuple(self._open_pushes(name).items()) if subscribes else (),
        )
        log = self._log(name)
        agent = Agent(plan, log, self._launcher.spawn(agent_launch(plan, log)))
        self.agents.append(agent)
        if subscribes:
            self._lead_pushes(agent)
        return agent

    def probe_links(self, address: str, name: str) -> CheckedInstance:
        """Link every node to an instance that it checks, and have the node dial it there."""
        name = name or f"i{len(self.checked.instances) + 1}"
        self._check_free(name)
        paused = [node.name for node in self.nodes if node.condition is Condition.PAUSED]
        if paused:
            raise ValueError(f"{', '.join(paused)} cannot be told while paused; resume it first")
        instance = self.checked.add(address, name, [node.name for node in self.nodes])
        for node in self.nodes:
            node.dial_instances(self.checked.dial(node.name))
        return instance

    def with_raft(self, call: str) -> list[Node]:
        """Return all nodes; refuse the call where they have no Raft."""
        __tracebackhide__ = True
        require(self.spec.program, Capability.CP, call)
        if not self.spec.cp:
            raise CannotDo(f"{call}: this cluster has no CP; ask for one with cp=True")
        return list(self.nodes)

    def _check_free(self, name: str) -> None:
        if name in {party.name for party in self.all_parties}:
            raise ValueError(f"{name!r} is taken: the parties of a cluster share one set of names")

    def end_agents(self) -> None:
        """Kill every agent and remove its links."""
        for agent in self.agents:
            agent.process.kill()
        for agent in self.agents:
            agent.process.wait(END_REAL_S)
            self.links.remove(agent.name)

    def begin_again(self, marks: Mapping[str, Mark]) -> None:
        """Forget the agents that were ended; cut off each node's log at its mark, renew its observer."""
        for agent in self.agents:
            agent.log.path.unlink(missing_ok=True)
        self.agents.clear()
        self._ports.release(self._addresses_of_agents)
        self._addresses = [a for a in self._addresses if a not in self._addresses_of_agents]
        self._addresses_of_agents.clear()
        for node in self.nodes:
            node.begin_again(marks[node.name])

    def belong_to(self, seed: int) -> None:
        """Draw what agents are told from another test's seed."""
        self.seed = seed

    def toxiproxy(self) -> "Toxiproxy":
        """Return a toxiproxy-python client of the link server."""
        self.used_up = "the link server was spoken to behind the harness's back"
        return self.links.toxiproxy()

    def close(self) -> None:
        """Kill every process, remove every link, give every port back; nothing to do when abandoned."""
        if self.is_closed:
            return
        for party in self.parties:
            party.process.kill()
        for party in self.parties:
            party.process.wait(END_REAL_S)
        self.links.close()
        if self.datagrams:
            self.datagrams.close()
        self._let_go()

    def abandon(self) -> None:
        """Let go of everything when launcher and link server are gone: nothing is left to be ended."""
        self.links.abandon()
        if self.datagrams:
            self.datagrams.abandon()
        self._let_go()

    def _let_go(self) -> None:
        self.is_closed = True
        for node in (*self.nodes, *self.removed):
            node.close()
        self._ports.release(self._addresses)
        self._addresses.clear()

    def _make_nodes(self, count: int) -> list[Node]:
        """Deal addresses, in ring order among themselves, and make every link from and to these nodes."""
        names = [f"s{self._numbered + number}" for number in range(1, count + 1)]
        self._numbered += count
        ports = self._ways.open(names, self.nodes)
        self.checked.join(names)
        return [self._node(name, ports[name]) for name in names]

    def _node(self, name: str, ports: Ports) -> Node:
        plan = NodePlan(
            name=name,
            client_address=ports.client,
            peer_address=ports.peer,
            members=(ports.client,),
            dial=(),
            time_scale=self.patience.time_scale,
            profile=self.spec.profile,
            identity=self._identity,
            raft_address=ports.raft,
            probe_dial=self.checked.dial(name),
            config=self.spec.config,
            log_level=self._log_level,
            data_dir=str(self.folder / name),
            members_file=str(self.folder / f"{name}.members"),
        )
        node = Node(plan, self.spec.program, self._launcher, self.links, self._log(name))
        node.data_dir.mkdir(parents=True)
        return node

    def _open_pushes(self, agent: str) -> dict[str, str]:
        """Make a link for the datagrams of each node to an agent; return where each node is to push to."""
        if self.datagrams is None:
            self.datagrams = DatagramHost(self._launcher, self._ports, self.folder)
            self.links.carry(self.datagrams.datagrams)
        return {node.name: self.datagrams.datagrams.open(node.name, agent) for node in self.nodes}

    def _lead_pushes(self, agent: Agent) -> None:
        assert self.datagrams, "opened before"
        for node, address in agent.wait_listening(within_s=LISTENING_WITHIN_S).items():
            self.datagrams.datagrams.lead(node, agent.name, address, lambda: agent.is_running)

    def _log(self, name: str) -> NodeLog:
        return NodeLog(self.folder / f"{name}.log", self.patience)

    def _reserve(self, count: int) -> list[str]:
        addresses = self._ports.reserve(count)
        self._addresses += addresses
        return addresses
