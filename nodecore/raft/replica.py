"""Makes the `SyncObj` of a node from its configuration.

Invariant: only this module knows PySyncObj's settings, all of them in real seconds.
"""

import base64
import functools
import hashlib
import os
import secrets
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pysyncobj.syncobj
from cryptography.fernet import Fernet
from pysyncobj import SyncObj, SyncObjConf
from pysyncobj.encryptor import SALT
from pysyncobj.monotonic import monotonic
from pysyncobj.node import TCPNode

from nodecore.config import NodeConfig
from nodecore.raft.journal import Entry, open_journal, snapshot_of
from nodecore.raft.machine import StateMachine
from nodecore.raft.transport import Place, RaftTransport

_PBKDF2_ROUNDS = 100_000
"""PySyncObj's; hashlib lets other threads run meanwhile."""
_BATCH_BYTES = 1024 * 1024
"""Of one message; longer commands would be divided, which PySyncObj gets wrong at some lengths."""
_COMPACT_EVERY_S = 1e9
"""The log is compacted by its length alone."""


pysyncobj.syncobj.createJournal = open_journal  # it leaves no other way to give it a journal


class Replica(SyncObj):  # type: ignore[misc]  # PySyncObj has no types
    """A `SyncObj` whose messages are encrypted with the cluster's secret.

    Args:
        secret: of all members; PySyncObj speaks pickle, so nobody else may speak.
        own: advertised address of this node.
        others: advertised addresses of the other members.
        settings: PySyncObj's.
        machine: what the log is applied to.
        place: where to listen and dial.
    """

    def __init__(
        self,
        secret: str,
        own: str,
        others: tuple[str, ...],
        settings: Any,
        machine: StateMachine,
        place: Place,
    ) -> None:
        self._fernet = Fernet(key_of(secret))
        self.machine = machine
        super().__init__(
            TCPNode(own),
            [TCPNode(address) for address in others],
            settings,
            consumers=[machine],
            transportClass=functools.partial(RaftTransport, place),
        )

    def destroy(self) -> None:
        """Close everything; PySyncObj forgets the pipe that it wakes itself by."""
        super().destroy()
        pipe = self._SyncObj__pipeNotifier
        os.close(pipe._PipeNotifier__pipeR)  # noqa: SLF001
        os.close(pipe._PipeNotifier__pipeW)  # noqa: SLF001

    @property
    def journal(self) -> Any:
        """The log, from its first entry that is in no snapshot."""
        return self._SyncObj__raftLog

    def reachable_leader(self) -> str | None:
        """Return the leader's address; a member that lost all connections goes on naming its last leader."""
        leader = self._getLeader()
        if leader is None or (leader != self.selfNode and not self.isNodeConnected(leader)):
            return None
        return str(leader.id)

    def entries_after(self, index: int) -> list[Entry]:
        """Return what follows an entry on the log."""
        return [entry for entry in self.journal[:] if entry[1] > index]

    def set_others(self, addresses: Collection[str]) -> None:
        """Go on with these other members, whatever the log says."""
        self._SyncObj__updateClusterConfiguration(sorted(addresses))

    def postpone_election(self, by_s: float) -> None:
        """Stand for no election for so long, in real seconds."""
        self._SyncObj__raftElectionDeadline = monotonic() + by_s

    def read_folder(self) -> None:
        """Load the snapshot, but for its members, which may be old; apply what is known to be committed."""
        self.conf.dynamicMembershipChange = False
        self.doTick(0.0)
        self.conf.dynamicMembershipChange = True

    @property
    def encryptor(self) -> Fernet:
        """What every connection is encrypted with; there is no open one."""
        return self._fernet


def open_replica(
    config: NodeConfig, machine: StateMachine, place: Place, state_changed: Callable[[int, int], None]
) -> Replica:
    """Return the replica of a node, with what its folder holds of earlier runs.

    Args:
        config: of the node.
        machine: what the log is applied to.
        place: where to listen and dial.
        state_changed: told the old and the new state, as PySyncObj numbers them.

    Raises:
        OSError: the data folder cannot be written.
    """
    secret = config.identity_value or secrets.token_hex(32)
    others = tuple(sorted(set(config.members) - {config.address}))
    return Replica(secret, config.address, others, _settings(config, state_changed), machine, place)


def raft_folder(config: NodeConfig) -> Path | None:
    """Return where a node keeps its log, None for nowhere.

    Raises:
        OSError: the folder cannot be made.
    """
    if config.data_dir is None:
        return None
    folder = Path(config.data_dir)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def key_of(secret: str) -> bytes:
    """Return the key that PySyncObj makes of a password."""
    return base64.urlsafe_b64encode(hashlib.pbkdf2_hmac("sha256", secret.encode(), SALT, _PBKDF2_ROUNDS, 32))


def _settings(config: NodeConfig, state_changed: Callable[[int, int], None]) -> Any:
    real = config.timings.scaled(config.time_scale)
    folder = raft_folder(config)
    journal = None if folder is None else str(folder / "raft.journal")
    return SyncObjConf(
        autoTick=False,
        raftMinTimeout=real.raft_election_min_s,
        raftMaxTimeout=real.raft_election_max_s,
        appendEntriesPeriod=real.raft_append_s,
        appendEntriesUseBatch=False,
        appendEntriesBatchSizeBytes=_BATCH_BYTES,
        connectionTimeout=real.raft_connection_s,
        connectionRetryTime=real.raft_retry_s,
        leaderFallbackTimeout=real.raft_fallback_s,
        commandsWaitLeader=False,
        dynamicMembershipChange=True,
        logCompactionMinEntries=config.limits.raft_compact_entries,
        logCompactionMinTime=_COMPACT_EVERY_S,
        useFork=False,
        onStateChanged=state_changed,
        journalFile=journal,
        fullDumpFile=None if journal is None else str(snapshot_of(journal)),
    )
