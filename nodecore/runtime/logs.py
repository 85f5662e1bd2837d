"""One logfmt line per event on stderr; the level is chosen by flag.

Invariant: an event is one line, whatever its values hold; a line begins with its CLOCK_MONOTONIC time.
"""

import json
import logging
import re
import sys
import threading
import time
from collections.abc import Iterable
from typing import TextIO

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_PLAIN = re.compile(r"[^\s\"=\\\x00-\x1f\x7f]+")


class NodeLog:
    """Writes the log of one node; safe to use from any thread.

    Args:
        name: the node's name, on every line.
        level: the least level that is written: debug, info, warning or error.
        stream: where to; stderr unless told otherwise.
    """

    def __init__(self, name: str, level: str = "info", stream: TextIO | None = None) -> None:
        self._name = _value(name)
        self._threshold = LEVELS[level]
        self._stream = stream if stream is not None else sys.stderr
        self._lock = threading.Lock()

    def enabled(self, level: str) -> bool:
        """Tell whether a line of that level would be written."""
        return LEVELS[level] >= self._threshold

    def write(self, level: str, event: str, fields: Iterable[tuple[str, object]] = ()) -> None:
        """Write one line; values are quoted where a blank or a quote would break the line."""
        if not self.enabled(level):
            return
        rest = "".join(f" {name}={_value(str(value))}" for name, value in fields)
        line = f"monotonic={time.monotonic():.6f} level={level} node={self._name} event={event}{rest}\n"
        with self._lock:
            self._stream.write(line)
            self._stream.flush()


class LogBridge(logging.Handler):
    """Gives what libraries say through `logging` the form of every other line."""

    def __init__(self, log: NodeLog) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write a library's record as one `event=library` line, its traceback included."""
        level = next((n for n, v in reversed(LEVELS.items()) if record.levelno >= v), "debug")
        fields: list[tuple[str, object]] = [("logger", record.name), ("message", record.getMessage())]
        if record.exc_info:
            fields.append(("traceback", logging.Formatter().formatException(record.exc_info)))
        self._log.write(level, "library", fields)


def bridge_libraries(log: NodeLog) -> None:
    """Send all `logging` of this process to `log`.

    `waitress.queue` warns at every burst of requests; a burst is what cuts and heals are made of.
    """
    root = logging.getLogger()
    root.handlers[:] = [LogBridge(log)]
    root.setLevel(logging.WARNING)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)


def _value(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
