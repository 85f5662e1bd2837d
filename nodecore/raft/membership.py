"""Who the members are (R16): the log says it, and its leader changes it, one member at a time.

After single-server membership changes (Ongaro, "Consensus: Bridging Theory and Practice", 4.1 and 4.2).
Invariants: a change begins when the one before is committed; who joins stands for no election before it has
applied the leader's word on who the members are (it may vote: only who knows it as a member counts its vote);
a node starts with the members that its log knew, not with a list.
"""

import json
import pickle
import time
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from pysyncobj import FAIL_REASON
from pysyncobj.node import TCPNode

from nodecore.config import NodeConfig
from nodecore.raft.journal import Entry, Unreadable
from nodecore.raft.status import RaftRole
from nodecore.runtime.logs import NodeLog

_MEMBERSHIP = b"\x02"
"""The first byte of PySyncObj's commands that change the members."""
_NEVER_S = 1e6
"""An election as far away as this is none."""


class NotOurs(Exception):
    """A folder belongs to another member; with its log and votes this one would speak for two."""


class Membership:
    """Follows and changes the members; `want` may be called from any thread, the rest from Raft's.

    Args:
        own: advertised address of this node.
        log: told of changes.
        path: where the members are kept between two runs, None for nowhere.
        joining: this node is no member yet.
        patience_s: real seconds after which a change that came to nothing is tried again.
    """

    def __init__(
        self, own: str, log: NodeLog, path: Path | None, *, joining: bool, patience_s: float
    ) -> None:
        self._own = own
        self._log = log
        self._path = path
        self._patience_s = patience_s
        self._kept: frozenset[str] | None = None
        self.joining = joining
        self._wanted: frozenset[str] | None = None
        self._untold = False
        self._busy_until_s = 0.0

    def begin(self, replica: Any, config: NodeConfig) -> None:
        """Have a replica start with the members that its log knew, those of the configuration the first time.

        At a later start the list counts as changed where it is one that changes: a file, an address server.

        Args:
            replica: of this node, before its first tick.
            config: of this node.

        Raises:
            NotOurs: the folder is that of another member.
            Unreadable: the file of the members cannot be read.
        """
        self._kept = _read(self._path)
        self.joining = self.joining and self._kept is None
        if self._kept is not None and self._own not in self._kept:
            raise NotOurs(
                f"{self._path} is that of {', '.join(sorted(self._kept))} and not of {self._own}: "
                "a member keeps its address, or gets a folder of its own"
            )
        listed = frozenset(config.members)
        changes = config.members_file is not None or config.address_server is not None
        if self._kept is not None and self._kept != listed and changes:
            self._wanted = listed
        known = changed_by(self._kept or listed, replica.journal)
        replica.set_others(known - {self._own})

    def want(self, addresses: Collection[str]) -> None:
        """Have the leader make these the members."""
        self._wanted = frozenset(addresses)

    def turn(self, replica: Any, role: RaftRole) -> None:
        """Do what is to be done now."""
        if self.joining:
            replica.postpone_election(_NEVER_S)
            return
        self._keep(replica)
        if role is not RaftRole.LEADER:
            self._busy_until_s = 0.0
            self._untold = self._wanted is not None
        elif time.monotonic() >= self._busy_until_s:
            self._change(replica)

    def told(self, replica: Any, members: Sequence[str], later: Iterable[Entry]) -> None:
        """Hear the leader's word on who the members are.

        Args:
            replica: of this node.
            members: as they were at this place of the log.
            later: the entries that follow it in this node's journal.
        """
        if not self.joining or self._own not in members:
            return
        known = changed_by(frozenset(members), later)
        replica.set_others(known - {self._own})
        self.joining = False
        replica.postpone_election(replica.conf.raftMaxTimeout)
        self._log.write("info", "raft_joined", [("members", ",".join(sorted(known)))])

    def _change(self, replica: Any) -> None:
        current = _members(self._own, replica)
        wanted = current if self._wanted is None else self._wanted
        leaving = sorted(current - wanted - {self._own})
        coming = sorted(wanted - current)
        if leaving:
            self._begin("remove", leaving[0], replica.removeNodeFromCluster)
        elif coming:
            self._begin("add", coming[0], replica.addNodeToCluster)
        elif self._untold:
            self._untold = False
            replica.machine.say_members(json.dumps(sorted(current)))
        elif self._own not in wanted:
            self._busy_until_s = time.monotonic() + self._patience_s
            replica.transferLeadership()

    def _begin(self, what: str, address: str, change: Any) -> None:
        self._busy_until_s = time.monotonic() + self._patience_s
        fields = [("change", what), ("member", address)]

        def done(_result: object, reason: int) -> None:
            if reason == FAIL_REASON.SUCCESS:
                self._untold = True
                self._busy_until_s = 0.0
                self._log.write("info", "raft_members", fields)

        change(TCPNode(address), callback=done)

    def _keep(self, replica: Any) -> None:
        members = _members(self._own, replica)
        if self._path is not None and members != self._kept:
            beside = self._path.with_name(self._path.name + ".new")
            beside.write_text(json.dumps(sorted(members)))
            beside.rename(self._path)
        self._kept = members


def changed_by(members: frozenset[str], entries: Iterable[Entry]) -> frozenset[str]:
    """Return the members after the changes that these entries make, committed or not."""
    for command, _index, _term in entries:
        if command[:1] == _MEMBERSHIP:
            kind, address = pickle.loads(command[1:])[:2]
            members = members | {address} if kind == "add" else members - {address}
    return members


def _members(own: str, replica: Any) -> frozenset[str]:
    return frozenset({own, *(node.id for node in replica.otherNodes)})


def _read(path: Path | None) -> frozenset[str] | None:
    if path is None or not path.exists():
        return None
    try:
        return frozenset(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise Unreadable(f"the members {path} cannot be read: {error!r}") from error
