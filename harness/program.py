"""What a system under test has to say of itself so that the harness can run N copies of it.

nodecore is one Program among others: the harness knows it by its command line and its HTTP only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from harness.client import ApiError, NodeApi, Unreachable


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePlan:
    """Everything a node is told before it starts; addresses are `ip:port`."""

    name: str
    client_address: str
    """The advertised one: the ring sorts these."""
    peer_address: str
    members: tuple[str, ...]
    """Advertised addresses of all members, this one included."""
    dial: tuple[tuple[str, str], ...]
    """Advertised address of each other member -> the link that leads to it."""
    time_scale: float
    profile: str = "documented"
    identity: str = ""
    """The cluster's secret for calls between nodes."""
    config: Mapping[str, object] = field(default_factory=dict)
    log_level: str = "info"
    data_dir: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How to start one process: fork `entry` ("module:function") or, without one, exec `argv`."""

    argv: tuple[str, ...]
    entry: str | None = None
    env: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What one node believes at one moment, as far as the harness judges it."""

    ready: bool
    """Loaded, and able to serve."""
    sees: tuple[str, ...]
    """Addresses of the members it holds for healthy, itself included, sorted."""
    digest: str
    """Equal on two nodes exactly when their data are."""
    pending: int
    """Changes that still wait to be sent to somebody."""
    data: Mapping[str, Sequence[str]]
    """key -> entries, as text: what a difference is shown by."""
    lines: tuple[str, ...]
    """The same for a failure report."""


class Program(Protocol):
    """A system under test."""

    @property
    def name(self) -> str:
        """Name for messages."""

    @property
    def preload(self) -> tuple[str, ...]:
        """Modules the launcher imports once before it forks."""

    @property
    def probe_path(self) -> str | None:
        """Path that answers and remembers `POST ?id=`, and tells it back on `GET ?id=`; None: no probes."""

    def start(self, plan: NodePlan) -> Start:
        """Return how to start one node."""

    def view(self, api: NodeApi) -> View:
        """Ask a node for its view.

        Raises:
            Unreachable: the node did not answer.
            ApiError: it answered with an error.

        """


@dataclass(frozen=True, slots=True)
class Nodecore:
    """The built-in node."""

    name: str = "nodecore"
    preload: tuple[str, ...] = ("nodecore.__main__", "waitress", "requests")
    probe_path: str | None = "/cutheal/probe"

    def start(self, plan: NodePlan) -> Start:
        """Return nodecore's command line for the plan, forked from the launcher."""
        host, client_port = plan.client_address.rsplit(":", 1)
        flags = {
            "--name": plan.name,
            "--host": host,
            "--client-port": client_port,
            "--peer-port": plan.peer_address.rsplit(":", 1)[1],
            "--address": plan.client_address,
            "--member": ",".join(plan.members),
            "--time-scale": str(plan.time_scale),
            "--profile": plan.profile,
            "--log-level": plan.log_level,
        }
        if plan.identity:
            flags |= {"--identity-header": "X-Cutheal-Identity", "--identity-value": plan.identity}
        argv = [word for flag in flags.items() for word in flag]
        argv += [word for member, link in plan.dial for word in ("--dial", f"{member}={link}")]
        argv += [word for name, value in plan.config.items() for word in ("--set", f"{name}={value}")]
        return Start(entry="nodecore.__main__:main", argv=tuple(argv))

    def view(self, api: NodeApi) -> View:
        """Read `GET /cutheal/state`."""
        state = api.state()
        data = {key: [_entry_text(entry) for entry in entries] for key, entries in state["services"].items()}
        return View(
            ready=state["loaded"],
            sees=tuple(sorted(m["address"] for m in state["members"] if m["state"] == "UP")),
            digest=state["digest"],
            pending=state["pending"],
            data=data,
            lines=_state_lines(state, data),
        )


def view_or_reason(program: Program, api: NodeApi) -> View | str:
    """Return a node's view, or one line that says why there is none."""
    try:
        return program.view(api)
    except (ApiError, Unreachable) as error:
        return str(error)


def _entry_text(entry: Mapping[str, Any]) -> str:
    text = f"{entry['ip']}:{entry['port']}"
    return text if entry["healthy"] else f"{text} unhealthy"


def _state_lines(state: Mapping[str, Any], data: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    members = " ".join(f"{m['address']}={m['state']}" for m in state["members"])
    flags = [name for name in ("loaded", "stalled") if state[name]]
    return (
        f"members {members}",
        f"ring {' '.join(state['ring'])}; {' '.join(flags) or 'not loaded'}; {state['pending']} changes wait",
        *(f"{key}: {', '.join(entries) or '-'}" for key, entries in data.items()),
    )
