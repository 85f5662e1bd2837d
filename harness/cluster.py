"""A running cluster: its nodes, agents and links, the faults it is under, and what a test waits for.

Every cut and heal is verified before the call returns; every wait has a name and a deadline in
document seconds, and says what it last saw.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from harness.agent import Agent
from harness.awaited import Awaited
from harness.checked import CheckedInstance
from harness.cluster_report import ClusterReport, report_on
from harness.convergence import Views
from harness.cuts import Cut
from harness.fault import Fault
from harness.growth import Growth
from harness.node import Node
from harness.ownership import name_owned_by
from harness.patience import Patience
from harness.program import Capability, View, require
from harness.raft import agreed_leader
from harness.recording import Recording, free_path
from harness.topologies import Topologies
from harness.topology import Grudge, groups, one_way
from harness.waits import NotReached, Waits

if TYPE_CHECKING:
    from pathlib import Path

    from toxiproxy import Toxiproxy

    from harness.crew import Crew
    from harness.slots import Room

Party = Node | Agent | CheckedInstance | str
"""A node, an agent, an instance that is checked through links, or the name of one."""

T = TypeVar("T")


class Cluster:
    """N nodes, their agents, a link for every ordered pair, its `faults` so far; by `Session.cluster`.

    `topology` makes grudges among its nodes, for `grudge`: `topology.minority(leader=True)`.
    """

    def __init__(self, crew: "Crew", patience: Patience, room: "Room", release: Callable[[], None]) -> None:
        self._crew = crew
        self.program = crew.spec.program
        self._patience = patience
        self._release = release
        waits = Waits(crew, patience)
        self._awaited = Awaited(crew, patience, waits)
        self._growth = Growth(crew, room, waits)
        self.links = crew.links
        self.topology = Topologies(self, crew.seed)
        self.faults: list[Fault] = []
        self.recordings: list[Recording] = []
        """Those under way, by `record`."""
        self.histories: list[Path] = []
        """Where all of them are written."""

    def __repr__(self) -> str:
        return f"<cluster {self.nodes} {self.agents}>"

    def __getitem__(self, name: str) -> Node | Agent:
        """Return the node or agent of that name."""
        return self._crew[name]

    @property
    def nodes(self) -> list[Node]:
        """All nodes in ring order: s1, s2 ... at first; an added one has the next number, wherever it is."""
        return list(self._crew.nodes)

    @property
    def agents(self) -> list[Agent]:
        """All agents in the order of their making."""
        return list(self._crew.agents)

    @property
    def time_scale(self) -> float:
        """Real seconds per document second."""
        return self._patience.time_scale

    @property
    def toxiproxy(self) -> "Toxiproxy":
        """A toxiproxy-python client of this worker's link server, for what the harness does not offer.

        A change made here behind the harness's back shows in the next verification.
        """
        return self._crew.toxiproxy()

    def agent(self, name: str, services: Sequence[str] = (), subscribes: Sequence[str] = ()) -> Agent:
        """Start a client that registers one instance in these services and beats for it.

        Args:
            name: unique in the cluster, such as "C1".
            services: plain or grouped names.
            subscribes: services that it asks for and is pushed to about; `agent.sees` tells what it learnt.

        """
        __tracebackhide__ = True
        self._require(Capability.SERVICES, f"cluster.agent({name!r})")
        return self._crew.start_agent(name, services, subscribes)

    def probe_links(self, address: str, name: str = "") -> CheckedInstance:
        """Have every node check the persistent instance at this address through a link of its own (R19).

        What is returned is a party: `cluster.cut(s1, it)` keeps s1's checks from it. A connect through a link
        would succeed whatever is behind it, so messages that are lost or held are connects refused here.

        Args:
            address: "127.0.0.1:PORT", as it is registered or will be.
            name: of the party; "": i1, i2 ...

        Raises:
            CannotDo: the cluster has no CP, so there are no such instances.
            ValueError: no address, one that has links already, a name that is taken, or a node is paused.

        """
        __tracebackhide__ = True
        self._crew.with_raft("cluster.probe_links()")
        return self._crew.probe_links(address, name)

    def add_node(self) -> Node:
        """Add a node while the cluster runs; return it started and its links verified.

        It has the next number for a name, and is on the list of every running member before it starts. What
        is cut stays cut between the others; its own links are whole. Agents that run already do not know it:
        a client has its list of servers. With CP it has a vote as soon as the leader has taken it in.

        Raises:
            CannotDo: the program learns its members when it starts and never again.
            BadSpec: so many nodes are too many for this machine at this time scale.
            NoRoom: other clusters have the slots; `grow_to` asks for them at the start.
            NotReached: a running node has not read the list; nothing is changed.

        """
        __tracebackhide__ = True
        node = self._growth.add()
        for recording in self.recordings:
            recording.follow(node)
        return node

    def remove_node(self, node: Node) -> None:
        """Remove a node while the cluster runs, be it running, paused or dead; its links end with it.

        It is taken off the list of every other member first and ends, by SIGTERM, when all running ones have
        read that. What it had not sent by then is lost, as in life.

        Raises:
            CannotDo: the program learns its members when it starts and never again.
            ValueError: the node is not in this cluster, or the last one.
            NotReached: a running node has not read the list.

        """
        __tracebackhide__ = True
        self._growth.remove(node)

    def record(self) -> Recording:
        """Record a history for the time of a `with` block: what clients do, faults and downtimes.

        It is written to `history.jsonl` in the cluster's folder, beside the nodes' logs; a second one to
        `history-2.jsonl`. `recording.writer` is for a workload or a client of your own.
        """
        self.histories.append(free_path(self._crew.folder))
        return Recording(self, self.histories[-1])

    def service_owned_by(
        self, node: Node, alive: Collection[Node] | None = None, prefix: str = "Service"
    ) -> str:
        """Return the name of a service that `node` owns when `alive` are the healthy nodes.

        Computed by the harness itself, not asked of a node (R9).
        """
        self._require(Capability.SERVICES, "cluster.service_owned_by")
        ring = [member.address for member in (self.nodes if alive is None else alive)]
        return name_owned_by(node.address, ring, prefix)

    # ---- faults ----

    def partition(self, *sides: Collection[Party], cut: Cut | str = Cut.BLACKHOLE) -> Fault:
        """Cut every pair of parties on different sides, both ways; a party on two sides is a bridge.

        Returns a fault in force: leave its `with` block, or call `heal`, to end it.

        Raises:
            ValueError: an empty side, or a party that is not in this cluster.
            FaultNotInForce: a link is not cut as intended.

        """
        __tracebackhide__ = True
        named = [[self._name(party) for party in side] for side in sides]
        label = " | ".join("{" + ", ".join(side) + "}" for side in named)
        return self.grudge(groups(*named), cut, f"partition {label}")

    def isolate(self, node: Party, cut: Cut | str = Cut.BLACKHOLE) -> Fault:
        """Cut one party from everybody else, both ways."""
        __tracebackhide__ = True
        name = self._name(node)
        rest = [party.name for party in self._crew.all_parties if party.name != name]
        return self.grudge(groups([name], rest), cut, f"isolate {name}")

    def cut(self, source: Party, target: Party, cut: Cut | str = Cut.BLACKHOLE) -> Fault:
        """Cut one direction: messages from source to target, or, for a connection cut, connections."""
        __tracebackhide__ = True
        names = self._name(source), self._name(target)
        return self.grudge(one_way([names[0]], [names[1]]), cut, f"cut {names[0]} -> {names[1]}")

    def grudge(self, grudge: Grudge, cut: Cut | str = Cut.BLACKHOLE, description: str = "grudge") -> Fault:
        """Put any grudge of `harness.topology` in force."""
        __tracebackhide__ = True
        self._require(Capability.DIAL_MAP, description)
        how = Cut.parse(cut) if isinstance(cut, str) else cut
        hold = self.links.cut(grudge.edges, how)
        self.faults.append(Fault(f"{description} ({how})", lambda: self.links.heal(hold), self._explain))
        for recording in self.recordings:
            recording.begin(self.faults[-1])
        return self.faults[-1]

    def heal(self) -> None:
        """End every fault; verified."""
        for fault in self.faults:
            fault.note_end()
        self.links.heal_all()

    # ---- the leader ----

    def leader(self) -> Node | None:
        """Return the node that leads: it says so in the highest term, and a majority follows it.

        Raises:
            CannotDo: the cluster has no CP.

        """
        __tracebackhide__ = True
        name = agreed_leader(self._awaited.raft_views(self._crew.with_raft("cluster.leader()")))
        return next((node for node in self.nodes if node.name == name), None)

    def wait_leader(self, *, within_s: float, among: Collection[Node] | None = None) -> Node:
        """Wait until a majority follows one of these nodes; return that one.

        Args:
            within_s: document seconds; an election takes a few.
            among: who is asked, and may be it, such as one side of a cut; None: all nodes.

        Raises:
            CannotDo: the cluster has no CP.
            NotReached: says what each of them said of its Raft log last.
            NodeDied: a node ended by itself meanwhile.

        """
        __tracebackhide__ = True
        asked = self._crew.with_raft("cluster.wait_leader()")
        return self._crew.node(self._awaited.leader(asked if among is None else among, within_s))

    # ---- waits ----

    def wait_until(
        self, observe: Callable[[], T], expected: T | Callable[[T], bool], *, within_s: float
    ) -> T:
        """Wait until what is observed is, or satisfies, what is expected; return the observation.

        A node that does not answer, or answers with an error, is observed as that error: the wait goes on.

        Args:
            observe: asks the cluster something; called again and again.
            expected: a value, or a predicate.
            within_s: document seconds.

        Raises:
            NotReached: not in time; says what was last seen, and how every node is.
            NodeDied: a node ended by itself meanwhile.

        """
        __tracebackhide__ = True
        return self._awaited.observation(observe, expected, within_s)

    def wait_converged(self, *, within_s: float) -> None:
        """Wait until all running nodes agree: loaded, all healthy in all views, nothing to send, equal data.

        Args:
            within_s: document seconds.

        Raises:
            NotReached: names every key and node that differs, and since when.
            NodeDied: a node ended by itself meanwhile.

        """
        __tracebackhide__ = True
        self._require(Capability.CONVERGENCE, "wait_converged")
        self._awaited.convergence(within_s)

    def wait_ready(self, *, within_s: float) -> dict[str, View]:
        """Wait until every node is ready and holds all others for healthy, then until all agree.

        One node after another is asked, not all in turn, and not too often: while they boot, what the
        observer costs them is time that they boot later. Returns all views of then.

        Raises:
            NotReached: says how every node is.
            NodeDied: a node ended while starting; says how, and its last lines.

        """
        __tracebackhide__ = True
        return self._awaited.readiness(within_s)

    def wait_members(
        self, expected: Mapping[Node, Collection[Node]] | None = None, *, within_s: float
    ) -> None:
        """Wait until each observer holds exactly these nodes for healthy, itself included.

        Args:
            expected: observer -> the nodes it should see; default: every running node sees all running ones.
            within_s: document seconds.

        Raises:
            NotReached: says whom each observer saw last.
            NodeDied: a node ended by itself meanwhile.

        """
        __tracebackhide__ = True
        self._require(Capability.MEMBERS, "wait_members")
        self._awaited.members(expected, within_s)

    def views(self) -> Views:
        """Return the view of every running node, or why there is none, asked around the links."""
        return self._awaited.views()

    def describe(self) -> ClusterReport:
        """Return everything a failure report shows of this cluster."""
        return report_on(self._crew, with_metrics=True)

    def close(self) -> None:
        """End every process, link and reservation of this cluster; it cannot be used again."""
        self._release()

    def _require(self, capability: Capability, call: str) -> None:
        __tracebackhide__ = True
        require(self.program, capability, call)

    def _explain(self, raised: Exception) -> str:
        """How the cluster is under the fault that the exception came from; a wait that failed has said so."""
        return "" if isinstance(raised, NotReached) else f":\n{self.describe().text()}"

    def _name(self, party: Party) -> str:
        return party if isinstance(party, str) else party.name
