"""The JSON document of the loads of a run: what `--load-json` writes and `cutheal compare` reads."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.conditions import machine_conditions
from harness.load.result import LoadResult

FORMAT = "cutheal load 1"


class NoLoadDocument(Exception):
    """A file that is none; the message says why."""


def document(results: Sequence[LoadResult]) -> dict[str, Any]:
    """Return the document of some loads, measured on this machine just now."""
    return {
        "format": FORMAT,
        "conditions": machine_conditions(),
        "loads": [result.as_json() for result in results],
    }


def write(path: Path, results: Sequence[LoadResult]) -> None:
    """Write the document of some loads, in a folder that is made where it is not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document(results), indent=1) + "\n", encoding="utf-8")


def read_document(path: Path) -> Mapping[str, Any]:
    """Read what `document` made.

    Raises:
        NoLoadDocument: the file cannot be read, or is something else.

    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NoLoadDocument(f"{path} cannot be read: {error}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise NoLoadDocument(f"{path} is no document of loads; pytest --load-json FILE writes one")
    return content
