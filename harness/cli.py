"""The command `cutheal`: what each word does, and with which exit code it ends."""

import argparse
import sys
from collections.abc import Sequence

from harness import check, completion, demo, up
from harness.bench import command as bench
from harness.command import add_cluster_options, complain, parsed
from harness.doctor import command as doctor
from harness.exit_codes import ExitCode, table
from harness.links import install, serve
from harness.links.api import LinkServerDied
from harness.links.matrix import FaultNotInForce
from harness.links.targets import TargetNotAnswering
from harness.links.toxiproxy import NoLinkServer
from harness.load import compare
from harness.processes import LauncherDied, ProcessDied
from harness.program import ProgramError
from harness.spec import BadSpec
from harness.waits import NodeDied, NotReached

DEATHS = (NodeDied, NotReached, ProcessDied, LauncherDied, LinkServerDied, TargetNotAnswering)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code, one of `harness.exit_codes`."""
    arguments = parsed(_parser(), argv)
    try:
        return int(arguments.run(arguments))
    except (BadSpec, ProgramError) as mistake:
        complain(str(mistake))
        return ExitCode.MISTAKE
    except FaultNotInForce as not_in_force:
        complain(str(not_in_force))
        return ExitCode.FAULT_NOT_IN_FORCE
    except NoLinkServer as missing:
        complain(str(missing))
        return ExitCode.NO_LINK_SERVER
    except DEATHS as failure:
        complain(str(failure))
        return ExitCode.DIED
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cutheal",
        description="Spawn a real cluster, cut its links, heal them, and say what went wrong.",
        epilog=table(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    demo_parser = commands.add_parser(
        "demo", help="the documents' story: steady, cut, healed, with its tables"
    )
    add_cluster_options(demo_parser)
    demo_parser.set_defaults(run=demo.run)
    up.add_command(commands)
    links_parser = commands.add_parser("links", help="a link server of its own: real or embedded")
    serve.configure(links_parser)
    links_parser.set_defaults(run=serve.run)
    toxiproxy_parser = commands.add_parser(
        "toxiproxy", help="install the real Toxiproxy, or tell where it is"
    )
    install.configure(toxiproxy_parser)
    toxiproxy_parser.set_defaults(run=install.run)
    bench.add_command(commands)
    compare.add_command(commands)
    check.add_command(commands)
    doctor.add_command(commands)
    completion.add_command(commands, parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
