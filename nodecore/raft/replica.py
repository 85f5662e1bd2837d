"""Makes the `SyncObj` of a node from its configuration.

Invariant: only this module knows PySyncObj's settings, all of them in real seconds.
"""

import base64
import functools
import hashlib
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pysyncobj.syncobj
from cryptography.fernet import Fernet
from pysyncobj import SyncObj, SyncObjConf
from pysyncobj.encryptor import SALT
from pysyncobj.node import TCPNode

from nodecore.config import NodeConfig
from nodecore.raft.journal import open_journal, snapshot_of
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
        self._fernet = Fernet(_key(secret))
        self.machine = machine
        super().__init__(
            TCPNode(own),
            [TCPNode(address) for address in others],
            settings,
            consumers=[machine],
            transportClass=functools.partial(RaftTransport, place),
        )

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


def _key(secret: str) -> bytes:
    """Return the key that PySyncObj makes of a password."""
    return base64.urlsafe_b64encode(hashlib.pbkdf2_hmac("sha256", secret.encode(), SALT, _PBKDF2_ROUNDS, 32))


def _settings(config: NodeConfig, state_changed: Callable[[int, int], None]) -> Any:
    real = config.timings.scaled(config.time_scale)
    journal, snapshot = _files(config.data_dir)
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
        fullDumpFile=snapshot,
    )


def _files(folder: str | None) -> tuple[str | None, str | None]:
    if folder is None:
        return None, None
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    journal = str(place / "raft.journal")
    return journal, str(snapshot_of(journal))
