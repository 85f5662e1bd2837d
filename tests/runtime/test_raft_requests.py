"""When a failure is definite: only where no leader can have taken the request."""

import pytest

from nodecore.consistency.protocol import Response
from nodecore.errors import NodeError, NoLeader, OutcomeUnknown
from nodecore.raft.requests import Request, Requests, new_request
from nodecore.runtime.counts import Counts

LATER_S = 1e9
"""After every deadline."""


def waiting(requests: Requests, command_id: str = "a-1") -> Request:
    """A request that looks for a leader."""
    made = new_request(command_id, "text", timeout_s=1.0)
    requests.put(made)
    requests.take_in()
    return made


def failure(request: Request) -> NodeError:
    error = request.future.exception(0)
    assert isinstance(error, NodeError)
    return error


@pytest.fixture
def requests() -> Requests:
    return Requests(Counts(), waiting_max=2, retry_s=0.5)


@pytest.mark.requirement("R3")
def test_what_found_no_leader_is_definite(requests: Requests) -> None:
    """Also when one was found that said it was none: it has dropped it."""
    alone, turned_away = waiting(requests, "a-1"), waiting(requests, "a-2")
    assert requests.due(0.0) == [alone, turned_away]
    turned_away.handed_to = "127.0.0.1:1"
    requests.wait_again(turned_away, 0.0)
    assert requests.due(0.4) == []
    assert requests.due(0.5) == [turned_away]
    requests.expire(LATER_S, leader=None)
    for request in (alone, turned_away):
        error = failure(request)
        assert isinstance(error, NoLeader)
        assert (error.status, error.definite) == (503, True)
        assert str(error).startswith("no leader in this partition within 1 s")


@pytest.mark.requirement("R3")
@pytest.mark.parametrize(
    ("leader", "sentence"),
    [
        (None, "no leader in this partition any more: 127.0.0.1:1 got it"),
        ("127.0.0.1:2", "not confirmed by a majority within 1 s, 127.0.0.1:1 got it"),
    ],
)
def test_what_a_leader_may_have_taken_is_not(requests: Requests, leader: str | None, sentence: str) -> None:
    """The sentence names the leader that got it, and says whether there is one now."""
    request = waiting(requests)
    request.handed_to = "127.0.0.1:1"
    requests.expire(LATER_S, leader)
    error = failure(request)
    assert isinstance(error, OutcomeUnknown)
    assert (error.status, error.definite) == (503, False)
    assert str(error).startswith(sentence)


def test_only_what_this_node_has_applied_is_done(requests: Requests) -> None:
    """Whose command it was, the id says; what comes after does not change the answer."""
    request = waiting(requests)
    requests.applied("b-1", lambda: pytest.fail("nobody here has asked for it"))
    requests.applied("a-1", lambda: Response(success=True, data=1))
    requests.applied("a-1", lambda: Response(success=True, data=2))
    requests.lost(request, "too late")
    requests.expire(LATER_S, None)
    assert request.future.result(0).data == 1


def test_a_place_on_the_log_that_another_command_took_is_told_at_once(requests: Requests) -> None:
    """And as unknown: to be careful costs nothing here."""
    request = waiting(requests)
    requests.lost(request, "another leader was elected")
    assert failure(request).definite is False


def test_too_many_are_refused_and_none_waits_for_raft_when_it_has_ended(requests: Requests) -> None:
    """Both are definite."""
    waiting(requests, "a-1"), waiting(requests, "a-2")
    with pytest.raises(NoLeader, match="2 requests wait for Raft already"):
        waiting(requests, "a-3")
    requests.fail_all("Raft has stopped")
    late = new_request("a-4", "text", timeout_s=1.0)
    requests.put(late)
    assert failure(late).definite is True
