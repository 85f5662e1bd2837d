"""Active checks of instances (R19): TCP and HTTP from one thread with one selector, MySQL from a few threads.

Thread and threads come with the first check: a node that checks nobody has none. A connect through a link
says only that the link lives, so one that is closed at once without a byte counts as refused: nobody listens
behind it. Invariant: `send` never waits, also under the core's lock, and each Probe is followed by exactly
one Probed, within its time-out, whatever the other end does.
"""

import errno
import heapq
import os
import queue
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from nodecore.core.events import Probe, Probed
from nodecore.core.findings import Finding, Found
from nodecore.core.records import CheckerKind
from nodecore.runtime.mysql_check import check_mysql
from nodecore.runtime.probe_talk import LINK_SETTLES_REAL_S, Talk, talk_about

OPEN_MAX = 256
"""Sockets at a time; who comes later waits, for half a thousand checks a second need no more."""
POOL_THREADS = 4
"""For what blocks: MySQL, and names to be looked up."""
_WAKE_BYTES = 4096
_CLOSE_REAL_S = 5.0

Deliver = Callable[[Probed], None]


class Probes:
    """Checks what it is given.

    Args:
        deliver: told what each check found; called by our threads, one at a time or not.
        dial: where a target is dialled instead, both `ip:port`.
    """

    def __init__(self, deliver: Deliver, dial: Mapping[str, str]) -> None:
        self._deliver = deliver
        self._dial = dict(dial)
        self._queue: queue.SimpleQueue[Probe | None] = queue.SimpleQueue()
        self._woken, self._waker = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        self._pool: ThreadPoolExecutor | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def send(self, probe: Probe) -> None:
        """Have an instance checked; returns at once. Called by one thread at a time."""
        if self._closed:
            return
        if probe.checker.kind is CheckerKind.MYSQL:
            self._pool = self._pool or ThreadPoolExecutor(POOL_THREADS, thread_name_prefix="mysql-check")
            self._pool.submit(self._check_mysql, probe, time.monotonic())
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="probes", daemon=True)
            self._thread.start()
        self._hand_over(probe)

    def dial(self, links: Mapping[str, str | None]) -> dict[str, str]:
        """Dial these targets there from now on, None: directly; return where all are dialled."""
        changed = {target: link for target, link in {**self._dial, **links}.items() if link is not None}
        self._dial = changed
        return dict(changed)

    def close(self) -> None:
        """End all checks, of which nothing more is delivered; twice is once.

        Raises:
            RuntimeError: the thread does not end.
        """
        if self._closed:
            return
        self._closed = True
        self._hand_over(None)
        if self._thread is not None:
            self._thread.join(_CLOSE_REAL_S)
            if self._thread.is_alive():
                raise RuntimeError(f"the thread of probes has not ended for {_CLOSE_REAL_S} s")
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._waker.close()
        self._woken.close()

    def _hand_over(self, probe: Probe | None) -> None:
        self._queue.put(probe)
        try:
            self._waker.send(b"x")
        except BlockingIOError:
            return  # the buffer is full of wake-ups that have not been looked at

    def _check_mysql(self, probe: Probe, began_s: float) -> None:
        link = self._dial.get(probe.target, probe.target)
        self._tell(probe, check_mysql(link, probe.checker, probe.timeout_s), began_s)

    def _tell(self, probe: Probe, finding: Finding, began_s: float) -> None:
        if not self._closed:
            took_s = time.monotonic() - began_s
            self._deliver(
                Probed(probe_id=probe.probe_id, checker=probe.checker, finding=finding, took_s=took_s)
            )

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            _Round(selector, self._woken, self._queue, lambda: self._dial, self._tell).run()


class _Round:
    """The thread's own state: what is open, what waits, what is due."""

    def __init__(
        self,
        selector: selectors.BaseSelector,
        woken: socket.socket,
        given: "queue.SimpleQueue[Probe | None]",
        dial: Callable[[], Mapping[str, str]],
        tell: Callable[[Probe, Finding, float], None],
    ) -> None:
        self._selector = selector
        self._woken = woken
        self._given = given
        self._dial = dial
        self._tell = tell
        self._waiting: deque[Probe] = deque()
        self._open: dict[socket.socket, Talk] = {}
        self._due: list[tuple[float, int, socket.socket]] = []

    def run(self) -> None:
        """Check until told to stop."""
        self._selector.register(self._woken, selectors.EVENT_READ)
        try:
            while self._take():
                for key, _ in self._selector.select(self._left_s()):
                    if key.fileobj is self._woken:
                        self._woken.recv(_WAKE_BYTES)
                    elif isinstance(key.fileobj, socket.socket):
                        self._go_on(key.fileobj)
                self._end_late(time.monotonic())
        finally:
            for connection in self._open:
                connection.close()

    def _take(self) -> bool:
        """Begin what was handed over, as far as there is room; return whether more is to come."""
        while not self._given.empty():
            probe = self._given.get()
            if probe is None:
                return False
            self._waiting.append(probe)
        while self._waiting and len(self._open) < OPEN_MAX:
            self._begin(self._waiting.popleft())
        return True

    def _begin(self, probe: Probe) -> None:
        began_s = time.monotonic()
        link = self._dial().get(probe.target)
        talk = talk_about(probe, began_s, through_link=link is not None)
        ip, _, port = (link or probe.target).rpartition(":")
        try:
            family = socket.AF_INET6 if ":" in ip else socket.AF_INET
            address = _literal(ip, family)
            connection = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            self._tell(probe, Finding(found=Found.BROKEN, why=str(error)), began_s)
            return
        connection.setblocking(False)
        said = connection.connect_ex((address, int(port)))
        if said not in (0, errno.EINPROGRESS):
            connection.close()
            self._tell(probe, _of_error(said), began_s)
            return
        self._open[connection] = talk
        self._selector.register(connection, selectors.EVENT_WRITE)
        heapq.heappush(self._due, (began_s + probe.timeout_s, probe.probe_id, connection))

    def _go_on(self, connection: socket.socket) -> None:
        talk = self._open[connection]
        finding = (
            self._connected(connection, talk) if not talk.is_connected else self._heard(connection, talk)
        )
        if finding is not None:
            self._end(connection, finding)

    def _connected(self, connection: socket.socket, talk: Talk) -> Finding | None:
        """The connect has ended: send the question, or wait a moment whether the link lets go again."""
        said = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if said:
            return _of_error(said)
        talk.is_connected = True
        if not talk.question and not talk.through_link:
            return Finding(found=Found.OPEN)
        try:
            connection.send(talk.question) if talk.question else None
        except OSError as error:
            return talk.ended(str(error))
        self._selector.modify(connection, selectors.EVENT_READ)
        if not talk.question:
            settled_s = time.monotonic() + LINK_SETTLES_REAL_S
            heapq.heappush(self._due, (settled_s, talk.probe.probe_id, connection))
        return None

    def _heard(self, connection: socket.socket, talk: Talk) -> Finding | None:
        try:
            return talk.heard(connection.recv(_WAKE_BYTES))
        except BlockingIOError:
            return None
        except OSError as error:
            return talk.ended(str(error))

    def _end(self, connection: socket.socket, finding: Finding) -> None:
        talk = self._open.pop(connection)
        self._selector.unregister(connection)
        connection.close()
        self._tell(talk.probe, finding, talk.began_s)

    def _end_late(self, now: float) -> None:
        while self._due and self._due[0][0] <= now:
            _, probe_id, connection = heapq.heappop(self._due)
            talk = self._open.get(connection)
            if talk is not None and talk.probe.probe_id == probe_id:
                self._end(connection, talk.out_of_time())

    def _left_s(self) -> float | None:
        if self._waiting and len(self._open) < OPEN_MAX:
            return 0.0
        return max(0.0, self._due[0][0] - time.monotonic()) if self._due else None


def _literal(ip: str, family: socket.AddressFamily) -> str:
    """Return the address of a literal; a name is not looked up here, for that would hold up all checks."""
    try:
        socket.inet_pton(family, ip)
    except OSError as error:
        raise OSError(f"{ip} is no IP address, and names are not looked up for checks") from error
    return ip


def _of_error(number: int) -> Finding:
    found = Found.REFUSED if number == errno.ECONNREFUSED else Found.BROKEN
    return Finding(found=found, why=os.strerror(number))
