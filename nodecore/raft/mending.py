"""What PySyncObj's messages lack for Raft to be safe where links delay and cut and nodes are killed.

PySyncObj 0.3.17 (1) counts answers of followers without looking at their term; (2) on every append removes
what follows the previous entry, even where it is what the leader sends again, which for a moment takes
acknowledged entries off a follower's log and disk; (3) while a snapshot arrives takes the leader's commit
index for its own log, whatever stands there; (4) installs a snapshot over a log that already goes further;
(5) numbers the requests of every process from 1, so that an answer meant for the one before a restart reaches
the one after it; (6) takes changes of membership from anybody, several at once.

Invariants (the rules of Ongaro and Ousterhout, figures 2 and 13): a leader counts only answers of its own
term; an entry is removed only where one of another term takes its place; nothing is committed that was not
compared with the leader's log; an answer reaches only the process that asked; only the leader itself changes
the members.
"""

import secrets
from typing import Any

Message = dict[str, Any]

_ADMINISTRATIVE = (b"\x02", b"\x03")
"""The first byte of commands that change the members or PySyncObj's code version."""


def is_administrative(message: Message) -> bool:
    """Tell whether this asks a leader to change what only a leader itself may change."""
    return message["type"] == "apply_command" and message["command"][:1] in _ADMINISTRATIVE


class Mending:
    """Looks at every message that leaves and that comes; called from Raft's thread alone.

    Args:
        sync_object: whose messages they are.
    """

    def __init__(self, sync_object: Any) -> None:
        self._sync_object = sync_object
        self._incarnation = secrets.token_hex(8)
        self._matched: int | None = None
        """How far the append that is being taken was compared with our log, where that goes further."""
        self._installing: tuple[int, int] | None = None
        """Index and term of the snapshot whose part is being taken."""

    def outgoing(self, message: Message) -> Message | None:
        """Return what is sent instead, None for nothing."""
        kind = message["type"]
        if kind == "next_node_idx":
            return self._answer(message)
        if kind == "append_entries" and "serialized" in message:
            return message | {"snapshot": self._log[1][1:]}
        if kind == "apply_command" and "request_id" in message:
            return message | {"request_id": (self._incarnation, message["request_id"])}
        return message

    def incoming(self, message: Message) -> Message | None:
        """Return what PySyncObj is given instead, None for nothing."""
        kind = message["type"]
        if kind == "next_node_idx":
            return message if message["term"] == self._sync_object.raftCurrentTerm else None
        if kind == "append_entries":
            self._matched = self._installing = None
            return self._append(message) if "prevLogIdx" in message else self._snapshot(message)
        if kind == "apply_command_response":
            incarnation, request_id = message["request_id"]
            return message | {"request_id": request_id} if incarnation == self._incarnation else None
        return None if is_administrative(message) else message

    def sent_to(self, node: Any) -> int | None:
        """Return the index of the entry that this leader sends to a follower next."""
        found: int | None = self._sync_object._SyncObj__raftNextIndex.get(node)  # noqa: SLF001
        return found

    def go_on(self, node: Any, answer: Message, sent: int | None) -> None:
        """After a follower's answer go on where we were: PySyncObj would send again what is on its way.

        What is lost with a connection the follower asks for.
        """
        if answer["type"] != "next_node_idx" or answer["reset"] or sent is None:
            return
        upcoming = self._sync_object._SyncObj__raftNextIndex  # noqa: SLF001
        if upcoming.get(node, sent) < sent:
            upcoming[node] = sent

    def _answer(self, message: Message) -> Message | None:
        """Say only how far the leader's log was found in ours, not how far ours goes."""
        mended = message | {"term": self._sync_object.raftCurrentTerm}
        if self._installing is not None:
            index, term = self._installing
            return mended if self._term_at(index) == term else None
        if self._matched is not None and message["success"]:
            mended["next_node_idx"] = self._matched + 1
        return mended

    def _append(self, message: Message) -> Message:
        """Leave out the entries that our log has already: PySyncObj would remove them and add them again."""
        index, term = message["prevLogIdx"], message["prevLogTerm"]
        if index is None or self._term_at(index) != term:
            return message
        entries = message["entries"]
        known = 0
        while known < len(entries) and self._term_at(entries[known][1]) == entries[known][2]:
            _, index, term = entries[known]
            known += 1
        mended = message | {"prevLogIdx": index, "prevLogTerm": term, "entries": entries[known:]}
        _, last, last_term = self._log[-1]
        if mended["entries"] or last == index:
            return mended
        self._matched = index
        commit_index = min(message["commit_index"], index)
        return mended | {"prevLogIdx": last, "prevLogTerm": last_term, "commit_index": commit_index}

    def _snapshot(self, message: Message) -> Message:
        """Take a snapshot only where our log does not reach; it commits nothing before it is installed."""
        index, term = message["snapshot"]
        if index <= self._sync_object.raftLastApplied or self._term_at(index) == term:
            rest = {name: value for name, value in message.items() if name != "serialized"}
            return self._append(rest | {"prevLogIdx": index, "prevLogTerm": term, "entries": []})
        self._installing = (index, term)
        commit_index = min(message["commit_index"], self._sync_object.raftCommitIndex)
        return message | {"commit_index": commit_index}

    @property
    def _log(self) -> Any:
        return self._sync_object._SyncObj__raftLog  # noqa: SLF001  PySyncObj shows it to nobody

    def _term_at(self, index: int) -> int | None:
        log = self._log
        place = index - log[0][1]
        return log[place][2] if 0 <= place < len(log) else None
