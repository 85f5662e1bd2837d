"""Where the connections of this process lead: what is still open to a cluster that is gone.

Invariant: looking changes nothing and leaves nothing open.
"""

import gc
import os
import socket
import stat
from collections.abc import Collection
from pathlib import Path

DESCRIPTORS = Path("/dev/fd")


def connected_to(addresses: Collection[str]) -> list[str]:
    """Return, sorted, to which of these "127.0.0.1:PORT" a TCP socket of this process leads, once for each.

    It may be half closed, but one that was reset leads nowhere, and does not count; neither does one that
    only waits for the garbage collector: an answer that broke off is held by its error's traceback.
    """
    found = _leading_to(addresses) if addresses else []
    if found:
        gc.collect()
        found = _leading_to(addresses)
    return found


def _leading_to(addresses: Collection[str]) -> list[str]:
    peers = [_peer(int(entry.name)) for entry in DESCRIPTORS.iterdir()]
    return sorted(peer for peer in peers if peer in addresses)


def _peer(descriptor: int) -> str:
    """Return "ip:port" of the other end; "" for what is no connected IPv4 socket, or is closed by now."""
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return ""
        with socket.socket(fileno=os.dup(descriptor)) as second_handle:
            if second_handle.family is not socket.AF_INET:
                return ""
            ip, port = second_handle.getpeername()
    except OSError:
        return ""
    return f"{ip}:{port}"
