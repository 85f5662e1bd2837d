"""What came of loads, as lines of text for a terminal."""

from collections.abc import Sequence
from textwrap import shorten

from harness.load.latencies import PERCENTILES
from harness.load.result import LoadResult

STALL_WORTH_SAYING_MS = 20.0
"""A stall that is longer shows in the latencies of any load."""

EXAMPLE_WIDTH = 120

_HEADINGS = ("", "clients", "asked/s", "done/s", "done", "failed", *(f"p{p:g}" for p in PERCENTILES), "max")


def table(results: Sequence[LoadResult]) -> list[str]:
    """Return a table with a row for each load, and below it what each has to say besides."""
    rows = [_HEADINGS, *(_row(number, result) for number, result in enumerate(results, 1))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines[0] += "   ms, since the intended send"
    return lines + [line for number, result in enumerate(results, 1) for line in _besides(number, result)]


def _row(number: int, result: LoadResult) -> tuple[str, ...]:
    rate = result.conditions["rate_per_real_s"]
    latencies = result.latency.all_ms(PERCENTILES)
    return (
        f"[{number}]",
        str(result.conditions["clients"]),
        "closed" if rate is None else f"{rate:g}",
        f"{result.throughput_per_real_s:.1f}",
        str(result.done),
        str(result.failed),
        *(f"{latencies[percentile]:.2f}" for percentile in PERCENTILES),
        f"{result.latency.max_ms:.2f}",
    )


def _besides(number: int, result: LoadResult) -> list[str]:
    lines = [f"[{number}] {result.test}: {result.lasted_real_s:.1f} s, {_workers(result)}{_stall(result)}"]
    if result.errors:
        lines.append(f"    failed: {errors_in_words(result)}")
    if result.unsent:
        lines.append(f"    {result.unsent} sends were due and not made by the end")
    lines += [f"    {band.from_real_s:.2f} to {band.to_real_s:.2f} s: {band.fault}" for band in result.bands]
    return lines + [f"    not as asked for: {problem}" for problem in result.problems]


def errors_in_words(result: LoadResult) -> str:
    """Return every kind with its count, the most frequent first, and an example of it."""
    kinds = sorted(result.errors.items(), key=lambda item: (-item[1], item[0]))
    return "; ".join(f"{kind} {count}" for kind, count in kinds) + (
        f" ({shorten(result.examples[kinds[0][0]], EXAMPLE_WIDTH)})" if kinds[0][0] in result.examples else ""
    )


def _workers(result: LoadResult) -> str:
    return f"{len(result.workers)} processes" if len(result.workers) > 1 else "1 process"


def _stall(result: LoadResult) -> str:
    if result.stall_worst_ms < STALL_WORTH_SAYING_MS:
        return f", longest stall {result.stall_worst_ms:.0f} ms"
    return f", LONGEST STALL {result.stall_worst_ms:.0f} ms, {result.stall_ms:.0f} ms in all: a busy machine"
