"""Clients of the original as they look from a server's side: raw bytes over a socket, and a UDP port.

What they send is taken from the wire (reference/nacos-clients.md), byte by byte: no HTTP library of ours
tidies anything up. Invariant: a request is sent exactly as written here.
"""

import gzip
import json
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.node_log import NodeLog
from harness.processes import Mark

WITHIN_REAL_S = 10.0
PUSH_CACHE_MS = 200_000
PUSH_CONFIG = {
    "timings.push_cache_s": PUSH_CACHE_MS / 1000,
    "timings.push_ack_timeout_s": 60,
    "timings.judge_s": 6000,
}
"""10 s, 3 s and 5 min real: what a busy machine delays neither lapses, nor is sent again, nor expires."""

START = Mark(0)
"""The beginning of a node's log."""

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Status, headers in lower case, and body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


def resent(log: NodeLog) -> set[int]:
    """Return the references of the pushes that a node has sent once more."""
    return {int(ref) for ref in re.findall(r"event=push_again .*\bref=(\d+)", log.since(START))}


def request(
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: str | None = None,
) -> bytes:
    """Return a request's bytes; without a body no Content-Length is sent."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body is not None:
        lines.append(f"Content-Length: {len(body.encode())}")
    return ("\r\n".join([*lines, "", ""]) + (body or "")).encode()


def send(address: str, raw: bytes) -> Answer:
    """Send bytes to `ip:port` over a connection of their own and return what comes back."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), WITHIN_REAL_S) as connection:
        connection.sendall(raw)
        with connection.makefile("rb") as stream:
            status = int(stream.readline().split()[1])
            headers: dict[str, str] = {}
            while line := stream.readline().strip():
                name, _, value = line.decode().partition(":")
                headers[name.lower()] = value.strip()
            return Answer(status=status, headers=headers, body=stream.read(int(headers["content-length"])))


class Receiver:
    """A client's UDP port: reads pushes and acknowledges them in that client's own way.

    Args:
        ack: a push's reference -> the acknowledgement.
        read_max_bytes: as much of a packet as this client reads.

    Attributes:
        acknowledged: the references it has acknowledged, in the order in which they came.

    """

    def __init__(self, ack: Callable[[int], str], read_max_bytes: int = 64 * 1024) -> None:
        self._ack = ack
        self._read_max_bytes = read_max_bytes
        self.acknowledged: list[int] = []
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 0))
        self._sock.settimeout(WITHIN_REAL_S)

    @property
    def port(self) -> int:
        found: int = self._sock.getsockname()[1]
        return found

    def receive(self) -> dict[str, Any]:
        """Wait for a push, acknowledge it, and return the list in it.

        Raises:
            TimeoutError: nothing came.
            ValueError: what came is nothing that this client could read.

        """
        datagram, sender = self._sock.recvfrom(self._read_max_bytes)
        packet = json.loads(gzip.decompress(datagram) if datagram[:2] == b"\x1f\x8b" else datagram)
        if packet["type"] != "dom":
            raise ValueError(f"a push of type {packet['type']!r}; right would be 'dom'")
        self._sock.sendto(self._ack(packet["lastRefTime"]).encode(), sender)
        self.acknowledged.append(packet["lastRefTime"])
        pushed: dict[str, Any] = json.loads(packet["data"])
        return pushed

    def close(self) -> None:
        """Close the port."""
        self._sock.close()
