"""`python -m tests.fuzz`: hypothesis and schemathesis against a node and the embedded link server.

What has been found stays found: the seed is printed, and a failure prints its smallest example.
"""

import argparse
import importlib.util
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from harness.command import parsed
from harness.exit_codes import ExitCode
from tests.soak.options import ROOT, count

TARGETS = ("applications", "link_api", "link_data", "documented")
HERE = Path(__file__).parent
NOT_INSTALLED = "documented: needs schemathesis; pip install 'cutheal[fuzz]' brings it"


def main(argv: Sequence[str] | None = None) -> int:
    """Fuzz; return 0 if nothing was found."""
    arguments = parsed(_parser(), argv)
    if "documented" in arguments.targets and importlib.util.find_spec("schemathesis") is None:
        print(NOT_INSTALLED, file=sys.stderr)
        return ExitCode.MISTAKE
    print(f"seed {arguments.seed}, {arguments.examples} examples of each", file=sys.stderr)
    settings.register_profile(
        "fuzz",
        max_examples=arguments.examples,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    ended = pytest.main(
        [
            *[str(HERE / f"{target}.py") for target in arguments.targets],
            *[
                "-c",
                str(ROOT / "pyproject.toml"),
                "--rootdir",
                str(ROOT),
                "-p",
                "no:cacheprovider",
                "-n",
                "0",
            ],
            # Thousands of examples take longer than a stuck test may; a dump of threads at work can crash.
            *["-o", "faulthandler_timeout=0"],
            *["-q", "--assert=plain", "--hypothesis-profile=fuzz", f"--hypothesis-seed={arguments.seed}"],
        ]
    )
    if ended == pytest.ExitCode.INTERRUPTED:
        return ExitCode.INTERRUPTED
    return ExitCode.DONE if ended == pytest.ExitCode.OK else ExitCode.NOT_SO


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz",
        description="Random requests, calls and bytes against a node and the embedded link server.",
        epilog="exit codes: 0 nothing found; 1 something was; 64 usage, or no schemathesis; 130 Ctrl-C",
    )
    parser.add_argument(
        "targets", nargs="*", default=TARGETS, metavar=f"{{{','.join(TARGETS)}}}", type=_target, help="(all)"
    )
    parser.add_argument("--examples", type=count, default=2000, metavar="N", help="of each (%(default)s)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32), help="of everything drawn")
    return parser


def _target(text: str) -> str:
    if text not in TARGETS:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(TARGETS)}")
    return text


if __name__ == "__main__":
    sys.exit(main())
