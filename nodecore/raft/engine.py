"""Raft's thread: it alone touches PySyncObj, and hands requests on to it while there is a leader.

Invariants: nothing else calls PySyncObj; a fault in one turn is logged and does not end the thread; when the
thread ends, whatever the reason, every request is failed and the status says so.
"""

import functools
import os
import queue
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence

from pysyncobj import FAIL_REASON
from pysyncobj.poller import POLL_EVENT_TYPE

from nodecore.config import NodeConfig
from nodecore.raft.machine import StateMachine
from nodecore.raft.membership import Membership
from nodecore.raft.replica import Replica, open_replica
from nodecore.raft.requests import Request, Requests
from nodecore.raft.status import RaftRole, RaftStatus
from nodecore.raft.transport import Place
from nodecore.runtime.logs import NodeLog

_TURN_MAX_S = 0.05
"""The longest wait of one turn: a lost leader is noticed no later than this; news end the wait at once."""
_PAUSE_AFTER_FAULT_S = 0.1
"""A turn that fails must not spin."""
_FAULTS_PER_LINE = 100
"""One that fails for ever must not fill the log: the first says it, then one in ten seconds."""
_ROLES = (RaftRole.FOLLOWER, RaftRole.CANDIDATE, RaftRole.LEADER)
"""In the order of PySyncObj's numbers."""
_BATCH_LENGTH_MAX = 64 * 1024
"""Of the texts in one entry; a longer one has an entry of its own."""
_NEVER_TAKEN = (FAIL_REASON.QUEUE_FULL, FAIL_REASON.MISSING_LEADER, FAIL_REASON.NOT_LEADER)
"""Who had the command was no leader and has dropped it: it stands in no log."""
_LOST = (FAIL_REASON.DISCARDED, FAIL_REASON.UNKNOWN_OUTCOME)
"""This node has applied the command's place on the log, and it was not this command that it saw there."""


Order = Callable[[Replica], None]


class Engine:
    """Runs one replica.

    Args:
        config: of the node.
        log: told of elections, leaders and faults.
        requests: what waits for the log.
        changed: called with each new status, from the thread.
    """

    def __init__(
        self, config: NodeConfig, log: NodeLog, requests: Requests, changed: Callable[[RaftStatus], None]
    ) -> None:
        self._config = config
        self._log = log
        self._requests = requests
        self._changed = changed
        self._role = RaftRole.FOLLOWER
        self._status = RaftStatus(members=config.members)
        self._stopping = threading.Event()
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._waking = threading.Lock()
        self._wakes = True
        self._turn_max_s = min(_TURN_MAX_S, config.timings.scaled(config.time_scale).raft_append_s)
        self._thread: threading.Thread | None = None
        self._faults = 0
        self._orders: queue.SimpleQueue[Order] = queue.SimpleQueue()

    def start(self, machine: StateMachine, place: Place, membership: Membership) -> None:
        """Begin; what is slow, reading the folder and making the key, happens in the thread."""
        arguments = (machine, place, membership)
        self._thread = threading.Thread(target=self._run, args=arguments, name="raft", daemon=True)
        self._thread.start()

    def order(self, act: Order) -> None:
        """Have the thread call this with its replica, between two turns; from any thread."""
        self._orders.put(act)
        self.wake()

    def stop(self) -> None:
        """End the thread; every request that waits fails."""
        self._stopping.set()
        self.wake()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        with self._waking:
            self._wakes = False
        os.close(self._wake_read)
        os.close(self._wake_write)

    def wake(self) -> None:
        """Have the thread look at the requests now; from any thread, and nothing after `stop`."""
        with self._waking:
            if self._wakes:
                _write_one(self._wake_write)

    def status(self) -> RaftStatus:
        """Return what the thread knew at its last turn."""
        return self._status

    def _run(self, machine: StateMachine, place: Place, membership: Membership) -> None:
        try:
            self._serve(machine, place, membership)
        except Exception as error:  # noqa: BLE001  the last resort: whoever waits must learn that it is over
            self._log.write("error", "raft_failed", [("error", repr(error))])
            self._publish(RaftStatus(members=self._status.members, problem=f"Raft has failed: {error!r}"))
            place.bound.close()
        else:
            self._publish(RaftStatus(members=self._status.members, problem="Raft has stopped on this node"))
        finally:
            self._requests.fail_all(self._status.problem)

    def _serve(self, machine: StateMachine, place: Place, membership: Membership) -> None:
        replica = open_replica(self._config, machine, place, self._state_changed)
        try:
            self._hear_wakes(replica)
            membership.begin(replica, self._config)
            machine.hear_members(lambda members: _tell(membership, replica, members))
            replica.read_folder()
            if not replica.otherNodes:
                replica.postpone_election(0.0)  # nobody else could lead
            while not self._stopping.is_set():
                self._guarded_turn(replica, membership)
        finally:
            replica.destroy()

    def _guarded_turn(self, replica: Replica, membership: Membership) -> None:
        try:
            while not self._orders.empty():
                self._orders.get()(replica)
            membership.turn(replica, self._role)
            self._turn(replica)
        except Exception as error:  # noqa: BLE001  one message must not end Raft
            self._faults += 1
            if self._faults % _FAULTS_PER_LINE == 1:
                where = "".join(traceback.format_tb(error.__traceback__)[-2:])
                fields = [("error", repr(error)), ("faults", self._faults), ("where", where)]
                self._log.write("error", "raft_turn_failed", fields)
            self._stopping.wait(_PAUSE_AFTER_FAULT_S)

    def _turn(self, replica: Replica) -> None:
        now_s = time.monotonic()
        self._note(replica)
        leader = self._status.leader
        self._requests.take_in()
        self._requests.expire(now_s, leader)
        if leader is not None:
            for together in _batches(self._requests.due(now_s)):
                self._hand_on(replica, together, leader)
        replica.doTick(self._turn_max_s)

    def _hand_on(self, replica: Replica, together: Sequence[Request], leader: str) -> None:
        for request in together:
            request.handed_to = leader
        texts = [request.text for request in together]
        replica.machine.apply(*texts, callback=functools.partial(self._refused, together))

    def _refused(self, together: Sequence[Request], _result: object, reason: int) -> None:
        """PySyncObj's answer: success is what `apply` saw; of a failure it matters who had the command."""
        for request in together:
            if reason in _NEVER_TAKEN:
                self._requests.wait_again(request, time.monotonic())
            elif reason in _LOST:
                self._requests.lost(request, "another leader was elected before a majority had confirmed it")

    def _state_changed(self, _old: int, new: int) -> None:
        self._role = _ROLES[new]

    def _note(self, replica: Replica) -> None:
        leader = replica.reachable_leader()
        members = sorted([self._config.address, *(node.id for node in replica.otherNodes)])
        self._publish(
            RaftStatus(
                role=self._role,
                leader=leader,
                term=replica.raftCurrentTerm,
                members=tuple(members),
                commit_index=replica.raftCommitIndex,
                applied_index=replica.raftLastApplied,
            )
        )

    def _publish(self, status: RaftStatus) -> None:
        before, self._status = self._status, status
        if (before.role, before.leader, before.term) != (status.role, status.leader, status.term):
            fields = [("state", status.role.value), ("leader", status.leader), ("term", status.term)]
            self._log.write("info", "raft_leader", fields)
        if before != status:
            self._changed(status)

    def _hear_wakes(self, replica: Replica) -> None:
        replica._poller.subscribe(self._wake_read, self._woken, POLL_EVENT_TYPE.READ)  # noqa: SLF001

    def _woken(self, descriptor: int, _events: int) -> None:
        try:
            while os.read(descriptor, 1024):
                pass
        except BlockingIOError:
            return


def _batches(requests: Sequence[Request]) -> Iterator[Sequence[Request]]:
    """Put requests that came at the same time into one entry of the log: it costs as much as for one."""
    together: list[Request] = []
    length = 0
    for request in requests:
        if together and length + len(request.text) > _BATCH_LENGTH_MAX:
            yield together
            together, length = [], 0
        together.append(request)
        length += len(request.text)
    if together:
        yield together


def _write_one(descriptor: int) -> None:
    try:
        os.write(descriptor, b"!")
    except BlockingIOError:
        return  # it is full of wakes already


def _tell(membership: Membership, replica: Replica, members: Sequence[str]) -> None:
    applying = replica.raftLastApplied + 1
    membership.told(replica, members, replica.entries_after(applying))
