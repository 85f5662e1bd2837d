"""What users of consistency see (R4): one service over AP and CP, whichever serves a key."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from nodecore.consistency.distro import DistroProtocol
from nodecore.consistency.persistent_service import PersistentConsistencyService
from nodecore.consistency.service import (
    AbsentPersistentService,
    ConsistencyService,
    DelegateConsistencyService,
    EphemeralConsistencyService,
)
from nodecore.core.events import Change, Notify
from nodecore.core.node import Node
from nodecore.errors import NoLeader, NotImplementedYet, NotLoaded
from tests.doubles.peer import peer, read_request
from tests.runtime.scripted import config, running
from tests.runtime.test_protocols import KEY, PATIENCE_S, PERSISTENT_KEY, RECORD, raft


@contextmanager
def service() -> Iterator[ConsistencyService]:
    """The delegate over Distro on a loaded lone node, with no persistent side yet."""
    settings = config()
    with running(Node(settings), settings) as runtime:
        protocol = DistroProtocol(runtime)
        protocol.init(settings)
        ephemeral = EphemeralConsistencyService(protocol, runtime.listeners)
        yield DelegateConsistencyService(ephemeral, AbsentPersistentService())


@pytest.mark.requirement("R4")
@pytest.mark.requirement("R6")
def test_users_put_get_and_remove_without_knowing_the_protocol() -> None:
    """An ephemeral key goes to Distro."""
    with service() as users:
        assert users.get(KEY) is None
        users.put(KEY, RECORD)
        found = users.get(KEY)
        assert found is not None
        assert (found.key, found.value) == (KEY, RECORD)
        users.remove(KEY)
        users.remove(KEY)
        assert users.get(KEY) is None
        assert (users.is_available(), users.error_message()) == (True, None)


@pytest.mark.requirement("R4")
@pytest.mark.requirement("R7")
def test_users_hear_changes_and_deletes_of_their_key_in_order() -> None:
    """Until they stop listening; other keys are not theirs."""
    heard: list[Notify] = []
    deleted = threading.Event()

    def listener(notify: Notify) -> None:
        heard.append(notify)
        if notify.change is Change.DELETE:
            deleted.set()

    with service() as users:
        users.listen(KEY, listener)
        users.put(KEY + "b", RECORD)
        users.put(KEY, RECORD)
        users.remove(KEY)
        assert deleted.wait(PATIENCE_S)
        users.unlisten(KEY, listener)
        users.put(KEY, RECORD)
    assert heard == [Notify(KEY, Change.CHANGE, RECORD), Notify(KEY, Change.DELETE, None)]


@pytest.mark.requirement("R4")
def test_a_persistent_key_is_refused_with_the_reason() -> None:
    """501 on a node without CP, and the ephemeral side stays available."""
    with service() as users:
        for attempt in (
            lambda: users.put(PERSISTENT_KEY, RECORD),
            lambda: users.remove(PERSISTENT_KEY),
            lambda: users.get(PERSISTENT_KEY),
            lambda: users.listen(PERSISTENT_KEY, lambda _: None),
            lambda: users.unlisten(PERSISTENT_KEY, lambda _: None),
        ):
            with pytest.raises(NotImplementedYet, match="needs the CP protocol") as refused:
                attempt()
            assert refused.value.status == 501
        assert users.is_available()
    absent = AbsentPersistentService()
    assert not absent.is_available()
    assert "CP protocol" in (absent.error_message() or "")


@pytest.mark.requirement("R4")
def test_users_of_both_do_not_know_which_protocol_serves_a_key() -> None:
    """A persistent key goes to Raft; when that has no leader, ephemeral keys do not notice."""
    settings = config()
    with running(Node(settings), settings) as runtime, raft() as served:
        protocol = DistroProtocol(runtime)
        protocol.init(settings)
        persistent = PersistentConsistencyService(served.protocol, runtime.listeners)
        users = DelegateConsistencyService(
            EphemeralConsistencyService(protocol, runtime.listeners), persistent
        )
        for key in (KEY, PERSISTENT_KEY):
            assert users.get(key) is None
            users.put(key, RECORD)
            found = users.get(key)
            assert found is not None
            assert (found.key, found.value) == (key, RECORD)
            users.remove(key)
            assert users.get(key) is None
        assert persistent.error_message() is None
        served.protocol.shutdown()
        with pytest.raises(NoLeader):
            users.put(PERSISTENT_KEY, RECORD)
        users.put(KEY, RECORD)
        assert users.is_available()
        assert not persistent.is_available()
        assert "no leader" in (persistent.error_message() or "")


@pytest.mark.requirement("R4")
def test_a_node_that_has_not_loaded_is_not_available() -> None:
    """Its one member is silent and may hold data; the message says so."""
    with peer(read_request) as silent:
        settings = config(members=("127.0.0.1:8848", silent))
        with running(Node(settings), settings) as runtime:
            protocol = DistroProtocol(runtime)
            users = EphemeralConsistencyService(protocol, runtime.listeners)
            assert "not initialised" in (users.error_message() or "")
            protocol.init(settings)
            assert "has not loaded" in (users.error_message() or "")
            with pytest.raises(NotLoaded, match="has not loaded"):
                users.put(KEY, RECORD)
