"""What each exit code of `cutheal` means: one table for the command, its help and the README.

Invariant: a code has one meaning for each word of the command. argparse would end a mistake in the command
line with 2, which a script could not tell from a fault that was not in force.
"""

from collections.abc import Mapping
from enum import IntEnum


class ExitCode(IntEnum):
    """How `cutheal` ends."""

    DONE = 0
    NOT_SO = 1
    FAULT_NOT_IN_FORCE = 2
    NO_LINK_SERVER = 3
    UNDECIDED = 3
    """`check` needs no link server: 0, 1 and 3 are its yes, no and unknown."""
    DIED = 4
    MISTAKE = 64
    INTERRUPTED = 130


MEANINGS: Mapping[ExitCode, str] = {
    ExitCode.DONE: "done; demo: every table is that of the documents; doctor: nothing must be done; "
    "check: yes",
    ExitCode.NOT_SO: "demo: a table differs; doctor: something must be done; check: no; "
    "links serve: cannot listen",
    ExitCode.FAULT_NOT_IN_FORCE: "a fault was not in force: a link did not do as it was told",
    ExitCode.NO_LINK_SERVER: "no link server, or none could be installed: see `cutheal toxiproxy install`; "
    "check: not decided",
    ExitCode.DIED: "a node, the launcher or the link server died, or a cluster was not ready in time",
    ExitCode.MISTAKE: "a mistake in the command line",
    ExitCode.INTERRUPTED: "ended by Ctrl-C (up and links serve: 0, for that is how they end)",
}

ARGPARSE_MISTAKE = 2
"""What argparse itself ends with."""


def table() -> str:
    """Return the table as the command's help shows it."""
    return "exit codes:\n" + "\n".join(f"  {code:<3}  {meaning}" for code, meaning in MEANINGS.items())
