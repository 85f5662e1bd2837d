"""What toxics do to bytes, on a clock of the test's own."""

from collections.abc import Mapping, Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.links.embedded.kinds import KINDS, BadAttributes, check
from harness.links.embedded.toxics import CLOSE, IDLE, Chunk, Inlet, Toxic, Wait, Word

HOUR_S = 3600.0


class Bench:
    """A toxic alone: bytes go in, time passes, bytes come out with the moment at which they did."""

    def __init__(self, kind: str, *, seed: int = 1, **attributes: int) -> None:
        self.attributes = dict.fromkeys(KINDS[kind].attributes, 0) | attributes
        self.toxic: Toxic = KINDS[kind].make(self.attributes, Random(seed))
        self.inlet = Inlet()
        self.now = 100.0
        self.out: list[tuple[float, bytes]] = []
        self.is_closed = False

    def put(self, *data: bytes, ended: bool = False) -> "Bench":
        """Have chunks come in at this moment."""
        self.inlet.chunks.extend(Chunk(piece, self.now) for piece in data)
        self.inlet.ended = ended
        return self

    def run(self, seconds: float = 0.0) -> "Bench":
        """Let time pass, from one moment that the toxic names to the next."""
        end = self.now + seconds
        while not self.is_closed:
            step = self._step_all()
            if not isinstance(step, Wait) or step.until > end:
                break
            self.now = max(self.now, step.until)
        self.now = end
        return self

    def _step_all(self) -> Wait | Word:
        while True:
            step = self.toxic.step(self.inlet, self.now)
            if isinstance(step, Chunk):
                self.out.append((round(self.now - 100.0, 6), step.data))
                continue
            self.is_closed = step is CLOSE
            return step

    @property
    def data(self) -> bytes:
        """All that came out."""
        return b"".join(data for _, data in self.out)


def test_noop_passes_chunks_as_they_are_and_the_end() -> None:
    """Nothing added, nothing merged."""
    bench = Bench("noop").put(b"a", b"b", ended=True).run()
    assert bench.out == [(0, b"a"), (0, b"b")]
    assert bench.is_closed


def test_latency_delays_each_chunk_from_when_it_came() -> None:
    """Pipelined: a second chunk 10 ms later leaves 10 ms later, not a whole latency later."""
    bench = Bench("latency", latency=100)
    bench.put(b"a").run(0.01).put(b"b").run(1)
    assert bench.out == [(0.1, b"a"), (0.11, b"b")]


def test_the_end_waits_behind_what_latency_holds_but_is_not_delayed_itself() -> None:
    """A connection that was silent closes at once."""
    assert Bench("latency", latency=100).put(ended=True).run().is_closed
    held = Bench("latency", latency=100).put(b"a", ended=True).run(0.05)
    assert not held.is_closed
    assert held.run(0.06).is_closed


def test_jitter_stays_within_its_bounds_on_both_sides() -> None:
    """Uniform in latency - jitter to latency + jitter."""
    moments = [
        Bench("latency", seed=n, latency=100, jitter=50).put(b"x").run(1).out[0][0] for n in range(300)
    ]
    assert 0.05 <= min(moments) < 0.06
    assert 0.14 < max(moments) < 0.15


def test_less_than_no_latency_is_none() -> None:
    """Jitter may be more than the latency."""
    bench = Bench("latency", latency=-5).put(b"a").run()
    assert bench.out == [(0, b"a")]


def test_what_latency_holds_is_given_back_when_the_chain_changes() -> None:
    """The chunk it holds, not those that wait; then it starts anew."""
    bench = Bench("latency", latency=1000).put(b"a", b"b").run(0.5)
    assert bench.toxic.interrupt() == [Chunk(b"a", 100.0)], (
        "its moment is not that at which it would have left"
    )
    bench.run(0.6)
    assert bench.data == b"b"


def test_bandwidth_sends_portions_of_100_ms() -> None:
    """1 kB/s: 100 bytes each 100 ms, the rest when its time has come."""
    bench = Bench("bandwidth", rate=1).put(b"x" * 250).run(1)
    assert [(moment, len(data)) for moment, data in bench.out] == [(0.1, 100), (0.2, 100), (0.25, 50)]


def test_bandwidth_keeps_its_rate_over_many_chunks() -> None:
    """100 chunks of 1,000 bytes at 100 kB/s take a second."""
    bench = Bench("bandwidth", rate=100).put(*[b"x" * 1000] * 100).run(2)
    assert bench.out[-1][0] == pytest.approx(1.0)


def test_bandwidth_0_holds_everything_also_the_end_until_it_is_changed() -> None:
    """As up to 2.12; 2.13 passes everything."""
    bench = Bench("bandwidth", rate=0).put(b"a", b"b", ended=True).run(HOUR_S)
    assert (bench.out, bench.is_closed) == ([], False)
    assert [chunk.data for chunk in bench.toxic.interrupt()] == [b"a"]
    bench.attributes["rate"] = 1000
    assert bench.run(1).data == b"b"
    assert bench.is_closed


def test_slow_close_delays_the_end_alone() -> None:
    """Data passes at once; a change of the chain starts the delay anew."""
    bench = Bench("slow_close", delay=200).put(b"a", ended=True).run(0.15)
    assert (bench.data, bench.is_closed) == (b"a", False)
    assert bench.toxic.interrupt() == []
    assert not bench.run(0.15).is_closed
    assert bench.run(0.06).is_closed


def test_timeout_0_is_a_black_hole_that_lets_the_end_through() -> None:
    """Every byte is lost, none is kept."""
    bench = Bench("timeout").put(b"a", b"b").run(HOUR_S)
    assert (bench.out, bench.is_closed) == ([], False)
    assert not bench.inlet.chunks
    assert bench.put(ended=True).run().is_closed


def test_timeout_closes_after_so_long_without_a_chunk() -> None:
    """Each chunk starts the time anew."""
    bench = Bench("timeout", timeout=100).run(0.09).put(b"a").run(0.09).put(b"b").run(0.09)
    assert not bench.is_closed
    assert bench.run(0.02).is_closed
    assert bench.out == []


@pytest.mark.parametrize("what", [(b"a",), ()])
def test_reset_peer_closes_its_time_after_the_first_chunk_or_the_end(what: Sequence[bytes]) -> None:
    """Silence is left alone; once its time runs nothing stops it."""
    bench = Bench("reset_peer", timeout=100).run(HOUR_S)
    assert (bench.is_closed, bench.toxic.is_doomed) == (False, False)
    bench.put(*what, ended=not what).run(0.09)
    assert (bench.is_closed, bench.toxic.is_doomed) == (False, True)
    assert bench.toxic.interrupt() == []
    assert bench.run(0.02).is_closed
    assert bench.out == []


def test_slicer_cuts_into_pieces_of_the_size_that_was_asked_for() -> None:
    """By halves, so between half the size and the size where nothing varies."""
    bench = Bench("slicer", average_size=10).put(bytes(range(100))).run()
    assert bench.data == bytes(range(100))
    assert all(5 <= len(data) <= 10 for _, data in bench.out)


def test_slicer_spaces_its_pieces() -> None:
    """Microseconds from one to the next; what is not out yet is given back in one."""
    bench = Bench("slicer", average_size=1, delay=1000).put(b"abcd").run(0.0025)
    assert bench.out == [(0, b"a"), (0.001, b"b"), (0.002, b"c")]
    assert [chunk.data for chunk in bench.toxic.interrupt()] == [b"d"]


@settings(deadline=None)
@given(size=st.integers(1, 5000), average=st.integers(1, 100), share=st.floats(0, 1), seed=st.integers(0, 99))
def test_slicer_loses_nothing_and_makes_no_piece_empty(
    size: int, average: int, share: float, seed: int
) -> None:
    """Whatever the variation that `check` allows."""
    variation = int(average * share)
    check("slicer", {"average_size": average, "size_variation": variation, "delay": 0})
    data = Random(seed).randbytes(size)
    bench = Bench("slicer", seed=seed, average_size=average, size_variation=variation).put(data).run()
    assert bench.data == data
    assert all(1 <= len(piece) <= average + variation for _, piece in bench.out)


def test_limit_data_passes_so_many_bytes_and_closes() -> None:
    """The chunk that goes beyond is cut."""
    bench = Bench("limit_data", bytes=5).put(b"abc", b"def", b"ghi").run()
    assert (bench.data, bench.is_closed) == (b"abcde", True)


def test_limit_data_remembers_what_it_has_passed() -> None:
    """A change of the chain, or of its own bytes, forgets nothing."""
    bench = Bench("limit_data", bytes=5).put(b"abc").run()
    bench.toxic.interrupt()
    bench.attributes["bytes"] = 4
    bench.put(b"def").run()
    assert (bench.data, bench.is_closed) == (b"abcd", True)


def test_limit_data_0_closes_at_the_first_byte() -> None:
    """Not before."""
    bench = Bench("limit_data").run(HOUR_S)
    assert not bench.is_closed
    assert bench.put(b"a").run().is_closed
    assert bench.out == []


PASSING: Mapping[str, Mapping[str, int]] = {
    "noop": {},
    "latency": {"latency": 30, "jitter": 20},
    "bandwidth": {"rate": 3},
    "slow_close": {"delay": 40},
    "slicer": {"average_size": 7, "size_variation": 3, "delay": 500},
}


@pytest.mark.parametrize("kind", PASSING)
@settings(deadline=None)
@given(data=st.lists(st.tuples(st.binary(min_size=1, max_size=900), st.floats(0, 0.2), st.booleans())))
def test_what_passes_bytes_keeps_every_one_in_order(
    kind: str, data: Sequence[tuple[bytes, float, bool]]
) -> None:
    """However time passes, and however often it is interrupted."""
    bench = Bench(kind, **PASSING[kind])
    for chunk, seconds, interrupts in data:
        bench.put(chunk).run(seconds)
        if interrupts:
            bench.out += [(0, chunk.data) for chunk in bench.toxic.interrupt()]
    bench.put(ended=True).run(HOUR_S)
    assert bench.data == b"".join(chunk for chunk, _, _ in data)
    assert bench.is_closed


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("bandwidth", {"rate": -1}),
        ("slicer", {"average_size": 0, "size_variation": 0}),
        ("slicer", {"average_size": 5, "size_variation": 6}),
        ("slicer", {"average_size": 5, "size_variation": -1}),
    ],
)
def test_what_crashes_toxiproxy_is_refused_with_what_would_be_right(
    kind: str, attributes: Mapping[str, int]
) -> None:
    """2.12 takes these, and its process ends with the first bytes."""
    with pytest.raises(BadAttributes, match=f"{kind} .*right would be"):
        check(kind, attributes)


def test_a_toxic_that_is_idle_asks_for_no_moment() -> None:
    """Nothing polls: a silent connection costs nothing."""
    for kind in KINDS:
        bench = Bench(kind, **PASSING.get(kind, {}))
        assert bench.toxic.step(bench.inlet, bench.now) is IDLE
