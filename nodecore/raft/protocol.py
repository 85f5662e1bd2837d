"""Raft as a `CPProtocol` (R2, R3): named groups on one replicated log.

Invariants: a write that is answered is on a majority's logs and applied on the node that was asked; a
linearizable read has a place on the log, like a write; only `stale` reads are answered without the majority.
"""

import itertools
import secrets
import socket
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoAnswer
from pathlib import Path

from nodecore.config import NodeConfig
from nodecore.consistency.metadata import LEADER, MEMBERS, TERM, ProtocolMetadata
from nodecore.consistency.protocol import (
    CPRequestProcessor,
    ReadRequest,
    Response,
    WriteKind,
    WriteRequest,
)
from nodecore.errors import BadRequest, NodeError, NoLeader, OutcomeUnknown
from nodecore.raft.commands import Command, encode
from nodecore.raft.engine import Engine
from nodecore.raft.machine import Answer, StateMachine
from nodecore.raft.membership import Membership
from nodecore.raft.orders import ordered
from nodecore.raft.requests import Requests, new_request
from nodecore.raft.status import RaftRole, RaftStatus
from nodecore.raft.transport import Place
from nodecore.runtime.arrivals import Arrivals
from nodecore.runtime.counts import Counts
from nodecore.runtime.logs import NodeLog

CONSISTENCY = "consistency"
"""The name in a read's `extend_info`; its values: `linearizable`, the default, and `stale`."""
LINEARIZABLE = "linearizable"
STALE = "stale"

_GRACE_S = 5.0
"""How long after its time-out the waiting forms still expect Raft's thread to fail a request."""


class RaftProtocol:
    """Fulfils `CPProtocol[NodeConfig, CPRequestProcessor]`.

    Processors belong in before `init`: what the folder holds is applied to those that are there.

    Args:
        bound: a bound, listening socket for the other members; closed by `shutdown`.
        log: told of leaders and faults.
        counts: told of what became of requests.
        arrivals: told the hello of every connection.
    """

    def __init__(
        self,
        bound: socket.socket,
        log: NodeLog,
        counts: Counts | None = None,
        arrivals: Arrivals | None = None,
    ) -> None:
        self._bound = bound
        self._log = log
        self._counts = counts or Counts()
        self._arrivals = arrivals or Arrivals(1)
        self._metadata = ProtocolMetadata()
        self._machine = StateMachine(log, self._applied)
        self._incarnation = secrets.token_hex(8)
        self._numbers = itertools.count(1)
        self._config: NodeConfig | None = None
        self._dial: dict[str, str] = {}
        self._requests: Requests | None = None
        self._engine: Engine | None = None

    def init(self, config: NodeConfig) -> None:
        """Run from now on; returns at once, whether there is a leader or not."""
        real = config.timings.scaled(config.time_scale)
        self._config = config
        self._timeout_s = real.raft_request_timeout_s
        self._requests = Requests(self._counts, config.limits.raft_waiting_max, real.raft_append_s)
        self._engine = Engine(config, self._log, self._requests, self._tell)
        self._membership = self._members_of(config, real.raft_election_max_s)
        place = Place(
            bound=self._bound,
            dial=self._dial,
            arrivals=self._arrivals,
        )
        self.dial(dict(config.raft_dial))
        self._engine.start(self._machine, place, self._membership)

    def add_request_processors(self, processors: Collection[CPRequestProcessor]) -> None:
        """Have these serve their groups; the later one of a group wins, and hears what comes from now on."""
        self._machine.add(processors)
        if self._engine is not None:
            self._tell(self._engine.status())

    def protocol_metadata(self) -> ProtocolMetadata:
        """Return leader, term and members of each group: the same for all, they share one Raft."""
        return self._metadata

    def is_leader(self, group: str) -> bool:
        """Tell whether this node leads; another may have been elected meanwhile."""
        return group in self._machine.groups() and self.status().role is RaftRole.LEADER

    def status(self) -> RaftStatus:
        """Return this node's view of Raft."""
        return RaftStatus() if self._engine is None else self._engine.status()

    def get_data(self, request: ReadRequest) -> Response:
        """Read and wait.

        Raises:
            NoLeader: a linearizable read found no leader within its time-out.
            OutcomeUnknown: it got no answer within its time-out.
        """
        return self._awaited(self.get_data_async(request))

    def get_data_async(self, request: ReadRequest) -> "Future[Response]":
        """Read without waiting: through the log, or from what is applied here when `stale` is asked for."""
        try:
            if self._wanted_consistency(request) == STALE:
                return _future(self._machine.read(request))
            return self._submit(request)
        except NodeError as error:
            return _future(error)

    def write(self, request: WriteRequest) -> Response:
        """Write and wait until it is committed and applied here.

        Raises:
            NoLeader: no leader took it within its time-out; nothing was written.
            OutcomeUnknown: a leader may have taken it, and it was not confirmed in time.
        """
        return self._awaited(self.write_async(request))

    def write_async(self, request: WriteRequest) -> "Future[Response]":
        """Write without waiting; any node takes it, the leader serves it."""
        try:
            if request.operation is WriteKind.PUT and request.data is None:
                raise BadRequest(f"a put of {request.key} needs data (REMOVE deletes)")
            return self._submit(request)
        except NodeError as error:
            return _future(error)

    def dial(self, ways: Mapping[str, str]) -> None:
        """Dial these members there from now on: advertised address -> `ip:port`."""
        self._dial.update(ways)

    def member_change(self, addresses: Collection[str]) -> None:
        """Go on with these members: whichever node leads adds and removes them, one after another."""
        self._membership.want(addresses)
        if self._engine is not None:
            self._engine.wake()

    def shutdown(self) -> None:
        """Take no more requests, fail those that wait, end the thread."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.stop()

    def execute(self, commands: Mapping[str, str]) -> Response:
        """Run an operator's command: `members`, `transferLeader` to `value`, `doSnapshot`, as Nacos' ops."""
        try:
            engine, _ = self._running()
        except NoLeader as error:
            return Response(success=False, status=503, error_message=str(error))
        if commands.get("command") == "members":
            return Response(success=True, data=self.status().members)
        return ordered(engine, commands)

    def _members_of(self, config: NodeConfig, patience_s: float) -> Membership:
        path = None if config.data_dir is None else Path(config.data_dir) / "raft.members"
        return Membership(config.address, self._log, path, joining=config.raft_join, patience_s=patience_s)

    def _submit(self, request: ReadRequest | WriteRequest) -> "Future[Response]":
        engine, requests = self._running()
        if request.group not in self._machine.groups():
            raise BadRequest(f"no processor serves the group {request.group!r}")
        command_id = f"{self._incarnation}-{next(self._numbers)}"
        text = encode(Command(command_id=command_id, request=request))
        self._check_length(text)
        made = new_request(command_id, text, self._timeout_s)
        requests.put(made)
        engine.wake()
        return made.future

    def _running(self) -> tuple[Engine, Requests]:
        engine = self._engine
        if engine is None or self._requests is None:
            raise NoLeader("Raft does not run on this node (before init or after shutdown); nothing was done")
        return engine, self._requests

    def _check_length(self, text: str) -> None:
        assert self._config is not None
        limit = self._config.limits.raft_command_bytes_max
        if len(text.encode()) > limit:
            raise BadRequest(f"the record is longer than a command may be, {limit} bytes of JSON")

    def _wanted_consistency(self, request: ReadRequest) -> str:
        wanted = dict(request.extend_info).get(CONSISTENCY, LINEARIZABLE)
        if wanted not in (LINEARIZABLE, STALE):
            raise BadRequest(f"{CONSISTENCY} must be {LINEARIZABLE} or {STALE}, not {wanted!r}")
        if request.group not in self._machine.groups():
            raise BadRequest(f"no processor serves the group {request.group!r}")
        return wanted

    def _awaited(self, future: "Future[Response]") -> Response:
        try:
            return future.result(self._timeout_s + _GRACE_S if self._config else None)
        except NoAnswer as error:
            raise OutcomeUnknown("Raft's thread does not answer; it may or may not be done") from error

    def _applied(self, command_id: str, answer: Callable[[], Answer]) -> None:
        assert self._requests is not None
        self._requests.applied(command_id, answer)

    def _tell(self, status: RaftStatus) -> None:
        for group in self._machine.groups():
            self._metadata.set(group, LEADER, status.leader)
            self._metadata.set(group, TERM, status.term)
            self._metadata.set(group, MEMBERS, status.members)


def _future(outcome: Response | Exception) -> "Future[Response]":
    future: Future[Response] = Future()
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
    return future
