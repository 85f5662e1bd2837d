"""A node as a process: ready line, exit status, SIGTERM with requests in flight; three find each other."""

import json
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from harness.ports import Reservations
from harness.waiting import wait_for
from tests.doubles.peer import peer, read_request
from tests.runtime.node_process import START_REAL_S, NodeProcess, node_process, run_node

INSTANCE = "/nacos/v1/ns/instance"
LONE = ("--client-port", "0", "--log-level", "debug")


def test_a_lone_node_can_be_used_by_hand(tmp_path: Path) -> None:
    """One JSON line says where; both ports serve both APIs; one warning about the open peer API."""
    with node_process(tmp_path, *LONE) as node:
        assert node.ready["address"] == node.ready["client_url"].removeprefix("http://")
        assert node.ready["pid"] == node.process.pid
        said = {"serviceName": "a", "ip": "10.0.0.1", "port": 80}
        assert node.ask("POST", INSTANCE, params=said).text == "ok"
        for on_peer_port in (False, True):
            listed = node.ask("GET", INSTANCE + "/list", params={"serviceName": "a"}, peer=on_peer_port)
            assert [host["ip"] for host in listed.json()["hosts"]] == ["10.0.0.1"]
            snapshot = node.ask("GET", "/nacos/v1/ns/distro/datums", peer=on_peer_port)
            assert len(snapshot.json()) == 1
        assert node.terminate() == 0
        assert node.log_text().count("event=peer_identity_unset") == 1
        assert "event=stopped" in node.log_text()


UNHEARD = """
import signal, sys, threading
from nodecore import __main__ as program
from nodecore.web import server

server._POLL_REAL_S = 3600.0
threading.Thread(target=threading.Event().wait, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
sys.exit(program.main(["--client-port", "0"]))
"""


def test_a_sigterm_that_does_not_interrupt_the_loop_ends_the_node_all_the_same() -> None:
    """The kernel gives it to another thread, so it is only noted, like one that came just before the wait."""
    with subprocess.Popen(
        [sys.executable, "-c", UNHEARD], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as node:
        assert node.stdout is not None
        try:
            assert json.loads(node.stdout.readline())["pid"] == node.pid
            node.send_signal(signal.SIGTERM)
            assert node.wait(START_REAL_S) == 0
        finally:
            node.kill()


def test_sigusr1_dumps_all_stacks(tmp_path: Path) -> None:
    """And the node goes on."""
    with node_process(tmp_path, *LONE) as node:
        node.process.send_signal(signal.SIGUSR1)
        wait_for("the stacks", node.log_text, lambda text: "_run_timer" in text, START_REAL_S)
        assert node.state()["loaded"]


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--time-scale", "0.001"), "nodecore: time_scale must be at least 0.02"),
        (("--nonsense",), "nodecore: unrecognized arguments: --nonsense"),
        (("--client-port", "0", "--members-file", "/nowhere/x"), "nodecore: members file /nowhere/x"),
        (("--client-port", "0", "--host", "0.0.0.0"), "nodecore: host 0.0.0.0 needs an address"),
    ],
)
def test_a_wrong_configuration_is_exit_2_and_one_line(flags: tuple[str, ...], sentence: str) -> None:
    """Nothing on stdout, no traceback."""
    done = run_node(*flags)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(sentence)
    assert done.stderr.count("\n") == 1


def test_a_taken_port_is_exit_1_and_one_line() -> None:
    """Which port, and why."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run_node("--client-port", port)
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"nodecore: the client port 127.0.0.1:{port} cannot be bound: Address already"
    )
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("on_peer_port", [False, True])
def test_sigterm_answers_what_is_in_flight_on_either_port(tmp_path: Path, on_peer_port: bool) -> None:
    """A write that waits for a slow owner is answered, then the node exits 0; no one new gets in."""
    arrived = threading.Event()
    let_go = threading.Event()
    holders: list[threading.Thread] = []

    def owner(connection: socket.socket) -> None:
        def serve() -> None:
            while request := read_request(connection):
                if b"/core/cluster/report" in request:
                    body = b'{"code":200,"message":null,"data":"true"}'
                elif b"/nacos/v1/ns/instance" in request:
                    arrived.set()
                    let_go.wait(START_REAL_S)
                    body = b"ok"
                else:
                    body = b"{}" if request.startswith(b"GET") else b"ok"
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

        thread = threading.Thread(target=serve)
        thread.start()
        holders.append(thread)

    with peer(*[owner] * 10) as other:
        # forwards wait longer than the test needs, whatever the machine does meanwhile
        flags = (*LONE, "--member", other, "--set", "timings.forward_timeout_s=25")
        with node_process(tmp_path, *flags) as node:
            node.await_state("the owner is UP", lambda s: s["loaded"] and len(s["ring"]) == 2)
            answers: list[tuple[int, str]] = []
            service = owned_by(node, other)
            said = {"serviceName": service, "ip": "10.0.0.1", "port": 80}

            def register() -> None:
                answer = node.ask("POST", INSTANCE, peer=on_peer_port, params=said)
                answers.append((answer.status_code, answer.text))

            asking = threading.Thread(target=register)
            asking.start()
            assert arrived.wait(START_REAL_S)
            node.process.send_signal(signal.SIGTERM)
            wait_for(
                "the ports to close", lambda: takes_connections(node), lambda takes: not takes, START_REAL_S
            )
            let_go.set()
            asking.join(START_REAL_S)
            assert answers == [(200, "ok")]
            assert node.process.wait(START_REAL_S) == 0
    for thread in holders:
        thread.join(START_REAL_S)


def owned_by(node: NodeProcess, address: str) -> str:
    """A service that this node believes the other one owns."""
    names = (f"Service{i}" for i in range(100))
    path = "/nacos/v1/ns/operator/distro/server"
    return next(
        name
        for name in names
        if node.ask("GET", path, params={"serviceName": name}).json()["responsibleServer"] == address
    )


def takes_connections(node: NodeProcess) -> bool:
    host, port = node.ready["address"].split(":")
    try:
        socket.create_connection((host, int(port)), timeout=START_REAL_S).close()
    except (ConnectionRefusedError, ConnectionResetError):  # reset: it was still queued as the port closed
        return False
    return True


@pytest.fixture
def three(tmp_path: Path) -> Iterator[list[NodeProcess]]:
    """Three nodes that know each other by client port and dial each other's peer port."""
    with ExitStack() as stack:
        reserved = stack.enter_context(Reservations()).reserve(6)
        clients, peers = reserved[:3], reserved[3:]
        nodes = [
            stack.enter_context(node_process(tmp_path, *node_flags(f"s{i + 1}", i, clients, peers)))
            for i in range(3)
        ]
        for node in nodes:
            node.await_state("all three UP", lambda s: s["loaded"] and len(s["ring"]) == 3)
        yield nodes


@pytest.mark.requirement("R10")
@pytest.mark.requirement("R17")
def test_three_nodes_find_each_other_forward_and_synchronise(three: list[NodeProcess]) -> None:
    """A registration through any node is done by the owner and reaches all; so does its deregistration."""
    said: dict[str, Any] = {
        "serviceName": "a",
        "port": 80,
        "metadata": "preserved.heart.beat.timeout=3600000,preserved.ip.delete.timeout=3600000",
    }
    for number, node in enumerate(three, start=1):
        assert node.ask("POST", INSTANCE, params=said | {"ip": f"10.0.0.{number}"}).text == "ok"
    everybody = ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    for node in three:
        node.await_state("all instances", lambda s: ips(s, "a") == everybody and s["pending"] == 0)
    assert len({node.state()["digest"] for node in three}) == 1
    assert three[0].ask("DELETE", INSTANCE, params=said | {"ip": "10.0.0.2"}).text == "ok"
    for node in three:
        node.await_state("one instance less", lambda s: ips(s, "a") == ["10.0.0.1", "10.0.0.3"])
    logs = [node.log_text() for node in three]
    forward = re.search(
        r"event=call_sent call_id=(\S+) .* kind=Forward keys=DEFAULT_GROUP@@a", "\n".join(logs)
    )
    assert forward is not None
    assert any(f"event=call_received call_id={forward[1]} " in log for log in logs)
    for node in three:
        node.await_state(
            "a verify", lambda _, node=node: re.search("event=call_received .*kind=Verify", node.log_text())
        )


@pytest.mark.requirement("R17")
def test_a_killed_node_leaves_the_ring_and_a_restart_is_not_needed_to_end(three: list[NodeProcess]) -> None:
    """One late report may come before (SUSPICIOUS); refused is DOWN; SIGTERM ends the others with 0."""
    three[2].process.kill()
    three[2].process.wait()
    gone, left = three[2].ready["address"], sorted(node.ready["address"] for node in three[:2])
    for node in three[:2]:
        node.await_state("s3 DOWN", lambda s: _member(s, gone)["state"] == "DOWN")
        node.await_state("a ring of two", lambda s: sorted(s["ring"]) == left)
    assert [node.terminate() for node in three[:2]] == [0, 0]


def _member(state: dict[str, Any], address: str) -> dict[str, Any]:
    return next(member for member in state["members"] if member["address"] == address)


def node_flags(name: str, index: int, clients: list[str], peers: list[str]) -> list[str]:
    """Of one of three nodes whose client addresses are their names to each other."""
    dial = [f"--dial={client}={peer_address}" for client, peer_address in zip(clients, peers, strict=True)]
    return [
        *["--name", name, "--client-port", clients[index].rpartition(":")[2]],
        *["--peer-port", peers[index].rpartition(":")[2], "--member", ",".join(clients), *dial],
        *["--identity-header", "X-Who", "--identity-value", "these three"],
        *["--time-scale", "0.05", "--log-level", "debug"],
    ]


def ips(state: dict[str, Any], service: str) -> list[str]:
    return [instance["ip"] for instance in state["services"].get(f"public##DEFAULT_GROUP@@{service}", [])]
