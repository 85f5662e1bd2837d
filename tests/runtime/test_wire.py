"""What stands on the wire: the original's bodies, what is read back, nonsense that is always Malformed."""

import json
from collections.abc import Callable
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodecore.core.answers import Member, MemberState
from nodecore.core.messages import (
    Accepted,
    DataAnswer,
    DigestAnswer,
    FetchSnapshot,
    Forward,
    NotLoadedAnswer,
    Pull,
    Report,
    ReportAnswer,
    SnapshotAnswer,
    SyncData,
    SyncDelete,
    Verify,
    VerifyDigest,
)
from nodecore.core.operations import Beat, DeregisterInstance, RegisterInstance
from nodecore.core.records import Datum, Instance, Instances
from nodecore.errors import Malformed
from nodecore.runtime.wire.answers import (
    decode_digest,
    decode_pull,
    decode_report,
    decode_sync_data,
    decode_sync_delete,
    decode_verify,
    encode_peer_answer,
)
from nodecore.runtime.wire.calls import decode_answer, encode_call
from nodecore.runtime.wire.http import HttpAnswer
from nodecore.runtime.wire.records import decode_datums, decode_member, encode_datums
from nodecore.runtime.wire.values import load_entries, load_object

KEY = "com.alibaba.nacos.naming.iplist.ephemeral.public##DEFAULT_GROUP@@a"
SELF = "127.0.0.1:8848"
INSTANCE = Instance(ip="10.0.0.1", port=8080, service="DEFAULT_GROUP@@a", metadata=(("k", "v"),))
DATUM = Datum(key=KEY, value=Instances((INSTANCE,)))

REFERENCE_BODY = """{"com.alibaba.nacos.naming.iplist.ephemeral.public##DEFAULT_GROUP@@a":
  {"key":"com.alibaba.nacos.naming.iplist.ephemeral.public##DEFAULT_GROUP@@a",
   "value":{"instanceList":[{"ip":"10.0.0.1","port":8080,"weight":1.0,"healthy":true,"enabled":true,
     "ephemeral":true,"clusterName":"DEFAULT","serviceName":"DEFAULT_GROUP@@a","metadata":{},
     "lastBeat":1619000000000,"marked":false,"app":"DEFAULT","instanceHeartBeatInterval":5000,
     "instanceIdGenerator":"simple","tenant":null}]},
   "timestamp":1}}"""

names = st.text("abcdefghijklmnopqrstuvwxyzäß服", min_size=1, max_size=8)
instances = st.builds(
    Instance,
    ip=st.ip_addresses(v=4).map(str),
    port=st.integers(0, 65535),
    service=st.just("DEFAULT_GROUP@@a"),
    cluster=names,
    weight=st.floats(0, 10000),
    healthy=st.booleans(),
    enabled=st.booleans(),
    marked=st.booleans(),
    metadata=st.dictionaries(names, st.text(st.characters(exclude_categories=["Cs"]))).map(
        lambda d: tuple(sorted(d.items()))
    ),
)
data = st.lists(instances, max_size=4).map(lambda found: Datum(key=KEY, value=Instances(tuple(found))))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["key", "value", "instanceList", "keys", "ip", "port", "metadata", "address", "weight", KEY]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)
nonsense = st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode())


@pytest.mark.requirement("R15")
def test_a_datum_of_the_original_is_read() -> None:
    """Reference 1.9: unknown fields and nulls are ignored, lastBeat is not believed."""
    (datum,) = decode_datums(REFERENCE_BODY.encode())
    expected = Instance(ip="10.0.0.1", port=8080, service="DEFAULT_GROUP@@a")
    assert datum == Datum(key=KEY, value=Instances((expected,)))


@pytest.mark.requirement("R15")
def test_a_datum_is_written_as_the_original_writes_it() -> None:
    """Every field that 1.4 reads, weight as a double, no nulls."""
    entry = json.loads(encode_datums([DATUM]))[KEY]
    (instance,) = entry["value"]["instanceList"]
    last_beat = instance.pop("lastBeat")
    assert entry["key"] == KEY
    assert entry["timestamp"] == 1
    assert instance == {
        "instanceId": "10.0.0.1#8080#DEFAULT#DEFAULT_GROUP@@a",
        "ip": "10.0.0.1",
        "port": 8080,
        "weight": 1.0,
        "healthy": True,
        "enabled": True,
        "ephemeral": True,
        "clusterName": "DEFAULT",
        "serviceName": "DEFAULT_GROUP@@a",
        "metadata": {"k": "v"},
        "marked": False,
        "app": "DEFAULT",
    }
    assert last_beat > 1_600_000_000_000


@given(data)
def test_a_datum_survives_the_wire(datum: Datum) -> None:
    """What one node of ours sends, another reads as the same value."""
    assert decode_datums(encode_datums([datum])) == (datum,)


@pytest.mark.requirement("R15")
@pytest.mark.parametrize(
    ("message", "method", "target", "body"),
    [
        (SyncDelete(("k1", "k2")), "DELETE", "/nacos/v1/ns/distro/datum", b'{"keys":"k1,k2"}'),
        (Pull(("k1", "k2")), "GET", "/nacos/v1/ns/distro/datum", b'{"keys":"k1,k2"}'),
        (FetchSnapshot(), "GET", "/nacos/v1/ns/distro/datums", None),
        (
            Verify(checksums=(("k1", "md5"),), ring=("127.0.0.1:1", "127.0.0.1:2")),
            "PUT",
            "/nacos/v1/ns/distro/checksum?source=127.0.0.1:8848",
            b'{"k1":"md5"}',
        ),
        (Verify(checksums=(), ring=None), "PUT", "/nacos/v1/ns/distro/checksum?source=127.0.0.1:8848", b"{}"),
    ],
)
def test_peer_messages_are_the_originals_requests(
    message: SyncDelete | Pull | FetchSnapshot | Verify, method: str, target: str, body: bytes | None
) -> None:
    """Method, path, query and body of reference 1.9; the delete is ours (R12)."""
    call = encode_call(message, SELF)
    assert (call.method, call.target, call.body) == (method, target, body)
    assert dict(call.headers).get("X-Ring") == (
        "127.0.0.1:1,127.0.0.1:2" if isinstance(message, Verify) and message.ring else None
    )


def test_peer_messages_are_read_as_they_were_meant() -> None:
    """The answering half undoes the calling half."""
    member = Member(address=SELF, state=MemberState.SUSPICIOUS, reports_failed=2)
    verify = Verify(checksums=(("k1", "m"),), ring=("127.0.0.1:1",))
    assert decode_sync_data(encode_call(SyncData((DATUM,)), SELF).body or b"") == SyncData((DATUM,))
    assert decode_sync_delete(encode_call(SyncDelete(("a", "b")), SELF).body or b"") == SyncDelete(("a", "b"))
    assert decode_pull(encode_call(Pull(("a",)), SELF).body or b"") == Pull(("a",))
    assert decode_report(encode_call(Report(member), SELF).body or b"") == Report(member)
    digest = encode_call(VerifyDigest("d1"), SELF)
    assert (digest.method, digest.target) == ("PUT", f"/nacos/v1/ns/distro/digest?source={SELF}")
    assert decode_digest(digest.body or b"") == VerifyDigest("d1")
    call = encode_call(verify, SELF)
    assert decode_verify(call.body or b"", dict(call.headers)["X-Ring"]) == verify


@pytest.mark.requirement("R14")
@pytest.mark.parametrize(
    ("message", "answer"),
    [
        (SyncDelete(("k",)), Accepted()),
        (SyncData((DATUM,)), NotLoadedAnswer()),
        (Report(Member(address=SELF, state=MemberState.UP)), ReportAnswer(known=False)),
        (Report(Member(address=SELF, state=MemberState.UP)), ReportAnswer(takes_digest=True)),
        (Report(Member(address=SELF, state=MemberState.UP)), NotLoadedAnswer()),
        (VerifyDigest("d"), DigestAnswer(wants_checksums=True)),
        (VerifyDigest("d"), DigestAnswer(wants_checksums=False)),
        (Pull((KEY,)), DataAnswer((DATUM,))),
        (Pull((KEY,)), DataAnswer(())),
        (
            FetchSnapshot(),
            SnapshotAnswer(data=(DATUM,), merges_owed=("127.0.0.1:1",), root="127.0.0.1:1 7.5"),
        ),
        (FetchSnapshot(), SnapshotAnswer(data=())),
        (FetchSnapshot(), NotLoadedAnswer()),
    ],
)
def test_an_answer_survives_the_wire(message: Pull, answer: DataAnswer) -> None:
    """Owed merges travel in a header of the snapshot, not loaded is a 503 of its own kind."""
    sent = encode_peer_answer(answer)
    received = HttpAnswer(
        status=sent.status, headers={n.lower(): v for n, v in sent.headers.items()}, body=sent.body
    )
    assert decode_answer(message, received) == answer


@pytest.mark.requirement("R10")
def test_a_forwarded_registration_says_all_that_the_client_said() -> None:
    """Every field of the instance is a parameter of the forwarded request, its metadata as JSON."""
    call = encode_call(Forward(RegisterInstance(namespace="public", instance=INSTANCE)), SELF)
    parameters = {name: values[0] for name, values in parse_qs((call.body or b"").decode()).items()}
    assert (call.method, call.target) == ("POST", "/nacos/v1/ns/instance")
    assert parameters == {
        "namespaceId": "public",
        "serviceName": "DEFAULT_GROUP@@a",
        "ip": "10.0.0.1",
        "port": "8080",
        "clusterName": "DEFAULT",
        "weight": "1.0",
        "healthy": "true",
        "enabled": "true",
        "ephemeral": "true",
        "app": "DEFAULT",
        "metadata": '{"k":"v"}',
    }


@pytest.mark.requirement("R10")
def test_forwarded_beats_and_deregistrations_keep_their_form() -> None:
    """A light beat stays light; a deregistration has everything in the query and no body."""
    light = Beat(namespace="n", service="G@@a", ip="10.0.0.1", port=1, cluster="c", instance=None)
    leave = DeregisterInstance(namespace="n", service="G@@a", ip="10.0.0.1", port=1, cluster="c")
    beat_call = encode_call(Forward(light), SELF)
    leave_call = encode_call(Forward(leave), SELF)
    assert (beat_call.method, beat_call.target) == ("PUT", "/nacos/v1/ns/instance/beat")
    assert b"beat=" not in (beat_call.body or b"")
    assert leave_call.method == "DELETE"
    assert leave_call.target.startswith(
        "/nacos/v1/ns/instance?namespaceId=n&serviceName=G%40%40a&ip=10.0.0.1"
    )
    assert leave_call.body is None


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "the map of datums is not JSON"),
        (b"[]", "must be a JSON object, not a list"),
        (b'{"k":{"value":{}}}', "the value of k has no instanceList"),
        (b'{"k":{"value":{"instanceList":[{"ip":"a"}]}}}', "the port of an instance of k must be an integer"),
        (
            b'{"k":{"value":{"instanceList":[{"ip":"a","port":1,"serviceName":"s","weight":1e999}]}}}',
            "must be a finite number",
        ),
        (b'{"k":{"value":{"instanceList":[{"ip":"\\ud800","port":1}]}}}', "half of a surrogate pair"),
        (
            b'{"k":{"value":{"instanceList":[{"ip":"a","port":true}]}}}',
            "must be an integer, not true or false",
        ),
        (b"[" * 100_000, "the map of datums is not JSON"),
    ],
)
def test_what_is_no_datum_is_named(body: bytes, sentence: str) -> None:
    """One sentence that says which field of which key."""
    with pytest.raises(Malformed, match=sentence):
        decode_datums(body)


def test_an_empty_batch_is_refused_in_the_originals_words() -> None:
    """Nacos: receive empty entity!"""
    with pytest.raises(Malformed, match="receive empty entity!"):
        decode_sync_data(b"{}")


def said(decode: Callable[[], object]) -> str:
    """What came out, or the sentence of a Malformed; every other exception is a defect."""
    try:
        return repr(decode())
    except Malformed as error:
        return str(error)


@given(nonsense)
def test_reading_nonsense_is_malformed_and_nothing_else(body: bytes) -> None:
    """Garbage-in law: whatever the bytes, a value or Malformed."""
    readers = (
        decode_datums,
        decode_member,
        decode_sync_data,
        decode_sync_delete,
        decode_pull,
        lambda b: decode_verify(b, None),
    )
    for read in readers:
        assert said(lambda read=read: read(body))


@given(nonsense, st.sampled_from([200, 304, 400, 403, 404, 500, 503]))
def test_a_peers_nonsense_is_malformed_and_nothing_else(body: bytes, status: int) -> None:
    """The calling half keeps the same law."""
    report = Report(Member(address=SELF, state=MemberState.UP))
    for message in (report, SyncDelete(("k",)), Pull(("k",)), FetchSnapshot()):
        answer = HttpAnswer(status=status, headers={}, body=body)
        assert said(lambda message=message, answer=answer: decode_answer(message, answer))


def read(parse: Callable[[bytes, str], object], body: bytes) -> object:
    try:
        return dict(parse(body, "it"))  # type: ignore[call-overload]
    except Malformed:
        return Malformed


@given(st.text('{}[]":, \t0a\\', max_size=12) | json_values.map(json.dumps))
def test_entry_by_entry_is_read_what_would_be_read_at_once(text: str) -> None:
    """The same values, the same refusals."""
    for body in (text, f'{{"a":1 ,"b" : {text}}}', f'{{"a":{text}', f"{{{text}}}", f"{{}}{text}"):
        assert read(load_entries, body.encode()) == read(load_object, body.encode())


def test_what_many_instances_say_alike_is_kept_once() -> None:
    """Else 100,000 instances take three times the memory."""
    lists = [Instances((INSTANCE, Instance(ip="10.0.0.2", port=8080, service="DEFAULT_GROUP@@a")))]
    lists.append(Instances((INSTANCE,)))
    sent = encode_datums(Datum(key=f"{KEY}{n}", value=value) for n, value in enumerate(lists))
    (one, other), (third,) = (
        d.value.instances for d in decode_datums(sent) if isinstance(d.value, Instances)
    )
    assert one.metadata is third.metadata
    assert one.cluster is other.cluster is third.cluster
    assert one.port is other.port is third.port
