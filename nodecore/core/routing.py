"""Where a client's operation is executed: here, or on the responsible node, at most one hop away (R10).

Invariant: a write to an instance is executed only by the node that is responsible by its own ring.
"""

from nodecore.config import Timings
from nodecore.core.answers import Answer, Done, MembersAnswer, Refused, UpdatedAnswer, WouldForward
from nodecore.core.cp_requests import CpRequests
from nodecore.core.enquiries import FindResponsible, ReadMembers, ResponsibleAnswer
from nodecore.core.events import Lane
from nodecore.core.health import Health
from nodecore.core.members import Members
from nodecore.core.messages import Forward, ForwardAnswer, NotLoadedAnswer
from nodecore.core.naming import Local, Naming
from nodecore.core.operations import (
    Beat,
    ChangeMetadata,
    CpAnswered,
    DeregisterInstance,
    InstanceWrite,
    PatchInstance,
    RegisterInstance,
    SetHealth,
)
from nodecore.core.outward import Forwarding, Outcome, Outward, Requester
from nodecore.core.services import NO_CP
from nodecore.core.writes import Writes
from nodecore.errors import ForwardFailed, NotImplementedYet, NotLoaded, RedirectLoop


class Routing:
    """Executes, forwards, refuses, or says what CP is to be asked.

    Args:
        cp: None on a node without CP.
    """

    def __init__(
        self,
        out: Outward,
        members: Members,
        naming: Naming,
        writes: Writes,
        health: Health,
        timings: Timings,
        cp: CpRequests | None,
    ) -> None:
        self._cp = cp
        self._health = health
        self._out = out
        self._members = members
        self._naming = naming
        self._writes = writes
        self._timings = timings

    def answer(
        self,
        requester: Requester,
        operation: InstanceWrite | Local | FindResponsible | ReadMembers | CpAnswered,
        forwarded_by: str | None,
        now: float,
    ) -> Answer | None:
        """Return the answer, or None when it will come from the responsible node."""
        asked = self._cp.asked(operation) if self._cp else None
        if asked is not None:
            return asked
        match operation:
            case CpAnswered():
                return self._cp.answered(operation, now) if self._cp else Done()
            case FindResponsible():
                return ResponsibleAnswer(self._members.ring.owner(operation.service) or self._members.own)
            case ReadMembers():
                return MembersAnswer(self._members.entries())
            case (
                RegisterInstance()
                | DeregisterInstance()
                | PatchInstance()
                | ChangeMetadata()
                | Beat()
                | SetHealth()
            ):
                return self._write(requester, operation, forwarded_by, now)
            case _:
                return self._naming.local(operation, now)

    def _write(
        self, requester: Requester, operation: InstanceWrite, forwarded_by: str | None, now: float
    ) -> Answer | None:
        service = service_written(operation)
        if isinstance(operation, ChangeMetadata) and not operation.ephemeral:
            return UpdatedAnswer(())  # of the instances that are meant this node has none
        if not _is_ephemeral(operation):
            sentence = f"{service}: the instance is not ephemeral; {NO_CP}"
            return Refused(status=NotImplementedYet.status, message=sentence)
        owner = self._members.ring.owner(service)
        if owner is None or owner == self._members.own:
            return self._execute(operation, now)
        if forwarded_by is not None:
            sentence = f"receive invalid redirect request from peer {forwarded_by or 'that named no address'}"
            return Refused(status=RedirectLoop.status, message=sentence)
        if not requester.may_wait:
            return WouldForward()
        timeout_s = self._timings.forward_timeout_s
        purpose = Forwarding(owner, requester)
        self._out.call(Forward(operation), purpose, lane=Lane.FORWARD, timeout_s=timeout_s)
        return None

    def _execute(self, operation: InstanceWrite, now: float) -> Answer:
        if isinstance(operation, SetHealth):
            return self._health.set(operation)
        return self._writes.execute(operation, now)


def service_written(operation: InstanceWrite) -> str:
    """Return the grouped name of the service an instance write is about."""
    return operation.instance.service if isinstance(operation, RegisterInstance) else operation.service


def forwarded_answer(member: str, outcome: Outcome) -> Answer:
    """Return what the client is told when a forward has ended."""
    match outcome:
        case ForwardAnswer(answer=answer):
            return answer
        case Refused():
            return outcome
        case NotLoadedAnswer():
            sentence = f"the responsible node {member} has not loaded its data yet"
            return Refused(status=NotLoaded.status, message=sentence)
        case _:
            sentence = f"the responsible node {member} did not answer: {outcome}; it may have executed this"
            return Refused(status=ForwardFailed.status, message=sentence, definite=False)


def _is_ephemeral(operation: InstanceWrite) -> bool:
    match operation:
        case RegisterInstance():
            return operation.instance.ephemeral
        case DeregisterInstance():
            return operation.ephemeral
        case Beat():
            return operation.instance is None or operation.instance.ephemeral
        case PatchInstance():
            return operation.ephemeral is not False
        case ChangeMetadata():
            return operation.ephemeral
        case SetHealth():
            return True
