"""What is said over the connection of one check, and how its answer reads: no socket is touched here.

Invariant: whatever bytes come, in whatever pieces, they give one Finding or the wish for more.
"""

import re
from dataclasses import dataclass

from nodecore.core.events import Probe
from nodecore.core.findings import Finding, Found
from nodecore.core.records import Checker, CheckerKind

LINK_SETTLES_REAL_S = 0.05
"""A link whose other end refuses lets go within some milliseconds of accepting."""
LINE_BYTES_MAX = 4096
_STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})(?: |\r|\n)")


@dataclass(slots=True, kw_only=True)
class Talk:
    """One check: `question` is sent once connected, b"" asks nothing; `began_s` is CLOCK_MONOTONIC."""

    probe: Probe
    began_s: float
    through_link: bool
    question: bytes
    is_connected: bool = False
    answer: bytes = b""

    def heard(self, received: bytes) -> Finding | None:
        """Return what these bytes make of it, None when more are needed; b"" is the end of file."""
        if not received:
            return self.ended("closed")
        if not self.question:
            return Finding(found=Found.OPEN)
        self.answer += received
        line = _STATUS_LINE.match(self.answer)
        if line is not None:
            return Finding(found=Found.ANSWERED, status=int(line[1]))
        if b"\n" in self.answer or len(self.answer) > LINE_BYTES_MAX:
            return Finding(found=Found.BROKEN, why="what it answered is not HTTP")
        return None

    def ended(self, why: str) -> Finding:
        """Return what the end of the connection means."""
        if self.through_link and not self.answer:
            return Finding(found=Found.REFUSED, why=f"the link let go: {why}")
        return Finding(found=Found.BROKEN, why=why)

    def out_of_time(self) -> Finding:
        """Return what it means that nothing more came: of a connect through a link, that it holds."""
        if self.is_connected and not self.question:
            return Finding(found=Found.OPEN)
        what = "no answer" if self.is_connected else "no connection"
        return Finding(found=Found.SILENT, why=f"{what} in {self.probe.timeout_s:g} s")


def talk_about(probe: Probe, began_s: float, *, through_link: bool) -> Talk:
    """Return the talk of a TCP or HTTP check."""
    is_http = probe.checker.kind is CheckerKind.HTTP
    question = _request(probe.checker, probe.target) if is_http else b""
    return Talk(probe=probe, began_s=began_s, through_link=through_link, question=question)


def _request(checker: Checker, target: str) -> bytes:
    ip, _, port = target.rpartition(":")
    host = f"[{ip}]:{port}" if ":" in ip else target
    headers = {"Host": host, "User-Agent": "nodecore", "Connection": "close", **dict(checker.headers)}
    lines = [f"GET {checker.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
