"""A node's or agent's log as a test reads it: marks, and waits in document seconds."""

from pathlib import Path

from harness.patience import Patience
from harness.processes import Log, Mark


class NodeLog:
    """The log at `path`, from the first process of that name to the last.

    Args:
        path: where the launcher appends stdout and stderr.
        patience: how long a document second is.

    """

    def __init__(self, path: Path, patience: Patience) -> None:
        self.path = path
        self._log = Log(path)
        self._patience = patience

    def mark(self) -> Mark:
        """Return the present end of the log: what comes later is after the mark."""
        return self._log.mark()

    def mark_of_whole_lines(self) -> Mark:
        """Return the end of the last line that is whole by now."""
        return self._log.mark_of_whole_lines()

    def cut_back(self, mark: Mark) -> None:
        """Forget every line after the mark; whoever writes goes on behind what is left."""
        self._log.cut_back(mark)

    def since(self, mark: Mark) -> str:
        """Return all complete lines after the mark."""
        return "\n".join(self._log.lines(mark))

    def document_s(self, monotonic_s: float) -> float:
        """Return a CLOCK_MONOTONIC time in document seconds, as `Patience.now_s` gives it."""
        return monotonic_s / self._patience.time_scale

    def last_lines(self, count: int) -> tuple[str, ...]:
        """Return the last lines."""
        return self._log.last_lines(count)

    def wait_for(self, pattern: str, mark: Mark | None = None, *, within_s: float = 60.0) -> str:
        """Return the first complete line after the mark in which the regular expression is found.

        Args:
            pattern: regular expression.
            mark: where to begin; the beginning of the log if none.
            within_s: document seconds.

        Raises:
            WaitTimeout: no such line in time; says which was the last.

        """
        return self._log.wait_for(pattern, mark, within_real_s=self._patience.real_s(within_s))
