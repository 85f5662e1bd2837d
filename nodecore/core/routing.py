"""Where a client's operation is executed: here, or on the responsible node, at most one hop away (R10).

Invariant: a write to an instance is executed only by the node that is responsible by its own ring.
"""

from nodecore.config import Timings
from nodecore.core.answers import Answer, MembersAnswer, Refused
from nodecore.core.enquiries import FindResponsible, ReadMembers, ResponsibleAnswer
from nodecore.core.events import Lane
from nodecore.core.members import Members
from nodecore.core.messages import Forward, ForwardAnswer, NotLoadedAnswer
from nodecore.core.naming import NO_CP, Local, Naming
from nodecore.core.operations import (
    Beat,
    ChangeMetadata,
    DeregisterInstance,
    InstanceWrite,
    PatchInstance,
    RegisterInstance,
)
from nodecore.core.outward import Forwarding, Outcome, Outward, Requester
from nodecore.core.writes import Writes
from nodecore.errors import ForwardFailed, NotImplementedYet, NotLoaded, RedirectLoop


class Routing:
    """Executes, forwards or refuses."""

    def __init__(
        self, out: Outward, members: Members, naming: Naming, writes: Writes, timings: Timings
    ) -> None:
        self._out = out
        self._members = members
        self._naming = naming
        self._writes = writes
        self._timings = timings

    def answer(
        self,
        requester: Requester,
        operation: InstanceWrite | Local | FindResponsible | ReadMembers,
        forwarded_by: str | None,
        now: float,
    ) -> Answer | None:
        """Return the answer, or None when it will come from the responsible node."""
        match operation:
            case FindResponsible():
                return ResponsibleAnswer(self._members.ring.owner(operation.service) or self._members.own)
            case ReadMembers():
                return MembersAnswer(self._members.entries())
            case RegisterInstance() | DeregisterInstance() | PatchInstance() | ChangeMetadata() | Beat():
                return self._write(requester, operation, forwarded_by, now)
            case _:
                return self._naming.local(operation, now)

    def _write(
        self, requester: Requester, operation: InstanceWrite, forwarded_by: str | None, now: float
    ) -> Answer | None:
        service = service_written(operation)
        if not _is_ephemeral(operation):
            sentence = f"{service}: the instance is not ephemeral; {NO_CP}"
            return Refused(status=NotImplementedYet.status, message=sentence)
        owner = self._members.ring.owner(service)
        if owner is None or owner == self._members.own:
            return self._writes.execute(operation, now)
        if forwarded_by is not None:
            sentence = f"receive invalid redirect request from peer {forwarded_by or 'that named no address'}"
            return Refused(status=RedirectLoop.status, message=sentence)
        timeout_s = self._timings.forward_timeout_s
        purpose = Forwarding(owner, requester)
        self._out.call(Forward(operation), purpose, lane=Lane.FORWARD, timeout_s=timeout_s)
        return None


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
        case PatchInstance() | ChangeMetadata():
            return True
