"""What an operator may order of a running Raft: Nacos' `transferLeader` and `doSnapshot` (core/ops).

Invariant: an order is carried out in Raft's thread; its answer says what came of it.
"""

from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoAnswer

from pysyncobj import FAIL_REASON

from nodecore.consistency.protocol import Response
from nodecore.raft.engine import Engine
from nodecore.raft.replica import Replica

_PATIENCE_REAL_S = 5.0
"""Raft's thread does one turn in far less; more than this is a defect."""


def ordered(engine: Engine, commands: Mapping[str, str]) -> Response:
    """Carry out an order and wait for its answer.

    Args:
        engine: of this node.
        commands: `{"command": NAME, "value": ...}`.
    """
    name = commands.get("command", "")
    act = {"transferLeader": _transfer, "doSnapshot": _snapshot}.get(name)
    if act is None:
        known = "members, transferLeader, doSnapshot"
        return _refused(f"unknown command {name!r}; known: {known}")
    answer: Future[Response] = Future()
    engine.order(lambda replica: answer.set_result(act(replica, commands.get("value", ""))))
    try:
        return answer.result(_PATIENCE_REAL_S)
    except NoAnswer:
        return Response(success=False, status=503, error_message="Raft's thread does not answer")


def _transfer(replica: Replica, target: str) -> Response:
    reasons: list[int] = []
    replica.transferLeadership(target or None, lambda _result, reason: reasons.append(reason))
    if reasons == [FAIL_REASON.SUCCESS]:
        return Response(success=True)
    if reasons == [FAIL_REASON.NOT_LEADER]:
        return _refused("only the leader can hand over; this node does not lead")
    return _refused(f"{target or 'any member'} cannot take over: it must be a member that has the whole log")


def _snapshot(replica: Replica, _value: str) -> Response:
    replica.forceLogCompaction()
    return Response(success=True)


def _refused(message: str) -> Response:
    return Response(success=False, status=400, error_message=message)
