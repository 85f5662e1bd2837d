"""How an agent chooses servers (R21): at random for each beat, and on to the next when one is of no use."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness.agent_process import AgentPlan, Registration
from harness.waiting import wait_for

pytestmark = pytest.mark.requirement("R21")

WITHIN_REAL_S = 20.0
BEAT_REAL_S = 0.02
TIMEOUT_REAL_S = 0.3


class Scripted:
    """A server that answers every request alike and remembers what it was asked."""

    def __init__(self, name: str, status: int, body: str, *, silent_for: str | None = None) -> None:
        self.name = name
        self.asked: list[str] = []
        self.release = threading.Event()
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                scripted.asked.append(f"{self.command} {self.path.split('?')[0]}")
                if silent_for is not None and silent_for in self.path:
                    scripted.release.wait(WITHIN_REAL_S)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            do_PUT = do_POST  # noqa: N815 - the name http.server looks for

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Answer who still waits, and end."""
        self.release.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def registered(
    *servers: Scripted, services: tuple[str, ...] = ("g@@a",), timeout_real_s: float = TIMEOUT_REAL_S
) -> Iterator[AgentPlan]:
    """An agent's registrations at work against these servers."""
    plan = AgentPlan(
        name="C1",
        ip="10.0.0.1",
        port=80,
        services=services,
        servers=tuple((server.name, server.address) for server in servers),
        beat_real_s=BEAT_REAL_S,
        timeout_real_s=timeout_real_s,
        seed=1,
    )
    stop = threading.Event()
    threads = [threading.Thread(target=Registration(plan, service, stop).run) for service in services]
    with ExitStack() as stack:
        for server in servers:
            stack.callback(server.close)
        for thread in threads:
            thread.start()
        try:
            yield plan
        finally:
            stop.set()
            for server in servers:
                server.release.set()
            for thread in threads:
                thread.join()


def beats(server: Scripted) -> int:
    """How many beats a server was sent."""
    return server.asked.count("PUT /nacos/v1/ns/instance/beat")


def wait_beats(server: Scripted, count: int) -> None:
    """Wait until a server was sent that many beats."""
    wait_for(f"{count} beats at {server.name}", lambda: beats(server), lambda n: n >= count, WITHIN_REAL_S)


def test_registers_once_and_spreads_its_beats_over_all_servers() -> None:
    """One POST, then full beats to servers drawn at random: no server gets them all, none gets nothing."""
    servers = [Scripted(name, 200, "ok") for name in ("s1", "s2", "s3")]
    with registered(*servers):
        wait_for("60 beats", lambda: sum(map(beats, servers)), lambda n: n >= 60, WITHIN_REAL_S)
    asked = Counter(request for server in servers for request in server.asked)
    assert asked["POST /nacos/v1/ns/instance"] == 1
    assert min(map(beats, servers)) >= 5


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, "oops"), (503, "not loaded"), (400, "receive invalid redirect request from peer 127.0.0.1")],
)
def test_moves_on_from_a_server_that_refuses(status: int, body: str) -> None:
    """Any 5xx and a 400 that refuses a redirect: the next server gets this very beat."""
    bad, good = Scripted("bad", status, body), Scripted("good", 200, "ok")
    with registered(bad, good):
        wait_beats(good, 20)
    assert len(bad.asked) > 0
    assert beats(good) >= beats(bad)


def test_a_plain_400_is_an_answer() -> None:
    """The client's own mistake is not repeated at the next server."""
    first, second = Scripted("first", 400, "Param 'ip' is required."), Scripted("second", 400, "no")
    with registered(first, second):
        wait_for(
            "30 requests", lambda: len(first.asked) + len(second.asked), lambda n: n >= 30, WITHIN_REAL_S
        )
    posts = [request for server in (first, second) for request in server.asked if request.startswith("POST")]
    assert len(posts) == 1


def test_moves_on_from_a_silent_server_when_its_time_is_up() -> None:
    """No answer within the time-out: the next server gets the beat."""
    silent, good = Scripted("silent", 200, "ok", silent_for=""), Scripted("good", 200, "ok")
    with registered(silent, good):
        wait_beats(good, 5)
        wait_for("the silent one to be tried", lambda: silent.asked, bool, WITHIN_REAL_S)


def test_moves_on_from_an_answer_that_was_cut_inside_its_headers() -> None:
    """It looks like a 200 with an empty body."""
    cut, good = Scripted("cut", 200, ""), Scripted("good", 200, "ok")
    with registered(cut, good):
        wait_beats(good, 20)
    assert len(cut.asked) > 0


def test_rests_until_the_next_beat_when_all_were_tried(capfd: pytest.CaptureFixture[str]) -> None:
    """Each server is asked once a beat, and the log says whom it could not reach, and why."""
    servers = [Scripted(name, 503, "not loaded") for name in ("s1", "s2", "s3")]
    with registered(*servers):
        for server in servers:
            wait_beats(server, 5)
    counts = [beats(server) for server in servers]
    assert max(counts) - min(counts) <= 1
    assert "event=reached_nobody service=g@@a" in capfd.readouterr().err


def test_a_registration_that_waits_delays_no_other() -> None:
    """One server, silent for one service, and a time-out that never comes: the other services beat on."""
    server = Scripted("s1", 200, "ok", silent_for="%40%40a")
    with registered(server, services=("g@@a", "g@@b", "g@@c"), timeout_real_s=WITHIN_REAL_S):
        wait_beats(server, 30)
    assert len([request for request in server.asked if request.startswith("POST")]) == 3


def test_a_plan_survives_its_journey() -> None:
    """What the harness writes is what the process reads."""
    plan = AgentPlan(
        name="C1",
        ip="10.0.0.1",
        port=80,
        services=("g@@a", "g@@服务"),
        servers=(("s1", "127.0.0.1:1"),),
        beat_real_s=0.25,
        timeout_real_s=0.3,
        seed=2**63,
        metadata=(("a", "b=c"),),
    )
    assert AgentPlan.from_json(plan.to_json()) == plan
