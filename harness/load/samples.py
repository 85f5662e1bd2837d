"""What one process measured, written down once a second: one line of JSON a sample.

A sample says how its machine was meanwhile: the stall of the canary beside the latencies. Within a sample,
calls are grouped in buckets of a tenth of a second by when they ended. Invariant: a line is written whole, in
one call, so that a process that dies loses only what it had not written: its last second.
"""

import json
import threading
import time
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from harness.load.latencies import Latencies
from harness.stall import Canary

SAMPLE_REAL_S = 1.0
BUCKET_REAL_S = 0.1


class Done(NamedTuple):
    """One call that ended: when, how late it was sent, and how long it took."""

    ended: float
    """CLOCK_MONOTONIC."""
    latency_real_s: float
    """Since it was meant to be sent."""
    service_real_s: float
    """Since it was sent."""
    error: str = ""
    """Its kind; empty: it went well."""
    example: str = ""


@dataclass(slots=True)
class _Bucket:
    """Calls that ended within the same tenth of a second."""

    ok: Latencies = field(default_factory=Latencies)
    errors: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Sample:
    """Calls that are written down together."""

    service: Latencies = field(default_factory=Latencies)
    failed: Latencies = field(default_factory=Latencies)
    examples: dict[str, str] = field(default_factory=dict)
    buckets: defaultdict[int, _Bucket] = field(default_factory=lambda: defaultdict(_Bucket))

    def add(self, done: Done, bucket: _Bucket) -> None:
        latency_us = round(done.latency_real_s * 1e6)
        if done.error:
            self.failed.record(latency_us)
            self.examples.setdefault(done.error, done.example)
            bucket.errors[done.error] += 1
        else:
            self.service.record(round(done.service_real_s * 1e6))
            bucket.ok.record(latency_us)

    def as_json(self) -> dict[str, Any]:
        buckets = {
            str(number): {"ok": bucket.ok.encoded(), "errors": dict(bucket.errors)}
            for number, bucket in sorted(self.buckets.items())
        }
        return {
            "service": self.service.encoded(),
            "failed": self.failed.encoded(),
            "examples": self.examples,
            "buckets": buckets,
        }


class SampleWriter:
    """Takes what clients' threads have done and writes a sample a second; a context manager.

    Args:
        path: the file; lines are appended.
        begin: CLOCK_MONOTONIC time from which buckets are counted.

    """

    def __init__(self, path: Path, begin: float) -> None:
        self._path = path
        self._begin = begin
        self._written_until = begin
        self._waiting: deque[Done] = deque()
        self._canary = Canary()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cutheal-load-samples", daemon=True)
        self._counting = threading.Lock()
        self.done = 0
        self.failed = 0

    def start(self) -> None:
        """Begin to write."""
        self._canary.start()
        self._thread.start()

    def add(self, done: Done) -> None:
        """Note a call; from any thread, and cheap: histograms are made when they are written."""
        self._waiting.append(done)
        with self._counting:
            self.done += not done.error
            self.failed += bool(done.error)

    def close(self, *, unsent: int, stuck: int = 0, mistake: str = "") -> None:
        """Write what is left, and a last line that says that nothing more will come.

        Args:
            unsent: how many intended sends were due and never made.
            stuck: how many clients have not ended.
            mistake: what the operation raised that is no answer of the system under test; empty: nothing.

        """
        self._stopping.set()
        self._thread.join()
        self._canary.stop()
        self._write()
        self._append({"unsent": unsent, "stuck": stuck, "mistake": mistake})

    def _run(self) -> None:
        while not self._stopping.wait(SAMPLE_REAL_S):
            self._write()

    def _write(self) -> None:
        now = time.monotonic()
        since, self._written_until = self._written_until, now
        sample = _Sample()
        for done in self._drained():
            sample.add(done, sample.buckets[int((done.ended - self._begin) / BUCKET_REAL_S)])
        when = {
            "from_real_s": round(since - self._begin, 6),
            "to_real_s": round(now - self._begin, 6),
            "stall_worst_ms": round(self._canary.worst_since(since) * 1000, 3),
            "stall_ms": round(self._canary.stretch(since) * 1000, 3),
        }
        self._append(when | sample.as_json())

    def _drained(self) -> list[Done]:
        return [self._waiting.popleft() for _ in range(len(self._waiting))]

    def _append(self, line: dict[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def read_samples(path: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a file; the last one of a process that died may be half a line."""
    if not path.exists():
        return []
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]
