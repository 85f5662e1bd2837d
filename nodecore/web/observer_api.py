"""What a test harness asks a node: its whole view, which probes reached it, and to begin again.

Only the last needs the identity, and a node that has one. Invariant: a probe never touches the core or its
lock, so it is answered while the node is busy or not loaded.
"""

import re
from collections.abc import Callable

from nodecore.core.answers import StateAnswer
from nodecore.core.enquiries import ResetNode
from nodecore.core.operations import ReadState
from nodecore.core.records import instances_in
from nodecore.errors import BadRequest, Forbidden
from nodecore.raft.status import RaftStatus, raft_body
from nodecore.runtime.arrivals import Arrivals
from nodecore.runtime.loop import Runtime
from nodecore.runtime.wire.client import encode_answer, json_answer
from nodecore.runtime.wire.http import HttpAnswer
from nodecore.runtime.wire.listing import Reader
from nodecore.runtime.wire.state import state_body
from nodecore.runtime.wire.values import as_text, load_object
from nodecore.web.identity import PeerIdentity
from nodecore.web.parameters import PORT_MAX, required
from nodecore.web.replies import await_reply
from nodecore.web.request import Request

_PROBE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_PLAIN_READER = Reader()


class ObserverApi:
    """Answers observers.

    Args:
        runtime: the node.
        identity: of its members.
        requests_now: counts the requests that the servers have and have not answered.
        arrivals: the probes that came, over HTTP and otherwise.
        raft: tells how the node's Raft is, None without CP.
    """

    def __init__(
        self,
        runtime: Runtime,
        identity: PeerIdentity,
        requests_now: Callable[[], int],
        arrivals: Arrivals,
        raft: Callable[[], RaftStatus | None],
    ) -> None:
        self._runtime = runtime
        self._identity = identity
        self._requests_now = requests_now
        self._arrivals = arrivals
        self._raft = raft

    def state(self, request: Request) -> HttpAnswer:
        """GET /cutheal/state; `requests`: how many others waited or were being answered just before."""
        requests = max(0, self._requests_now() - 1)
        state = await_reply(self._runtime.ask(ReadState(), may_wait=request.may_wait))
        assert isinstance(state, StateAnswer), state
        request.leave_if_long(instances_in(*state.data))
        return json_answer(state_body(state) | {"requests": requests})

    def raft(self, _request: Request) -> HttpAnswer:
        """GET /cutheal/raft: leader, term, members and how far the log is, as this node sees it."""
        return json_answer(raft_body(self._raft()))

    def reset(self, request: Request) -> HttpAnswer:
        """POST /cutheal/reset: forget all data, on this node alone."""
        if not self._identity.is_set:
            raise Forbidden("access denied: only a node that has an identity header can be reset, by it")
        self._identity.check(request)
        return encode_answer(await_reply(self._runtime.ask(ResetNode())), _PLAIN_READER)

    def probe(self, request: Request) -> HttpAnswer:
        """POST /cutheal/probe?id=: remember when it came, by CLOCK_MONOTONIC."""
        probe_id = _checked(required(request.query_parameters(), "id"))
        self._arrivals.note(probe_id)
        return json_answer({"id": probe_id})

    def probes_seen(self, request: Request) -> HttpAnswer:
        """GET /cutheal/probe?id=A,B: when each came, null for those that did not."""
        probe_ids = [_checked(i) for i in required(request.query_parameters(), "id").split(",")]
        return json_answer({"seen": self._arrivals.seen(probe_ids)})

    def probe_dial(self, request: Request) -> HttpAnswer:
        """PUT /cutheal/probe-dial: where instances are dialled to be checked; null: where they say."""
        self._identity.check(request)
        said = load_object(request.body(), "the body")
        links = {
            _address(target): None if said[target] is None else _address(said[target]) for target in said
        }
        return json_answer(self._runtime.probes.dial(links))


def _address(text: object) -> str:
    ip, _, port = as_text(text, "an address").rpartition(":")
    if not (ip and port.isascii() and port.isdigit() and int(port[:6]) <= PORT_MAX):
        raise BadRequest(f"{str(text)[:80]!r} is not ip:port")
    return f"{ip}:{int(port)}"


def _checked(probe_id: str) -> str:
    if not _PROBE_ID.fullmatch(probe_id):
        raise BadRequest(f"id {probe_id[:80]!r} must be 1 to 128 of A-Z a-z 0-9 . _ -")
    return probe_id
