"""`cutheal up`: a cluster that stays until Ctrl-C, to be spoken to by hand or by another program."""

import argparse
import json
import signal
from types import FrameType

from harness.cluster import Cluster
from harness.command_session import add_cluster_options, command_session
from harness.documents import SERVICES
from harness.exit_codes import ExitCode
from harness.links.backend import title
from harness.node import Node
from harness.program import CannotDo, Capability, Program, ProgramError, require
from harness.programs import Nodecore, program_named
from harness.session import Session
from harness.spec import BadSpec, ClusterSpec
from harness.waiting import wait_for_signal

_HINT = f"try: curl 'http://{{first}}/nacos/v1/ns/instance/list?serviceName={SERVICES[0]}'"

_HINT_CP = (
    "try: curl -X POST 'http://{first}/nacos/v1/ns/instance"
    "?serviceName=orders&ip=127.0.0.1&port=8080&ephemeral=false'; curl 'http://{first}/cutheal/raft'"
)


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `up` to the command's words."""
    parser = commands.add_parser("up", help="a cluster that stays until Ctrl-C")
    parser.add_argument("--nodes", type=int, default=3, metavar="N", help="1 to 20 (default: %(default)s)")
    parser.add_argument("--agents", type=int, default=0, metavar="N", help="(default: %(default)s)")
    parser.add_argument("--cp", action="store_true", help="the CP protocol too: Raft, persistent data")
    parser.add_argument(
        "--program",
        metavar="NAME",
        help="system under test, such as shop.programs:SHOP or shop/programs.py:SHOP (default: nodecore)",
    )
    add_cluster_options(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    """Run a cluster until SIGINT or SIGTERM; return 0."""
    program = _program(arguments)
    for ending in (signal.SIGINT, signal.SIGTERM):  # a background job of a shell starts with SIGINT ignored
        signal.signal(ending, _interrupt)
    with command_session(arguments) as session:
        cluster = session.cluster(_spec(arguments, program), owner="cutheal up")
        for number in range(1, arguments.agents + 1):
            cluster.agent(f"C{number}", SERVICES)
        is_registry = Capability.SERVICES in program.capabilities
        hint = _HINT_CP if arguments.cp else _HINT if is_registry else ""
        text = _text(session, cluster, hint)
        try:
            print(json.dumps(_document(session, cluster)) if arguments.json else text, flush=True)
            wait_for_signal()
        except KeyboardInterrupt:
            return ExitCode.DONE
    return ExitCode.DONE


def _spec(arguments: argparse.Namespace, program: Program) -> ClusterSpec:
    try:
        return ClusterSpec(nodes=arguments.nodes, program=program, cp=arguments.cp)
    except BadSpec as error:
        raise BadSpec(str(error).replace("cp=True", "--cp")) from error


def _program(arguments: argparse.Namespace) -> Program:
    if arguments.program is None:
        return Nodecore()
    try:
        program = program_named(arguments.program)
    except ProgramError as error:
        raise BadSpec(f"--program: {error}") from error
    if arguments.agents:
        try:
            require(program, Capability.SERVICES, f"--agents {arguments.agents}")
        except CannotDo as error:
            raise BadSpec(str(error)) from error
    return program


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _document(session: Session, cluster: Cluster) -> dict[str, object]:
    server = session.link_server
    return {
        "nodes": [
            {
                "name": node.name,
                "client_url": f"http://{node.plan.client_address}",
                "peer_url": f"http://{node.plan.peer_address}",
                "pid": node.pid,
            }
            | ({"raft": node.plan.raft_address} if node.plan.raft_address else {})
            for node in cluster.nodes
        ],
        "agents": [{"name": a.name, "instance": str(a.instance), "pid": a.pid} for a in cluster.agents],
        "links": {
            "backend": server.backend,
            "version": server.version,
            "api": f"http://{server.api_address}",
        },
    }


def _text(session: Session, cluster: Cluster, hint: str) -> str:
    lines = [
        f"{node.name}  http://{node.address}{_raft(node)}  pid {node.pid}  log {node.log.path}"
        for node in cluster.nodes
    ]
    lines += [f"{agent.name}  {agent.instance}  pid {agent.pid}" for agent in cluster.agents]
    server = session.link_server
    lines.append(f"links  {title(server.backend, server.version)}  http://{server.api_address}/proxies")
    lines += [hint.format(first=cluster.nodes[0].address), "Ctrl-C ends it"]
    return "\n".join(filter(None, lines))


def _raft(node: Node) -> str:
    return f"  raft {node.plan.raft_address}" if node.plan.raft_address else ""
