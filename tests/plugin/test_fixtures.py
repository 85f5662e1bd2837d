"""What the fixtures and the marker give to a test."""

from tests.plugin.conftest import InnerRun

SESSION = "session worker=main links=auto time_scale=0.05 seed=7 node_log_level=info keep=False"


def test_a_test_gets_three_nodes_and_leaves_nothing(imagined: InnerRun) -> None:
    """The session starts with the first cluster, each cluster ends with its test, and all with pytest."""
    result = imagined(
        "--cluster-seed=7",
        test="""
        def test_without(): pass
        def test_one(cluster): assert len(cluster.nodes) == 3
        def test_two(cluster): assert len(cluster.nodes) == 3
        """,
    )
    result.assert_outcomes(passed=3)
    one, two = "test_inner.py::test_one", "test_inner.py::test_two"
    assert imagined.notes == [
        SESSION,
        f"cluster of {one}: nodes=3 profile=documented config={{}}",
        f"kept cluster of {one}",
        f"closed cluster of {one}",
        f"cluster of {two}: nodes=3 profile=documented config={{}}",
        f"closed cluster of {two}",
        "session closed",
    ]
    assert imagined.left_behind == []


def test_the_marker_configures_the_cluster(imagined: InnerRun) -> None:
    """A function's marker adds to its module's, and wins where both speak; --nodes is the default."""
    result = imagined(
        "--nodes=4",
        test="""
        pytestmark = pytest.mark.cluster(profile="corrected", config={"timings.verify_s": 10})
        @pytest.mark.cluster(nodes=5)
        def test_five(cluster): assert len(cluster.nodes) == 5
        @pytest.mark.cluster(profile="documented")
        def test_default(cluster): assert len(cluster.nodes) == 4
        """,
    )
    result.assert_outcomes(passed=2)
    made = [note.split(": ", 1)[1] for note in imagined.notes if note.startswith("cluster of")]
    assert made == [
        "nodes=5 profile=corrected config={'timings.verify_s': 10}",
        "nodes=4 profile=documented config={'timings.verify_s': 10}",
    ]


def test_factories_close_at_the_end_of_their_scope(imagined: InnerRun) -> None:
    """A test, a module and a session have a factory each, and its clusters end with them."""
    result = imagined(
        test="""
        def test_one(cluster_factory, cluster_factory_module, cluster_factory_session):
            cluster_factory(nodes=1); cluster_factory(nodes=2)
            cluster_factory_module(nodes=3)
            cluster_factory_session(nodes=4)
        def test_two(cluster_factory_module, cluster): pass
        """
    )
    result.assert_outcomes(passed=2)
    one, two = "test_inner.py::test_one", "test_inner.py::test_two"
    assert [note for note in imagined.notes if note.startswith("closed")] == [
        f"closed cluster of {one}",
        f"closed cluster of {one}",
        f"closed cluster of {two}",
        "closed cluster of test_inner.py",
        "closed cluster of the whole session",
    ]


def test_a_wrong_marker_is_an_error_that_names_the_right_ones(imagined: InnerRun) -> None:
    """Wrong keywords, values and positional arguments stop the collection; nothing is started."""
    result = imagined(
        test="""
        @pytest.mark.cluster(node=5)
        def test_keyword(cluster): pass
        @pytest.mark.cluster(5)
        def test_position(cluster): pass
        @pytest.mark.cluster(nodes=0)
        def test_none(cluster): pass
        @pytest.mark.cluster(time_scale=0.01)
        def test_fast(cluster): pass
        @pytest.mark.cluster(config=3)
        def test_config(cluster): pass
        @pytest.mark.cluster(cp="raft")
        def test_cp(cluster): pass
        """
    )
    allowed = "nodes, grow_to, cp, profile, config, time_scale, program"
    result.stdout.fnmatch_lines(
        [
            f"test_inner.py::test_keyword: the marker cluster has no keyword 'node'; it takes {allowed}",
            f"test_inner.py::test_position: the marker cluster takes keywords only: {allowed}",
            "test_inner.py::test_none: * nodes=0; a whole number from 1 to 20 is needed",
            "test_inner.py::test_fast: * time_scale=0.01: below 0.02 live instances expire *",
            'test_inner.py::test_config: * config=3; a dict such as {"timings.verify_s": 10} is needed',
            "test_inner.py::test_cp: the marker cluster says cp='raft'; True or False is needed",
        ]
    )
    assert (result.ret, imagined.notes) == (2, [])


def test_who_waits_for_slots_says_so(imagined: InnerRun) -> None:
    """A test that had to wait for the machine's slots is counted in the summary, under xdist too."""
    test = """
        @pytest.fixture
        def crowded():
            from harness.session import WORLD
            WORLD.waits = "waiting for 3 of 4 slots, held by gw0"
        def test_waits(crowded, cluster): pass
        """
    told = (
        "cutheal: tests that waited for slots: 1, first test_inner.py::test_waits: waiting for 3 of 4 slots*"
    )
    imagined(test=test).stdout.fnmatch_lines([told])
    imagined("-n1").stdout.fnmatch_lines([told])
