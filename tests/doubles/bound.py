"""Processes that end with the one that started them, however that one ends: also a killed test worker.

Invariant: the process keeps its pid; what runs in it in the end is exactly the argv that was given.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from harness.processes import kernel

_BIND = (
    "import os, sys; sys.path.insert(0, sys.argv.pop(1)); from kernel import arm_parent_death; "
    "arm_parent_death(); os.execvp(sys.argv[1], sys.argv[1:])"
)
"""Imports the one file beside none of its package: a hundred link servers of this suite start so."""


def bound(argv: Sequence[str]) -> list[str]:
    """Return a command line that becomes this one, once the kernel has been told to end it with us.

    The bond is to the thread that starts it: start it from the main thread.
    """
    return [sys.executable, "-S", "-c", _BIND, str(Path(kernel.__file__).parent), *map(str, argv)]
