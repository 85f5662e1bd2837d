"""Charts as PNG and SVG files: what every chart of cutheal shares.

matplotlib is imported when the first chart is drawn, and only its Figure API is used: no window, no global
state. Invariant: who has not the extra is told its name in one line; the same data make the same SVG.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INSTALL = "pip install 'cutheal[charts]'"
_DOTS_PER_INCH = 110
_WIDTH_INCHES, _ROW_INCHES = 9.0, 3.2
_BAND_COLOURS = ("#d95f02", "#7570b3", "#1b9e77", "#e7298a", "#66a61e")


class NoCharts(Exception):
    """matplotlib is not installed; the message names the extra that brings it."""


def require_charts() -> None:
    """Find out early whether charts can be drawn.

    Raises:
        NoCharts: matplotlib cannot be imported.

    """
    try:
        import matplotlib.figure  # noqa: PLC0415 - a third of a second that only those who want charts pay
    except ImportError as error:
        raise NoCharts(f"charts need matplotlib ({error}): {INSTALL}") from None
    matplotlib.rcParams |= {"svg.hashsalt": "cutheal", "svg.fonttype": "none"}


def new_figure(title: str, rows: int = 1) -> "tuple[Figure, list[Axes]]":
    """Return a figure with so many charts below each other, and these.

    Raises:
        NoCharts: matplotlib is not installed.

    """
    require_charts()
    from matplotlib.figure import Figure  # noqa: PLC0415 - not before it is needed

    figure = Figure(figsize=(_WIDTH_INCHES, 0.8 + _ROW_INCHES * rows), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    all_axes = figure.subplots(rows, 1, squeeze=False)[:, 0]
    for axes in all_axes:
        axes.grid(visible=True, alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    return figure, list(all_axes)


def plain_logarithmic(axes: "Axes") -> None:
    """Make the vertical axis logarithmic, its numbers written as people write them: 20, not 2 x 10^1."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter  # noqa: PLC0415 - as above

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def add_bands(axes: "Axes", bands: Iterable[tuple[str, float, float]], *, labelled: bool = True) -> None:
    """Shade stretches of the horizontal axis, each kind in a colour of its own.

    Args:
        axes: the chart.
        bands: label, begin and end, in the units of the axis; of equal labels one is in the legend.
        labelled: whether the legend is to name them.

    """
    colours: dict[str, str] = {}
    for label, begin, end in bands:
        is_new = label not in colours
        colour = colours.setdefault(label, _BAND_COLOURS[len(colours) % len(_BAND_COLOURS)])
        axes.axvspan(
            begin, end, color=colour, alpha=0.18, lw=0, zorder=0, label=label if is_new and labelled else None
        )


def save(figure: "Figure", folder: Path, name: str) -> tuple[Path, Path]:
    """Write `name.png` and `name.svg` into a folder, which is made where it is not; return both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    png, svg = folder / f"{name}.png", folder / f"{name}.svg"
    figure.savefig(png, dpi=_DOTS_PER_INCH)
    figure.savefig(svg, metadata={"Date": None})
    return png, svg
