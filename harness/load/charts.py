"""Charts of one load: latency and throughput over time with the faults as bands, and the percentile curve."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.charts import add_bands, new_figure, plain_logarithmic, save
from harness.load.latencies import Latencies
from harness.load.result import LoadResult, Moment, Stalls
from harness.load.samples import BUCKET_REAL_S

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME_LENGTH_MAX = 120

_NINES_MAX = 5
_STEPS_PER_NINE = 20


def draw(result: LoadResult, folder: Path) -> list[Path]:
    """Draw a load's charts as PNG and SVG into a folder; return the paths.

    Raises:
        NoCharts: matplotlib is not installed.

    """
    name = _file_name(result.test)
    return [
        *_draw_over_time(result, folder, f"{name}-time"),
        *_draw_curve(result, folder, f"{name}-percentiles"),
    ]


def _draw_over_time(result: LoadResult, folder: Path, name: str) -> tuple[Path, Path]:
    figure, (latency, throughput) = new_figure(_title(result), rows=2)
    _plot_latency(latency, result.over_time)
    _plot_stalls(latency, result.stalls)
    _plot_throughput(throughput, result)
    bands = [(band.fault, band.from_real_s, band.to_real_s) for band in result.bands]
    for axes in (latency, throughput):
        add_bands(axes, bands, labelled=axes is latency)
        axes.set_xlim(0, max(result.lasted_real_s, BUCKET_REAL_S))
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8)
    throughput.set_xlabel("real seconds since the load began")
    return save(figure, folder, name)


def _plot_latency(axes: "Axes", over_time: Sequence[Moment]) -> None:
    lively = [moment for moment in over_time if moment.done]
    at = [moment.at_real_s + BUCKET_REAL_S / 2 for moment in lively]
    axes.plot(at, [moment.max_ms for moment in lively], ".", color="0.6", ms=4, label="longest")
    axes.plot(at, [moment.p99_ms for moment in lively], "-", color="#1f78b4", lw=1.2, label="99 %")
    axes.plot(at, [moment.p50_ms for moment in lively], "-", color="#08306b", lw=1.6, label="median")
    axes.set_ylabel("latency, ms\nsince the intended send")
    if lively:
        plain_logarithmic(axes)


def _plot_stalls(axes: "Axes", stalls: Sequence[Stalls]) -> None:
    """Draw the longest stall of each sample: no latency below it says anything of the system under test."""
    long = [stall for stall in stalls if stall.worst_ms > 0]
    if long:
        height, since, until = (
            [stall.worst_ms for stall in long],
            [stall.from_real_s for stall in long],
            [stall.to_real_s for stall in long],
        )
        axes.hlines(height, since, until, color="#e6ab02", lw=2, label="longest stall\nof each sample")


def _plot_throughput(axes: "Axes", result: LoadResult) -> None:
    at = [moment.at_real_s for moment in result.over_time]
    done = [moment.done / BUCKET_REAL_S for moment in result.over_time]
    failed = [moment.failed / BUCKET_REAL_S for moment in result.over_time]
    axes.bar(at, done, BUCKET_REAL_S, align="edge", color="#41ab5d", label="done")
    axes.bar(at, failed, BUCKET_REAL_S, bottom=done, align="edge", color="#cb181d", label="failed")
    rate = result.conditions["rate_per_real_s"]
    if rate is not None:
        axes.axhline(rate, color="0.3", ls="--", lw=1, label="asked for")
    axes.set_ylabel("calls in a second")
    axes.set_ylim(bottom=0)


def _draw_curve(result: LoadResult, folder: Path, name: str) -> tuple[Path, Path]:
    figure, (axes,) = new_figure(_title(result))
    axes.set_xscale("log")
    for latencies, label, style in (
        (result.latency, "since the intended send", "-"),
        (result.service, "since the send itself", "--"),
        (result.failed_latency, "calls that failed", ":"),
    ):
        if latencies.count:
            _plot_curve(axes, latencies, label, style)
    ticks = [10.0**nines for nines in range(_NINES_MAX + 1)]
    axes.set_xticks(ticks, ["0 %", *(f"{100 - 100 / tick:g} %" for tick in ticks[1:])])
    axes.minorticks_off()
    axes.set_xlim(1, _reach(result.latency.count))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("so many calls took no longer")
    axes.set_ylabel("latency, ms")
    if axes.lines:
        axes.legend(frameon=False, fontsize=8)
    return save(figure, folder, name)


def _plot_curve(axes: "Axes", latencies: Latencies, label: str, style: str) -> None:
    """Draw as HdrHistogram does: the horizontal axis has as much room for each further nine."""
    reach = _reach(latencies.count)
    steps = [10 ** (step / _STEPS_PER_NINE) for step in range(_NINES_MAX * _STEPS_PER_NINE + 1)]
    inverse = [step for step in steps if step <= reach]
    found = latencies.all_ms([100 - 100 / value for value in inverse])
    axes.plot(inverse, list(found.values()), style, lw=1.6, label=label)


def _reach(count: int) -> float:
    """How far to the right so many calls say anything: ten of them nothing of the 99th percentile."""
    return float(min(max(count, 10), 10**_NINES_MAX))


def _title(result: LoadResult) -> str:
    said = result.conditions
    rate = said["rate_per_real_s"]
    asked = "closed loop" if rate is None else f"{rate:g} sends a second"
    where = f"{said['nodes']} nodes, time scale {said['time scale']:g}, {said['links']}"
    stall = f"longest stall {result.stall_worst_ms:.0f} ms"
    return f"{result.test}\n{said['clients']} clients, {asked}, {where}; {stall}"


def _file_name(test: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "-", test).strip("-")[-NAME_LENGTH_MAX:]
