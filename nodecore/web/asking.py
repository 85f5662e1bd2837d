"""Asks the core, and CP where the core says so, on behalf of one request.

Invariant: no more than `cp_waiting_max` requests wait for CP at a time, so that clients of ephemeral
instances never notice that it has no majority; whatever waits does so outside all locks and not for ever.
"""

import threading

from nodecore.config import NodeConfig
from nodecore.consistency.naming_groups import read_request, told, write_request
from nodecore.consistency.protocol import CPProtocol, CPRequestProcessor, Response
from nodecore.core.answers import Answer, AskCp, Refused, WouldForward
from nodecore.core.commands import Query
from nodecore.core.operations import Consistency, CpAnswered, Operation
from nodecore.errors import NodeError, OutcomeUnknown, Overloaded
from nodecore.runtime.loop import Runtime
from nodecore.web.at_once import MustWait
from nodecore.web.replies import await_reply

Cp = CPProtocol[NodeConfig, CPRequestProcessor]


class Asking:
    """What an API asks; `cp` is None on a node without CP."""

    def __init__(self, runtime: Runtime, cp: Cp | None) -> None:
        self._runtime = runtime
        self._cp = cp
        self._waiting_max = runtime.config.limits.cp_waiting_max
        self._room = threading.BoundedSemaphore(self._waiting_max)

    def answer(
        self, operation: Operation, forwarded_by: str | None = None, *, may_wait: bool = True
    ) -> Answer:
        """Return the answer to an operation.

        Args:
            operation: what is asked.
            forwarded_by: the peer that forwards it, "" if it gave no address, None for a client.
            may_wait: for another member, for CP, or for a core that is busy.

        Raises:
            NodeError: it was not done, or nobody knows whether it was; Busy only when it may not wait.
            MustWait: it was not done, for it may not wait.
        """
        answer = await_reply(self._runtime.ask(operation, forwarded_by, may_wait=may_wait))
        if isinstance(answer, AskCp | WouldForward) and not may_wait:
            raise MustWait
        return self._of_cp(answer) if isinstance(answer, AskCp) else answer

    def _of_cp(self, asked: AskCp) -> Answer:
        response = self._said(asked)
        if not response.success:
            return Refused(status=response.status, message=response.error_message)
        try:
            return await_reply(self._runtime.ask(CpAnswered(asked.operation, told(response))))
        except NodeError as error:
            raise OutcomeUnknown(f"CP has done its part, but this node did not end it: {error}") from error

    def _said(self, asked: AskCp) -> Response:
        if self._cp is None:
            raise TypeError(f"the core of a node without CP wants it asked {asked.request}")
        if not self._room.acquire(blocking=False):
            raise Overloaded(f"{self._waiting_max} requests wait for CP already; nothing was done: try again")
        try:
            if isinstance(asked.request, Query):
                request = read_request(asked.request, Consistency.LINEARIZABLE)
                return await_reply(self._cp.get_data_async(request))
            return await_reply(self._cp.write_async(write_request(asked.request)))
        finally:
            self._room.release()
