"""The command line of `cutheal doctor`, and how its findings are printed."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict

from harness.command import say
from harness.doctor import leftovers, limits, noise, tools
from harness.doctor.finding import Finding, State
from harness.exit_codes import ExitCode


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `doctor` to the command's words."""
    parser = commands.add_parser(
        "doctor",
        help="what this machine has and lacks for clusters, and what to do about it",
        description="Look at link server, limits, noise, ports and leftovers of earlier runs; takes 4 s.",
        epilog="Exit codes: 0 nothing must be done (warnings alone stay 0); 1 something must.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout instead")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Look at everything and print it; return 1 if there is a problem."""
    findings = [*tools.look(), *limits.look(), noise.look(), *leftovers.look()]
    problems = [finding for finding in findings if finding.state is State.PROBLEM]
    document = {"fine": not problems, "findings": [asdict(finding) for finding in findings]}
    say(arguments, document, text_of(findings))
    return ExitCode.NOT_SO if problems else ExitCode.DONE


def text_of(findings: Sequence[Finding]) -> str:
    """Return one line for each finding, another for what to do, and one for all."""
    width = max(len(finding.name) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{finding.state:7}  {finding.name:{width}}  {finding.seen}")
        if finding.advice:
            lines.append(f"{'':7}  {'':{width}}  -> {finding.advice}")
    counts = {state: sum(finding.state is state for finding in findings) for state in State}
    verdict = "nothing must be done" if not counts[State.PROBLEM] else "something must be done"
    return "\n".join([*lines, f"{verdict}: {', '.join(f'{n} {state}' for state, n in counts.items() if n)}"])
