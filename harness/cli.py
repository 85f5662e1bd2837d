"""The command `cutheal`: what each word does, and with which exit code it ends."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module, metadata

from harness import completion
from harness.command import complain, parsed
from harness.exit_codes import ExitCode, table

COMMANDS = {
    "demo": "harness.demo",
    "up": "harness.up",
    "links": "harness.links.serve",
    "toxiproxy": "harness.links.install",
    "bench": "harness.bench.command",
    "compare": "harness.load.compare",
    "check": "harness.check",
    "doctor": "harness.doctor.command",
}
"""Where each word's `add_command` stands. A word that was said is imported alone: all of them together take
longer than most commands do."""


VERSION = "--version"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code, one of `harness.exit_codes`."""
    words = sys.argv[1:] if argv is None else argv
    arguments = parsed(_parser(_meant(words)), words)
    try:
        return int(arguments.run(arguments))
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except Exception as failure:
        from harness.endings import code_of  # noqa: PLC0415 - half of the harness, which most words do not need

        code = code_of(failure)
        if code is None:
            raise
        complain(str(failure))
        return code


def _meant(words: Sequence[str]) -> Sequence[str]:
    """Return the word that was said; all of them for the whole command's help, and for a mistake."""
    said = words[0] if words else ""
    if said == VERSION:
        return ()
    return [said] if said in COMMANDS else list(COMMANDS)


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cutheal",
        description="Spawn a real cluster, cut its links, heal them, and say what went wrong.",
        epilog=table(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if len(words) != 1:
        told = f"cutheal {metadata.version('cutheal')}"
        parser.add_argument(VERSION, action="version", version=told, help="print the version")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for word in words:
        import_module(COMMANDS[word]).add_command(commands)
    completion.add_command(commands, parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
