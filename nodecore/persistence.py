"""What a node with CP is made of: the groups of the naming service, and the protocol that runs them.

Invariant: PySyncObj and cryptography are imported by a node that has CP, by no other.
"""

import socket
from typing import TYPE_CHECKING

from nodecore.config import NodeConfig
from nodecore.consistency.naming_groups import naming_groups
from nodecore.runtime.arrivals import Arrivals
from nodecore.runtime.lookup import MemberList
from nodecore.runtime.loop import Runtime

if TYPE_CHECKING:
    from nodecore.raft.protocol import RaftProtocol


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
    protocol.add_request_processors(naming_groups(runtime.take_applied))
    protocol.init(config)

    def change_members(found: MemberList) -> None:
        protocol.dial(found.raft_dial)
        protocol.member_change(found.addresses)

    runtime.hear_members(change_members)
    return protocol
