"""The command `cutheal`: what each word does, and what each exit code means."""

import argparse
import sys
from collections.abc import Sequence

from harness import demo, up
from harness.bench import command as bench
from harness.command import add_cluster_options, complain
from harness.links import install
from harness.links.api import LinkServerDied
from harness.links.matrix import FaultNotInForce
from harness.links.targets import TargetNotAnswering
from harness.links.toxiproxy import NoLinkServer
from harness.processes import LauncherDied, ProcessDied
from harness.spec import BadSpec
from harness.waits import NodeDied, NotReached

EXIT_CODES = """
exit codes:
  0  done; demo: every table is that of the documents
  1  demo: a table differs
  2  a fault was not in force; also a mistake in the command line
  3  no link server, or none could be installed: see `cutheal toxiproxy install`
  4  a node, the launcher or the link server died, or the cluster was not ready in time
"""
DEATHS = (NodeDied, NotReached, ProcessDied, LauncherDied, LinkServerDied, TargetNotAnswering)
FAULT_NOT_IN_FORCE, NO_LINK_SERVER, DIED = 2, 3, 4


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except BadSpec as mistake:
        complain(str(mistake))
        return 2
    except FaultNotInForce as not_in_force:
        complain(str(not_in_force))
        return FAULT_NOT_IN_FORCE
    except NoLinkServer as missing:
        complain(str(missing))
        return NO_LINK_SERVER
    except DEATHS as failure:
        complain(str(failure))
        return DIED
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cutheal",
        description="Spawn a real cluster, cut its links, heal them, and say what went wrong.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    demo_parser = commands.add_parser(
        "demo", help="the documents' story: steady, cut, healed, with its tables"
    )
    add_cluster_options(demo_parser)
    demo_parser.set_defaults(run=demo.run)
    up_parser = commands.add_parser("up", help="a cluster that stays until Ctrl-C")
    up_parser.add_argument("--nodes", type=int, default=3, metavar="N", help="1 to 20 (default: %(default)s)")
    up_parser.add_argument("--agents", type=int, default=0, metavar="N", help="(default: %(default)s)")
    add_cluster_options(up_parser)
    up_parser.set_defaults(run=up.run)
    toxiproxy_parser = commands.add_parser(
        "toxiproxy", help="install the real Toxiproxy, or tell where it is"
    )
    install.configure(toxiproxy_parser)
    toxiproxy_parser.set_defaults(run=install.run)
    bench.add_command(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
