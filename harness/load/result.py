"""What came of a load: the samples of all its processes, merged.

Invariant: read from the load's folder alone, by whoever: the test itself, or the process that prints, also
when the one who ran the load has died.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.load.folder import LoadFolder
from harness.load.latencies import Latencies
from harness.load.samples import BUCKET_REAL_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A tenth of a second: what ended in it, and with which latencies."""

    at_real_s: float
    done: int
    failed: int
    p50_ms: float
    p99_ms: float
    max_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A fault that was in force, verified, from then to then, in real seconds since the load began."""

    fault: str
    from_real_s: float
    to_real_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stalls:
    """How long a process of the load was kept from running during one sample: at worst, and in all."""

    worker: str
    from_real_s: float
    to_real_s: float
    worst_ms: float
    all_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadResult:
    """What came of a load. Latencies are real milliseconds.

    Args:
        test: id of the test that ran it, with a number where it ran several.
        conditions: what else has to be equal for a comparison: nodes, rate, link server ...
        lasted_real_s: from the begin until nothing more was sent.
        latency: of calls that went well, from when they were *meant* to be sent.
        service: of the same calls, from when they were sent: what a closed loop would have told.
        failed_latency: of calls that did not go well, from when they were meant to be sent.
        errors: kind -> how many: `refused`, `timed out`, `503` ...
        examples: kind -> the first message of that kind.
        unsent: intended sends that were due and never made, because their client still waited for an answer.
        over_time: tenth of a second by tenth of a second.
        bands: the faults that were in force meanwhile.
        stalls: of each sample of each process.
        workers: the processes that took part.
        problems: what makes the figures less than what was asked for, one sentence each.

    """

    test: str
    conditions: Mapping[str, Any]
    lasted_real_s: float
    latency: Latencies
    service: Latencies
    failed_latency: Latencies
    errors: Mapping[str, int]
    examples: Mapping[str, str]
    unsent: int
    over_time: tuple[Moment, ...]
    bands: tuple[Band, ...]
    stalls: tuple[Stalls, ...]
    workers: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def done(self) -> int:
        """How many calls went well."""
        return self.latency.count

    @property
    def failed(self) -> int:
        """How many calls did not."""
        return self.failed_latency.count

    @property
    def throughput_per_real_s(self) -> float:
        """Calls that went well, in a real second."""
        return self.done / self.lasted_real_s if self.lasted_real_s else 0.0

    @property
    def stall_worst_ms(self) -> float:
        """The longest time for which a process of this load was kept from running."""
        return max((stall.worst_ms for stall in self.stalls), default=0.0)

    @property
    def stall_ms(self) -> float:
        """The time so lost, all in all, by the process that lost most."""
        lost = Counter[str]()
        for stall in self.stalls:
            lost[stall.worker] += round(stall.all_ms * 1000)
        return max(lost.values(), default=0) / 1000

    def latency_ms(self, percentile: float) -> float:
        """Return the latency that so many percent of the calls that went well did not exceed."""
        return self.latency.ms(percentile)

    def as_json(self) -> dict[str, Any]:
        """Everything, for `--load-json`; the histograms in HdrHistogram's own form, in microseconds."""
        return {
            "test": self.test,
            "conditions": dict(self.conditions),
            "lasted_real_s": round(self.lasted_real_s, 3),
            "done": self.done,
            "failed": self.failed,
            "unsent": self.unsent,
            "throughput_per_real_s": round(self.throughput_per_real_s, 3),
            "latency_ms": self.latency.as_json(),
            "service_ms": self.service.as_json(),
            "failed_ms": self.failed_latency.as_json(),
            "errors": dict(self.errors),
            "examples": dict(self.examples),
            "stall_worst_ms": self.stall_worst_ms,
            "stall_ms": self.stall_ms,
            "stalls": [[s.worker, s.from_real_s, s.to_real_s, s.worst_ms, s.all_ms] for s in self.stalls],
            "workers": list(self.workers),
            "problems": list(self.problems),
            "faults": [[band.fault, band.from_real_s, band.to_real_s] for band in self.bands],
            "over_time": [
                [m.at_real_s, m.done, m.failed, m.p50_ms, m.p99_ms, m.max_ms] for m in self.over_time
            ],
            "histograms_us": {
                "latency": self.latency.encoded(),
                "service": self.service.encoded(),
                "failed": self.failed_latency.encoded(),
            },
        }


def read_result(folder: LoadFolder) -> LoadResult:
    """Merge what the processes of a load have written so far.

    Args:
        folder: of a load that has been called for.

    """
    call = folder.call or {}
    by_worker = folder.samples()
    samples = [line for lines in by_worker.values() for line in lines if "buckets" in line]
    buckets = [(int(number), bucket) for line in samples for number, bucket in line["buckets"].items()]
    written_real_s = max((line["to_real_s"] for line in samples), default=0.0)
    return LoadResult(
        test=call["test"],
        conditions=call["conditions"],
        lasted_real_s=(folder.ended or {}).get("lasted_real_s", written_real_s),
        latency=Latencies.merged(bucket["ok"] for _, bucket in buckets),
        service=Latencies.merged(line["service"] for line in samples),
        failed_latency=Latencies.merged(line["failed"] for line in samples),
        errors=dict(sum((Counter(bucket["errors"]) for _, bucket in buckets), Counter[str]())),
        examples={kind: text for line in reversed(samples) for kind, text in line["examples"].items()},
        unsent=sum(lines[-1].get("unsent", 0) for lines in by_worker.values() if lines),
        over_time=_over_time(buckets),
        bands=tuple(Band(**fault) for fault in folder.faults),
        stalls=tuple(stall for worker, lines in by_worker.items() for stall in _stalls(worker, lines)),
        workers=tuple(by_worker),
        problems=tuple(_problems(folder, by_worker)),
    )


def _over_time(buckets: Iterable[tuple[int, Mapping[str, Any]]]) -> tuple[Moment, ...]:
    by_number: defaultdict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for number, bucket in buckets:
        by_number[number].append(bucket)
    last = max(by_number, default=-1)
    return tuple(_moment(number, by_number[number]) for number in range(last + 1))


def _moment(number: int, buckets: list[Mapping[str, Any]]) -> Moment:
    latencies = Latencies.merged(bucket["ok"] for bucket in buckets)
    found = latencies.all_ms([50.0, 99.0])
    return Moment(
        at_real_s=round(number * BUCKET_REAL_S, 3),
        done=latencies.count,
        failed=sum(sum(bucket["errors"].values()) for bucket in buckets),
        p50_ms=found[50.0],
        p99_ms=found[99.0],
        max_ms=latencies.max_ms,
    )


def _stalls(worker: str, lines: Iterable[Mapping[str, Any]]) -> Iterator[Stalls]:
    for line in lines:
        if "stall_ms" in line:
            yield Stalls(
                worker=worker,
                from_real_s=line["from_real_s"],
                to_real_s=line["to_real_s"],
                worst_ms=line["stall_worst_ms"],
                all_ms=line["stall_ms"],
            )


def _problems(folder: LoadFolder, by_worker: Mapping[str, list[dict[str, Any]]]) -> list[str]:
    started, ended = folder.started, folder.ended
    if started is None:
        return ["it never began: the process that ran it died"]
    problems = [] if ended else ["the process that ran it died, or was interrupted, and its cluster with it"]
    problems += [f"{worker} took no part: {why}" for worker, why in (ended or {}).get("absent", {}).items()]
    cut_short = [
        worker
        for worker in started["parts"]
        if not by_worker.get(worker) or "unsent" not in by_worker[worker][-1]
    ]
    last = {worker: lines[-1] for worker, lines in by_worker.items() if lines}
    problems += [
        f"{worker}: the operation raised {line['mistake']}"
        for worker, line in last.items()
        if line.get("mistake")
    ]
    return problems + [
        f"{worker} died or did not end: what it did last, for a second at most, is missing"
        for worker in cut_short
    ]
