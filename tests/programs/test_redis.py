"""Redis, which knows nothing of us: one primary and two replicas under the verbs that any program gets.

A replica reaches its primary through its own link to it, whoever that is: s1 by its command line, another
one when a test says `replicaof` with that link.
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
    *("redis-server", "--port", "{port}", "--bind", "{host}", "--dir", "{data_dir}"),
    *("--save", "", "--appendonly", "{config[appendonly]}"),
    *("--replica-announce-ip", "{host}", "--replica-announce-port", "{port}"),
    *("--repl-diskless-sync-delay", "0", "--repl-timeout", "2", "--repl-ping-replica-period", "1"),
]
REPLICA = [*PRIMARY, "--replicaof", "{links[s1].host} {links[s1].port}"]

WITHIN_S = 300
"""Document seconds; redis takes up to 3 real ones to give a silent primary up and find it again."""


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
    return cluster_factory(program=REDIS, config={"appendonly": "no"})


def follow(replica, primary):
    """Have a replica follow another primary, through its link to it."""
    link = replica.plan.links[primary.name]
    replica.api.replicaof(link.host, link.port)


def test_a_cut_replica_misses_what_is_written_and_catches_up(cluster):
    """Divergence while the link is cut; afterwards the replica has it all, with nobody's help."""
    s1, s2, s3 = cluster.nodes
    s1.api.set("before", "1")
    cluster.wait_converged(within_s=WITHIN_S)
    with cluster.partition([s1, s2], [s3]):
        s1.api.set("during", "2")
        cluster.wait_until(lambda: s2.api.get("during"), "2", within_s=WITHIN_S)
        assert (s3.api.get("before"), s3.api.get("during")) == ("1", None)
    cluster.wait_until(lambda: s3.api.get("during"), "2", within_s=WITHIN_S)
    cluster.wait_converged(within_s=WITHIN_S)


def test_a_replica_that_was_promoted_across_a_cut_gives_its_writes_up(cluster):
    """Two primaries while the network is cut; who follows the other again loses what it took alone."""
    s1, s2, s3 = cluster.nodes
    with cluster.partition([s1, s2], [s3]):
        s3.api.replicaof("NO", "ONE")
        s3.api.set("side", "minority")
        s1.api.set("side", "majority")
        cluster.wait_until(lambda: s2.api.get("side"), "majority", within_s=WITHIN_S)
        assert s3.api.get("side") == "minority"
    follow(s3, s1)
    cluster.wait_until(lambda: s3.api.get("side"), "majority", within_s=WITHIN_S)
    cluster.wait_converged(within_s=WITHIN_S)


def test_every_ordered_pair_has_a_link_of_its_own(cluster):
    """s1 and s3 follow s2: a cut of s1 alone leaves s3's replication whole."""
    s1, s2, s3 = cluster.nodes
    s2.api.replicaof("NO", "ONE")
    follow(s1, s2)
    follow(s3, s2)
    cluster.wait_until(lambda: [is_in_step(s1.api), is_in_step(s3.api)], [True, True], within_s=WITHIN_S)
    with cluster.cut(s2, s1):
        s2.api.set("key", "value")
        cluster.wait_until(lambda: s3.api.get("key"), "value", within_s=WITHIN_S)
        assert s1.api.get("key") is None
    cluster.wait_converged(within_s=WITHIN_S)
    assert s1.api.get("key") == "value"


def test_a_dead_primary_is_refused_and_a_replica_takes_its_place(cluster):
    """Links that lead to the dead refuse; who comes back follows the new primary."""
    s1, s2, s3 = cluster.nodes
    s1.api.set("key", "old")
    cluster.wait_converged(within_s=WITHIN_S)
    s1.kill()
    cluster.wait_until(lambda: s2.api.info("replication")["master_link_status"], "down", within_s=WITHIN_S)
    s2.api.replicaof("NO", "ONE")
    follow(s3, s2)
    s2.api.set("key", "new")
    s1.restart()
    cluster.wait_until(s1.api.ping, True, within_s=WITHIN_S)
    assert s1.api.get("key") is None
    follow(s1, s2)
    cluster.wait_until(lambda: s1.api.get("key"), "new", within_s=WITHIN_S)
    cluster.wait_converged(within_s=WITHIN_S)


def test_a_paused_replica_says_nothing_and_catches_up(cluster):
    """A wait for it goes on, and says that it did not answer."""
    s1, s2, _s3 = cluster.nodes
    s2.pause()
    s1.api.set("key", "value")
    with pytest.raises(AssertionError, match=r"last seen: Unanswered\(reason='Timeout"):
        cluster.wait_until(lambda: s2.api.get("key"), "value", within_s=1)
    s2.resume()
    cluster.wait_until(lambda: s2.api.get("key"), "value", within_s=WITHIN_S)
    cluster.wait_converged(within_s=WITHIN_S)


def test_what_is_on_disk_survives_a_restart_but_not_a_wipe(cluster_factory):
    """The node's folder is the program's own."""
    (s1,) = (cluster := cluster_factory(program=REDIS, nodes=1, config={"appendonly": "yes"})).nodes
    s1.api.config_set("appendfsync", "always")
    s1.api.set("key", "value")
    s1.restart()
    cluster.wait_until(lambda: s1.api.get("key"), "value", within_s=WITHIN_S)
    s1.restart(wipe=True)
    cluster.wait_until(lambda: s1.api.get("key"), None, within_s=WITHIN_S)
