"""What a node with CP is made of: which processors serve which group, and the protocol that runs them.

Invariant: PySyncObj and cryptography are imported by a node that has CP, by no other.
"""

import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nodecore.config import NodeConfig
from nodecore.consistency.protocol import CPRequestProcessor
from nodecore.raft.record_store import RecordStore
from nodecore.runtime.arrivals import Arrivals
from nodecore.runtime.loop import Runtime

if TYPE_CHECKING:
    from nodecore.raft.protocol import RaftProtocol

INSTANCES_GROUP = "naming_persistent_service"
METADATA_GROUP = "naming_service_metadata"
SWITCH_GROUP = "naming_switch"


def start_persistence(
    config: NodeConfig, runtime: Runtime, bound: socket.socket, arrivals: Arrivals
) -> "RaftProtocol":
    """Start CP; it waits for nobody: whether there is a leader yet does not matter to the rest of the node.

    Args:
        config: of the node.
        runtime: whose log and counts it uses, and whose core hears what is applied.
        bound: where Raft listens.
        arrivals: told of probes.
    """
    from nodecore.raft.protocol import RaftProtocol  # noqa: PLC0415 - as the invariant says

    protocol = RaftProtocol(bound, runtime.log, runtime.counts, arrivals)
    protocol.add_request_processors(_processors(runtime))
    protocol.init(config)
    return protocol


def _processors(_runtime: Runtime) -> Sequence[CPRequestProcessor]:
    """Return the state machines of all groups."""
    return [RecordStore(INSTANCES_GROUP), RecordStore(METADATA_GROUP), RecordStore(SWITCH_GROUP)]
