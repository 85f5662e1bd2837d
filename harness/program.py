"""The seam for a system under test: what a program says of itself so that the harness can run N copies of it.

Invariant: what a program cannot do is said, never guessed: each ability is a `Capability`, and who asks for
one that is missing is told in one line. nodecore is one program among others (`harness/programs/`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeGuard

PROBE_PATH = "/cutheal/probe"
"""Where nodes that take probes answer and remember `POST ?id=`, and tell on `GET ?id=A,B` when each came."""


class ProgramError(Exception):
    """The description of a program is wrong; the message says what and what would be right."""


class CannotDo(Exception):
    """The program has not the capability that a call needs."""


class Capability(StrEnum):
    """What a program can do, or what can be done to it."""

    KILL = "kill"
    PAUSE = "pause"
    RESTART = "restart"
    DIAL_MAP = "dial map"
    """Its nodes reach each other through the links, so that a cut cuts them."""
    PROBES = "probes"
    """Its nodes answer and remember probes, so that cuts are proved end to end."""
    CONVERGENCE = "convergence"
    """Its views have digests that are equal exactly when the data are."""
    MEMBERS = "members"
    """Its views say whom a node holds for healthy."""
    GROWTH = "growth"
    """Its nodes take in members that are added, or leave, while they run."""
    SERVICES = "services"
    """It is a service registry that agents register in and whose owners the harness can compute."""
    RESET = "reset"
    """Its nodes can be made as empty as they were when they were ready, without starting them again."""
    CP = "cp"
    """Its nodes keep a Raft log together, have a port for it, and tell of it by `node.api.raft()`; it checks
    its persistent instances, through links if `node.api.dial_instances()` says so."""
    PROFILES = "profiles"
    """It can run as `documented` and as `corrected`."""


EVERYTHING = frozenset(Capability)

_WITHOUT = {
    Capability.KILL: "is described as not to be killed",
    Capability.PAUSE: "is described as not to be paused",
    Capability.RESTART: "is described as not to be restarted",
    Capability.DIAL_MAP: "does not reach its peers through the links, so a cut would change nothing; "
    "let its nodes dial the addresses in `links`",
    Capability.PROBES: "takes no probes",
    Capability.CONVERGENCE: "tells no digest of its data, so nobody can say whether its nodes agree; give it "
    "data= or digest=, or wait for something it does tell with wait_until",
    Capability.MEMBERS: "does not tell whom its nodes hold for healthy; give it members=",
    Capability.GROWTH: "learns its members when it starts and never again",
    Capability.SERVICES: "is no service registry; talk to its nodes with node.api",
    Capability.RESET: "cannot be made empty again while it runs; give it reset=",
    Capability.CP: "has no CP protocol",
    Capability.PROFILES: "has no profiles",
}


class Address(str):
    """`ip:port`, with its parts."""

    __slots__ = ()

    @property
    def host(self) -> str:
        """The part before the port."""
        return self.rpartition(":")[0]

    @property
    def port(self) -> int:
        """The port."""
        return int(self.rpartition(":")[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePlan:
    """Everything a node is told before it starts; addresses are `ip:port`."""

    name: str
    client_address: str
    """Where it serves; the advertised one: the ring sorts these."""
    peer_address: str
    """Where the links lead; the same as `client_address` for a program with one port."""
    members: tuple[str, ...]
    """Advertised addresses of all members, this one included."""
    dial: tuple[tuple[str, str], ...]
    """Advertised address of each other member -> the link that leads to it."""
    time_scale: float
    links: Mapping[str, Address] = field(default_factory=dict)
    """Name of each other node -> the link that leads to it: `links["s2"].port`."""
    profile: str = "documented"
    identity: str = ""
    """The cluster's secret for calls between nodes."""
    raft_address: str = ""
    """Where its Raft port listens; "" in a cluster without CP."""
    raft_dial: tuple[tuple[str, str], ...] = ()
    """Advertised address of each other member -> the link that leads to its Raft port."""
    raft_join: bool = False
    """Whether it joins members that elect their leader without it until it is one of them."""
    probe_dial: tuple[tuple[str, str], ...] = ()
    """Address of each instance that it checks through a link -> that link."""
    config: Mapping[str, object] = field(default_factory=dict)
    log_level: str = "info"
    data_dir: str = ""
    members_file: str = ""
    """Kept up to date while the node runs, for a program that can grow: one `ip:port=link`, with CP
    `ip:port=link=raft link`, a line for each other member, its own `ip:port` alone; written anew before a
    member comes and after one has left."""

    @property
    def host(self) -> str:
        """Where to listen."""
        return Address(self.client_address).host

    @property
    def port(self) -> int:
        """The port to serve on."""
        return Address(self.client_address).port

    @property
    def peer_port(self) -> int:
        """The port to serve other nodes on."""
        return Address(self.peer_address).port

    def to_json(self) -> str:
        """The plan as an argument of a process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "NodePlan":
        """Read back what `to_json` wrote."""
        fields = json.loads(text)
        fields["members"] = tuple(fields["members"])
        for ways in ("dial", "raft_dial", "probe_dial"):
            fields[ways] = tuple((member, link) for member, link in fields[ways])
        fields["links"] = {name: Address(link) for name, link in fields["links"].items()}
        return cls(**fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How to start one process: fork `entry` ("module:function") or, without one, exec `argv`.

    `cwd` is where it starts; None: where pytest did. `preload` names modules that `entry` needs and that are
    imported once, by the process from which it is forked.
    """

    argv: tuple[str, ...]
    entry: str | None = None
    env: tuple[tuple[str, str], ...] = ()
    cwd: str | None = None
    preload: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What one node believes at one moment, as far as the harness judges it."""

    ready: bool
    """Able to serve; nodecore: loaded."""
    sees: tuple[str, ...] | None = None
    """Addresses of the members it holds for healthy, itself included, sorted; None: it does not say."""
    knows: tuple[str, ...] | None = None
    """Addresses of all members it has on its list, healthy or not; None: it does not say."""
    digest: str | None = None
    """Equal on two nodes exactly when their data are; None: it has none."""
    pending: int = 0
    """Changes that still wait to be sent to somebody."""
    at_work: int = 0
    """Calls of its own that carry data, and requests of others, that have not ended."""
    data: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """key -> entries, as text: what a difference is shown by."""
    lines: tuple[str, ...] = ()
    """The same for a failure report."""


class Observed(Protocol):
    """A node, as a program looks at it."""

    @property
    def plan(self) -> NodePlan:
        """What it was told."""

    @property
    def api(self) -> Any:
        """What `Program.connect` returned for it."""

    def has_logged(self, pattern: str) -> bool:
        """Tell whether its present process has written a line in which the regular expression is found."""


class Program(Protocol):
    """A system under test."""

    @property
    def name(self) -> str:
        """Name for messages."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""

    @property
    def has_peer_port(self) -> bool:
        """Whether it serves other nodes on a port of their own, to which the links then lead."""

    @property
    def probe_path(self) -> str | None:
        """Where it takes probes as PROBE_PATH says; None: nowhere."""

    @property
    def ready_when(self) -> str:
        """What has to be so for a node to be ready, after "waited for s1: "."""

    @property
    def boot_real_s(self) -> float | None:
        """Real seconds a node may take to become ready; None: as long as one of nodecore's."""

    @property
    def calls_per_pair_s(self) -> float:
        """Calls of each node to each other in a document second without any work; 0: not known."""

    @property
    def no_answer(self) -> tuple[type[Exception], ...]:
        """Exceptions of its api by which a node does not answer, or answers with an error."""

    def start(self, plan: NodePlan) -> Start:
        """Return how to start one node.

        Raises:
            ProgramError: the description does not fit the plan.

        """

    def connect(self, plan: NodePlan) -> Any:
        """Return what tests hold as `node.api`, with a `close()`; it connects when it is first used."""

    def view(self, node: Observed) -> View:
        """Ask a node for its view.

        Raises:
            Exception: one of `no_answer`; or what the user's own code raised.

        """

    def begin_again(self, node: Observed) -> str:
        """Make a running node empty; return why it has to be asked again in a moment, "" when it is done.

        Asked only of a program that has `Capability.RESET`.

        Raises:
            Exception: one of `no_answer`: it cannot be done; or what the user's own code raised.

        """


def is_program(candidate: object) -> TypeGuard[Program]:
    """Tell whether something says of itself what a program has to."""
    return not isinstance(candidate, type) and all(hasattr(candidate, part) for part in _PARTS)


def view_or_reason(program: Program, node: Observed) -> View | str:
    """Return a node's view, or one line that says why there is none."""
    __tracebackhide__ = True
    try:
        return program.view(node)
    except program.no_answer as error:
        return str(error) or type(error).__name__


_PARTS = [name for name in vars(Program) if not name.startswith("_")]

RIGHT_PROGRAM = "right would be a program, such as ForeignProgram(Wsgi(make_app)) of harness.programs"


def require(program: Program, capability: Capability, call: str) -> None:
    """Refuse a call that needs what the program has not.

    Args:
        program: the system under test.
        capability: what is needed.
        call: what was asked for, as the user wrote it.

    Raises:
        CannotDo: the program has not this capability.

    """
    __tracebackhide__ = True
    if capability not in program.capabilities:
        raise CannotDo(f"{call}: {program.name} {_WITHOUT[capability]}")
