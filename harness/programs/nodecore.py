"""The built-in program: nodecore, known by its command line and its HTTP only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.client import IDENTITY_HEADER, NodeApi
from harness.http_client import ApiError, Unreachable
from harness.program import EVERYTHING, PROBE_PATH, Address, Capability, NodePlan, Observed, Start, View

CALLS_PER_PAIR_S = 2 / 5
"""A report and a verify each 5 document seconds."""

RAFT_MODULES = ("nodecore.raft.protocol",)
"""With PySyncObj and cryptography they take 0.1 s to import."""
NOT_YET = 503
"""How a node refuses to be reset while its own calls carry data."""


@dataclass(frozen=True, slots=True)
class Nodecore:
    """The built-in node."""

    name: str = "nodecore"
    capabilities: frozenset[Capability] = EVERYTHING
    has_peer_port: bool = True
    probe_path: str | None = PROBE_PATH
    ready_when: str = "to be loaded"
    boot_real_s: float | None = None
    calls_per_pair_s: float = CALLS_PER_PAIR_S
    no_answer: tuple[type[Exception], ...] = (ApiError, Unreachable)

    def start(self, plan: NodePlan) -> Start:
        """Return nodecore's command line for the plan, forked from the launcher."""
        host, client_port = plan.client_address.rsplit(":", 1)
        flags = {
            "--name": plan.name,
            "--host": host,
            "--client-port": client_port,
            "--peer-port": plan.peer_address.rsplit(":", 1)[1],
            "--address": plan.client_address,
            "--members-file": plan.members_file,
            "--time-scale": str(plan.time_scale),
            "--profile": plan.profile,
            "--log-level": plan.log_level,
        }
        if plan.identity:
            flags |= {"--identity-header": IDENTITY_HEADER, "--identity-value": plan.identity}
        argv = [word for flag in flags.items() for word in flag]
        if plan.raft_address:
            argv += ["--raft-port", str(Address(plan.raft_address).port), "--data-dir", plan.data_dir]
            argv += [word for way in plan.raft_dial for word in ("--raft-dial", "=".join(way))]
            argv += ["--raft-join"] if plan.raft_join else []
        argv += [word for name, value in plan.config.items() for word in ("--set", f"{name}={value}")]
        argv += [word for way in plan.probe_dial for word in ("--probe-dial", "=".join(way))]
        preload = RAFT_MODULES if plan.raft_address else ()
        return Start(entry="nodecore.__main__:main", argv=tuple(argv), preload=preload)

    def connect(self, plan: NodePlan) -> NodeApi:
        """Return a client of the registry."""
        return NodeApi(f"http://{plan.client_address}")

    def view(self, node: Observed) -> View:
        """Read `GET /cutheal/state`."""
        state = node.api.state()
        data = {key: [_entry_text(entry) for entry in entries] for key, entries in state["services"].items()}
        return View(
            ready=state["loaded"],
            sees=tuple(sorted(m["address"] for m in state["members"] if m["state"] == "UP")),
            knows=tuple(member["address"] for member in state["members"]),
            digest=state["digest"],
            pending=state["pending"],
            at_work=state["calls"] + state["requests"],
            data=data,
            lines=_state_lines(state, data),
        )

    def begin_again(self, node: Observed) -> str:
        """Say `POST /cutheal/reset` as a member."""
        try:
            node.api.call("POST", "/cutheal/reset", {}, headers={IDENTITY_HEADER: node.plan.identity})
        except ApiError as refusal:
            if refusal.status != NOT_YET:
                raise
            return str(refusal)
        return ""


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
