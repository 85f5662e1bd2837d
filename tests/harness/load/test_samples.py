"""Latencies are kept, written down once a second, and survive the death of who wrote them."""

import json
import time
from pathlib import Path

import pytest

from harness.load.latencies import HIGHEST_US, Latencies
from harness.load.samples import Done, SampleWriter, read_samples


def test_histograms_merge() -> None:
    """What was written in parts is one again, and nothing is dropped, however long."""
    whole = Latencies.of(range(1, 2_000))
    parts = [Latencies.of(range(1, 1_000)).encoded(), "", Latencies.of(range(1_000, 2_000)).encoded()]
    merged = Latencies.merged(parts)
    assert merged.as_json() == whole.as_json()
    assert merged.ms(50) == pytest.approx(1.0, rel=0.001)
    assert Latencies.of([HIGHEST_US * 5]).max_ms == pytest.approx(HIGHEST_US / 1000, rel=0.001)
    assert Latencies.merged([]).as_json()["p99"] == 0


def test_a_sample_has_latencies_errors_and_the_stall(tmp_path: Path) -> None:
    """One line for what was done, and a last one that says that nothing more will come."""
    path, begin = tmp_path / "gw0.jsonl", time.monotonic()
    writer = SampleWriter(path, begin)
    writer.start()
    writer.add(Done(begin + 0.05, latency_real_s=0.030, service_real_s=0.010))
    writer.add(Done(begin + 0.15, latency_real_s=0.2, service_real_s=0.2, error="503", example="503 busy"))
    writer.close(unsent=4)
    lines = read_samples(path)
    assert (writer.done, writer.failed) == (1, 1)
    assert lines[-1] == {"unsent": 4, "stuck": 0, "mistake": ""}
    buckets = {number: bucket for line in lines[:-1] for number, bucket in line["buckets"].items()}
    assert Latencies.merged([buckets["0"]["ok"]]).ms(50) == pytest.approx(30, rel=0.001)
    assert buckets["1"]["errors"] == {"503": 1}
    assert all(line["stall_ms"] >= line["stall_worst_ms"] >= 0 for line in lines[:-1])
    assert sum(Latencies.merged([line["service"]]).count for line in lines[:-1]) == 1
    assert {"503": "503 busy"} in [line["examples"] for line in lines[:-1]]


def test_half_a_line_is_no_sample(tmp_path: Path) -> None:
    """A process that is killed while it writes has written what came before."""
    path = tmp_path / "gw0.jsonl"
    path.write_text(json.dumps({"unsent": 0}) + '\n{"from_real_s": 1.0, "to_re')
    assert read_samples(path) == [{"unsent": 0}]
    assert read_samples(tmp_path / "nobody.jsonl") == []
