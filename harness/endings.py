"""Which exit code a failure ends the command with."""

from harness.exit_codes import ExitCode
from harness.links.api import LinkServerDied
from harness.links.locate import NoLinkServer
from harness.links.matrix import FaultNotInForce
from harness.links.targets import TargetNotAnswering
from harness.processes import LauncherDied, ProcessDied
from harness.program import ProgramError
from harness.spec import BadSpec
from harness.waits import NodeDied, NotReached

CODES: tuple[tuple[tuple[type[Exception], ...], ExitCode], ...] = (
    ((BadSpec, ProgramError), ExitCode.MISTAKE),
    ((FaultNotInForce,), ExitCode.FAULT_NOT_IN_FORCE),
    ((NoLinkServer,), ExitCode.NO_LINK_SERVER),
    (
        (NodeDied, NotReached, ProcessDied, LauncherDied, LinkServerDied, TargetNotAnswering),
        ExitCode.DIED,
    ),
)


def code_of(failure: Exception) -> ExitCode | None:
    """Return the code, or None for what is a fault of cutheal itself."""
    return next((code for kinds, code in CODES if isinstance(failure, kinds)), None)
