"""Nodes that break a promise of CP on purpose, to see whether the judge finds out: nodecore but for one line.

Each is an entry for the launcher, as `nodecore.__main__:main` is; `BrokenNodecore` names one.
"""

import sys
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.program import NodePlan, Start
from harness.programs.nodecore import Nodecore

if TYPE_CHECKING:
    from nodecore.consistency.protocol import ReadRequest, Response, WriteRequest
    from nodecore.raft.protocol import RaftProtocol as Protocol

GIVEN_UP = "acknowledged and given up:"
"""What such a node logs of a write that it has acknowledged and that nobody will ever do."""


@dataclass(frozen=True, slots=True)
class BrokenNodecore(Nodecore):
    """nodecore, started by an entry of this module.

    Args:
        broken: `acknowledges_early` or `reads_stale`.

    """

    broken: str = "reads_stale"

    def start(self, plan: NodePlan) -> Start:
        """As nodecore, but for the entry."""
        return replace(Nodecore.start(self, plan), entry=f"{__name__}:{self.broken}")


def acknowledges_early(argv: Sequence[str]) -> int:
    """Says that a write is done as soon as it was handed on, before any majority has it."""
    from nodecore.consistency.protocol import Response  # noqa: PLC0415
    from nodecore.raft.protocol import RaftProtocol  # noqa: PLC0415 - in the node's process alone

    honest = RaftProtocol.write_async

    def write_async(self: "Protocol", request: "WriteRequest") -> "Future[Response]":
        honest(self, request).add_done_callback(lambda late: _tell_if_never_done(late, request))
        early: Future[Response] = Future()
        early.set_result(Response(success=True))
        return early

    RaftProtocol.write_async = write_async  # type: ignore[method-assign]
    return _run(argv)


def reads_stale(argv: Sequence[str]) -> int:
    """Answers a linearizable read from what it has applied itself."""
    from nodecore.raft.protocol import CONSISTENCY, STALE, RaftProtocol  # noqa: PLC0415

    honest = RaftProtocol.get_data_async

    def get_data_async(self: "Protocol", request: "ReadRequest") -> "Future[Response]":
        return honest(self, replace(request, extend_info=((CONSISTENCY, STALE),)))

    RaftProtocol.get_data_async = get_data_async  # type: ignore[method-assign]
    return _run(argv)


def _tell_if_never_done(late: "Future[Response]", request: "WriteRequest") -> None:
    """Log what was acknowledged and will never be there."""
    if late.exception() is not None:
        sys.stderr.write(f"{GIVEN_UP} {request}\n")


def _run(argv: Sequence[str]) -> int:
    from nodecore.__main__ import main  # noqa: PLC0415

    return main(argv)
