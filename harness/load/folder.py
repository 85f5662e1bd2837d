"""The files by which the processes of one load understand each other, in a folder of the run.

The one who runs the load writes `call.json`, then `start.json`, then `stop`; everybody appends samples to a
file of their own; at last `end.json` says that the load is complete. Invariant: a file that can be seen is
whole (written beside and renamed), but for samples, of which whole lines count.
"""

import json
from pathlib import Path
from typing import Any

from harness.load.samples import read_samples

LOADS = "load"
"""Below the run's folder."""

_CALL, _START, _STOP, _END, _FAULTS = "call.json", "start.json", "stop", "end.json", "faults.json"
_SAMPLES, _JOINED = ".jsonl", ".joined"


class LoadFolder:
    """One load's files.

    Args:
        path: of this load alone.

    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def make(self, call: dict[str, Any]) -> None:
        """Make it; `call` says what load is wanted, of whom, and by which test."""
        self.path.mkdir(parents=True)
        self._put(_CALL, call)

    @property
    def call(self) -> dict[str, Any] | None:
        """What is wanted; None as long as it is not said."""
        return self._get(_CALL)

    def join(self, worker: str, refusal: str = "") -> None:
        """Say that this worker is ready to take a part, or why it cannot."""
        self._put(f"{worker}{_JOINED}", {"refusal": refusal})

    def joined(self) -> dict[str, str]:
        """Return who has answered the call: worker -> why it cannot, empty for those that can."""
        answers = {path.stem: self._get(path.name) for path in self.path.glob(f"*{_JOINED}")}
        return {worker: answer["refusal"] for worker, answer in answers.items() if answer}

    def start(self, begin: float, parts: dict[str, list[int]]) -> None:
        """Deal the clients: worker -> numbers; all begin at this CLOCK_MONOTONIC time."""
        self._put(_START, {"begin": begin, "parts": parts})

    @property
    def started(self) -> dict[str, Any] | None:
        """What `start` wrote; None before."""
        return self._get(_START)

    def stop(self) -> None:
        """Tell everybody to send nothing more."""
        self._put(_STOP, {})

    @property
    def is_stopped(self) -> bool:
        """Whether the load is over."""
        return (self.path / _STOP).exists()

    def samples_path(self, worker: str) -> Path:
        """Where a worker appends its samples."""
        return self.path / f"{worker}{_SAMPLES}"

    def samples(self) -> dict[str, list[dict[str, Any]]]:
        """Return all samples by worker, as far as they are written."""
        return {path.stem: read_samples(path) for path in sorted(self.path.glob(f"*{_SAMPLES}"))}

    def has_closed(self, worker: str) -> bool:
        """Whether a worker has written its last line."""
        lines = read_samples(self.samples_path(worker))
        return bool(lines) and "unsent" in lines[-1]

    def note_faults(self, faults: list[dict[str, Any]]) -> None:
        """Write down which faults there have been so far."""
        self._put(_FAULTS, {"faults": faults})

    @property
    def faults(self) -> list[dict[str, Any]]:
        """What `note_faults` wrote last."""
        noted = self._get(_FAULTS)
        return list(noted["faults"]) if noted else []

    def end(self, **facts: Any) -> None:
        """Say that the load is complete."""
        self._put(_END, facts)

    @property
    def ended(self) -> dict[str, Any] | None:
        """What `end` wrote; None for a load that goes on, or whose owner died."""
        return self._get(_END)

    def _put(self, name: str, content: dict[str, Any]) -> None:
        draft = self.path / f"{name}.draft"  # which no pattern for names matches
        draft.write_text(json.dumps(content), encoding="utf-8")
        draft.replace(self.path / name)

    def _get(self, name: str) -> dict[str, Any] | None:
        try:
            text = (self.path / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        return dict(json.loads(text))


def all_loads(run_folder: Path) -> list[LoadFolder]:
    """Return the folders of all loads of a run that have been called for, in no order."""
    return [LoadFolder(path.parent) for path in (run_folder / LOADS).glob(f"*/{_CALL}")]
