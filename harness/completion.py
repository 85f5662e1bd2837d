"""`cutheal completion SHELL`: a script with which a shell completes the command, its words and options."""

import argparse
import sys

from harness.exit_codes import ExitCode

SHELLS = ("bash", "zsh", "tcsh")


def add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", whole: argparse.ArgumentParser
) -> None:
    """Add `completion SHELL` to the command's words.

    Args:
        commands: where to add it.
        whole: the parser of the whole command, which the script will know.

    """
    parser = commands.add_parser(
        "completion",
        help="print a script that completes this command in a shell",
        description='bash: eval "$(cutheal completion bash)" in ~/.bashrc. '
        "zsh: cutheal completion zsh > ~/.zfunc/_cutheal, with ~/.zfunc in fpath. "
        "tcsh: cutheal completion tcsh > ~/.cutheal.tcsh, sourced in ~/.cshrc.",
    )
    parser.add_argument("shell", choices=SHELLS)
    parser.set_defaults(run=lambda arguments: _print(whole, arguments.shell))


def _print(whole: argparse.ArgumentParser, shell: str) -> int:
    import shtab  # noqa: PLC0415 - only this word needs it

    sys.stdout.write(shtab.complete(whole, shell=shell))
    return ExitCode.DONE
