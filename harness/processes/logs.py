"""The log of a process: what it wrote since a mark, and waiting for a line.

Invariant: a line is matched only when it is complete; a mark is a byte offset, so a log that is only appended
to (also by the next process of the same name) never invalidates it.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.waiting import wait_for

_TAIL_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a log: everything after it is newer."""

    offset_bytes: int


class Log:
    """Reads the log at `path`; the file need not exist yet."""

    def __init__(self, path: Path, interrupt: Callable[[], object] | None = None) -> None:
        """`interrupt` ends every wait by raising, for instance because the process died."""
        self.path = path
        self._interrupt = interrupt

    def mark(self) -> Mark:
        """Return the present end of the log."""
        try:
            return Mark(self.path.stat().st_size)
        except FileNotFoundError:
            return Mark(0)

    def mark_of_whole_lines(self) -> Mark:
        """Return the end of the last line that is whole by now."""
        follower = _Follower(self.path, None)
        follower.read()
        return Mark(follower.offset_bytes)

    def cut_back(self, mark: Mark) -> None:
        """Forget what comes after the mark: processes append, whatever the file's length is by then."""
        os.truncate(self.path, mark.offset_bytes)

    def lines(self, mark: Mark | None = None) -> list[str]:
        """Return the complete lines after `mark` (from the beginning without one)."""
        return _Follower(self.path, mark).read()

    def last_lines(self, count: int) -> tuple[str, ...]:
        """Return the last lines, an unfinished one included."""
        return last_lines(self.path, count)

    def wait_for(
        self, pattern: str | re.Pattern[str], mark: Mark | None = None, *, within_real_s: float
    ) -> str:
        """Return the first complete line after `mark` in which the regular expression is found.

        Raises WaitTimeout with the last line seen; or ProcessDied or LauncherDied, when the process of this
        log is gone and had not written it.
        """
        expression = re.compile(pattern)
        follower = _Follower(self.path, mark)
        seen: list[str] = []

        def look() -> str | None:
            fresh = follower.read()
            seen.extend(fresh)
            return next((line for line in fresh if expression.search(line)), None)

        line = wait_for(
            f"a line that matches {expression.pattern!r} in {self.path}",
            look,
            lambda line: line is not None,
            within_real_s,
            describe=lambda _: f"{len(seen)} lines, the last one {seen[-1] if seen else ''!r}",
            interrupt=self._interrupt,
        )
        assert line is not None
        return line


class _Follower:
    """Reads what is new, whole lines at a time."""

    def __init__(self, path: Path, mark: Mark | None) -> None:
        self._path = path
        self.offset_bytes = mark.offset_bytes if mark else 0

    def read(self) -> list[str]:
        try:
            with self._path.open("rb") as file:
                file.seek(self.offset_bytes)
                fresh = file.read()
        except FileNotFoundError:
            return []
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self.offset_bytes += len(whole)
        return whole.decode(errors="backslashreplace").splitlines()


def last_lines(path: Path, count: int, begin_bytes: int = 0) -> tuple[str, ...]:
    """Return up to `count` last lines of a file, none from before `begin_bytes` or of no file."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(begin_bytes, size - _TAIL_BYTES))
            tail = file.read()
    except FileNotFoundError:
        return ()
    return tuple(tail.decode(errors="backslashreplace").splitlines()[-count:])
