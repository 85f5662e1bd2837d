"""Where every thread is, written to stderr on a signal: how a process that hangs is asked what it waits for.

Not by `faulthandler`: it reads the frames of threads that run meanwhile, and such a dump kills a busy process
by SIGSEGV now and then. Here the main thread reads them while it holds the interpreter, so the dump comes
when that thread next runs Python. Invariant: a dump ends nothing, however many are asked for at once.
"""

import os
import signal
import sys
import traceback
from collections import deque
from contextlib import suppress
from types import FrameType

_STDERR = 2
_asked: deque[int] = deque()
"""Signals that were not answered yet: one may come in the middle of the dump for another."""


def dump_stacks_on(number: signal.Signals) -> None:
    """Write the stacks of all threads to stderr whenever this signal comes; for the main thread."""
    signal.signal(number, _dump)


def _dump(number: int, _frame: FrameType | None) -> None:
    _asked.append(number)
    if len(_asked) > 1:
        return  # the dump that is under way is followed by another
    while _asked:
        stacks = sys._current_frames().items()  # noqa: SLF001  documented, for exactly this
        text = "".join(f"Thread {ident}:\n{''.join(traceback.format_stack(at))}" for ident, at in stacks)
        with suppress(OSError):  # nobody reads it: no reason to end the process that was asked
            os.write(_STDERR, text.encode())
        _asked.popleft()
