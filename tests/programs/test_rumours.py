"""A program that is a plain Python function: it speaks TCP, on a port for clients and one for its peers.

Every node repeats all rumours it has heard to every other one, line by line, over a connection that it
opens again whenever it ends.
"""

import socket
import socketserver
import threading
from contextlib import closing, suppress

import pytest

from harness.programs import ForeignProgram, Function, LogLine

PAUSE = threading.Event()


def gossip(node):
    """The program: serve clients and peers, and tell."""
    heard = {}

    class Listener(socketserver.StreamRequestHandler):
        def handle(self):
            for line in self.rfile:
                heard[line.decode().strip()] = True

    class Client(socketserver.StreamRequestHandler):
        def handle(self):
            for line in self.rfile:
                word, _, rumour = line.decode().strip().partition(" ")
                if word == "say":
                    heard[rumour] = True
                self.wfile.write((",".join(sorted(heard)) + "\n").encode())

    for link in node.links.values():
        threading.Thread(target=tell, args=(link, heard), daemon=True).start()
    peers = Server((node.host, node.peer_port), Listener)
    threading.Thread(target=peers.serve_forever, daemon=True).start()
    clients = Server((node.host, node.port), Client)
    print(f"{node.name} listens")
    clients.serve_forever()


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True  # the port is held for this node by a socket that does not listen
    daemon_threads = True


def tell(link, heard):
    while not PAUSE.wait(0.02):
        with suppress(OSError), socket.create_connection((link.host, link.port), timeout=0.5) as connection:
            while not PAUSE.wait(0.02):
                connection.sendall("".join(f"{rumour}\n" for rumour in list(heard)).encode())


class Api:
    """What a test says to a node: a line there, a line back."""

    def __init__(self, node):
        self._address = (node.host, node.port)

    def ask(self, line):
        with closing(socket.create_connection(self._address, timeout=2)) as connection:
            connection.sendall(line.encode() + b"\n")
            return connection.makefile().readline().strip()

    def close(self):
        """Every question has a connection of its own."""


RUMOURS = ForeignProgram(
    Function(gossip, peer_port=True),
    name="rumours",
    ready=LogLine("listens$"),
    digest=lambda api: api.ask("tell"),
    connect=Api,
)


@pytest.mark.cluster(program=RUMOURS)
def test_a_rumour_stays_on_its_side_until_the_network_heals(cluster):
    """A plain function is partitioned and healed like anything else."""
    s1, s2, s3 = cluster.nodes
    with cluster.partition([s1, s2], [s3]):
        s1.api.ask("say rain")
        s3.api.ask("say sun")
        cluster.wait_until(lambda: s2.api.ask("tell"), "rain", within_s=60)
        assert s3.api.ask("tell") == "sun"
    cluster.wait_converged(within_s=60)
    assert s2.api.ask("tell") == "rain,sun"


@pytest.mark.cluster(program=RUMOURS, nodes=2)
def test_killed_paused_and_started_again(cluster):
    """Processes end, stop and come back; what was in memory only is gone, and told anew by the peers."""
    s1, s2 = cluster.nodes
    s1.api.ask("say rain")
    cluster.wait_converged(within_s=60)
    s2.kill()
    s2.restart()
    cluster.wait_until(lambda: s2.api.ask("tell"), "rain", within_s=60)
    s2.pause()
    s1.api.ask("say sun")
    s2.resume()
    cluster.wait_converged(within_s=60)
    assert s2.api.ask("tell") == "rain,sun"
