"""`python -m tests.contract.table`: each check of the contract on the real, the embedded and the deaf server.

Exit code 0 when every server keeps the contract and the deaf double fails all that is about bytes, else 1.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.contract.catalogue import Check, checks, verify, why_it_must_fail
from tests.contract.server import Server
from tests.contract.start import SERVERS, Servers

WIDTH = 150


def main(argv: Sequence[str] | None = None) -> int:
    """Run the checks, print the table, return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.contract.table", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="checks whose name holds this")
    parser.add_argument("--server", action="append", choices=list(SERVERS), help="one of them, or several")
    options = parser.parse_args(argv)
    names = options.server or list(SERVERS)
    chosen = [check for check in checks() if options.only in str(check)]
    with tempfile.TemporaryDirectory(prefix="cutheal-contract-") as folder, Servers(Path(folder)) as servers:
        seen = {name: [_outcome(check, servers.get(name)) for check in chosen] for name in names}
    _show(chosen, seen)
    return 1 if any(outcome.startswith("NO") for outcomes in seen.values() for outcome in outcomes) else 0


def _outcome(check: Check, server: Server) -> str:
    print(f"\r{server.name}: {check}"[:WIDTH].ljust(WIDTH), end="", file=sys.stderr, flush=True)
    try:
        verify(check, server)
    except Exception as problem:  # noqa: BLE001 - whatever it is stands in the table
        return f"NO: {type(problem).__name__}: {problem}"
    if not why_it_must_fail(check, server):
        return "yes"
    return "fails, as it must" if check.acts else "differs"


def _show(chosen: Sequence[Check], seen: dict[str, list[str]]) -> None:
    print(file=sys.stderr)
    table = Table("check", *seen, title="The contract of a link server", title_justify="left")
    for check, *outcomes in zip(chosen, *seen.values(), strict=True):
        table.add_row(str(check), *outcomes)
    for name, outcomes in seen.items():
        counts = Counter("NO" if outcome.startswith("NO") else outcome for outcome in outcomes)
        table.caption = (
            f"{table.caption or ''}{name}: {', '.join(f'{n} {word}' for word, n in counts.items())}\n"
        )
    Console(width=None if sys.stdout.isatty() else WIDTH).print(table)


if __name__ == "__main__":
    sys.exit(main())
