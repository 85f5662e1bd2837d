"""Records as JSON is made of: what goes into the log of CP comes out of it."""

import json

from hypothesis import given
from hypothesis import strategies as st

from nodecore.core.commands import ChangedSwitches, Held
from nodecore.core.plain import held_of, plain
from nodecore.core.records import (
    Checker,
    CheckerKind,
    ClusterChecks,
    Instance,
    Instances,
    ServerStatus,
    Service,
    SwitchDomain,
)

texts = st.text(st.characters(codec="utf-8"), max_size=8)
pairs = st.lists(st.tuples(texts, texts), max_size=2).map(tuple)
instances = st.builds(Instance, ip=texts, port=st.integers(0, 65535), service=texts, metadata=pairs)
checkers = st.builds(Checker, kind=st.sampled_from(CheckerKind), path=texts, headers=pairs, password=texts)
checks = st.builds(ClusterChecks, name=texts, checker=checkers, metadata=pairs)
services = st.builds(
    Service,
    namespace=texts,
    name=texts,
    metadata=pairs,
    checks=st.lists(checks, max_size=2).map(tuple),
)
switches = st.builds(
    SwitchDomain,
    overridden_server_status=st.none() | st.sampled_from(ServerStatus),
    limited_url_map=st.lists(st.tuples(texts, st.integers(100, 599)), max_size=2).map(tuple),
)
held = st.one_of(
    st.lists(instances, max_size=3).map(tuple).map(Instances),
    services,
    switches,
    st.builds(ChangedSwitches, switches=switches, names=st.lists(texts, max_size=2).map(tuple)),
)


@given(held)
def test_every_record_comes_back_from_json_as_it_was(record: Held) -> None:
    """Also after JSON, which knows no tuples and no enumerations."""
    assert held_of(json.loads(json.dumps(plain(record)))) == record


def test_a_field_that_a_later_version_wrote_is_left_out() -> None:
    """A node that is older than the one that wrote the log can still read it."""
    later = plain(Service(namespace="public", name="g@@s")) | {"colour": "red"}
    assert held_of(later) == Service(namespace="public", name="g@@s")
