"""A write that is forwarded says at the owner exactly what it said where the client asked (R10)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodecore.core.answers import Done
from nodecore.core.events import ClientRequest, Effect, Event, Reply
from nodecore.core.messages import Forward
from nodecore.core.operations import (
    Beat,
    ChangeMetadata,
    DeregisterInstance,
    InstanceWrite,
    PatchInstance,
    RegisterInstance,
)
from nodecore.core.records import Instance
from nodecore.runtime.wire.calls import encode_call
from tests.runtime.application import wsgi_client
from tests.runtime.scripted import ScriptedCore

ADDRESS = {"ip": "10.0.0.1", "port": 80, "cluster": "c1"}
WHERE = {"namespace": "n1", "service": "g1@@a"}
FLAGS = st.none() | st.booleans()
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
METADATA = st.dictionaries(TEXTS, TEXTS, max_size=3).map(lambda pairs: tuple(sorted(pairs.items())))
WEIGHTS = st.floats(0, 10000)

instances = st.builds(
    Instance,
    ip=st.just("10.0.0.1"),
    port=st.integers(0, 65535),
    service=st.just("g1@@a"),
    cluster=st.just("c1"),
    weight=WEIGHTS,
    healthy=st.booleans(),
    enabled=st.booleans(),
    metadata=METADATA,
)
identities = st.tuples(st.just("10.0.0.1"), st.integers(0, 65535), st.just("c1"))
writes: st.SearchStrategy[InstanceWrite] = st.one_of(
    st.builds(RegisterInstance, namespace=st.just("n1"), instance=instances),
    st.builds(DeregisterInstance, **{name: st.just(value) for name, value in (WHERE | ADDRESS).items()}),
    st.builds(
        PatchInstance,
        **{name: st.just(value) for name, value in (WHERE | ADDRESS).items()},
        weight=st.none() | WEIGHTS,
        healthy=FLAGS,
        enabled=FLAGS,
        metadata=st.none() | METADATA,
        app=st.sampled_from([None, "shop"]),
    ),
    st.builds(
        ChangeMetadata,
        **{name: st.just(value) for name, value in WHERE.items()},
        metadata=METADATA,
        remove=st.booleans(),
        instances=st.none() | st.lists(identities, max_size=3).map(tuple),
    ),
    st.builds(
        Beat, **{name: st.just(value) for name, value in (WHERE | ADDRESS).items()}, instance=st.none()
    ),
)


@pytest.mark.requirement("R10")
@given(st.lists(writes, min_size=1, max_size=5))
def test_a_write_crosses_the_wire_unchanged(sent: list[InstanceWrite]) -> None:
    """Registered, patched, changed, deregistered, kept alive: encoded here, read there."""
    heard: list[object] = []

    def script(event: Event) -> list[Effect]:
        if not isinstance(event, ClientRequest):
            return []
        heard.append(event.operation)
        assert event.forwarded_by == "127.0.0.1:1"
        return [Reply(event.request_id, Done())]

    with wsgi_client(ScriptedCore(script)) as ask:
        for operation in sent:
            call = encode_call(Forward(operation), "127.0.0.1:1")
            path, _, query = call.target.partition("?")
            headers = dict(call.headers) | {
                "User-Agent": "Nacos-Server:1.4.2",
                "Request-Source": "127.0.0.1:1",
            }
            answer = ask(call.method, path, query, body=call.body or b"", headers=headers)
            assert answer.body == b"ok", answer.text
    assert heard == sent
