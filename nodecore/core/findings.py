"""What an active check finds, and what that means (R19; reference nacos-1.4.md 5.4).

Invariant: the meaning follows from the checker and the finding alone; how often it must be found before
health changes is for `probing` to say.
"""

from dataclasses import dataclass
from enum import StrEnum

from nodecore.core.records import Checker, CheckerKind

BUSY_STATUSES = (302, 503)
"""What an HTTP server says that is there but not well: counted, not believed at once."""


class Found(StrEnum):
    """How a check ended."""

    OPEN = "open"
    """The connection was accepted."""
    ANSWERED = "answered"
    """HTTP: with a status; MySQL: the command was executed."""
    REFUSED = "refused"
    BROKEN = "broken"
    """Closed, unreachable, or an answer that nobody understands."""
    SILENT = "silent"
    """Nothing came in time."""
    FAILED = "failed"
    """MySQL answered with an error."""
    UNABLE = "unable"
    """This node cannot check at all; that says nothing of the instance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`status` of HTTP; `why` in words, for the log."""

    found: Found
    status: int = 0
    why: str = ""


class Verdict(StrEnum):
    """What a finding means for the health of an instance."""

    PASSED = "passed"
    FAILED = "failed"
    """Softly: so many in a row make it unhealthy."""
    DOWN = "down"
    """It is unhealthy at once."""
    NONE = "none"


def verdict(checker: Checker, finding: Finding) -> Verdict:
    """Return what a finding means."""
    if finding.found is Found.UNABLE:
        return Verdict.NONE
    if finding.found is Found.REFUSED:
        return Verdict.DOWN
    match checker.kind:
        case CheckerKind.TCP:
            return Verdict.PASSED if finding.found is Found.OPEN else Verdict.FAILED
        case CheckerKind.HTTP:
            return _of_http(checker, finding)
        case CheckerKind.MYSQL:
            return _of_mysql(finding)
        case CheckerKind.NONE:
            return Verdict.NONE


def _of_http(checker: Checker, finding: Finding) -> Verdict:
    if finding.found is not Found.ANSWERED:
        return Verdict.FAILED
    if finding.status == checker.expected_code:
        return Verdict.PASSED
    return Verdict.FAILED if finding.status in BUSY_STATUSES else Verdict.DOWN


def _of_mysql(finding: Finding) -> Verdict:
    if finding.found is Found.ANSWERED:
        return Verdict.PASSED
    return Verdict.DOWN if finding.found is Found.FAILED else Verdict.FAILED
