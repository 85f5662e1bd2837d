"""What operators ask a node about itself and its cluster: metrics, switches, members (9.2, 3.3).

Invariant: a switch acts on all nodes where there is CP, else on the node that was asked and on no other.
"""

from collections.abc import Callable

from nodecore.core.answers import Answer, Member, MembersAnswer, MemberState
from nodecore.core.enquiries import (
    ChangeSwitches,
    FindResponsible,
    MetricsAnswer,
    ReadMembers,
    ReadMetrics,
    ReadSwitches,
    SwitchesAnswer,
)
from nodecore.core.operations import Operation
from nodecore.runtime.loop import Runtime
from nodecore.runtime.wire.answers import envelope
from nodecore.runtime.wire.client import encode_answer, json_answer
from nodecore.runtime.wire.http import HttpAnswer
from nodecore.runtime.wire.listing import Reader
from nodecore.runtime.wire.records import member_body
from nodecore.runtime.wire.switches import read_switch
from nodecore.web import parameters as read
from nodecore.web.asking import Asking
from nodecore.web.request import Request

_PLAIN_READER = Reader()


class OperatorApi:
    """Answers operators and their monitoring."""

    def __init__(self, runtime: Runtime, asking: Asking) -> None:
        self._runtime = runtime
        self._asking = asking

    # ---- this node -------------------------------------------------------------------------------

    def metrics(self, _request: Request) -> HttpAnswer:
        """GET /operator/metrics; answered before loading too."""
        return encode_answer(self._ask(ReadMetrics()), _PLAIN_READER)

    def switches(self, _request: Request) -> HttpAnswer:
        """GET /operator/switches: the whole object, as it is on this node."""
        return encode_answer(self._ask(ReadSwitches()), _PLAIN_READER)

    def change_switch(self, request: Request) -> HttpAnswer:
        """PUT /operator/switches: on all nodes by CP; with `debug=true`, or without CP, on this one."""
        parameters = request.parameters()
        entry, value = read.required(parameters, "entry"), parameters.get("value", "").strip()
        answer = self._ask(ReadSwitches())
        if not isinstance(answer, SwitchesAnswer):
            return encode_answer(answer, _PLAIN_READER)
        changes = read_switch(entry, value, answer.switches)
        here_only = read.is_true(parameters, "debug")
        return encode_answer(self._ask(ChangeSwitches(changes, here_only)), _PLAIN_READER)

    def responsible_server(self, request: Request) -> HttpAnswer:
        """GET /operator/distro/server: who this node believes owns a service (R9)."""
        service = read.grouped_service(request.parameters())
        return encode_answer(self._ask(FindResponsible(service=service)), _PLAIN_READER)

    def health_server(self, _request: Request) -> HttpAnswer:
        """GET /health/server: a sentence for who only wants to see that the node answers."""
        metrics = self._metrics()
        return json_answer(
            {"msg": f"{self._runtime.config.name} is {metrics.status}, services: {metrics.services}"}
        )

    def health_checkers(self, _request: Request) -> HttpAnswer:
        """GET /health/checkers: the kinds of checks; ephemeral instances are judged by their beats."""
        return json_answer({kind: {"type": kind} for kind in ("TCP", "HTTP", "MYSQL", "NONE")})

    # ---- the cluster as this node sees it --------------------------------------------------------

    def servers(self, request: Request) -> HttpAnswer:
        """GET /operator/servers: all members, or with `healthy=true` those that are UP."""
        up_only = read.flag(request.parameters(), ("healthy",), default=False)
        return self._members(
            lambda members: {
                "servers": [member_body(m) for m in members if m.state is MemberState.UP or not up_only]
            }
        )

    def members(self, request: Request) -> HttpAnswer:
        """GET /core/cluster/nodes; `keyword` keeps the members whose address begins with it."""
        keyword = request.parameters().get("keyword", "").strip()
        return self._members(
            lambda members: envelope([member_body(m) for m in members if m.address.startswith(keyword)])
        )

    def addresses(self, _request: Request) -> HttpAnswer:
        """GET /core/cluster/simple/nodes: `ip:port` of every member."""
        return self._members(lambda members: envelope([m.address for m in members]))

    def own_member(self, _request: Request) -> HttpAnswer:
        """GET /core/cluster/self."""
        own = self._runtime.config.address
        return self._members(
            lambda members: envelope(next(member_body(m) for m in members if m.address == own))
        )

    def own_health(self, _request: Request) -> HttpAnswer:
        """GET /core/cluster/health and /self/health: what this node calls itself; before loading too."""
        return json_answer(envelope(self._metrics().status.value))

    def lookup(self, _request: Request) -> HttpAnswer:
        """GET /core/cluster/lookup: where this node's list of members comes from, and how that goes."""
        state = self._runtime.lookup.state()
        return json_answer(
            envelope(
                {
                    "type": state.kind.value,
                    "place": state.place,
                    "healthy": state.healthy,
                    "failures": state.failures,
                    "problem": state.problem,
                }
            )
        )

    def _ask(self, operation: Operation) -> Answer:
        return self._asking.answer(operation)

    def _metrics(self) -> MetricsAnswer:
        answer = self._ask(ReadMetrics())
        if not isinstance(answer, MetricsAnswer):
            raise TypeError(f"ReadMetrics was answered with {answer}")
        return answer

    def _members(self, show: Callable[[tuple[Member, ...]], object]) -> HttpAnswer:
        answer = self._ask(ReadMembers())
        if not isinstance(answer, MembersAnswer):
            return encode_answer(answer, _PLAIN_READER)
        return json_answer(show(answer.members))
