"""A foreign program: any system under test but nodecore, by how it is started and how it is looked at.

Invariant: its capabilities follow from what it is given. What it is not given it cannot do, and who asks
for it is told so.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.http_client import ApiError, HttpClient, Unreachable
from harness.program import Capability, NodePlan, Observed, ProgramError, Start, View
from harness.programs.forms import Command, Function, Wsgi
from harness.programs.ready import Holds, HttpOk, LogLine, Ready, TcpOpen

Look = Callable[[Any], Any]
"""Asks `node.api` something."""

TCP_OPEN = TcpOpen()


def http_client(plan: NodePlan) -> HttpClient:
    """Return a plain HTTP client of the node."""
    return HttpClient(f"http://{plan.client_address}")


@dataclass(frozen=True, slots=True)
class ForeignProgram:
    """A system under test of the user's own: `ForeignProgram(Wsgi(make_app), data="/all")`.

    `data`, `digest` and `members` are functions of `node.api`, or the path of an HTTP GET: of a JSON object,
    of a text, of a JSON list.

    Args:
        runs: how one node is started: `Wsgi`, `Function` or `Command`.
        name: for messages; taken from `runs` if empty.
        ready: when a node is ready: `TcpOpen()`, `HttpOk(path)`, `LogLine(pattern)`, or a predicate of
            `node.api`.
        data: what a node holds, key -> value or values. Nodes have converged when these are equal, and a
            difference is shown by its keys.
        digest: a text that is equal exactly when the nodes' data are, where `data` would be too much.
        members: the advertised addresses of the nodes that a node holds for healthy, itself included.
        reset: makes a running node as empty as it was when it became ready: a function of `node.api`, or the
            path of an HTTP POST. With it, and `data` or `digest` to prove it, the cluster of a test that has
            passed is used for the next one. Nothing of before may come back afterwards.
        connect: makes `node.api` of a `NodePlan`; it has a `close()`. Default: an `HttpClient`.
        no_answer: exceptions of `node.api` that mean that a node does not answer; a wait goes on then.
            Any other exception of your functions is raised where it happens.
        probe_path: where its nodes answer and remember `POST ?id=ID` with 200, and tell on `GET ?id=A,B`
            `{"seen": {"A": 1.5, "B": null}}`; `Wsgi` does so by itself.
        lacks: capabilities it has not, though what is given here looks so; `Capability.DIAL_MAP` if its
            nodes do not dial the links.
        boot_real_s: real seconds a node may take to become ready.

    Raises:
        ProgramError: a field makes no sense; one line says which and what would be right.

    """

    runs: Wsgi | Function | Command
    name: str = ""
    ready: TcpOpen | HttpOk | LogLine | Look = TCP_OPEN
    data: Look | str | None = None
    digest: Look | str | None = None
    members: Look | str | None = None
    reset: Look | str | None = None
    connect: Callable[[NodePlan], Any] = http_client
    no_answer: tuple[type[Exception], ...] = (ApiError, Unreachable, ConnectionError, TimeoutError)
    probe_path: str | None = None
    lacks: Collection[Capability] = ()
    boot_real_s: float | None = 10.0

    def __post_init__(self) -> None:
        if not isinstance(self.runs, Wsgi | Function | Command):
            raise ProgramError(f"runs={self.runs!r}: right would be Wsgi(...), Function(...) or Command(...)")
        if not isinstance(self.ready, TcpOpen | HttpOk | LogLine) and not callable(self.ready):
            raise ProgramError(
                f"ready={self.ready!r}: right would be TcpOpen(), HttpOk(path), LogLine(pattern) or a "
                "function of node.api"
            )
        for field_name in ("data", "digest", "members", "reset"):
            _check_look(field_name, getattr(self, field_name))
        object.__setattr__(self, "name", self.name or self.runs.name)
        object.__setattr__(self, "probe_path", self.probe_path or self.runs.probe_path)

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What follows from its fields, without what it is said to lack."""
        has = {
            Capability.KILL: True,
            Capability.PAUSE: True,
            Capability.RESTART: True,
            Capability.DIAL_MAP: self.runs.dials_links,
            Capability.PROBES: self.probe_path is not None,
            Capability.CONVERGENCE: self.data is not None or self.digest is not None,
            Capability.MEMBERS: self.members is not None,
            Capability.RESET: self.reset is not None and (self.data or self.digest) is not None,
        }
        return frozenset(name for name, so in has.items() if so) - frozenset(self.lacks)

    @property
    def has_peer_port(self) -> bool:
        """Whether links lead to a port of their own."""
        return self.runs.has_peer_port

    @property
    def ready_when(self) -> str:
        """What `ready` waits for."""
        return self._ready.when

    @property
    def calls_per_pair_s(self) -> float:
        """Not known."""
        return 0.0

    def start(self, plan: NodePlan) -> Start:
        """Return how to start one node."""
        return self.runs.start(plan)

    def view(self, node: Observed) -> View:
        """Ask whether the node is ready, and if so whatever else it tells.

        Raises:
            ProgramError: it tells something that is no mapping, or no list.
            Exception: what the user's functions raise.

        """
        __tracebackhide__ = True
        if not self._ready.holds(node):
            return View(ready=False, lines=(f"not ready: it has {self.ready_when} first",))
        data = self._data(node.api)
        return View(
            ready=True,
            sees=self._sees(node.api),
            digest=self._digest(node.api, data),
            data=data or {},
            lines=("ready", *(f"{key}: {', '.join(values) or '-'}" for key, values in (data or {}).items())),
        )

    def begin_again(self, node: Observed) -> str:
        """Do what `reset` says; its exceptions are those of the user's own code."""
        __tracebackhide__ = True
        if isinstance(self.reset, str):
            node.api.post(self.reset)
        elif self.reset is not None:
            self.reset(node.api)
        return ""

    @property
    def _ready(self) -> Ready:
        if isinstance(self.ready, TcpOpen | HttpOk | LogLine):
            return self.ready
        return Holds(self.ready)

    def _data(self, api: Any) -> dict[str, tuple[str, ...]] | None:
        __tracebackhide__ = True
        if self.data is None:
            return None
        told = api.get(self.data).json() if isinstance(self.data, str) else self.data(api)
        if not isinstance(told, Mapping):
            raise ProgramError(f"data of {self.name} is {told!r}; right would be a mapping key -> value(s)")
        return {str(key): _texts(told[key]) for key in sorted(told, key=str)}

    def _digest(self, api: Any, data: Mapping[str, Sequence[str]] | None) -> str | None:
        __tracebackhide__ = True
        if self.digest is not None:
            return str(api.get(self.digest).text if isinstance(self.digest, str) else self.digest(api))
        if data is None:
            return None
        return hashlib.sha256(json.dumps(data).encode()).hexdigest()

    def _sees(self, api: Any) -> tuple[str, ...] | None:
        __tracebackhide__ = True
        if self.members is None:
            return None
        told = api.get(self.members).json() if isinstance(self.members, str) else self.members(api)
        if isinstance(told, str) or not isinstance(told, Collection):
            raise ProgramError(f"members of {self.name} are {told!r}; right would be a list of addresses")
        return tuple(sorted(str(address) for address in told))


def _check_look(field_name: str, look: object) -> None:
    if look is None or callable(look) or (isinstance(look, str) and look.startswith("/")):
        return
    raise ProgramError(
        f"{field_name}={look!r}: right would be a function of node.api, or a path that begins with /"
    )


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(map(str, value))
    return (str(value),)
