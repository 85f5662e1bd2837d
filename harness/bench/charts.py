"""One chart for each bench: its cases below each other, each as many times its floor.

A point is the median of the pairs' ratios, its whisker goes from the first to the third quartile; colour says
whether a goal is met. Invariant: drawn from the same document that `--json` prints, and from nothing else.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.charts import new_figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {None: "#4d4d4d", True: "#1b9e77", False: "#d95f02"}
_WORDS = {None: "no goal", True: "goal met", False: "goal missed"}
_MARKED = "258"
"""Of the nine marks of a decade, those that have their number beside them."""

_HEAD_INCHES, _CASE_INCHES = 1.3, 0.5


def draw(document: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write `bench-NAME.png` and `.svg` for each bench in the document; return the paths.

    Raises:
        NoCharts: matplotlib is not installed.

    """
    benches = dict.fromkeys(case["bench"] for case in document["cases"])
    return [path for bench in benches for path in _draw_bench(bench, document, folder)]


def _draw_bench(bench: str, document: Mapping[str, Any], folder: Path) -> Sequence[Path]:
    cases = [case for case in document["cases"] if case["bench"] == bench]
    machine = document["conditions"]
    title = f"cutheal bench {bench}: {machine['cores']} cores, {machine['python']}, {machine['links']}"
    figure, (axes,) = new_figure(title, rows=1)
    figure.set_figheight(_HEAD_INCHES + _CASE_INCHES * len(cases))
    for met in dict.fromkeys(case["met"] for case in cases):
        _draw_cases(axes, cases, met)
    axes.axvline(1.0, color="#999999", lw=1, ls="--", label="floor")
    axes.set_yticks(range(len(cases)), [_label(case) for case in cases])
    axes.set_ylim(len(cases) - 0.4, -0.6)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in _MARKED else "")
    axes.set_xlabel("times the floor, median and quartiles of the pairs")
    axes.legend(loc="best", fontsize=8)
    return save(figure, folder, f"bench-{bench}")


def _draw_cases(axes: "Axes", cases: Sequence[Mapping[str, Any]], met: bool | None) -> None:
    rows = [(row, case) for row, case in enumerate(cases) if case["met"] is met]
    axes.errorbar(
        [case["ratio"] for _, case in rows],
        [row for row, _ in rows],
        xerr=[
            [case["ratio"] - case["ratio_quartiles"][0] for _, case in rows],
            [case["ratio_quartiles"][1] - case["ratio"] for _, case in rows],
        ],
        fmt="o",
        capsize=3,
        color=_COLOURS[met],
        label=_WORDS[met],
    )


def _label(case: Mapping[str, Any]) -> str:
    goal = f"\n({case['goal']})" if case["goal"] else ""
    return f"{case['case']}: {case['measured']:.4g} {case['unit']}{goal}"
