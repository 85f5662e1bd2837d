"""`cutheal up`: a cluster that stays until Ctrl-C, to be spoken to by hand or by another program."""

import argparse
import json
import signal
from types import FrameType

from harness.cluster import Cluster
from harness.command import command_session
from harness.documents import SERVICES
from harness.exit_codes import ExitCode
from harness.links.backend import title
from harness.session import Session
from harness.spec import ClusterSpec
from harness.waiting import wait_for_signal


def run(arguments: argparse.Namespace) -> int:
    """Run a cluster until SIGINT or SIGTERM; return 0."""
    for ending in (signal.SIGINT, signal.SIGTERM):  # a background job of a shell starts with SIGINT ignored
        signal.signal(ending, _interrupt)
    with command_session(arguments) as session:
        cluster = session.cluster(ClusterSpec(nodes=arguments.nodes), owner="cutheal up")
        for number in range(1, arguments.agents + 1):
            cluster.agent(f"C{number}", SERVICES)
        text = json.dumps(_document(session, cluster)) if arguments.json else _text(session, cluster)
        try:
            print(text, flush=True)
            wait_for_signal()
        except KeyboardInterrupt:
            return ExitCode.DONE
    return ExitCode.DONE


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
            for node in cluster.nodes
        ],
        "agents": [{"name": a.name, "instance": str(a.instance), "pid": a.pid} for a in cluster.agents],
        "links": {
            "backend": server.backend,
            "version": server.version,
            "api": f"http://{server.api_address}",
        },
    }


def _text(session: Session, cluster: Cluster) -> str:
    lines = [
        f"{node.name}  http://{node.address}  pid {node.pid}  log {node.log.path}" for node in cluster.nodes
    ]
    lines += [f"{agent.name}  {agent.instance}  pid {agent.pid}" for agent in cluster.agents]
    server = session.link_server
    lines.append(f"links  {title(server.backend, server.version)}  http://{server.api_address}/proxies")
    first = cluster.nodes[0].address
    lines.append(f"try: curl 'http://{first}/nacos/v1/ns/instance/list?serviceName={SERVICES[0]}'")
    return "\n".join([*lines, "Ctrl-C ends it"])
