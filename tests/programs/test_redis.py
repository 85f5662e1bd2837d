"""Redis, which knows nothing of us: one primary and two replicas under the verbs that any program gets.

Replicas reach the primary through their links; whoever is told `replicaof` later dials its link too.
"""

import shutil

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from harness.programs import Command, ForeignProgram

pytestmark = pytest.mark.skipif(
    shutil.which("redis-server") is None, reason="no redis-server on PATH (apt install redis-server)"
)

PRIMARY = [
    *("redis-server", "--port", "{port}", "--bind", "{host}", "--dir", "{data_dir}", "--save", ""),
    *("--replica-announce-ip", "{host}", "--replica-announce-port", "{port}", "--protected-mode", "no"),
    *("--repl-diskless-sync-delay", "0", "--repl-timeout", "2", "--repl-ping-replica-period", "1"),
]
REPLICA = [*PRIMARY, "--replicaof", "{links[s1].host} {links[s1].port}"]


def connect(node):
    once = Retry(NoBackoff(), 0)  # the waits of the harness ask again, and say what was last seen
    return redis.Redis(host=node.host, port=node.port, socket_timeout=1, decode_responses=True, retry=once)


def keys_of(api):
    return {key: api.get(key) for key in api.scan_iter()}


def is_in_step(api):
    """A primary at once, a replica when it has all that the primary had."""
    about = api.info("replication")
    return about["role"] == "master" or about["master_link_status"] == "up"


REDIS = ForeignProgram(
    Command(REPLICA, argv_of={"s1": PRIMARY}),
    ready=is_in_step,
    data=keys_of,
    connect=connect,
    no_answer=(redis.RedisError,),
)


@pytest.fixture
def cluster(cluster_factory):
    return cluster_factory(program=REDIS)


def test_a_cut_replica_misses_what_is_written_and_catches_up(cluster):
    """Divergence while the link is cut; afterwards the replica has it all, with nobody's help."""
    s1, s2, s3 = cluster.nodes
    s1.api.set("before", "1")
    cluster.wait_converged(within_s=60)
    with cluster.partition([s1, s2], [s3]):
        s1.api.set("during", "2")
        cluster.wait_until(lambda: s2.api.get("during"), "2", within_s=60)
        assert s3.api.get("during") is None
        assert s3.api.get("before") == "1"
    cluster.wait_until(lambda: s3.api.get("during"), "2", within_s=200)
    cluster.wait_converged(within_s=60)
