"""What a bench tells while it runs, on stderr: bars on a terminal, one plain line for each step elsewhere.

Invariant: nothing is drawn while something is measured; a bar moves between two samples only.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def counted(what: str, samples: int) -> Iterator[Callable[[], None]]:
    """Tell what is measured next; the function given is to be called after each sample."""
    if not sys.stderr.isatty():
        print(what, file=sys.stderr, flush=True)
        yield lambda: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), auto_refresh=False) as bars:
        bar = bars.add_task(what, total=samples)
        bars.refresh()

        def one_more() -> None:
            bars.advance(bar)
            bars.refresh()

        yield one_more
