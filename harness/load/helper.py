"""A worker's part in loads that other workers of the run have called for: a thread that looks for calls.

The worker may run tests of its own meanwhile, or have none left. Invariant: it never hurts who called: what
it cannot do it says, and a caller that died ends it.
"""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.load.crowd import Crowd
from harness.load.folder import LoadFolder, all_loads
from harness.load.load import Marked
from harness.load.plan import LoadPlan
from harness.load.samples import SampleWriter
from harness.processes.kernel import is_running
from harness.program import NodePlan, Program, ProgramError

LOOK_REAL_S = 0.02
"""Between two looks for calls, and for the word to begin or to stop."""

Known = Mapping[str, tuple[Marked, Callable[[], Program]]]
"""Test id -> what its marker says, and what makes the program that its cluster runs."""


class LoadHelper:
    """Looks for calls until it is closed.

    Args:
        worker: name of this one.
        run_folder: shared by all workers.
        known: the tests that this worker has collected and whose load is spread.

    """

    def __init__(self, worker: str, run_folder: Path, known: Known) -> None:
        self._worker = worker
        self._run_folder = run_folder
        self._known = known
        self._answered: set[Path] = set()
        self._parts: list[threading.Thread] = []
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cutheal-load-helper", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """End, and the part in a load that goes on with it."""
        self._closing.set()
        for thread in (self._thread, *self._parts):
            thread.join()

    def _run(self) -> None:
        while not self._closing.wait(LOOK_REAL_S):
            for folder in all_loads(self._run_folder):
                if folder.path not in self._answered:
                    self._answered.add(folder.path)
                    self._answer(folder)

    def _answer(self, folder: LoadFolder) -> None:
        call = folder.call
        if call is None or not call["spread"] or call["worker"] == self._worker or folder.started:
            return
        refusal = self._refusal(call)
        folder.join(self._worker, refusal)
        if not refusal:
            part = threading.Thread(target=self._take_part, args=(folder, call), daemon=True)
            self._parts.append(part)
            part.start()

    def _refusal(self, call: Mapping[str, Any]) -> str:
        if call["nodeid"] not in self._known:
            return f"it has not collected {call['nodeid']}"
        try:
            program = self._known[call["nodeid"]][1]()
        except ProgramError as error:
            return str(error)
        if program.name != call["program"]:
            return (
                f"by marker and --program the cluster would run {program.name}, and it runs {call['program']}"
            )
        return ""

    def _take_part(self, folder: LoadFolder, call: Mapping[str, Any]) -> None:
        if not self._wait(folder, call, lambda: folder.started is not None):
            return
        started = folder.started or {}
        numbers = started["parts"].get(self._worker)
        if not numbers:
            return
        marked, program = self._known[call["nodeid"]]
        assert marked.operation is not None, "a spread load has its operation in the marker"
        crowd = Crowd(
            LoadPlan(**call["plan"]),
            numbers,
            marked.operation,
            nodes=[NodePlan.from_json(text) for text in call["nodes"]],
            program=program(),
            writer=SampleWriter(folder.samples_path(self._worker), started["begin"]),
            begin=started["begin"],
        )
        crowd.start()
        self._wait(folder, call, lambda: crowd.mistake is not None)
        crowd.stop()

    def _wait(self, folder: LoadFolder, call: Mapping[str, Any], holds: Callable[[], bool]) -> bool:
        """Wait until something holds; return False when the load is over, or its caller or this one ends."""
        while not holds():
            if folder.is_stopped or not is_running(call["pid"]) or self._closing.wait(LOOK_REAL_S):
                return False
        return True
