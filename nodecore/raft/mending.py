"""What PySyncObj's messages lack for Raft to be safe on links that delay, cut and heal.

Invariant: after mending, a leader counts only answers of its own term, and an answer to a command reaches
only the process that asked.
"""

import secrets
from typing import Any

Message = dict[str, Any]


class Mending:
    """Looks at every message that leaves and that comes; called from Raft's thread alone.

    Args:
        sync_object: whose messages they are.
    """

    def __init__(self, sync_object: Any) -> None:
        self._sync_object = sync_object
        self._incarnation = secrets.token_hex(8)

    def outgoing(self, message: Message) -> Message:
        """Return what is sent instead."""
        kind = message["type"]
        if kind == "next_node_idx":
            return message | {"term": self._sync_object.raftCurrentTerm}
        if kind == "apply_command" and "request_id" in message:
            return message | {"request_id": (self._incarnation, message["request_id"])}
        return message

    def incoming(self, message: Message) -> Message | None:
        """Return what PySyncObj is given instead, None for nothing."""
        kind = message["type"]
        if kind == "next_node_idx":
            return message if message["term"] == self._sync_object.raftCurrentTerm else None
        if kind == "apply_command_response":
            incarnation, request_id = message["request_id"]
            return message | {"request_id": request_id} if incarnation == self._incarnation else None
        return message
